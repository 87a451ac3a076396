"""Workers ask one dictionary for reads and, each tenth time, for a write: a hot actor."""

from functools import partial

import trio

from actors import Actor, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.programs import KEYS, draw


class Read(Message[int]):
    key: int


class Write(Message[int]):
    key: int


class Work(Message[int]):
    number: int
    requests: int


class Dictionary(Actor[Read | Write]):
    def __init__(self) -> None:
        self.values: dict[int, int] = {}

    @receive(Read)
    def on_read(self, message: Read) -> int:
        self.values.get(message.key)
        return 1

    @receive(Write)
    def on_write(self, message: Write) -> int:
        self.values[message.key] = 1
        return 1


class Worker(Actor[Work]):
    def __init__(self, dictionary: Ref[Read | Write]) -> None:
        self.dictionary = dictionary

    @receive(Work)
    async def on_work(self, message: Work) -> int:
        answered = 0
        for place in range(message.requests):
            key = draw(message.number * message.requests + place, KEYS)
            answered += await self.dictionary.ask(Write(key=key) if place % 10 == 0 else Read(key=key))
        return answered


async def callboard(system: System, watch: Stopwatch, workers: int, requests: int) -> int:
    dictionary = system.spawn(Spec(Dictionary))
    refs = [system.spawn(Spec(Worker, (dictionary,))) for _ in range(workers)]
    answered = 0

    async def work(number: int, worker: Ref[Work]) -> None:
        nonlocal answered
        mine = await worker.ask(Work(number=number, requests=requests))
        answered += mine  # not in one: += reads before it waits

    with watch.running():
        async with trio.open_nursery() as nursery:
            for number, worker in enumerate(refs):
                nursery.start_soon(partial(work, number, worker))
    return answered
