"""Stages with several inlets or outlets: merge, partition by key, broadcast."""

from collections.abc import Callable
from typing import Any
from zlib import crc32

from typing_extensions import override

from patterns.flow.stage import Stage, Wiring


class Merging(Stage):
    """Items of all inlets as they come, one from each in turn, so that none waits for the end of another."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__(wiring)
        self._turn_of = 0

    @override
    def work(self) -> None:
        outlet = self.outlets[0]
        idle = 0
        while outlet.room and idle < len(self.inlets):
            inlet = self.inlets[self._turn_of]
            self._turn_of = (self._turn_of + 1) % len(self.inlets)
            if inlet.buffer:
                outlet.put(inlet.take())
                idle = 0
            else:
                idle += 1


class Partitioning(Stage):
    """Items of one key go to one outlet, in order. An item whose outlet is full holds up those behind it."""

    def __init__(self, wiring: Wiring, key: Callable[[Any], object]) -> None:
        super().__init__(wiring)
        self._key = key

    @override
    def work(self) -> None:
        inlet = self.inlets[0]
        while inlet.buffer:
            good, lane = self.call(self._lane, inlet.buffer[0])
            if not good:
                return
            number: int = lane
            if not self.outlets[number].room:
                return
            self.outlets[number].put(inlet.take())

    def _lane(self, item: Any) -> int:
        # `hash` is another one in each process
        return crc32(str(self._key(item)).encode("utf-8", "surrogatepass")) % len(self.outlets)


class Broadcasting(Stage):
    """Each item goes to every outlet, at the pace of the slowest."""

    @override
    def work(self) -> None:
        while self.inlets[0].buffer and self._room():
            item = self.inlets[0].take()
            for outlet in self.outlets:
                outlet.put(item)

    def _room(self) -> int:
        return min(outlet.room for outlet in self.outlets)
