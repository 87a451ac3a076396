"""How fast actors talk to each other: tells a second, and microseconds an ask."""

import time
from collections.abc import Awaitable, Callable, Iterator
from statistics import median

import trio

from actors import Actor, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.figures import Figure, Options

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


def measure(options: Options) -> Iterator[Figure]:
    yield from trio.run(_measured, options)


async def _measured(options: Options) -> list[Figure]:
    count = options.times(200_000)
    add, later = Add(amount=1), AddLater(amount=1)
    async with System() as system:
        counter = system.spawn(Spec(Counter))
        asker = system.spawn(Spec(Asker, (counter,)))

        async def tell() -> None:
            for _ in range(count):
                await counter.tell(add)
            await counter.ask(add)

        async def tell_from_actor() -> None:
            for _ in range(count // TURN):
                await asker.ask(TellMany(count=TURN))
                await counter.ask(add)

        async def ask() -> None:
            for _ in range(count):
                await counter.ask(add)

        async def ask_async() -> None:
            for _ in range(count):
                await counter.ask(later)

        async def ask_in_time() -> None:
            for _ in range(count):
                await counter.ask(add, within=5.0)

        async def ask_from_actor() -> None:
            await asker.ask(AskMany(count=count))

        async def seconds(work: Callable[[], Awaitable[None]]) -> float:
            return median([await _timed(work) for _ in range(options.rounds)])

        def rate(taken: float) -> float:
            return count / taken

        def each(taken: float) -> float:
            return taken / count * 1e6

        return [
            Figure("tell, from outside", rate(await seconds(tell)), "/s", "> 500,000"),
            Figure("tell, from an actor", rate(await seconds(tell_from_actor)), "/s", "> 500,000"),
            Figure("ask, plain handler", each(await seconds(ask)), "us", "< 5"),
            Figure("ask, async handler that need not wait", each(await seconds(ask_async)), "us"),
            Figure("ask, plain handler, within 5 s", each(await seconds(ask_in_time)), "us"),
            Figure("ask, plain handler, from an actor", each(await seconds(ask_from_actor)), "us", "< 5"),
        ]


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start
