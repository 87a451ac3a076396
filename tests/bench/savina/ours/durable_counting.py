"""Counting with commits: askers in parallel, each increment on disk before its answer, and the sum read back at the end."""

import tempfile
from pathlib import Path
from typing import Any

import trio
from typing_extensions import override

from actors import Address, DurableActor, Message, Put, Ref, Spec, Stored, receive
from runtime.clock import SystemClock
from runtime.pattern import Pattern
from runtime.store import SqliteStore
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Add(Message[int]):
    pass


class Total(Message[int]):
    pass


class Counter(DurableActor[Add | Total]):
    def __init__(self) -> None:
        self.total = 0

    @override
    async def load(self, stored: Stored) -> None:
        (kept,) = await stored.get(["total"])
        self.total = int(kept or b"0")

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.ctx.stage(Put("total", b"%d" % (self.total + 1)))
        self.total += 1
        return self.total

    @receive(Total)
    def on_total(self, message: Total) -> int:
        return self.total


def factory(_address: Address) -> Spec[Any]:
    return Spec(Counter)


async def callboard(_system: System, watch: Stopwatch, askers: int, each: int) -> int:
    pattern = Pattern("bench", {"counter": factory})
    address = Address.of("counter", "one")

    async def add(counter: Ref[Add]) -> None:
        for _ in range(each):
            await counter.ask(Add())

    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder), SystemClock().now)
        async with System(patterns=[pattern], store=store) as system:
            with watch.running():
                async with trio.open_nursery() as nursery:
                    for _ in range(askers):
                        nursery.start_soon(add, system.ref(address))
        async with System(patterns=[pattern], store=store) as system:
            counter: Ref[Total] = system.ref(address)
            total = await counter.ask(Total())
        await store.aclose()
    return total
