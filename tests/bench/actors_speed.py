"""How fast actors talk to each other: tells a second, and microseconds an ask."""

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from statistics import median

import trio

from actors import Actor, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.figures import Figure, Options

Work = Callable[[], Awaitable[None]]
TURN = 500
"""Messages that one turn tells; below a mailbox's bound."""


class Add(Message[int]):
    amount: int


class AddLater(Message[int]):
    amount: int


class Counter(Actor[Add | AddLater]):
    def __init__(self) -> None:
        self.total = 0

    @receive(Add)
    def on_add(self, message: Add) -> int:
        self.total += message.amount
        return self.total

    @receive(AddLater)
    async def on_add_later(self, message: AddLater) -> int:
        self.total += message.amount
        return self.total


class AskMany(Message[None]):
    count: int


class TellMany(Message[None]):
    count: int


class Asker(Actor[AskMany | TellMany]):
    def __init__(self, counter: Ref[Add]) -> None:
        self.counter = counter

    @receive(AskMany)
    async def on_ask_many(self, message: AskMany) -> None:
        add = Add(amount=1)
        for _ in range(message.count):
            await self.counter.ask(add)

    @receive(TellMany)
    def on_tell_many(self, message: TellMany) -> None:
        add = Add(amount=1)
        for _ in range(message.count):
            self.ctx.tell(self.counter, add)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who talks to whom, and how often."""

    counter: Ref[Add | AddLater]
    asker: Ref[AskMany | TellMany]
    count: int

    async def tell(self) -> None:
        add = Add(amount=1)
        for _ in range(self.count):
            await self.counter.tell(add)
        await self.counter.ask(add)

    async def tell_from_actor(self) -> None:
        many, add = TellMany(count=TURN), Add(amount=1)
        for _ in range(self.count // TURN):
            await self.asker.ask(many)
            await self.counter.ask(add)

    async def ask(self) -> None:
        add = Add(amount=1)
        for _ in range(self.count):
            await self.counter.ask(add)

    async def ask_async(self) -> None:
        add = AddLater(amount=1)
        for _ in range(self.count):
            await self.counter.ask(add)

    async def ask_in_time(self) -> None:
        add = Add(amount=1)
        for _ in range(self.count):
            await self.counter.ask(add, within=5.0)

    async def ask_from_actor(self) -> None:
        await self.asker.ask(AskMany(count=self.count))


def measure(options: Options) -> Iterator[Figure]:
    yield from trio.run(_measured, options)


async def _measured(options: Options) -> list[Figure]:
    count = options.times(200_000)
    async with System() as system:
        counter = system.spawn(Spec(Counter))
        cast = Cast(counter, system.spawn(Spec(Asker, (counter,))), count)

        async def rate(name: str, work: Work) -> Figure:
            return Figure(name, count / await _seconds(work, options.rounds), "/s", "> 500,000")

        async def each(name: str, work: Work, aim: str = "") -> Figure:
            return Figure(name, await _seconds(work, options.rounds) / count * 1e6, "us", aim)

        return [
            await rate("tell, from outside", cast.tell),
            await rate("tell, from an actor", cast.tell_from_actor),
            await each("ask, plain handler", cast.ask, "< 5"),
            await each("ask, async handler that need not wait", cast.ask_async),
            await each("ask, plain handler, within 5 s", cast.ask_in_time),
            await each("ask, plain handler, from an actor", cast.ask_from_actor, "< 5"),
        ]


async def _seconds(work: Work, rounds: int) -> float:
    taken: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - start)
    return median(taken)
