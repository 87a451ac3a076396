"""The same by the peers: see `ours/thread_ring.py`."""

from typing import Any

from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.stages import Server, serve


def pykka(_: Any, watch: Stopwatch, actors: int, hops: int) -> int:
    from pykka import ThreadingActor, ThreadingFuture

    class Runner(ThreadingActor):
        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

        def on_receive(self, left: int) -> None:
            if left == 0:
                end.set(self.place)
            else:
                ring[(self.place + 1) % actors].tell(left - 1)

    end = ThreadingFuture()
    ring = [Runner.start(place) for place in range(actors)]
    with watch.running():
        ring[0].tell(hops)
        return end.get()


def thespian(system: Any, watch: Stopwatch, actors: int, hops: int) -> int:
    from thespian.actors import Actor

    class Runner(Actor):
        def receiveMessage(self, message: Any, sender: Any) -> None:
            if not isinstance(message, tuple):
                return
            place, left, asker = message
            if left == 0:
                self.send(asker, place)
            else:
                following = (place + 1) % actors
                self.send(ring[following], (following, left - 1, asker or sender))

    ring = [system.createActor(Runner) for _ in range(actors)]
    with watch.running():
        return system.ask(ring[0], (0, hops, None))


async def triotp(nursery: Any, watch: Stopwatch, actors: int, hops: int) -> int:
    import trio
    from triotp import gen_server

    over, end = trio.open_memory_channel[int](1)

    class Runner(Server):
        def __init__(self, place: int) -> None:
            self.place = place

        async def handle_cast(self, left: int, state: Any) -> Any:
            if left == 0:
                await over.send(self.place)
            else:
                await gen_server.cast(f"runner-{(self.place + 1) % actors}", left - 1)
            return gen_server.NoReply(), state

    for place in range(actors):
        await serve(nursery, f"runner-{place}", Runner(place))
    with watch.running():
        await gen_server.cast("runner-0", hops)
        return await end.receive()


async def xoscar(address: str, watch: Stopwatch, actors: int, hops: int) -> int:
    import asyncio

    import xoscar

    end = asyncio.get_running_loop().create_future()

    class Runner(xoscar.Actor):
        def __init__(self, place: int) -> None:
            self.place = place

        async def token(self, left: int) -> None:
            if left == 0:
                end.set_result(self.place)
            else:
                await ring[(self.place + 1) % actors].token.tell(left - 1)

    ring = [
        await xoscar.create_actor(Runner, place, address=address, uid=f"runner-{place}")
        for place in range(actors)
    ]
    with watch.running():
        await ring[0].token.tell(hops)
        return await end
