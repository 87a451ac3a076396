"""N actors, each pings a random other and waits for its pong, P times: many to many, no locality."""

from actors import Actor, Address, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch
from tests.bench.savina.programs import other


class Start(Message[None]):
    pass


class Ping(Message[None]):
    sender: int


class Pong(Message[None]):
    pass


class Done(Message[None]):
    pongs: int


class Play(Message[int]):
    pass


class Friend(Actor[Start | Ping | Pong]):
    def __init__(
        self, number: int, friends: list[Ref[Start | Ping | Pong]], sink: Ref[Done], pings: int
    ) -> None:
        self.number, self.friends, self.sink, self.pings, self.pongs = number, friends, sink, pings, 0
        self.ping, self.pong = Ping(sender=number), Pong()

    @receive(Start)
    def on_start(self, message: Start) -> None:
        self.next()

    @receive(Ping)
    def on_ping(self, message: Ping) -> None:
        self.ctx.tell(self.friends[message.sender], self.pong)

    @receive(Pong)
    def on_pong(self, message: Pong) -> None:
        self.pongs += 1
        if self.pongs == self.pings:
            self.ctx.tell(self.sink, Done(pongs=self.pongs))
        else:
            self.next()

    def next(self) -> None:
        self.ctx.tell(self.friends[other(self.number, len(self.friends), self.pongs)], self.ping)


class Sink(Actor[Play | Done]):
    def __init__(self, friends: list[Ref[Start | Ping | Pong]]) -> None:
        self.friends, self.missing, self.total = friends, len(friends), 0

    @receive(Play)
    def on_play(self, message: Play) -> Deferred[int]:
        for friend in self.friends:
            self.ctx.tell(friend, Start())
        return self.ctx.defer("end")

    @receive(Done)
    def on_done(self, message: Done) -> None:
        self.total += message.pongs
        self.missing -= 1
        if self.missing == 0:
            self.ctx.resolve("end", self.total)


async def callboard(system: System, watch: Stopwatch, actors: int, pings: int) -> int:
    friends: list[Ref[Start | Ping | Pong]] = [
        system.ref(Address.of(f"friend-{number}")) for number in range(actors)
    ]
    sink = system.spawn(Spec(Sink, (friends,)))
    for number in range(actors):
        system.spawn(Spec(Friend, (number, friends, sink, pings), name=f"friend-{number}"))
    with watch.running():
        return await sink.ask(Play())
