"""A tree of ten children a node, whose leaves tell their number upward: a great many births, deaths and small sums."""

from actors import Actor, Deferred, Message, Ref, Restart, Spec, receive
from runtime.system import System
from tests.bench.savina.harness import Stopwatch

WIDTH = 10


class Start(Message[None]):
    pass


class Sum(Message[None]):
    value: int


class Reckon(Message[int]):
    leaves: int


class Node(Actor[Start | Sum]):
    def __init__(self, above: Ref[Sum], number: int, leaves: int) -> None:
        self.above, self.number, self.leaves = above, number, leaves
        self.value, self.missing = 0, WIDTH

    @receive(Start)
    def on_start(self, message: Start) -> None:
        if self.leaves == 1:
            self.end(self.number)
            return
        share = self.leaves // WIDTH
        for place in range(WIDTH):
            args = (self.ctx.me, self.number + place * share, share)
            child = self.ctx.spawn(Spec(Node, args, restart=Restart.TEMPORARY))
            self.ctx.tell(child, message)

    @receive(Sum)
    def on_sum(self, message: Sum) -> None:
        self.value += message.value
        self.missing -= 1
        if self.missing == 0:
            self.end(self.value)

    def end(self, value: int) -> None:
        self.ctx.tell(self.above, Sum(value=value))
        self.ctx.stop()


class Root(Actor[Reckon | Sum]):
    @receive(Reckon)
    def on_reckon(self, message: Reckon) -> Deferred[int]:
        args = (self.ctx.me, 0, message.leaves)
        top = self.ctx.spawn(Spec(Node, args, restart=Restart.TEMPORARY))
        self.ctx.tell(top, Start())
        return self.ctx.defer("sum")

    @receive(Sum)
    def on_sum(self, message: Sum) -> None:
        self.ctx.resolve("sum", message.value)


async def callboard(system: System, watch: Stopwatch, leaves: int) -> int:
    root = system.spawn(Spec(Root))
    with watch.running():
        return await root.ask(Reckon(leaves=leaves))
