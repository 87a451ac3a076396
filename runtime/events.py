"""The event stream: dead letters and the lives of actors, told to whoever listens.

Lossy by contract, so that a publisher never waits: of each subscription one event at most is in the mailbox, in
the system lane, and `QUEUE_MAX` wait here; then the oldest goes, and is counted. Nobody listens: one test.

An actor is not told about itself: a listener that crashes on an event would be told of that crash, and so on.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from actors.actor import StopReason
from actors.address import Address
from actors.event import Event, check_subscription
from actors.ref import Ref
from runtime.cell import STOPPED, Cell
from runtime.envelope import Ticket

E = TypeVar("E", bound=Event)
QUEUE_MAX = 1_000
"""Events of one subscription that wait."""

Post = Callable[[Cell, object, Ticket], object]
"""Puts a message of the runtime's own into a mailbox."""


@dataclass(frozen=True, slots=True)
class LifeEvent(Event):
    """Subscribe to it for all of the four below."""

    address: Address
    incarnation: int


@dataclass(frozen=True, slots=True)
class ActorIsUp(LifeEvent):
    """Its first incarnation has started."""


@dataclass(frozen=True, slots=True)
class ActorIsUpAgain(LifeEvent):
    """A later incarnation has started: after a crash, or a discard."""


@dataclass(frozen=True, slots=True)
class ActorHasCrashed(LifeEvent):
    """A handler raised what its message does not list; what becomes of the actor is its supervisor's to decide."""

    error: str


@dataclass(frozen=True, slots=True)
class ActorHasStopped(LifeEvent):
    """It has ended, and gone from its address."""

    reason: StopReason


class Feed:
    """What one actor is still to be told, oldest first."""

    __slots__ = ("_fetch", "_post", "_posted", "cell")

    def __init__(self, cell: Cell, post: Post, fetch: Callable[[], Event | None]) -> None:
        self.cell = cell
        self._post = post
        self._fetch = fetch
        self._posted = False

    def go_on(self) -> None:
        """Put the next event into the mailbox, unless one is there."""
        if self._posted or self.cell.end_reason is not None or self.cell.status is STOPPED:
            return
        event = self._fetch()
        if event is not None:
            self._posted = True
            self._post(self.cell, event, self)

    def taken(self) -> bool:
        """Its turn has come, or its actor is gone."""
        self._posted = False
        self.go_on()
        return True


class Subscription:
    """One actor's to one kind of events."""

    __slots__ = ("_feed", "_waiting", "dropped", "kind")

    def __init__(self, cell: Cell, kind: type[Event], post: Post) -> None:
        self.kind = kind
        self.dropped = 0
        self._waiting: deque[Event] = deque()
        self._feed = Feed(cell, post, lambda: self._waiting.popleft() if self._waiting else None)

    @property
    def cell(self) -> Cell:
        return self._feed.cell

    def put(self, event: Event) -> None:
        if len(self._waiting) >= QUEUE_MAX:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)
        self._feed.go_on()


class Events:
    """Who listens to what. `cell_of` finds a subscriber; it raises DeadLettered where nobody lives."""

    __slots__ = ("_cell_of", "_changed", "_post", "_subscriptions", "dropped")

    def __init__(
        self,
        cell_of: Callable[[Address], Cell],
        post: Post,
        changed: Callable[[frozenset[type[Event]]], None],
    ) -> None:
        self._cell_of = cell_of
        self._post = post
        self._changed = changed
        self._subscriptions: dict[tuple[Cell, type[Event]], Subscription] = {}
        self.dropped = 0
        """Events lost to full queues, of subscriptions that have ended; `lost` counts all."""

    @property
    def listening(self) -> bool:
        """Look before making an event."""
        return bool(self._subscriptions)

    @property
    def lost(self) -> int:
        """Events that were dropped because their subscriber was slow."""
        return self.dropped + sum(one.dropped for one in self._subscriptions.values())

    def subscribe(self, ref: Ref[E], kind: type[E]) -> None:
        """Tell `ref` each event of that kind from now on, over its restarts, until it ends. Raises DeadLettered."""
        check_subscription(kind)
        self.tell(self._cell_of(ref.address), kind)

    def tell(self, cell: Cell, kind: type[Event]) -> None:
        """As `subscribe`, of a cell that is known; twice is once."""
        if cell.status is not STOPPED and (cell, kind) not in self._subscriptions:
            self._subscriptions[cell, kind] = Subscription(cell, kind, self._post)
            self._changed(self._kinds())

    def _kinds(self) -> frozenset[type[Event]]:
        return frozenset(kind for _, kind in self._subscriptions)

    def unsubscribe(self, ref: Ref[E], kind: type[E]) -> None:
        """No event of that kind any more, save one that waits in the mailbox."""
        for place in list(self._subscriptions):
            if place[0].address == ref.address and place[1] is kind:
                self._end(place)

    def publish(self, event: Event, about: Address) -> None:
        """Tell all who listen, but for the one that it is about. It never waits."""
        for one in list(self._subscriptions.values()):
            if isinstance(event, one.kind) and one.cell.address != about:
                one.put(event)

    def holds(self, cell: Cell) -> bool:
        return any(place[0] is cell for place in self._subscriptions)

    def gone(self, cell: Cell) -> None:
        """The cell has ended."""
        for place in [place for place in self._subscriptions if place[0] is cell]:
            self._end(place)

    def _end(self, place: tuple[Cell, type[Event]]) -> None:
        self.dropped += self._subscriptions.pop(place).dropped
        self._changed(self._kinds())
