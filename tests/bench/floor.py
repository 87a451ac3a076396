"""The floor under a SendMessage: httptools, orjson, pydantic and SQLite with nothing between them.

    python -m tests.bench.floor memory|durable FOLDER

Prints its URL. It answers a POST of {"QueueUrl": "...", "MessageBody": "..."} as SQS would, after a commit that all
waiting requests share, and checks nothing else of HTTP or SQS. What a node has on top of it is what the node costs.
"""

import hashlib
import itertools
import sqlite3
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import httptools
import orjson
import trio
from pydantic import BaseModel, ConfigDict, Field

from runtime.cli import SWITCH_INTERVAL

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n"


class SendMessage(BaseModel):
    model_config = ConfigDict(frozen=True)

    queue_url: Annotated[str, Field(alias="QueueUrl")]
    body: Annotated[str, Field(alias="MessageBody", min_length=1, max_length=1_048_576)]
    delay: Annotated[int, Field(alias="DelaySeconds", ge=0, le=900)] = 0


class Queue:
    """A count in memory, a staged row, and a reply that waits behind the commit."""

    def __init__(self, path: Path | None) -> None:
        self.db = None if path is None else opened(path)
        self.numbers = itertools.count(1)
        self.staged: list[tuple[str, str]] = []
        self.held: list[trio.Event] = []
        self.work = trio.Event()

    async def send(self, message: SendMessage) -> str:
        name = f"{next(self.numbers):032x}"
        if self.db is not None:
            done = trio.Event()
            self.staged.append((name, message.body))
            self.held.append(done)
            self.work.set()
            await done.wait()
        return name

    def write(self, db: sqlite3.Connection, rows: list[tuple[str, str]]) -> None:
        db.execute("begin")
        db.executemany("insert into message values (?, ?)", rows)
        db.execute("commit")

    async def run(self) -> None:
        if self.db is None:
            return
        while True:
            await self.work.wait()
            rows, held = self.staged, self.held
            self.staged, self.held, self.work = [], [], trio.Event()
            await trio.to_thread.run_sync(self.write, self.db, rows)
            for done in held:
                done.set()


def opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.executescript(
        "pragma journal_mode = wal; pragma synchronous = full; create table message (id text, body text)"
    )
    return db


class Connection:
    """One client: bytes in, whole requests out, in order."""

    def __init__(self, stream: trio.SocketStream, queue: Queue) -> None:
        self.stream, self.queue = stream, queue
        self.whole: list[bytes] = []
        self.parts: list[bytes] = []
        self.parser = httptools.HttpRequestParser(self)

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.whole.append(b"".join(self.parts))
        self.parts = []

    async def answer(self, body: bytes) -> bytes:
        message = SendMessage.model_validate(orjson.loads(body))
        name = await self.queue.send(message)
        digest = hashlib.md5(message.body.encode()).hexdigest()
        reply = orjson.dumps({"MessageId": name, "MD5OfMessageBody": digest})
        return HEAD % len(reply) + reply

    async def serve(self) -> None:
        while data := await self.stream.receive_some(65_536):
            self.parser.feed_data(data)
            whole, self.whole = self.whole, []
            await self.stream.send_all(b"".join([await self.answer(body) for body in whole]))


async def main(kind: str, folder: Path) -> None:
    queue = Queue(folder / "floor.db" if kind == "durable" else None)

    async def client(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await Connection(stream, queue).serve()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.run)
        (listener,) = await nursery.start(partial(trio.serve_tcp, client, 0, host="127.0.0.1"))
        print(f"http://127.0.0.1:{listener.socket.getsockname()[1]}", flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_INTERVAL)
    trio.run(main, sys.argv[1], Path(sys.argv[2]))
