"""The registry: actors found by what they do, a typed key, not by their path.

A key is held by the address: it outlives restarts, and goes before the end of its actor is seen by anybody.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from typing_extensions import override

from actors.address import Address
from actors.errors import KeyTaken
from actors.event import Event, Key, Listing
from actors.ref import Post as Carrier
from actors.ref import Ref
from runtime.cell import STOPPED, Cell
from runtime.events import Feed, Post
from runtime.staged import Undoable

M = TypeVar("M")


class Registry:
    """Keys and who holds them, in the order in which they came."""

    __slots__ = ("_carrier", "_cell_of", "_holders", "_post", "_watchers")

    def __init__(self, carrier: Carrier, cell_of: Callable[[Address], Cell], post: Post) -> None:
        self._carrier = carrier
        self._cell_of = cell_of
        self._post = post
        self._holders: dict[Key[Any], dict[Cell, bool]] = {}
        """True: seen by others; False: its turn has not ended yet."""
        self._watchers: dict[Key[Any], dict[Cell, _Watcher]] = {}

    def find(self, key: Key[M]) -> list[Ref[M]]:
        """Who holds the key now, oldest first."""
        return [Ref(address, self._carrier) for address in self.addresses(key)]

    def addresses(self, key: Key[Any]) -> list[Address]:
        return [cell.address for cell, seen in self._holders.get(key, {}).items() if seen]

    def subscribe(self, key: Key[Any], ref: Ref[Listing]) -> None:
        """Tell `ref` who holds the key: now, and whenever that changes, until it ends. Raises DeadLettered."""
        self.tell(key, self._cell_of(ref.address))

    def tell(self, key: Key[Any], cell: Cell) -> None:
        """As `subscribe`, of a cell that is known; twice: the full list once more."""
        if cell.status is STOPPED:
            return
        watcher = _Watcher(self, key, cell, self._post)
        self._watchers.setdefault(key, {})[cell] = watcher
        watcher.changed()

    def reserve(self, key: Key[Any], cell: Cell) -> bool:
        """The key is the cell's, not yet seen; False: it was before. Raises KeyTaken."""
        holders = self._holders.setdefault(key, {})
        if cell in holders:
            return False
        if key.single and holders:
            raise KeyTaken(f"{key.name} is held by {next(iter(holders)).address}")
        holders[cell] = False
        return True

    def show(self, key: Key[Any], cell: Cell) -> None:
        """The turn that has registered it counts."""
        holders = self._holders.get(key, {})
        if holders.get(cell) is False:
            # seen from now on, behind all who are seen already
            del holders[cell]
            holders[cell] = True
            self._changed(key)

    def remove(self, key: Key[Any], cell: Cell) -> None:
        """It holds the key no longer."""
        holders = self._holders.get(key)
        if holders is None:
            return
        seen = holders.pop(cell, False)
        if not holders:
            del self._holders[key]
        if seen:
            self._changed(key)

    def holds(self, cell: Cell) -> bool:
        """Whether it holds a key, or is told of one."""
        return any(cell in one for one in self._holders.values()) or any(
            cell in one for one in self._watchers.values()
        )

    def gone(self, cell: Cell) -> None:
        """The cell has ended."""
        for key in [key for key, watchers in self._watchers.items() if cell in watchers]:
            del self._watchers[key][cell]
            if not self._watchers[key]:
                del self._watchers[key]
        for key in [key for key, holders in self._holders.items() if cell in holders]:
            self.remove(key, cell)

    @property
    def empty(self) -> bool:
        return not self._holders and not self._watchers

    def _changed(self, key: Key[Any]) -> None:
        for watcher in list(self._watchers.get(key, {}).values()):
            watcher.changed()

    def listing(self, key: Key[Any], before: list[Address]) -> Listing:
        """The present list, and how it differs from the one before."""
        now = self.addresses(key)
        return Listing(
            key,
            tuple(self.find(key)),
            tuple(one for one in now if one not in before),
            tuple(one for one in before if one not in now),
        )


class _Watcher:
    """One subscriber of a key: what it was told last, and whether it is to be told again."""

    __slots__ = ("_due", "_feed", "_key", "_registry", "_told")

    def __init__(self, registry: Registry, key: Key[Any], cell: Cell, post: Post) -> None:
        self._registry = registry
        self._key = key
        self._told: list[Address] | None = None
        self._due = False
        self._feed = Feed(cell, post, self._next)

    def changed(self) -> None:
        self._due = True
        self._feed.go_on()

    def _next(self) -> Event | None:
        if not self._due:
            return None
        self._due = False
        listing = self._registry.listing(self._key, self._told or [])
        first, self._told = self._told is None, [ref.address for ref in listing.refs]
        return listing if first or listing.came or listing.gone else None


class Registered(Undoable):
    """A key taken in a turn: others see it behind the turn."""

    __slots__ = ("_cell", "_key", "_new", "_registry")

    def __init__(self, registry: Registry, key: Key[Any], cell: Cell) -> None:
        super().__init__("registered")
        self._registry = registry
        self._key = key
        self._cell = cell
        self._new = registry.reserve(key, cell)

    @override
    def release(self) -> None:
        self._registry.show(self._key, self._cell)

    @override
    def fail(self, error: Exception) -> None:
        self.undo()

    @override
    def undo(self) -> None:
        if self._new:
            self._registry.remove(self._key, self._cell)
