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


class Changed(Protocol):
    """The books of who has changed something."""

    changes: "dict[object, Change] | None"
    """The newest change of each thing that can still be undone."""


class Books(Changed, Protocol):
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


class Change(Undoable):
    """Of what a turn in the midst of this one may change too: if that one counts, there is nothing left to undo."""

    __slots__ = ("_changed", "_earlier", "_what")

    def __init__(self, label: str, books: Changed, what: object) -> None:
        super().__init__(label)
        if books.changes is None:
            books.changes = {}
        self._changed = books.changes
        self._what = what
        self._earlier = books.changes.get(what)
        books.changes[what] = self

    @override
    def release(self) -> None:
        self._earlier = None
        if self._changed.get(self._what) is self:
            del self._changed[self._what]

    @override
    def undo(self) -> None:
        if self._changed.get(self._what) is not self:
            self.overruled()
            return
        del self._changed[self._what]
        if self._earlier is not None:
            self._changed[self._what] = self._earlier
        self.take_back()

    @abstractmethod
    def take_back(self) -> None:
        """Nobody has changed it since."""

    def overruled(self) -> None:
        """Somebody has: what that one has done stands."""


class TimerChange(Change):
    """A timer set (`after`), replaced (`before` was there), or cancelled (no `after`)."""

    __slots__ = ("_after", "_before", "_books", "_key", "_timers")

    def __init__(
        self, books: Books, timers: Timers, key: str, before: Timer | None, after: Timer | None
    ) -> None:
        super().__init__("cancelled" if after is None else "timed", books, ("timer", key))
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
        super().release()
        if self._after is not None and not self._after.cancelled:
            self._timers.add(self._after)

    @override
    def take_back(self) -> None:
        mine = self._books.timers
        assert mine is not None
        if (present := mine.pop(self._key, None)) is not None:
            present.cancelled = True
        before = self._before
        if before is None or self._books.fenced:
            return
        if before.runs:
            # made anew: while it was cancelled, the heap may have dropped it, the mailbox its message
            mine[self._key] = self._timers.at(before.at, before.fire)
        else:  # set by a turn that does not count yet
            before.cancelled = False
            mine[self._key] = before


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
