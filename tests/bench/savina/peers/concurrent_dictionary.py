"""The same by the peers: see `ours/concurrent_dictionary.py`."""

from typing import Any

from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.programs import KEYS, draw
from tests.bench.savina.stages import Server, serve


def request(number: int, place: int, requests: int) -> tuple[str, int]:
    return "write" if place % 10 == 0 else "read", draw(number * requests + place, KEYS)


class Values(dict[int, int]):
    def do(self, request: tuple[str, int]) -> int:
        kind, key = request
        if kind == "write":
            self[key] = 1
        else:
            self.get(key)
        return 1


def pykka(_: Any, watch: Stopwatch, workers: int, requests: int) -> int:
    from pykka import ThreadingActor

    class Dictionary(ThreadingActor):
        def __init__(self) -> None:
            super().__init__()
            self.values = Values()

        def on_receive(self, message: Any) -> int:
            return self.values.do(message)

    class Worker(ThreadingActor):
        def on_receive(self, number: int) -> int:
            return sum(dictionary.ask(request(number, place, requests)) for place in range(requests))

    dictionary = Dictionary.start()
    refs = [Worker.start() for _ in range(workers)]
    with watch.running():
        return sum(end.get() for end in [ref.ask(number, block=False) for number, ref in enumerate(refs)])


def thespian(system: Any, watch: Stopwatch, workers: int, requests: int) -> int:
    """A worker sends its next request when it has its answer; a judge adds up."""
    from thespian.actors import Actor

    class Dictionary(Actor):
        values = Values()

        def receiveMessage(self, message: Any, sender: Any) -> None:
            if isinstance(message, tuple):
                self.send(sender, self.values.do(message))

    class Worker(Actor):
        def receiveMessage(self, message: Any, sender: Any) -> None:
            if isinstance(message, list):
                self.number, self.place = message[0], 0
            elif message == 1:
                self.place += 1
            else:
                return
            if self.place == requests:
                self.send(judge, self.place)
            else:
                self.send(dictionary, request(self.number, self.place, requests))

    class Judge(Actor):
        total, missing = 0, workers

        def receiveMessage(self, message: Any, sender: Any) -> None:
            if message == "start":
                self.asker = sender
                for number, ref in enumerate(refs):
                    self.send(ref, [number])
            elif isinstance(message, int):
                self.total += message
                self.missing -= 1
                if self.missing == 0:
                    self.send(self.asker, self.total)

    dictionary, judge = system.createActor(Dictionary), system.createActor(Judge)
    refs = [system.createActor(Worker) for _ in range(workers)]
    with watch.running():
        return system.ask(judge, "start")


async def triotp(nursery: Any, watch: Stopwatch, workers: int, requests: int) -> int:
    import trio
    from triotp import gen_server

    answered = 0

    class Dictionary(Server):
        async def init(self, _argument: object) -> Values:
            return Values()

        async def handle_call(self, message: Any, caller: Any, values: Any) -> Any:
            return gen_server.Reply(values.do(message)), values

    class Worker(Server):
        async def handle_call(self, number: Any, caller: Any, state: Any) -> Any:
            answers = [
                await gen_server.call("dictionary", request(number, place, requests))
                for place in range(requests)
            ]
            return gen_server.Reply(sum(answers)), state

    async def work(number: int) -> None:
        nonlocal answered
        mine = await gen_server.call(f"worker-{number}", number)
        answered += mine  # not in one: += reads before it waits

    await serve(nursery, "dictionary", Dictionary())
    for number in range(workers):
        await serve(nursery, f"worker-{number}", Worker())
    with watch.running():
        async with trio.open_nursery() as asking:
            for number in range(workers):
                asking.start_soon(work, number)
    return answered


async def xoscar(address: str, watch: Stopwatch, workers: int, requests: int) -> int:
    import asyncio

    import xoscar

    class Dictionary(xoscar.Actor):
        def __init__(self) -> None:
            self.values = Values()

        async def do(self, message: Any) -> int:
            return self.values.do(message)

    class Worker(xoscar.Actor):
        async def work(self, dictionary: Any, number: int) -> int:
            return sum([await dictionary.do(request(number, place, requests)) for place in range(requests)])

    dictionary = await xoscar.create_actor(Dictionary, address=address, uid="dictionary")
    refs = [await xoscar.create_actor(Worker, address=address, uid=f"worker-{n}") for n in range(workers)]
    with watch.running():
        return sum(await asyncio.gather(*(ref.work(dictionary, n) for n, ref in enumerate(refs))))
