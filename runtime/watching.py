"""Who is told when an actor has ended for good.

A watch is of an address: a restart is no end, and passivation is none. `Terminated` goes behind the watcher's user
messages, and not into the system lane, so that it comes after everything that the watched one had sent.
"""

from collections.abc import Callable
from typing import Any, Protocol

from typing_extensions import override

from actors.actor import StopReason
from actors.address import Address
from actors.errors import DeathPact
from actors.message import Message
from actors.signals import Terminated
from runtime.boundary import Boundary
from runtime.cell import Cell
from runtime.staged import Undoable

AsMessage = Callable[[Terminated], Message[Any]]


class Post(Protocol):
    """The router's way for a message of the runtime's own."""

    def post_last(self, cell: Cell, message: Message[Any], ticket: Any) -> None: ...


class Watcher(Protocol):
    """An incarnation that watches."""

    cell: Cell
    fenced: bool
    watches: "dict[Address, Watch] | None"


class Watch:
    """One watch; the ticket of its message too: undone meanwhile, nothing is handled."""

    __slots__ = ("address", "as_", "over", "watcher")

    def __init__(self, watcher: Watcher, address: Address, as_: AsMessage | None) -> None:
        self.watcher = watcher
        self.address = address
        self.as_ = as_
        self.over = False

    def taken(self) -> bool:
        return not self.over and not self.watcher.fenced


class Watches:
    """All watches of a system."""

    def __init__(self, router: Post) -> None:
        self._router = router
        self._of: dict[Address, dict[Watcher, Watch]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def add(self, watch: Watch) -> None:
        """From now on; a second watch of the same address replaces the first."""
        watcher, address = watch.watcher, watch.address
        mine = watcher.watches
        if mine is None:
            mine = watcher.watches = {}
        if (before := mine.get(address)) is not None:
            before.over = True
        mine[address] = watch
        self._of.setdefault(address, {})[watcher] = watch

    def remove(self, watcher: Watcher, address: Address) -> Watch | None:
        """No `Terminated` of it is handled any more, even if it waits in the mailbox."""
        watch = (watcher.watches or {}).pop(address, None)
        if watch is not None:
            watch.over = True
            self._forget(watch)
        return watch

    def drop(self, watcher: Watcher) -> None:
        """The watcher's incarnation is over."""
        for address in list(watcher.watches or ()):
            self.remove(watcher, address)

    def ended(self, address: Address, reason: StopReason) -> None:
        """Whoever lived there has gone for good: tell each watcher, once."""
        for watch in list(self._of.pop(address, {}).values()):
            self.tell(watch, reason)

    def tell(self, watch: Watch, reason: StopReason) -> None:
        """Deliver it; who has no handler for `Terminated` has made a death pact, and fails."""
        self._forget(watch)
        watcher = watch.watcher
        if not watch.taken():
            return
        terminated = Terminated(address=watch.address, reason=reason)
        message: Message[Any] = terminated
        with Boundary() as boundary:
            message = terminated if watch.as_ is None else watch.as_(terminated)
        if boundary.error is not None:
            watcher.cell.parent.failed(watcher.cell, boundary.error)
            return
        if message.__class__ not in watcher.cell.handlers:
            watcher.cell.parent.failed(watcher.cell, DeathPact(f"{watch.address} has ended: {reason.name}"))
            return
        self._router.post_last(watcher.cell, message, watch)

    def _forget(self, watch: Watch) -> None:
        watchers = self._of.get(watch.address)
        if watchers is not None and watchers.get(watch.watcher) is watch:
            del watchers[watch.watcher]
            if not watchers:
                del self._of[watch.address]


class Watched(Undoable):
    """A turn's `watch` (`after`), or its `unwatch`: in force at once, undone when the turn does not count."""

    __slots__ = ("_after", "_before", "_watcher", "_watches")

    def __init__(self, watches: Watches, watcher: Watcher, before: Watch | None, after: Watch | None) -> None:
        super().__init__("unwatched" if after is None else "watched")
        self._watches = watches
        self._watcher = watcher
        self._before = before
        self._after = after

    @override
    def release(self) -> None:
        """It holds already."""

    @override
    def undo(self) -> None:
        if self._after is not None:
            self._watches.remove(self._watcher, self._after.address)
        if self._before is not None and not self._watcher.fenced:
            again = Watch(self._watcher, self._before.address, self._before.as_)
            self._watches.add(again)
