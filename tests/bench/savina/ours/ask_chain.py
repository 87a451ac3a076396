"""Each actor asks the next, and the last one answers: what depth costs an ask."""

from actors import Actor, Message, Ref, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


class Depth(Message[int]):
    pass


class Link(Actor[Depth]):
    def __init__(self, following: Ref[Depth] | None) -> None:
        self.following = following

    @receive(Depth)
    async def on_depth(self, message: Depth) -> int:
        return 1 if self.following is None else 1 + await self.following.ask(message)


async def callboard(system: System, watch: Stopwatch, depth: int, asks: int) -> int:
    link: Ref[Depth] | None = None
    for _ in range(depth):
        link = system.spawn(Spec(Link, (link,)))
    assert link is not None
    message = Depth()
    with watch.running():
        return sum([await link.ask(message) for _ in range(asks)])
