"""Passivation: an actor that was activated by its address goes when nobody has written to it for a while.

A second chance instead of a time stamp for each turn: a turn marks its cell, a look clears the mark, and a cell
found unmarked goes. So it goes after one to two times `idle_after`, and a turn pays one store.
"""

from collections import deque
from collections.abc import Callable

from runtime.cell import Cell
from runtime.timers import Timers

SHARE = 1 / 16
"""Of `idle_after`: actors activated so close to each other are looked at together, which saves 80 bytes for each."""

SWEEP_FROM = 1_000
"""Ended cells that may wait for the next look."""


class Passivation:
    """The activated cells, in the order in which they are looked at; one line of groups for each `idle_after`."""

    def __init__(self, timers: Timers, now: Callable[[], float], passivate: Callable[[Cell], None]) -> None:
        self._timers = timers
        self._now = now
        self._passivate = passivate
        self._lines: dict[float, deque[tuple[float, list[Cell]]]] = {}
        self._armed: set[float] = set()
        """Lines that have a timer set."""
        self._held = 0
        self._gone = 0

    def watch(self, cell: Cell) -> None:
        idle_after = cell.spec.idle_after
        if idle_after is None:
            return
        line = self._lines.get(idle_after)
        if line is None:
            line = self._lines[idle_after] = deque()
        self._held += 1
        now = self._now()
        if line and now <= line[-1][0] - idle_after * (1 - SHARE):
            line[-1][1].append(cell)
            return
        line.append((now + idle_after, [cell]))
        self._look_later(idle_after)

    def forget(self, cell: Cell) -> None:
        """It has ended. Those that have are let go when they are half of all: names by the thousand may come and go."""
        if cell.spec.idle_after is None:
            return
        self._gone += 1
        if self._gone < SWEEP_FROM or self._gone * 2 < self._held:
            return
        for line in self._lines.values():
            for _, cells in line:
                cells[:] = [one for one in cells if not one.ended]
        self._held = sum(len(cells) for line in self._lines.values() for _, cells in line)
        self._gone = 0

    def _look_later(self, idle_after: float) -> None:
        line = self._lines[idle_after]
        if line and idle_after not in self._armed:
            self._armed.add(idle_after)
            self._timers.at(line[0][0], lambda _: self._look(idle_after))

    def _look(self, idle_after: float) -> None:
        self._armed.discard(idle_after)
        line = self._lines[idle_after]
        now = self._now()
        left: list[Cell] = []
        while line and line[0][0] <= now:
            _, looked_at = line.popleft()
            self._held -= len(looked_at)
            left += [cell for cell in looked_at if self._stays(cell)]
        self._held += len(left)
        if left:
            line.append((now + idle_after, left))
        self._look_later(idle_after)

    def _stays(self, cell: Cell) -> bool:
        if not cell.ended and not cell.touched:
            self._passivate(cell)
        cell.touched = False
        return not cell.ended
