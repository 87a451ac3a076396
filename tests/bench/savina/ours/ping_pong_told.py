"""Two actors tell one message to and fro: what a round trip through two mailboxes costs."""

from actors import Actor, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Ping(Message[None]):
    pass


class Pong(Message[None]):
    pass


class Play(Message[int]):
    against: Ref[Ping]
    pings: int


class Pinger(Actor[Play | Pong]):
    def __init__(self) -> None:
        self.pongs = 0

    @receive(Play)
    def on_play(self, message: Play) -> Deferred[int]:
        self.against, self.pings, self.ping = message.against, message.pings, Ping()
        self.ctx.tell(self.against, self.ping)
        return self.ctx.defer("end")

    @receive(Pong)
    def on_pong(self, message: Pong) -> None:
        self.pongs += 1
        if self.pongs == self.pings:
            self.ctx.resolve("end", self.pongs)
        else:
            self.ctx.tell(self.against, self.ping)


class Ponger(Actor[Ping]):
    def __init__(self, back: Ref[Pong]) -> None:
        self.back = back
        self.pong = Pong()

    @receive(Ping)
    def on_ping(self, message: Ping) -> None:
        self.ctx.tell(self.back, self.pong)


async def callboard(system: System, watch: Stopwatch, pings: int) -> int:
    pinger = system.spawn(Spec(Pinger))
    ponger = system.spawn(Spec(Ponger, (pinger,)))
    with watch.running():
        return await pinger.ask(Play(against=ponger, pings=pings))
