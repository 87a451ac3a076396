"""The line in which one supervisor's children start for the first time: each is up before the next begins.

A child that fails to start holds up those behind it until one of its restarts has brought it up, or it has gone
for good. One that asks another behind it gets AskCycle: neither would ever start.
"""

from collections import deque
from collections.abc import Callable
from itertools import dropwhile, takewhile
from typing import Any

from runtime.cell import Cell
from runtime.under_way import UnderWay


class StartLine:
    """Who starts, and who comes next; `begin` starts one."""

    __slots__ = ("_begin", "_edge", "_first", "_goes", "_under_way", "_waiting")

    def __init__(self, begin: Callable[[Cell], object], under_way: UnderWay) -> None:
        self._begin = begin
        self._under_way = under_way
        self._first: Cell | None = None
        """Who is not up yet, and is waited for."""
        self._edge: list[Cell] = []
        """The same, as the edge in the wait-for graph that all in the line share."""
        self._waiting: deque[Cell] = deque()
        self._goes = False

    @property
    def waiting(self) -> set[Cell]:
        """Who has not begun."""
        return set(self._waiting)

    def join(self, cell: Cell) -> None:
        """Start it, when those before it are up."""
        if self._first is None and not self._waiting:
            self._start(cell)
            return
        cell.waits = self._edge
        self._set_edge()
        self._waiting.append(cell)
        self._under_way.coming[cell] = None

    def over(self, cell: Cell) -> None:
        """It is up, or gone."""
        if cell is self._first:
            self._first = None
            if self._waiting and not self._goes:
                self._go_on()

    def _start(self, cell: Cell) -> None:
        if cell.spec.wait_started:
            self._first = cell
        self._begin(cell)

    def _go_on(self) -> None:
        self._goes = True  # a child that is up at once comes back to `over`, and not a call deeper each
        while self._waiting and self._first is None:
            cell = self._waiting.popleft()
            cell.waits = None
            if cell.end_reason is None:
                self._under_way.came(cell)
                self._start(cell)
        self._goes = False
        self._set_edge()

    def _set_edge(self) -> None:
        self._edge[:] = [] if self._first is None else [self._first]


def begin_asked(asker: Cell, child: Cell) -> None:
    """A turn asks a child that it has spawned: it begins now, and first, to keep the order, those spawned before it."""
    family: dict[Any, Cell] = asker.children.children
    backwards = dropwhile(lambda one: one is not child, reversed(family.values()))
    for one in reversed(list(takewhile(lambda one: one.unborn is asker, backwards))):
        one.parent.begin_child(one)
