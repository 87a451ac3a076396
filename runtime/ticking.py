"""An incarnation's clockwork: single timers, periodic ones, and the timeout of a silent mailbox.

A timer's message is handled only if its timer still holds when its turn comes: cancelled, replaced, or of a past
incarnation, it is dropped without a word.
"""

from math import inf
from typing import Any, Protocol

from typing_extensions import override

from actors.message import Message
from actors.timers import RECEIVE_TIMEOUT
from runtime.cell import Cell
from runtime.clock import Clock
from runtime.envelope import Envelope, Ticket
from runtime.outputs import Output
from runtime.staged import Change, Undoable
from runtime.timers import Timer, Timers


class Post(Protocol):
    """The router's way for a message of the runtime's own."""

    def post(self, cell: Cell, message: Any, timer: Ticket | None = None) -> Envelope: ...
    def post_last(self, cell: Cell, message: Any, ticket: Ticket) -> Envelope: ...


NEXT_TICK = "ticks"
"""The runtime's own output in a periodic timer's turn: no change that its handler has made."""


class Clockwork(Protocol):
    """What a clock needs of the system."""

    clock: Clock
    timers: Timers

    @property
    def router(self) -> Post: ...


class Books(Protocol):
    """What the clockwork needs of its incarnation."""

    cell: Cell
    fenced: bool
    timers: dict[str, Timer] | None
    silence: "Silence | None"
    opening: list[Output] | None
    changes: dict[object, Change] | None


def _own_turn(books: Books) -> None:
    if books.silence is not None:
        books.silence.own_turn = True


class Due:
    """A single timer whose message waits in the mailbox."""

    __slots__ = ("_books", "_key", "_timer")

    def __init__(self, books: Books, key: str, timer: Timer) -> None:
        self._books = books
        self._key = key
        self._timer = timer

    def taken(self) -> bool:
        if self._timer.cancelled:
            return False
        if self._books.timers is not None:
            self._books.timers.pop(self._key, None)
        _own_turn(self._books)
        return True


class Periodic:
    """A timer that comes again: `every` seconds after its turn, or, by `rate`, on a fixed grid.

    On the grid its turn may last longer than its period. A tick that is due when the
    one before it ends comes behind the mail there is: at the head, there would be nothing but ticks.
    """

    __slots__ = (
        "_books",
        "_clock",
        "_every",
        "_key",
        "_message",
        "_over_at",
        "_rate",
        "_router",
        "_timers",
    )

    def __init__(
        self,
        books: Books,
        rooms: Clockwork,
        key: str,
        message: Message[Any],
        every: float,
        *,
        rate: bool,
    ) -> None:
        self._books = books
        self._clock = rooms.clock
        self._timers = rooms.timers
        self._router = rooms.router
        self._key = key
        self._message = message
        self._every = every
        self._rate = rate
        self._over_at = -inf
        """When the last tick's turn was over; infinite while it is under way."""

    def fire(self, timer: Timer) -> None:
        """It is due: one message, however often it was missed."""
        tick = _Tick(self, timer)
        post = self._router.post_last if self._rate and timer.at <= self._over_at else self._router.post
        tick.envelope = post(self._books.cell, self._message, tick)

    def taken(self, timer: Timer, envelope: Envelope | None) -> None:
        """Its turn begins. On the grid the next one is set now, else behind the turn."""
        _own_turn(self._books)
        self._books.opening = [_NextTick(self, timer)]
        if not self._rate:
            return
        self._over_at = inf
        missed = int((self._clock.now() - timer.at) / self._every)
        self._set(timer, timer.at + (missed + 1) * self._every)
        if missed and envelope is not None and hasattr(envelope.message, "missed"):
            envelope.message = envelope.message.model_copy(update={"missed": missed})

    def next(self, timer: Timer) -> None:
        """The turn of `timer` is over."""
        if self._rate:
            self._over_at = self._clock.now()
        elif not self._books.fenced and not timer.cancelled:
            self._set(timer, self._clock.now() + self._every)

    def _set(self, before: Timer, at: float) -> None:
        mine = self._books.timers
        assert mine is not None
        before.cancelled = True
        mine[self._key] = self._timers.at(at, self.fire)


class _Tick:
    """Its ticket."""

    __slots__ = ("_periodic", "_timer", "envelope")

    def __init__(self, periodic: Periodic, timer: Timer) -> None:
        self._periodic = periodic
        self._timer = timer
        self.envelope: Envelope | None = None

    def taken(self) -> bool:
        if self._timer.cancelled:
            return False
        self._periodic.taken(self._timer, self.envelope)
        return True


class _NextTick(Undoable):
    """Sets the next one behind the turn, or notes its end, whatever becomes of the turn: only its incarnation's end ends it."""

    __slots__ = ("_periodic", "_timer")

    def __init__(self, periodic: Periodic, timer: Timer) -> None:
        super().__init__(NEXT_TICK)
        self._periodic = periodic
        self._timer = timer

    @override
    def release(self) -> None:
        self._periodic.next(self._timer)

    @override
    def undo(self) -> None:
        self._periodic.next(self._timer)


class Silence:
    """How long no message has come; the actor's own timers do not break it."""

    __slots__ = ("_after", "_books", "_clock", "_heard_at", "_message", "_router", "_timers", "own_turn")

    def __init__(self, books: Books, rooms: Clockwork, message: Message[Any], after: float) -> None:
        self._books = books
        self._clock = rooms.clock
        self._timers = rooms.timers
        self._router = rooms.router
        self._message = message
        self._after = after
        self._heard_at = rooms.clock.now()
        self.own_turn = False

    def heard(self) -> None:
        """A turn begins."""
        if self.own_turn:
            self.own_turn = False
        else:
            self._heard_at = self._clock.now()

    def first(self) -> Timer:
        return Timer(self._heard_at + self._after, self.fire)

    def fire(self, timer: Timer) -> None:
        """It has been quiet for as long as that, or is to be looked at again."""
        mine = self._books.timers
        assert mine is not None
        now = self._clock.now()
        if now - self._heard_at >= self._after:
            self._router.post(self._books.cell, self._message, _Quiet(self, self._books))
            self._heard_at = now
        timer.cancelled = True
        mine[RECEIVE_TIMEOUT] = self._timers.at(self._heard_at + self._after, self.fire)


class SilenceChange(Change):
    """A receive timeout set, replaced or called off; the turn that did it may not count."""

    __slots__ = ("_before", "_books")

    def __init__(self, books: Books, after: Silence | None) -> None:
        super().__init__("silence", books, "silence")
        self._books = books
        self._before = books.silence
        books.silence = after

    @override
    def take_back(self) -> None:
        self._books.silence = self._before


class _Quiet:
    """The ticket of a receive timeout: void when it was called off meanwhile."""

    __slots__ = ("_books", "_silence")

    def __init__(self, silence: Silence, books: Books) -> None:
        self._silence = silence
        self._books = books

    def taken(self) -> bool:
        if self._books.fenced or self._books.silence is not self._silence:
            return False
        self._silence.own_turn = True
        return True
