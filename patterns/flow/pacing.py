"""Stages that have to do with time: batches, a throttle, and a buffer that rather loses the oldest than waits."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from typing_extensions import override

from actors.address import Address
from patterns.flow.messages import Tick
from patterns.flow.stage import Stage, Wiring

TIMER = "pace"


class Batching(Stage):
    """Lists of `count` items; of fewer when the oldest has waited `within` seconds, and at the end."""

    def __init__(self, wiring: Wiring, count: int, within: float | None) -> None:
        super().__init__(wiring)
        self._count = count
        self._within = within
        self._collected: list[Any] = []
        self._due = False

    @override
    def work(self) -> None:
        inlet, outlet = self.inlets[0], self.outlets[0]
        while True:
            while inlet.buffer and len(self._collected) < self._count:
                self._collect(inlet.take())
            whole = len(self._collected) == self._count or self._due or inlet.ended
            if not (self._collected and whole and outlet.room):
                return
            outlet.put(self._collected)
            self._collected, self._due = [], False
            if self._within is not None:
                self.ctx.cancel(TIMER)

    def _collect(self, item: Any) -> None:
        if not self._collected and self._within is not None:
            self.ctx.timer(TIMER, self._within, Tick())
        self._collected.append(item)

    @override
    def ticked(self) -> None:
        self._due = True

    @override
    def held(self) -> list[Any]:
        return self._collected


class Throttling(Stage):
    """At most one item each `interval` seconds."""

    def __init__(self, wiring: Wiring, interval: float) -> None:
        super().__init__(wiring)
        self._interval = interval
        self._open = True

    @override
    def work(self) -> None:
        if self._open and self.inlets[0].buffer and self.outlets[0].room:
            self.outlets[0].put(self.inlets[0].take())
            self._open = False
            self.ctx.timer(TIMER, self._interval, Tick())

    @override
    def ticked(self) -> None:
        self._open = True

    @override
    def awaits(self) -> Sequence[tuple[Address | None, str]]:
        if self._open or not self.inlets[0].buffer:
            return super().awaits()
        return [(None, f"the end of its {self._interval:g} s")]


class Dropping(Stage):
    """It takes whatever comes and keeps the newest `keep`."""

    def __init__(self, wiring: Wiring, keep: int) -> None:
        super().__init__(wiring)
        self._keep = keep
        self._kept: deque[Any] = deque()

    @override
    def work(self) -> None:
        inlet, outlet = self.inlets[0], self.outlets[0]
        while inlet.buffer:
            self._kept.append(inlet.take())
        while self._kept and outlet.room:
            outlet.put(self._kept.popleft())
        while len(self._kept) > self._keep:
            self._kept.popleft()
            self.dropped += 1

    @override
    def held(self) -> list[Any]:
        return list(self._kept)
