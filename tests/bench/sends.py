"""SendMessage of 300 bytes on the wire beside its floor, in alternating rounds: the ratio is what holds on a busy machine."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, Options, middle
from tests.bench.processes import Program, call, loaded, started

CONNECTIONS = (16, 64)
KINDS = {"memory": "in memory", "durable": "fsynced"}


def measure(options: Options) -> Iterator[Figure]:
    for kind in KINDS:
        for connections in CONNECTIONS:
            yield from _beside_floor(options, kind, connections)


def _beside_floor(options: Options, kind: str, connections: int) -> Iterator[Figure]:
    floors: list[dict[str, float]] = []
    nodes: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        with started("floor", kind, name) as floor, started("node", kind, str(folder / "data")) as node:
            call(node.url, "CreateQueue", {"QueueName": "orders"})
            for _ in range(options.rounds):
                floors.append(_load(floor, connections, options.seconds))
                nodes.append(_load(node, connections, options.seconds))
    low, high = middle(nodes), middle(floors)
    title = f"{KINDS[kind]}, {connections} connections"
    yield Figure(
        f"SendMessage, {title}",
        low["requests_per_s"],
        "requests/s",
        more={"p50 ms": low["p50_ms"], "p99 ms": low["p99_ms"], "errors": low["errors"]},
    )
    yield Figure(
        f"  its floor, {title}", high["requests_per_s"], "requests/s", more={"p99 ms": high["p99_ms"]}
    )
    yield Figure("  part of the floor's rate", low["requests_per_s"] / high["requests_per_s"], "", "> 0.667")


def _load(program: Program, connections: int, seconds: float) -> dict[str, float]:
    return loaded("http_load", program.address, "--connections", str(connections), "--seconds", str(seconds))
