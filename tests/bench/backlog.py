"""A backlog of a million messages of 1 KB: what it weighs, how soon it is there again after kill -9, how fast it drains."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure, Options
from tests.bench.processes import call, started
from tests.bench.queues import URL, create, fill
from tests.bench.receives import consumed, figure

MESSAGES = 1_000_000
SIZE = 1_024


def measure(options: Options) -> Iterator[Figure]:
    count = options.times(MESSAGES)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        data = str(Path(name) / "data")
        start = time.perf_counter()
        with started("node", "durable", data) as node:
            create(node)
            fill(node, count, SIZE)
            taken = time.perf_counter() - start
            yield Figure(f"fill by SendMessageBatch, {count:,} of 1 KB", count / taken, "messages/s")
            yield Figure("  its node's memory then", node.resident() / 1e6, "MB", "< 500")
        start = time.perf_counter()
        with started("node", "durable", data) as node:
            up = time.perf_counter() - start
            call(node.url, "ReceiveMessage", {"QueueUrl": URL})
            yield Figure(
                f"first receive after kill -9, {count:,} waiting",
                time.perf_counter() - start,
                "s",
                "< 15",
                {"of it until the port is open": up},
            )
            yield Figure("  its node's memory then", node.resident() / 1e6, "MB", "< 500")
            rounds = [consumed(node, options.seconds) for _ in range(options.rounds)]
            yield figure("receive and delete 10, from the backlog", rounds)
