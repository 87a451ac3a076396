"""A closed-loop HTTP load: N kept-alive connections, each with one request under way, in a process of its own.

    python tests/bench/http_load.py 127.0.0.1:4566 --connections 16 --seconds 5 --template request.bin

The template is a whole request as bytes; each `@@@@@@@@@@@@` in it becomes a number of twelve digits that is never
used twice, so that its length stays. Prints one line of JSON: requests, requests_per_s, p50_ms, p99_ms, errors
(replies that are not 2xx, and connections lost). A raw loop over epoll: it makes about 40,000 requests/s on one core,
so it needs a core of its own.
"""

import argparse
import json
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

MARK = b"@" * 12
BODY = b'{"QueueUrl": "http://127.0.0.1:4566/000000000000/orders", "MessageBody": "' + b"x" * 220 + b'"}'
DEFAULT = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1:4566\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nUser-Agent: Boto3/1.40 md/Botocore#1.40\r\n"
    b"X-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/"
    b"aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" + b"0" * 64 + b"\r\n"
    b"amz-sdk-invocation-id: 00000000-0000-4000-8000-@@@@@@@@@@@@\r\namz-sdk-request: attempt=1\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
)


@dataclass(slots=True)
class Client:
    """One connection, and the reply that it waits for."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytes = b""


@dataclass(slots=True)
class Load:
    """The clients and what has been measured so far; times in seconds."""

    host: str
    port: int
    template: bytes
    numbers: "count[int]" = field(default_factory=count)
    taken: list[float] = field(default_factory=list[float])
    errors: int = 0

    def connect(self) -> Client:
        sock = socket.create_connection((self.host, self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Client(sock)

    def send(self, client: Client) -> None:
        client.sent_at = time.perf_counter()
        request = self.template
        if MARK in request:
            request = request.replace(MARK, b"%012d" % next(self.numbers))
        client.socket.sendall(request)

    def receive(self, client: Client) -> bool:
        """Take what has come; False when the server has closed the connection."""
        try:
            data = client.socket.recv(262_144)
        except ConnectionError:
            data = b""
        if not data:
            self.errors += 1
            return False
        client.received = client.received + data if client.received else data
        if is_whole(client.received):
            self.taken.append(time.perf_counter() - client.sent_at)
            self.errors += client.received[9:10] != b"2"
            client.received = b""
            self.send(client)
        return True

    def run(self, connections: int, seconds: float) -> None:
        poll = select.epoll()
        clients: dict[int, Client] = {}

        def join() -> None:
            client = self.connect()
            clients[client.socket.fileno()] = client
            poll.register(client.socket, select.EPOLLIN)
            self.send(client)

        for _ in range(connections):
            join()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for descriptor, _ in poll.poll(1.0):
                if not self.receive(clients[descriptor]):
                    clients.pop(descriptor).socket.close()
                    join()
        for client in clients.values():
            client.socket.close()


def is_whole(reply: bytes) -> bool:
    """Whether `reply` is one reply from head to end, going by its Content-Length."""
    head = reply.find(b"\r\n\r\n")
    if head < 0:
        return False
    at = reply.find(b"ontent-Length: ", 0, head)
    if at < 0:
        at = reply.lower().find(b"ontent-length: ", 0, head)
    length = int(reply[at + 15 : reply.find(b"\r", at)]) if at >= 0 else 0
    return len(reply) >= head + 4 + length


def figures(load: Load, seconds: float) -> dict[str, float]:
    taken = sorted(load.taken) or [0.0]
    return {
        "requests": len(load.taken),
        "requests_per_s": round(len(load.taken) / seconds, 1),
        "p50_ms": round(taken[len(taken) // 2] * 1_000, 3),
        "p99_ms": round(taken[len(taken) * 99 // 100] * 1_000, 3),
        "errors": load.errors,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", help="HOST:PORT")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument(
        "--template", type=Path, help="a file with one whole request; by default an SQS SendMessage"
    )
    options = parser.parse_args()
    host, _, port = str(options.address).rpartition(":")
    template = options.template.read_bytes() if options.template else DEFAULT
    load = Load(host, int(port), template)
    load.run(options.connections, options.seconds)
    sys.stdout.write(json.dumps(figures(load, options.seconds)) + "\n")


if __name__ == "__main__":
    main()
