"""N actors in a ring pass a token that counts down from R: scheduling, and nothing else."""

from actors import Actor, Address, Deferred, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Token(Message[None]):
    left: int


class Race(Message[int]):
    pass


class Over(Message[None]):
    at: int


class Runner(Actor[Token]):
    def __init__(self, place: int, following: Ref[Token], judge: Ref[Over]) -> None:
        self.place, self.following, self.judge = place, following, judge

    @receive(Token)
    def on_token(self, message: Token) -> None:
        if message.left == 0:
            self.ctx.tell(self.judge, Over(at=self.place))
        else:
            self.ctx.tell(self.following, Token(left=message.left - 1))


class Judge(Actor[Race | Over]):
    def __init__(self, first: Ref[Token], hops: int) -> None:
        self.first, self.hops = first, hops

    @receive(Race)
    def on_race(self, message: Race) -> Deferred[int]:
        self.ctx.tell(self.first, Token(left=self.hops))
        return self.ctx.defer("end")

    @receive(Over)
    def on_over(self, message: Over) -> None:
        self.ctx.resolve("end", message.at)


async def callboard(system: System, watch: Stopwatch, actors: int, hops: int) -> int:
    ring = [system.ref(Address.of(f"runner-{place}")) for place in range(actors)]
    judge = system.spawn(Spec(Judge, (ring[0], hops)))
    for place in range(actors):
        system.spawn(Spec(Runner, (place, ring[(place + 1) % actors], judge), name=f"runner-{place}"))
    with watch.running():
        return await judge.ask(Race())
