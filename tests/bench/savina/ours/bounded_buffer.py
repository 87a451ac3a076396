"""Producers put into a buffer of few places, consumers get from it; who finds it full or empty waits: back pressure.

Both ask, and the buffer defers those who must wait. The peers, who cannot all defer, tell and are told.
"""

from collections import deque

import trio

from actors import Actor, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.programs import PLACES


class Put(Message[None]):
    item: int


class Get(Message[int]):
    pass


class Work(Message[int]):
    items: int


class Buffer(Actor[Put | Get]):
    def __init__(self) -> None:
        self.items: deque[int] = deque()
        self.producers: deque[tuple[str, int]] = deque()
        self.consumers: deque[str] = deque()
        self.number = 0

    @receive(Put)
    def on_put(self, message: Put) -> Deferred[None] | None:
        if self.consumers:
            self.ctx.resolve(self.consumers.popleft(), message.item)
        elif len(self.items) < PLACES:
            self.items.append(message.item)
        else:
            key = self.key()
            self.producers.append((key, message.item))
            return self.ctx.defer(key)
        return None

    @receive(Get)
    def on_get(self, message: Get) -> int | Deferred[int]:
        if not self.items:
            key = self.key()
            self.consumers.append(key)
            return self.ctx.defer(key)
        item = self.items.popleft()
        if self.producers:
            key, waiting = self.producers.popleft()
            self.items.append(waiting)
            self.ctx.resolve(key, None)
        return item

    def key(self) -> str:
        self.number += 1
        return str(self.number)


class Producer(Actor[Work]):
    def __init__(self, buffer: Ref[Put]) -> None:
        self.buffer = buffer

    @receive(Work)
    async def on_work(self, message: Work) -> int:
        put = Put(item=1)
        for _ in range(message.items):
            await self.buffer.ask(put)
        return 0


class Consumer(Actor[Work]):
    def __init__(self, buffer: Ref[Get]) -> None:
        self.buffer = buffer

    @receive(Work)
    async def on_work(self, message: Work) -> int:
        get = Get()
        return sum([await self.buffer.ask(get) for _ in range(message.items)])


async def callboard(system: System, watch: Stopwatch, producers: int, each: int) -> int:
    buffer = system.spawn(Spec(Buffer))
    busy = [system.spawn(Spec(Producer, (buffer,))) for _ in range(producers)]
    hungry = [system.spawn(Spec(Consumer, (buffer,))) for _ in range(producers)]
    got: list[int] = []

    async def work(worker: Ref[Work]) -> None:
        got.append(await worker.ask(Work(items=each)))

    with watch.running():
        async with trio.open_nursery() as nursery:
            for worker in busy + hungry:
                nursery.start_soon(work, worker)
    return sum(got)
