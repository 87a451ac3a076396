"""The same by the peers: see `ours/counting.py`."""

from typing import Any

from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.stages import Server, serve


def pykka(_: Any, watch: Stopwatch, count: int) -> int:
    from pykka import ThreadingActor

    class Counter(ThreadingActor):
        total = 0

        def on_receive(self, message: Any) -> int | None:
            if message == "total":
                return self.total
            self.total += 1
            return None

    class Producer(ThreadingActor):
        def on_receive(self, counter: Any) -> int:
            for _ in range(count):
                counter.tell("add")
            return counter.ask("total")

    counter, producer = Counter.start(), Producer.start()
    with watch.running():
        return producer.ask(counter)


def thespian(system: Any, watch: Stopwatch, count: int) -> int:
    from thespian.actors import Actor, ActorAddress

    class Counter(Actor):
        total = 0

        def receiveMessage(self, message: Any, sender: Any) -> None:
            if message == "add":
                self.total += 1
            elif message == "total":
                self.send(sender, self.total)

    class Producer(Actor):
        def receiveMessage(self, message: Any, sender: Any) -> None:
            if isinstance(message, ActorAddress):
                self.asker = sender
                for _ in range(count):
                    self.send(message, "add")
                self.send(message, "total")
            elif isinstance(message, int):
                self.send(self.asker, message)

    counter, producer = system.createActor(Counter), system.createActor(Producer)
    with watch.running():
        return system.ask(producer, counter)


async def triotp(nursery: Any, watch: Stopwatch, count: int) -> int:
    from triotp import gen_server

    class Counter(Server):
        async def handle_cast(self, message: Any, total: Any) -> Any:
            return gen_server.NoReply(), (total or 0) + 1

        async def handle_call(self, message: Any, caller: Any, total: int) -> Any:
            return gen_server.Reply(total), total

    class Producer(Server):
        async def handle_call(self, message: Any, caller: Any, state: Any) -> Any:
            for _ in range(count):
                await gen_server.cast("counter", "add")
            return gen_server.Reply(await gen_server.call("counter", "total")), state

    await serve(nursery, "counter", Counter())
    await serve(nursery, "producer", Producer())
    with watch.running():
        return await gen_server.call("producer", "produce")


async def xoscar(address: str, watch: Stopwatch, count: int) -> int:
    import asyncio

    import xoscar

    class Counter(xoscar.Actor):
        def __init__(self) -> None:
            self.count = 0

        async def add(self) -> None:
            self.count += 1

        async def total(self) -> int:
            while self.count < count:  # a tell may be overtaken by a call
                await asyncio.sleep(0)
            return self.count

    class Producer(xoscar.Actor):
        async def produce(self, counter: Any) -> int:
            for _ in range(count):
                await counter.add.tell()
            return await counter.total()

    counter = await xoscar.create_actor(Counter, address=address, uid="counter")
    producer = await xoscar.create_actor(Producer, address=address, uid="producer")
    with watch.running():
        return await producer.produce(counter)
