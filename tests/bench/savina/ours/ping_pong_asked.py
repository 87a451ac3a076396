"""One actor asks another, again and again: what a call with an answer costs."""

from actors import Actor, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Ping(Message[int]):
    pass


class Play(Message[int]):
    asks: int


class Pinger(Actor[Play]):
    def __init__(self, against: Ref[Ping]) -> None:
        self.against = against

    @receive(Play)
    async def on_play(self, message: Play) -> int:
        ping = Ping()
        return sum([await self.against.ask(ping) for _ in range(message.asks)])


class Ponger(Actor[Ping]):
    @receive(Ping)
    def on_ping(self, message: Ping) -> int:
        return 1


async def callboard(system: System, watch: Stopwatch, asks: int) -> int:
    pinger = system.spawn(Spec(Pinger, (system.spawn(Spec(Ponger)),)))
    with watch.running():
        return await pinger.ask(Play(asks=asks))
