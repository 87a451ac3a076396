"""What a turn does to its own timers, children and pipes: in force behind the turn, undone when it does not count.

A turn that crashed, or was cut, has not happened: its children never start, its timers never run, a timer that
it cancelled runs on. So each of them is an output. The incarnation's books are changed at once, so that a name
is taken, a limit is counted and a cancelled timer is silent within the same turn.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from typing_extensions import override

from runtime.cell import Cell
from runtime.timers import Timer, Timers


class Books(Protocol):
    """What an incarnation keeps of its own."""

    fenced: bool
    timers: dict[str, Timer] | None
    piping: int


class Undoable(ABC):
    """An output that has changed the books already."""

    __slots__ = ("label",)

    def __init__(self, label: str) -> None:
        self.label = label

    @abstractmethod
    def release(self) -> None:
        """The turn counts."""

    def fail(self, error: Exception) -> None:  # noqa: B027 -- most have nothing to do
        """Its commit did not happen: the incarnation is discarded, with its timers, pipes and children."""

    @abstractmethod
    def undo(self) -> None:
        """The turn does not count, and its incarnation may go on."""


class TimerChange(Undoable):
    """A timer set (`after`), replaced (`before` was there), or cancelled (no `after`)."""

    __slots__ = ("_after", "_before", "_books", "_key", "_timers")

    def __init__(
        self, books: Books, timers: Timers, key: str, before: Timer | None, after: Timer | None
    ) -> None:
        super().__init__("cancelled" if after is None else "timed")
        self._books = books
        self._timers = timers
        self._key = key
        self._before = before
        self._after = after
        mine = books.timers
        if mine is None:
            mine = books.timers = {}
        if before is not None:
            before.cancelled = True
            del mine[key]
        if after is not None:
            mine[key] = after

    @override
    def release(self) -> None:
        if self._after is not None and not self._after.cancelled:
            self._timers.add(self._after)

    @override
    def undo(self) -> None:
        mine = self._books.timers
        assert mine is not None
        if (present := mine.pop(self._key, None)) is not None:
            present.cancelled = True
        if self._before is not None and not self._books.fenced:
            # made anew: while it was cancelled, the heap may have dropped it, the mailbox its message
            mine[self._key] = self._timers.at(self._before.at, self._before.fire)


class Spawned(Undoable):
    """A child that has its name and its mailbox, and starts behind the turn."""

    __slots__ = ("_child",)

    def __init__(self, child: Cell) -> None:
        super().__init__("spawned")
        self._child = child

    @override
    def release(self) -> None:
        self._child.parent.begin_child(self._child)

    @override
    def fail(self, error: Exception) -> None:
        self.undo()  # its parent's incarnation may be one that leaves its children to the next

    @override
    def undo(self) -> None:
        self._child.parent.drop_child(self._child)


class PipeBegun(Undoable):
    """A pipe that is counted, and begins behind the turn."""

    __slots__ = ("_begin", "_books")

    def __init__(self, books: Books, begin: Callable[[], None]) -> None:
        super().__init__("piped")
        self._books = books
        self._begin = begin
        books.piping += 1

    @override
    def release(self) -> None:
        if not self._books.fenced:  # what the turn has said before it may have failed its own actor
            self._begin()

    @override
    def undo(self) -> None:
        self._books.piping -= 1
