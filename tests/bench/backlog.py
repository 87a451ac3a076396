"""A backlog of a million messages of 1 KB: how soon it is there again after kill -9, what it weighs, how fast it drains.

It is filled by the queue's own actor in this process, without HTTP, which is no part of the figures.
"""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import trio

from actors import Address
from patterns.queue.messages import CreateQueue, SendEntry, SendMessageBatch
from patterns.queue.pattern import pattern
from runtime.clock import SystemClock
from runtime.store import SqliteStore
from runtime.system import System
from tests.bench.figures import Figure, Options
from tests.bench.processes import call, started
from tests.bench.queues import URL
from tests.bench.receives import consumed, figure

MESSAGES = 1_000_000
SIZE = 1_024
BATCH = 10
PRODUCERS = 100
"""They share each fsync."""


def measure(options: Options) -> Iterator[Figure]:
    count = options.times(MESSAGES)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        data = Path(name) / "data"
        start = time.perf_counter()
        trio.run(_fill, data, count)
        taken = time.perf_counter() - start
        yield Figure(f"{count:,} of 1 KB sent in-process, fsynced", count / taken, "messages/s")
        with started("node", "durable", str(data)) as node:  # killed at once, with the queue in memory
            call(node.url, "ReceiveMessage", {"QueueUrl": URL})
        start = time.perf_counter()
        with started("node", "durable", str(data)) as node:
            up = time.perf_counter() - start
            call(node.url, "ReceiveMessage", {"QueueUrl": URL})
            taken = time.perf_counter() - start
            more = {"of it until the port is open": up}
            yield Figure(f"first receive after kill -9, {count:,} wait", taken, "s", "< 15", more)
            yield Figure("  its node's memory then", node.resident() / 1e6, "MB", "< 500")
            rounds = [consumed(node, options.seconds) for _ in range(options.rounds)]
            yield figure("receive and delete 10, from the backlog", rounds)
            yield Figure("  its node's memory then", node.resident() / 1e6, "MB", "< 500")


async def _fill(data: Path, count: int) -> None:
    clock = SystemClock()
    store = SqliteStore(data, clock.now)
    async with System(patterns=[pattern], store=store, clock=clock) as system:
        account = ("queue", "000000000000", "us-east-1")
        made = CreateQueue(name="orders", attributes={"VisibilityTimeout": "3600"})
        await system.ref(Address.of(*account)).ask(made)
        queue = system.ref(Address.of(*account, "orders"))
        entries = tuple(SendEntry("x" * SIZE, str(place)) for place in range(BATCH))
        batch = SendMessageBatch(entries=entries, sender="bench")

        async def produce(batches: int) -> None:
            for _ in range(batches):
                await queue.ask(batch)

        async with trio.open_nursery() as nursery:
            for _ in range(PRODUCERS):
                nursery.start_soon(partial(produce, count // BATCH // PRODUCERS))
    await store.aclose()
