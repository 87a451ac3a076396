"""A closed loop of consumers: N connections, each ReceiveMessage of 10, then DeleteMessageBatch of what came.

    python -m tests.bench.consume_load 127.0.0.1:4566 --connections 16 --seconds 5

Prints one line of JSON: messages, messages_per_s, p50_ms and p99_ms of a receive and of a delete, errors, and
empty (receives that got nothing: the queue was too short for the figure to mean anything). Like `http_load` a raw
loop over epoll, in a process of its own.
"""

import argparse
import json
import select
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.bench.http_load import Client, Load, is_whole
from tests.bench.processes import request_bytes

QUEUE = "http://127.0.0.1:4566/000000000000/orders"
RECEIVE = request_bytes("ReceiveMessage", {"QueueUrl": QUEUE, "MaxNumberOfMessages": 10})


@dataclass(slots=True)
class Consumers(Load):
    """What `Load` measures is a receive's and a delete's time alike; what they did is counted here."""

    messages: int = 0
    empty: int = 0
    receives: list[float] = field(default_factory=list[float])
    deletes: list[float] = field(default_factory=list[float])

    def ask(self, client: Client, request: bytes) -> None:
        client.received = b""
        client.sent_at = time.perf_counter()
        client.socket.sendall(request)

    def heard(self, client: Client) -> None:
        """A whole reply is there: say what comes after it."""
        taken = time.perf_counter() - client.sent_at
        head, _, body = client.received.partition(b"\r\n\r\n")
        if head[9:10] != b"2":
            self.errors += 1
            self.ask(client, RECEIVE)
            return
        reply: dict[str, Any] = orjson.loads(body or b"{}")
        if "Successful" in reply:
            self.deletes.append(taken)
            self.messages += len(reply["Successful"])
            self.ask(client, RECEIVE)
            return
        self.receives.append(taken)
        handles = [message["ReceiptHandle"] for message in reply.get("Messages") or ()]
        self.empty += not handles
        self.ask(client, _delete(handles) if handles else RECEIVE)

    def consume(self, connections: int, seconds: float) -> None:
        poll = select.epoll()
        clients: dict[int, Client] = {}
        for _ in range(connections):
            client = self.connect()
            clients[client.socket.fileno()] = client
            poll.register(client.socket, select.EPOLLIN)
            self.ask(client, RECEIVE)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for descriptor, _ in poll.poll(1.0):
                client = clients[descriptor]
                data = client.socket.recv(262_144)
                if not data:
                    raise ConnectionError("the node has closed a connection")
                client.received += data
                if is_whole(client.received):
                    self.heard(client)
        for client in clients.values():
            client.socket.close()


def _delete(handles: list[str]) -> bytes:
    entries = [{"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate(handles)]
    return request_bytes("DeleteMessageBatch", {"QueueUrl": QUEUE, "Entries": entries})


def _percentile(taken: list[float], part: float) -> float:
    ordered = sorted(taken) or [0.0]
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1_000, 3)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="HOST:PORT")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    host, _, port = str(options.address).rpartition(":")
    load = Consumers(host, int(port), RECEIVE)
    load.consume(options.connections, options.seconds)
    figures = {
        "messages": load.messages,
        "messages_per_s": round(load.messages / options.seconds, 1),
        "receive_p50_ms": _percentile(load.receives, 0.5),
        "receive_p99_ms": _percentile(load.receives, 0.99),
        "delete_p50_ms": _percentile(load.deletes, 0.5),
        "delete_p99_ms": _percentile(load.deletes, 0.99),
        "errors": load.errors,
        "empty": load.empty,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
