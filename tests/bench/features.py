"""What each feature costs: the same work without it and with it, in alternating rounds, each in a system of its own.

`value` is what one message, or one birth, costs more; `off` and `on` are the medians that it is the difference of. It is
time of the processor, which a busy machine leaves alone; how long a disk lets one wait is `group_commit`'s to say.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import trio

from actors import Actor, Address, Ref, Spec
from runtime.clock import SystemClock
from runtime.interceptors import CircuitBreaker, RateLimiter, Scope
from runtime.store import SqliteStore
from runtime.system import System
from tests.bench.featured import (
    Add,
    Bear,
    Counter,
    Durable,
    Flush,
    Keeper,
    Nest,
    Reading,
    Silenced,
    Stasher,
    Switching,
    Teller,
    TellMany,
    Timed,
    Timing,
    Unstashed,
    Watcher,
    WatchingKeeper,
    WithState,
)
from tests.bench.figures import Figure, Options

Work = Callable[[int], Awaitable[None]]
"""Does so many of what is measured."""
Prepare = Callable[[System], Work]
"""Puts the actors on a stage."""
ASKERS = 64
BUNCH = 500
"""Tells between two asks; below a mailbox's bound."""
DEPTH = 8
ROUNDS = 5
"""Short ones, and many: a busy moment is not to hit one side alone."""


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    off: Prepare
    on: Prepare
    count: int = 4_000


# --- works ---------------------------------------------------------------------------------------------------


def asks(ref: Ref[Add]) -> Work:
    async def work(count: int) -> None:
        add = Add()
        for _ in range(count):
            await ref.ask(add)

    return work


def asks_at_once(ref: Ref[Add]) -> Work:
    """By so many askers that they share a commit."""

    async def work(count: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(ASKERS):
                nursery.start_soon(asks(ref), count // ASKERS)

    return work


def births(ref: Ref[Bear]) -> Work:
    async def work(count: int) -> None:
        bear = Bear()
        for _ in range(count):
            await ref.ask(bear)

    return work


def tells(system: System) -> Work:
    counter = system.spawn(Spec(Counter))
    teller = system.spawn(Spec(Teller, (counter,)))

    async def work(count: int) -> None:
        many, add = TellMany(count=BUNCH), Add()
        for _ in range(count // BUNCH):
            await teller.ask(many)
            await counter.ask(add)

    return work


# --- stages --------------------------------------------------------------------------------------------------


def asked(kind: Callable[[], Actor[Any]], work: Callable[[Ref[Any]], Work] = asks) -> Prepare:
    return lambda system: work(system.spawn(Spec(kind)))


def watched(system: System) -> Work:
    counter = system.spawn(Spec(Counter))
    system.spawn(Spec(Watcher, (counter,)))
    return asks(counter)


def intercepted(prepare: Prepare) -> Prepare:
    """By one that lets all pass."""

    def prepared(system: System) -> Work:
        system.router.interceptors = (lambda _to, _message: None,)
        return prepare(system)

    return prepared


def limited(system: System) -> Work:
    counter = system.spawn(Spec(Counter))
    RateLimiter(Scope(counter.address), system.clock.now, rate=1e9, burst=10**9).install(system.router)
    return asks(counter)


def with_breaker(system: System) -> Work:
    counter = system.spawn(Spec(Counter))
    CircuitBreaker(Scope(counter.address), system.clock.now).install(system.router)
    return asks(counter)


def told_and_flushed(kind: Callable[[], Stasher]) -> Prepare:
    """Told, put aside if it is a Stasher, and handled when a bunch is there."""

    def prepared(system: System) -> Work:
        stasher = system.spawn(Spec(kind))

        async def work(count: int) -> None:
            add, flush = Add(), Flush()
            for _ in range(count // BUNCH):
                for _ in range(BUNCH):
                    await stasher.tell(add)
                await stasher.ask(flush)

        return work

    return prepared


def nested(depth: int, work: Callable[[Ref[Any]], Work]) -> Prepare:
    def prepared(system: System) -> Work:
        system.spawn(Spec(Nest, (depth - 1,), name="nest"))
        return work(system.ref(Address.of(*["nest"] * depth)))

    return prepared


plain = asked(Counter)
FEATURES = (
    Feature("watched by one, an ask", plain, watched),
    Feature("watched by one, birth and end", asked(Keeper, births), asked(WatchingKeeper, births), 400),
    Feature("a timer that waits, an ask", plain, asked(Timed)),
    Feature("a timer set anew in each turn, an ask", plain, asked(Timing)),
    Feature("a receive timeout, an ask", plain, asked(Silenced)),
    Feature("an interceptor, an ask", plain, intercepted(plain)),
    Feature("an interceptor, a tell", tells, intercepted(tells)),
    Feature("a rate limiter, an ask", plain, limited),
    Feature("a circuit breaker, an ask", plain, with_breaker),
    Feature("handlers of a state, an ask", plain, asked(WithState)),
    Feature("become in each turn, an ask", plain, asked(Switching)),
    Feature("stashed and given back, a tell", told_and_flushed(Unstashed), told_and_flushed(Stasher)),
    Feature(f"{DEPTH} supervisors deep, an ask", nested(1, asks), nested(DEPTH, asks)),
    Feature(f"{DEPTH} supervisors deep, birth and end", nested(1, births), nested(DEPTH, births), 400),
    Feature("durable, nothing staged, an ask", plain, asked(Reading)),
    Feature(
        f"durable in memory, an ask of {ASKERS}",
        asked(Counter, asks_at_once),
        asked(Durable, asks_at_once),
        1_280,
    ),
)
ON_DISK = Feature(
    f"durable on disk, an ask of {ASKERS}",
    asked(Counter, asks_at_once),
    asked(Durable, asks_at_once),
    1_280,
)


def measure(options: Options) -> Iterator[Figure]:
    for feature in FEATURES:
        yield trio.run(_measured, feature, options, None)
    with TemporaryDirectory(dir=options.folder) as folder:
        yield trio.run(_measured, ON_DISK, options, Path(folder))


async def _measured(feature: Feature, options: Options, folder: Path | None) -> Figure:
    taken: dict[str, list[float]] = {"off": [], "on": []}
    works: dict[str, Work] = {}
    async with AsyncExitStack() as stack:
        for name, prepare in (("off", feature.off), ("on", feature.on)):
            store = None if folder is None else SqliteStore(folder / name, SystemClock().now)
            if store is not None:
                stack.push_async_callback(store.aclose)
            system = await stack.enter_async_context(System(store=store))
            works[name] = prepare(system)
            for _ in range(8 * DEPTH):  # each level starts behind the one above it
                await trio.lowlevel.checkpoint()
            await works[name](feature.count)  # to warm up
        for _ in range(ROUNDS * options.rounds):
            for name, work in works.items():
                start = time.process_time()
                await work(feature.count)
                taken[name].append((time.process_time() - start) / feature.count * 1e6)
    off, on = median(taken["off"]), median(taken["on"])
    return Figure(feature.name, on - off, "us CPU", more={"off": off, "on": on})
