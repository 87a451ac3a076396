"""A line for each idiom of other frameworks: coming_from.md quotes them, and a test runs them.

python -m samples.tour.coming_from
"""

import math
from pathlib import Path
from typing import Any, ClassVar

import trio
from typing_extensions import override

from actors import (
    Actor,
    Address,
    Backoff,
    Deferred,
    Directive,
    Intensity,
    Key,
    Message,
    Overflow,
    ReceiveTimeout,
    Ref,
    Restart,
    Retry,
    Spec,
    StartReason,
    StopReason,
    Strategy,
    Terminated,
    receive,
)
from actors.errors import ActorCrashed, ActorStopped, DeadLettered
from patterns.flow import source
from patterns.routers import Gather, broadcast, group, pool, smallest_mailbox
from runtime import Pattern, System
from runtime.interceptors import CircuitBreaker, Scope
from runtime.letters import DeadLetter


class Add(Message[int]):
    amount: int


class Total(Message[int]):
    pass


COUNTERS = Key[Add | Total]("counters")


class Counter(Actor[Add | Total]):
    total = 0

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.register(COUNTERS)
        self.ctx.join("counters")

    @override
    async def stopping(self, reason: StopReason) -> None:
        await trio.lowlevel.checkpoint()

    @override
    def stopped(self, reason: StopReason) -> None:
        self.total = 0

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.total += message.amount
        return self.total

    @receive(Total)
    def on_total(self, _: Total) -> int:
        return self.total


# --- a family ---------------------------------------------------------------------------------------------


class Open(Message[list[Address]]):
    """Open a branch; the answer is who works there."""


class Family(Actor[Open | Terminated]):
    strategy = Strategy.REST_FOR_ONE

    @receive(Open)
    def on_open(self, _: Open) -> list[Address]:
        spec = Spec(
            Counter,
            name="till",
            restart=Restart.TRANSIENT,
            intensity=Intensity(restarts=5, within=10),
            backoff=Backoff(first=0.5, most=30),
            directives=((ValueError, Directive.RESUME), (OSError, Directive.ESCALATE)),
            poison=Retry(times=1),
        )
        till = self.ctx.spawn(spec)
        self.ctx.watch(till)
        self.ctx.stop(till)
        return [child.address for child in self.ctx.children()]

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        assert message.reason is StopReason.STOP


class Crew(Actor[Open]):
    strategy = Strategy.DYNAMIC
    template: ClassVar[Spec[Any] | None] = Spec(Counter)

    @receive(Open)
    def on_open(self, _: Open) -> list[Address]:
        self.ctx.start_child(name="one-more")
        return [child.address for child in self.ctx.children()]


class Twin(Actor[Total]):
    """It has no handler for Terminated: when the other ends, it fails too."""

    def __init__(self, other: Ref[Total]) -> None:
        self.other = other

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.watch(self.other)

    @receive(Total)
    async def on_total(self, message: Total) -> int:
        return await self.other.ask(message)


# --- work that waits, blocks or computes ------------------------------------------------------------------


class Read(Message[str]):
    path: Path


class Fetch(Message[None]):
    pass


class Fetched(Message[None]):
    result: Any


class Factorial(Message[int]):
    of: int


class Both(Message[int]):
    pass


class Clerk(Actor[Read | Fetch | Fetched | Factorial | Both | ReceiveTimeout | DeadLetter]):
    def __init__(self, counter: Ref[Add | Total]) -> None:
        self.counter = counter
        self.heard: list[Any] = []

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.timer("once", 60, Fetch())
        self.ctx.timer("again", 60, Fetch(), every=60, mode="rate")
        self.ctx.cancel("again")
        self.ctx.receive_timeout(300, ReceiveTimeout())
        self.ctx.subscribe(DeadLetter)

    @receive(Read)
    def on_read(self, message: Read) -> Deferred[str]:
        return self.ctx.answer(lambda: self.ctx.thread(message.path.read_text, "utf-8"))

    @receive(Fetch)
    def on_fetch(self, _: Fetch) -> None:
        self.ctx.pipe(lambda: self.counter.ask(Total()), lambda result: Fetched(result=result))
        self.ctx.tell(self.counter, Add(amount=0))

    @receive(Fetched)
    def on_fetched(self, message: Fetched) -> None:
        self.heard.append(message.result)

    @receive(Factorial)
    async def on_factorial(self, message: Factorial) -> int:
        return await self.ctx.process(math.factorial, message.of)

    @receive(Both)
    async def on_both(self, _: Both) -> int:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.counter.ask, Add(amount=1))
            nursery.start_soon(self.counter.ask, Add(amount=1))
        return await self.counter.ask(Total())

    @receive(ReceiveTimeout)
    def on_silence(self, _: ReceiveTimeout) -> None:
        self.ctx.stop()

    @receive(DeadLetter)
    def on_dead_letter(self, letter: DeadLetter) -> None:
        self.heard.append(letter.reason)


accounts = Pattern("account", {"account": lambda _: Spec(Counter, idle_after=60)})


# --- from outside -----------------------------------------------------------------------------------------


async def asks(system: System) -> None:
    counter = system.spawn(Spec(Counter, name="counter"))
    await counter.tell(Add(amount=1))
    total = await counter.ask(Total())
    total = await counter.ask(Total(), within=5)
    with trio.move_on_after(5):
        total = await counter.ask(Total())
    assert total == 1
    (found,) = system.registry.find(COUNTERS)
    assert found == counter == system.ref(Address.of("counter"))
    await system.groups.publish("counters", Add(amount=1))
    ann = system.ref(Address.of("account", "ann"))
    assert await ann.ask(Add(amount=1)) == 1
    await system.stop(counter)
    try:
        await counter.ask(Total())
    except (ActorCrashed, ActorStopped, DeadLettered) as error:
        print(f"{type(error).__name__}: {error}")


async def many(system: System) -> None:
    counters = system.spawn(pool(smallest_mailbox(), Spec(Counter), 4))
    await counters.ask(Add(amount=1))
    bounded = system.spawn(Spec(Counter, capacity=10, overflow=Overflow.REFUSE))
    everyone = system.spawn(group(broadcast(), [counters, bounded]))
    gathered = await everyone.ask(Gather(Add(amount=1)))
    assert len(gathered.replies) == 2
    breaker = CircuitBreaker(Scope(bounded.address), system.clock.now, failures=5, reset_after=30)
    breaker.install(system.router)
    report = await source(range(100)).map(math.sqrt).batch(10).to(len).run(system)
    assert report.delivered == 10


async def families(system: System) -> None:
    assert await system.spawn(Spec(Family, name="family")).ask(Open()) == [Address("/family/till")]
    assert await system.spawn(Spec(Crew, name="crew")).ask(Open()) == [Address("/crew/one-more")]
    counter = system.spawn(Spec(Counter))
    twin = system.spawn(Spec(Twin, (counter,), restart=Restart.TEMPORARY))
    assert await twin.ask(Total()) == 0
    await system.stop(counter)


async def work(system: System) -> None:
    counter = system.spawn(Spec(Counter))
    clerk = system.spawn(Spec(Clerk, (counter,)))
    assert "quotes" in await clerk.ask(Read(path=Path(__file__)))
    assert await clerk.ask(Factorial(of=5)) == 120
    await clerk.ask(Fetch())
    assert await clerk.ask(Both()) == 2
    await clerk.ask(ReceiveTimeout())  # what the runtime would say after 300 seconds of silence


async def main() -> None:
    for program in (asks, many, families, work):
        async with System(patterns=[accounts]) as system:
            await program(system)


if __name__ == "__main__":
    trio.run(main)
