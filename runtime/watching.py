"""Who is told when an actor has ended for good.

A watch is of an address: a restart is no end, and passivation is none. `Terminated` goes behind the watcher's user
messages, and not into the system lane, so that it comes after everything that the watched one had sent. So does
`ActorIsUpAgain`, for who has asked to be told of restarts: after all that the earlier incarnations had sent.
"""

from collections.abc import Callable
from typing import Any, Protocol

from typing_extensions import override

from actors.actor import StopReason
from actors.address import Address
from actors.errors import DeathPact, MissingHandler
from actors.message import AsMessage, Message
from actors.signals import Terminated
from runtime.boundary import Boundary
from runtime.cell import Cell
from runtime.envelope import Envelope
from runtime.events import ActorIsUpAgain
from runtime.staged import Change
from runtime.waits import leaver


class Post(Protocol):
    """The router's way for a message of the runtime's own."""

    def post_last(self, cell: Cell, message: Any, ticket: Any) -> Envelope: ...


class Watcher(Protocol):
    """An incarnation that watches."""

    cell: Cell
    fenced: bool
    watches: "dict[Address, Watch] | None"
    changes: dict[object, Change] | None


class Watch:
    """One watch; the ticket of its message too: undone meanwhile, nothing is handled."""

    __slots__ = ("address", "again", "as_", "over", "reason", "restarts", "told", "watcher")

    def __init__(
        self, watcher: Watcher, address: Address, as_: AsMessage | None, *, restarts: bool = False
    ) -> None:
        """Raises MissingHandler: who asks for restarts has a handler for them."""
        if restarts and as_ is None and ActorIsUpAgain not in watcher.cell.handlers:
            raise MissingHandler(
                f"{watcher.cell.address} watches restarts and has no handler for ActorIsUpAgain"
            )
        self.watcher = watcher
        self.address = address
        self.as_ = as_
        self.restarts = restarts
        self.again: Again | None = None
        """The newest restart since the watch began, unless it has been handled."""
        self.over = False
        """Undone, or replaced."""
        self.reason: StopReason | None = None
        """The watched one has ended, whether the watcher is told of it or not."""
        self.told = False

    @property
    def holds(self) -> bool:
        return not self.over and not self.watcher.fenced

    def taken(self) -> bool:
        if self.over:
            self.told = False  # its message is dropped: if the watch comes back, it is to be told again
        if not self.holds:
            return False
        del (self.watcher.watches or {})[self.address]
        return True

    def news(self, reason: StopReason) -> Message[Any]:
        """What the watcher is told. Raises DeathPact if it has no handler for that, and whatever `as_` raises."""
        terminated = Terminated(address=self.address, reason=reason)
        message = terminated if self.as_ is None else self.as_(terminated)
        if message.__class__ not in self.watcher.cell.handlers:
            raise DeathPact(f"{self.address} has ended: {reason.name}")
        return message


class Again:
    """A restart of the watched one; the ticket of its message too.

    Of one watch the newest alone waits: a watcher that is slow does not hold a message for each of many restarts.
    """

    __slots__ = ("_watch", "envelope", "incarnation")

    def __init__(self, watch: Watch, incarnation: int) -> None:
        self._watch = watch
        self.incarnation = incarnation
        self.envelope: Envelope | None = None

    def taken(self) -> bool:
        watch = self._watch
        if watch.again is not self or not watch.holds:
            return False  # if the watch comes back, it is told anew
        watch.again = None
        return True


