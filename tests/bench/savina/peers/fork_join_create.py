"""The same by the peers: see `ours/fork_join_create.py`."""

from typing import Any

from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.stages import Server, serve


def pykka(_: Any, watch: Stopwatch, actors: int) -> int:
    from pykka import ThreadingActor, ThreadingFuture

    class Mayfly(ThreadingActor):
        def on_receive(self, message: Any) -> None:
            joiner.tell("done")
            self.stop()

    class Joiner(ThreadingActor):
        done = 0

        def on_receive(self, message: Any) -> None:
            self.done += 1
            if self.done == actors:
                end.set(self.done)

    end = ThreadingFuture()
    joiner = Joiner.start()
    with watch.running():
        for _turn in range(actors):
            Mayfly.start().tell("task")
        return end.get()


def thespian(system: Any, watch: Stopwatch, actors: int) -> int:
    from thespian.actors import Actor, ActorExitRequest

    class Mayfly(Actor):
        def receiveMessage(self, message: Any, sender: Any) -> None:
            if message == "task":
                self.send(joiner, "done")
                self.send(self.myAddress, ActorExitRequest())

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
    with watch.running():
        for _turn in range(actors):
            system.tell(system.createActor(Mayfly), "task")
        return system.ask(joiner, "join")


async def triotp(nursery: Any, watch: Stopwatch, actors: int) -> int:
    import trio
    from triotp import gen_server

    end = trio.Event()

    class Mayfly(Server):
        async def handle_cast(self, message: Any, state: Any) -> Any:
            await gen_server.cast("joiner", "done")
            return gen_server.Stop(), state

    class Joiner(Server):
        done = 0

        async def handle_cast(self, message: Any, state: Any) -> Any:
            self.done += 1
            if self.done == actors:
                end.set()
            return gen_server.NoReply(), state

    joiner = Joiner()
    await serve(nursery, "joiner", joiner)
    with watch.running():
        for number in range(actors):
            await gen_server.cast(await serve(nursery, f"mayfly-{number}", Mayfly()), "task")
        await end.wait()
        return joiner.done


async def xoscar(address: str, watch: Stopwatch, actors: int) -> int:
    import xoscar

    class Mayfly(xoscar.Actor):
        async def task(self) -> int:
            return 1

    done = 0
    with watch.running():
        for number in range(actors):
            mayfly = await xoscar.create_actor(Mayfly, address=address, uid=f"mayfly-{number}")
            done += await mayfly.task()
            await xoscar.destroy_actor(mayfly)  # an actor that destroys itself waits for itself
        return done
