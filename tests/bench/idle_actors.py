"""What an idle actor weighs: resident memory of actors that were activated by their address and answered once.

python -m tests.bench.idle_actors COUNT    # the process that is measured; prints JSON
"""

import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trio

from actors import Actor, Address, Message, Spec, receive
from runtime.config import LogFormat
from runtime.observe import logs
from runtime.pattern import Pattern
from runtime.system import System
from tests.bench.figures import Figure, Options
from tests.bench.processes import loaded


class Add(Message[int]):
    amount: int


class Counter(Actor[Add]):
    def __init__(self) -> None:
        self.total = 0

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.total += message.amount
        return self.total


def measure(options: Options) -> Iterator[Figure]:
    count = options.times(1_000_000)
    found = loaded("idle_actors", str(count))
    yield Figure(
        f"{count:,} idle actors",
        found["bytes"] / 1e6,
        "MB",
        f"< {count // 1_000:,}",
        {"bytes each": found["bytes"] / count, "us to activate": found["seconds"] / count * 1e6},
    )


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096


async def main(count: int) -> None:
    def factory(address: Address) -> Spec[Any]:
        return spec

    spec = Spec(Counter, idle_after=3_600.0)
    add = Add(amount=1)
    async with System(patterns=[Pattern("bench", {"counter": factory})], active_limit=count) as system:
        gc.collect()
        before, start = resident(), time.perf_counter()
        for number in range(count):
            await system.ref(Address.of("counter", str(number))).ask(add)
        seconds = time.perf_counter() - start
        gc.collect()
        print(json.dumps({"bytes": resident() - before, "seconds": seconds}), flush=True)
        os._exit(0)  # a million orderly ends are no part of the figure


if __name__ == "__main__":
    logs.configure(LogFormat.TEXT)  # to standard error: the figures are what stands on the other
    trio.run(main, int(sys.argv[1]))
