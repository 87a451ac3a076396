"""A node's faults without a node: a clock that a test sets, and seams that say whether they are in."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from patterns.queue.aws import SQS
from runtime.door.http import Handler, Request
from runtime.entropy import Entropy
from runtime.faults.admin import ROOM, FaultPages, Guard
from runtime.faults.chaos import CHAOS, ChaosPages
from runtime.faults.experiment_pages import EXPERIMENTS, ExperimentPages
from runtime.faults.installed import Installed
from runtime.faults.live import LiveFaults
from runtime.faults.rule import EFFECTS, Seam


class Hands:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time


class Watched:
    """Whether it is in."""

    def __init__(self) -> None:
        self.there = False

    def install(self) -> None:
        self.there = True

    def remove(self) -> None:
        self.there = False


class World:
    """`call` its pages; `pass_` time, a look each second; `answer` requests of the door's."""

    def __init__(self, host: str = "127.0.0.1", token: str | None = None) -> None:
        self.clock = Hands()
        self.live = LiveFaults(self.clock, Entropy(1))
        self.seams: dict[Seam, Watched] = {name: Watched() for name in EFFECTS}
        self.live.seat(Installed([SQS], lambda: ["queue"]), self.seams)
        guard = Guard(host, token)
        self._rooms: dict[str, Handler] = {
            ROOM: FaultPages(self.live, guard),
            CHAOS: ChaosPages(self.live, guard),
            EXPERIMENTS: ExperimentPages(self.live, guard, self.clock.now, Entropy(2)),
        }

    async def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON, headers."""
        path, _, query = path.partition("?")
        text = body.encode() if isinstance(body, str) else b"" if body is None else orjson.dumps(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, path, query, given, text, _stays)
        room = next(room for room in self._rooms if path.startswith(room))
        answer = await self._rooms[room](request)
        return answer.status, orjson.loads(answer.body) if answer.body else None, dict(answer.headers)

    def pass_(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.time += 1
            self.live.look()

    def answer(self, *statuses: int) -> None:
        for status in statuses:
            self.live.window.add("SendMessage", status, 0.01)

    def send(self) -> list[str]:
        """What goes wrong with a SendMessage."""
        self.live.faults.request_seen()
        facts = {"service": "sqs", "operation": "SendMessage", "resource": "orders"}
        return [effect.kind for effect in self.live.faults.meet("door", facts, "it")]


@asynccontextmanager
async def _stays() -> AsyncGenerator[None]:
    yield
