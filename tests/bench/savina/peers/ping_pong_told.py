"""The same by the peers: see `ours/ping_pong_told.py`."""

from typing import Any

from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.stages import Server, serve


def pykka(_: Any, watch: Stopwatch, pings: int) -> int:
    from pykka import ThreadingActor, ThreadingFuture

    class Pinger(ThreadingActor):
        def on_receive(self, message: Any) -> None:
            if message != "pong":
                self.pongs, self.against, self.end = 0, *message
            else:
                self.pongs += 1
                if self.pongs == pings:
                    self.end.set(self.pongs)
                    return
            self.against.tell("ping")

    class Ponger(ThreadingActor):
        def __init__(self, back: Any) -> None:
            super().__init__()
            self.back = back

        def on_receive(self, message: Any) -> None:
            self.back.tell("pong")

    pinger = Pinger.start()
    ponger = Ponger.start(pinger)
    end = ThreadingFuture()
    with watch.running():
        pinger.tell((ponger, end))
        return end.get()


def thespian(system: Any, watch: Stopwatch, pings: int) -> int:
    from thespian.actors import Actor

    class Pinger(Actor):
        def receiveMessage(self, message: Any, sender: Any) -> None:
            if isinstance(message, tuple):
                self.pongs, self.against, self.asker = 0, message[1], sender
            elif message == "pong":
                self.pongs += 1
                if self.pongs == pings:
                    self.send(self.asker, self.pongs)
                    return
            else:
                return
            self.send(self.against, "ping")

    class Ponger(Actor):
        def receiveMessage(self, message: Any, sender: Any) -> None:
            if message == "ping":
                self.send(sender, "pong")

    pinger, ponger = system.createActor(Pinger), system.createActor(Ponger)
    with watch.running():
        return system.ask(pinger, ("play", ponger))


async def triotp(nursery: Any, watch: Stopwatch, pings: int) -> int:
    import trio
    from triotp import gen_server

    end = trio.Event()

    class Pinger(Server):
        async def handle_cast(self, message: Any, pongs: Any) -> Any:
            pongs = (pongs or 0) + (message == "pong")
            if pongs == pings:
                end.set()
            else:
                await gen_server.cast("ponger", "ping")
            return gen_server.NoReply(), pongs

        async def handle_call(self, message: Any, caller: Any, pongs: int) -> Any:
            return gen_server.Reply(pongs), pongs

    class Ponger(Server):
        async def handle_cast(self, message: Any, state: Any) -> Any:
            await gen_server.cast("pinger", "pong")
            return gen_server.NoReply(), state

    await serve(nursery, "pinger", Pinger())
    await serve(nursery, "ponger", Ponger())
    with watch.running():
        await gen_server.cast("pinger", "play")
        await end.wait()
        return await gen_server.call("pinger", "pongs")


async def xoscar(address: str, watch: Stopwatch, pings: int) -> int:
    import asyncio

    import xoscar

    end = asyncio.get_running_loop().create_future()

    class Pinger(xoscar.Actor):
        async def play(self, against: Any) -> None:
            self.pongs, self.against = 0, against
            await against.ping.tell()

        async def pong(self) -> None:
            self.pongs += 1
            if self.pongs == pings:
                end.set_result(self.pongs)
            else:
                await self.against.ping.tell()

    class Ponger(xoscar.Actor):
        def __init__(self, back: Any) -> None:
            self.back = back

        async def ping(self) -> None:
            await self.back.pong.tell()

    pinger = await xoscar.create_actor(Pinger, address=address, uid="pinger")
    ponger = await xoscar.create_actor(Ponger, pinger, address=address, uid="ponger")
    with watch.running():
        await pinger.play(ponger)
        return await end
