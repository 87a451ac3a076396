"""The same by the peers: see `ours/ping_pong_asked.py`."""

from typing import Any

from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.stages import Server, serve


def pykka(_: Any, watch: Stopwatch, asks: int) -> int:
    from pykka import ThreadingActor

    class Pinger(ThreadingActor):
        def on_receive(self, against: Any) -> int:
            return sum(against.ask("ping") for _ in range(asks))

    class Ponger(ThreadingActor):
        def on_receive(self, message: Any) -> int:
            return 1

    pinger, ponger = Pinger.start(), Ponger.start()
    with watch.running():
        return pinger.ask(ponger)


async def triotp(nursery: Any, watch: Stopwatch, asks: int) -> int:
    from triotp import gen_server

    class Pinger(Server):
        async def handle_call(self, message: Any, caller: Any, state: Any) -> Any:
            pongs = sum([await gen_server.call("ponger", "ping") for _ in range(asks)])
            return gen_server.Reply(pongs), state

    class Ponger(Server):
        async def handle_call(self, message: Any, caller: Any, state: Any) -> Any:
            return gen_server.Reply(1), state

    await serve(nursery, "pinger", Pinger())
    await serve(nursery, "ponger", Ponger())
    with watch.running():
        return await gen_server.call("pinger", "play")


async def xoscar(address: str, watch: Stopwatch, asks: int) -> int:
    import xoscar

    class Pinger(xoscar.Actor):
        async def play(self, against: Any) -> int:
            return sum([await against.ping() for _ in range(asks)])

    class Ponger(xoscar.Actor):
        async def ping(self) -> int:
            return 1

    pinger = await xoscar.create_actor(Pinger, address=address, uid="pinger")
    ponger = await xoscar.create_actor(Ponger, address=address, uid="ponger")
    with watch.running():
        return await pinger.play(ponger)
