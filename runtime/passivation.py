"""Passivation: an actor that was activated by its address goes when nobody has written to it for a while.

A second chance instead of a time stamp for each turn: a turn marks its cell, a look clears the mark, and a cell
found unmarked goes. So it goes after one to two times `idle_after`, and a turn pays one store.
"""

from collections import deque
from collections.abc import Callable

from runtime.cell import Cell
from runtime.timers import Timer, Timers


class Passivation:
    """The activated cells, in the order in which they are looked at; one line for each `idle_after`."""

    def __init__(self, timers: Timers, now: Callable[[], float], passivate: Callable[[Cell], None]) -> None:
        self._timers = timers
        self._now = now
        self._passivate = passivate
        self._lines: dict[float, deque[tuple[float, Cell]]] = {}

    def watch(self, cell: Cell) -> None:
        idle_after = cell.spec.idle_after
        if idle_after is None:
            return
        line = self._lines.get(idle_after)
        if line is None:
            line = self._lines[idle_after] = deque()
        line.append((self._now() + idle_after, cell))
        if len(line) == 1:
            self._timers.after(idle_after, lambda _: self._look(idle_after))

    def _look(self, idle_after: float) -> None:
        line = self._lines[idle_after]
        now = self._now()
        while line and line[0][0] <= now:
            cell = line.popleft()[1]
            if cell.ended:
                continue
            if not cell.touched:
                self._passivate(cell)
            if not cell.ended:
                cell.touched = False
                line.append((now + idle_after, cell))
        if line:
            self._timers.at(line[0][0], self._again(idle_after))

    def _again(self, idle_after: float) -> Callable[[Timer], None]:
        return lambda _: self._look(idle_after)