class Watches:
    """All watches of a system."""

    def __init__(self, router: Post) -> None:
        self._router = router
        self._of: dict[Address, dict[Watcher, Watch]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def add(self, watch: Watch) -> Watch | None:
        """From now on; a second watch of the same address replaces the first, which is answered."""
        unwatched = self._of.get(watch.address, {}).get(watch.watcher)  # in this same turn
        before = self.silence(watch.watcher, watch.address) or unwatched
        self._enter(watch)
        return before

    def silence(self, watcher: Watcher, address: Address) -> Watch | None:
        """No `Terminated` of it is handled any more, even if it waits in the mailbox; until `forget` it can be restored."""
        watch = (watcher.watches or {}).pop(address, None)
        if watch is not None:
            watch.over = True
        return watch

    def restore(self, watch: Watch) -> None:
        """As if it had never been silenced: what has come meanwhile is told now."""
        watch.over = False
        self._enter(watch)
        if watch.again is not None and not watch.told:
            self._tell_again(watch, watch.again.incarnation)
        if watch.reason is not None:
            self.forget(watch)
            if not watch.told:
                self.tell(watch, watch.reason)

    def forget(self, watch: Watch) -> None:
        """It will not be restored."""
        watchers = self._of.get(watch.address)
        if watchers is not None and watchers.get(watch.watcher) is watch:
            del watchers[watch.watcher]
            if not watchers:
                del self._of[watch.address]

    def drop(self, watcher: Watcher) -> None:
        """The watcher's incarnation is over."""
        for address in list(watcher.watches or ()):
            if (watch := self.silence(watcher, address)) is not None:
                self.forget(watch)

    def ended(self, address: Address, reason: StopReason) -> Callable[[], None]:
        """Whoever lived there has gone for good; what is answered tells each watcher, once."""
        watches = list(self._of.pop(address, {}).values())

        def tell() -> None:
            for watch in watches:
                self.tell(watch, reason)

        return tell

    def again(self, address: Address, incarnation: int) -> Callable[[], None] | None:
        """A later incarnation is up; what is answered tells each watcher that has asked for it."""
        watches = list(self._of.get(address, {}).values())
        if not watches:
            return None

        def tell() -> None:
            for watch in watches:
                self._tell_again(watch, incarnation)

        return tell

    def _tell_again(self, watch: Watch, incarnation: int) -> None:
        cell, before = watch.watcher.cell, watch.again
        if before is not None and before.envelope is not None:
            leaver(cell, before.envelope)()
        watch.again = again = Again(watch, incarnation)
        if not (watch.restarts and watch.holds):
            return  # kept in the books: an earlier watch that has asked for it may come back in its place
        with Boundary() as boundary:
            up = ActorIsUpAgain(watch.address, incarnation)
            news = up if watch.as_ is None else watch.as_(up)
            again.envelope = self._router.post_last(cell, news, again)
        if boundary.error is not None:
            cell.parent.failed(cell, boundary.error)

    def tell(self, watch: Watch, reason: StopReason) -> None:
        """Deliver it; who has no handler for `Terminated` has made a death pact, and fails."""
        news = None
        with Boundary() as boundary:
            news = watch.news(reason) if watch.holds else None
        self.deliver(watch, reason, news)
        if boundary.error is not None:
            watch.told = True
            cell = watch.watcher.cell
            cell.parent.failed(cell, boundary.error)

    def deliver(self, watch: Watch, reason: StopReason, news: Message[Any] | None) -> None:
        """The watched one has ended; no `news`: nobody is to hear of it."""
        self.forget(watch)
        watch.reason = reason
        if news is not None:
            watch.told = True
            self._router.post_last(watch.watcher.cell, news, watch)

    def _enter(self, watch: Watch) -> None:
        watcher = watch.watcher
        if watcher.watches is None:
            watcher.watches = {}
        watcher.watches[watch.address] = watch
        self._of.setdefault(watch.address, {})[watcher] = watch


class Watched(Change):
    """A turn's `watch` (`after`), or its `unwatch`: in force at once, undone when the turn does not count."""

    __slots__ = ("_after", "_before", "_watches")

    def __init__(
        self, books: Watcher, watches: Watches, address: Address, before: Watch | None, after: Watch | None
    ) -> None:
        super().__init__("unwatched" if after is None else "watched", books, ("watch", address))
        self._watches = watches
        self._before = before
        self._after = after

    @override
    def release(self) -> None:
        super().release()
        self._forget_before()

    @override
    def fail(self, error: Exception) -> None:
        self.release()

    @override
    def overruled(self) -> None:
        self._forget_before()

    def _forget_before(self) -> None:
        if self._before is not None:
            self._watches.forget(self._before)

    @override
    def take_back(self) -> None:
        before, after = self._before, self._after
        handled = False
        if after is not None:
            # told, and its message was handled while the turn was suspended
            handled = self._watches.silence(after.watcher, after.address) is None
            self._watches.forget(after)
        if before is None:
            return
        if handled or before.watcher.fenced:
            self._watches.forget(before)
            return
        if after is not None:  # the one in force was told in its place
            before.reason = after.reason or before.reason
            before.again = after.again or before.again
        self._watches.restore(before)
