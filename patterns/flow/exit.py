"""The end of a flow: holds what the consumer has not seen yet, and tells it of the flow's end or failure."""

from collections.abc import Sequence
from itertools import islice

from typing_extensions import override

from actors.address import Address
from actors.handlers import receive
from actors.message import Deferred
from patterns.flow.messages import Broken, Chunk, FlowBroken, Next
from patterns.flow.stage import Stage, Wiring, counted

NEXT = "next"


class Exit(Stage):
    """An item counts as taken when the consumer has said that it has seen it: what a cancelled request was answered is given again."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__(wiring)
        self._broken: tuple[Exception, ...] = ()
        self._chunk_max = max(1, wiring.window // 2)

    @receive(Next)
    def on_next(self, message: Next) -> Chunk | Deferred[Chunk]:
        self._count(message.seen)
        if self._broken:
            raise FlowBroken(self._broken)
        self.go_on()
        chunk = self._chunk()
        return self.ctx.defer(NEXT) if chunk is None else chunk

    @receive(Broken)
    def on_broken(self, message: Broken) -> None:
        self.still = True
        self._broken = message.errors
        self.ctx.refuse(NEXT, FlowBroken(self._broken))

    @override
    def work(self) -> None:
        if NEXT in self.ctx.deferred and (chunk := self._chunk()) is not None:
            self.ctx.resolve(NEXT, chunk)

    @override
    def awaits(self) -> Sequence[tuple[Address | None, str]]:
        if items := len(self.inlets[0].buffer):
            return [(None, f"its consumer, who has not said that it has seen {counted(items)}")]
        return super().awaits()

    @override
    def leave(self, seen: int) -> None:
        self._count(seen)

    def _chunk(self) -> Chunk | None:
        inlet = self.inlets[0]
        if inlet.buffer:
            return Chunk(tuple(islice(inlet.buffer, self._chunk_max)))
        return Chunk((), ended=True) if inlet.ended else None

    def _count(self, seen: int) -> None:
        inlet = self.inlets[0]
        while inlet.taken < seen:
            inlet.take()
        self.delivered = seen
