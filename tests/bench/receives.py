"""ReceiveMessage and DeleteMessageBatch of 10, from a queue that was filled before: messages a second."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, Options, middle
from tests.bench.processes import Program, loaded, started
from tests.bench.queues import create, fill

CONNECTIONS = 16
ENOUGH = 20_000
"""Messages for each second of a round: more than a node hands out."""
KINDS = {"memory": "in memory", "durable": "fsynced"}


def measure(options: Options) -> Iterator[Figure]:
    for kind, title in KINDS.items():
        rounds: list[dict[str, float]] = []
        with (
            tempfile.TemporaryDirectory(dir=options.folder) as name,
            started("node", kind, str(Path(name) / "data")) as node,
        ):
            create(node)
            for _ in range(options.rounds):
                fill(node, int(ENOUGH * options.seconds), 300)
                rounds.append(consumed(node, options.seconds))
        yield figure(f"receive and delete 10, {title}", rounds)


def consumed(node: Program, seconds: float) -> dict[str, float]:
    return loaded("consume_load", node.address, "--connections", str(CONNECTIONS), "--seconds", str(seconds))


def figure(title: str, rounds: list[dict[str, float]]) -> Figure:
    found = middle(rounds)
    return Figure(
        title,
        found["messages_per_s"],
        "messages/s",
        "> 10,000",
        {
            "receive p50 ms": found["receive_p50_ms"],
            "p99 ms": found["receive_p99_ms"],
            "delete p50 ms": found["delete_p50_ms"],
            "p99 of it": found["delete_p99_ms"],
            "errors": found["errors"],
            "empty": found["empty"],
        },
    )
