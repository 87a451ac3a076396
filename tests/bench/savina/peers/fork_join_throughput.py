"""The same by the peers: see `ours/fork_join_throughput.py`."""

from typing import Any

from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.stages import Server, serve


def pykka(_: Any, watch: Stopwatch, actors: int, each: int) -> int:
    from pykka import ThreadingActor, ThreadingFuture

    class Worker(ThreadingActor):
        left = each

        def on_receive(self, message: Any) -> None:
            self.left -= 1
            if self.left == 0:
                joiner.tell("done")

    class Joiner(ThreadingActor):
        done = 0

        def on_receive(self, message: Any) -> None:
            self.done += 1
            if self.done == actors:
                end.set(self.done)

    end = ThreadingFuture()
    joiner = Joiner.start()
    workers = [Worker.start() for _ in range(actors)]
    with watch.running():
        for _turn in range(each):
            for worker in workers:
                worker.tell("task")
        return end.get()


def thespian(system: Any, watch: Stopwatch, actors: int, each: int) -> int:
    from thespian.actors import Actor

    class Worker(Actor):
        left = each

        def receiveMessage(self, message: Any, sender: Any) -> None:
            if message == "task":
                self.left -= 1
                if self.left == 0:
                    self.send(joiner, "done")

    class Joiner(Actor):
        done = 0
        asker: Any = None

        def receiveMessage(self, message: Any, sender: Any) -> None:
            self.done += message == "done"
            if message == "join":
                self.asker = sender
            if self.asker is not None and self.done == actors:
                self.send(self.asker, self.done)

    joiner = system.createActor(Joiner)
    workers = [system.createActor(Worker) for _ in range(actors)]
    with watch.running():
        for _turn in range(each):
            for worker in workers:
                system.tell(worker, "task")
        return system.ask(joiner, "join")


async def triotp(nursery: Any, watch: Stopwatch, actors: int, each: int) -> int:
    import trio
    from triotp import gen_server

    end = trio.Event()

    class Worker(Server):
        async def handle_cast(self, message: Any, taken: Any) -> Any:
            taken = (taken or 0) + 1
            if taken == each:
                await gen_server.cast("joiner", "done")
            return gen_server.NoReply(), taken

    class Joiner(Server):
        done = 0

        async def handle_cast(self, message: Any, state: Any) -> Any:
            self.done += 1
            if self.done == actors:
                end.set()
            return gen_server.NoReply(), state

    joiner = Joiner()
    await serve(nursery, "joiner", joiner)
    workers = [await serve(nursery, f"worker-{number}", Worker()) for number in range(actors)]
    with watch.running():
        for _ in range(each):
            for worker in workers:
                await gen_server.cast(worker, "task")
        await end.wait()
        return joiner.done


async def xoscar(address: str, watch: Stopwatch, actors: int, each: int) -> int:
    import asyncio

    import xoscar

    end = asyncio.get_running_loop().create_future()

    class Worker(xoscar.Actor):
        def __init__(self, joiner: Any) -> None:
            self.joiner, self.left = joiner, each

        async def task(self) -> None:
            self.left -= 1
            if self.left == 0:
                await self.joiner.done.tell()

    class Joiner(xoscar.Actor):
        def __init__(self) -> None:
            self.count = 0

        async def done(self) -> None:
            self.count += 1
            if self.count == actors:
                end.set_result(self.count)

    joiner = await xoscar.create_actor(Joiner, address=address, uid="joiner")
    workers = [
        await xoscar.create_actor(Worker, joiner, address=address, uid=f"worker-{number}")
        for number in range(actors)
    ]
    with watch.running():
        for _ in range(each):
            for worker in workers:
                await worker.task.tell()
        return await end
