"""A producer tells N increments and then wants the sum: one-way throughput of one mailbox."""

from actors import Actor, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch

TURN = 500
"""What Callboard's producer tells in one turn: a mailbox is bounded, and its outputs leave together."""


class Add(Message[None]):
    pass


class Total(Message[int]):
    pass


class Produce(Message[int]):
    count: int


class Go(Message[None]):
    pass


class Found(Message[None]):
    total: int


class Counter(Actor[Add | Total]):
    def __init__(self) -> None:
        self.total = 0

    @receive(Add)
    def on_add(self, message: Add) -> None:
        self.total += 1

    @receive(Total)
    def on_total(self, message: Total) -> int:
        return self.total


class Producer(Actor[Produce | Go | Found]):
    def __init__(self, counter: Ref[Add | Total]) -> None:
        self.counter = counter
        self.left = 0

    @receive(Produce)
    def on_produce(self, message: Produce) -> Deferred[int]:
        self.left = message.count
        self.ctx.tell(self.ctx.me, Go())
        return self.ctx.defer("total")

    @receive(Go)
    def on_go(self, message: Go) -> None:
        add = Add()
        for _ in range(min(TURN, self.left)):
            self.ctx.tell(self.counter, add)
        self.left -= min(TURN, self.left)
        if self.left:
            self.ctx.tell(self.ctx.me, message)
        else:
            self.ctx.pipe(self.total, lambda total: Found(total=total if isinstance(total, int) else -1))

    async def total(self) -> int:
        return await self.counter.ask(Total())

    @receive(Found)
    def on_found(self, message: Found) -> None:
        self.ctx.resolve("total", message.total)


async def callboard(system: System, watch: Stopwatch, count: int) -> int:
    producer = system.spawn(Spec(Producer, (system.spawn(Spec(Counter)),)))
    with watch.running():
        return await producer.ask(Produce(count=count))
