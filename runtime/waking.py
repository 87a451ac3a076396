"""Wakes actors at the time that they have staged by `WakeAt`, though nobody writes to them.

The times are rows of the store, one for each actor; here is a timer for each of them, set when its commit is
durable, and at the start from what the store holds. One `Woken` at a time waits in a mailbox: it carries a ticket,
and only when its turn comes is the next one due.
"""

import math
from collections.abc import Callable

from actors.address import Address
from runtime.envelope import Ticket
from runtime.store.port import Store
from runtime.timers import Timer, Timers

AGAIN_AFTER = 10.0
"""Seconds until an actor is woken again whose turn has not moved or cleared its time."""
PAGE = 10_000
"""Times that are read at once at the start."""


class Waking:
    """`wake` is called with each address at its time, and a ticket for its message; False: nobody could be written to.

    Who goes at that moment, since nobody has written to it, is not written to: `passivated` wakes it anew.
    """

    def __init__(self, timers: Timers, wake: Callable[[Address, Ticket], bool]) -> None:
        self._timers = timers
        self._wake = wake
        self._set: dict[Address, Timer | _Posted] = {}

    async def start(self, store: Store) -> None:
        """Take up what earlier runs have staged; what is overdue is woken at once."""
        last: tuple[float, Address] | None = None
        while page := await store.due(math.inf, PAGE, last):
            for time, address in page:
                self.at(address, time)
            last = page[-1]

    def at(self, address: Address, time: float | None) -> None:
        """The actor's time is durable: replace its timer; None: it has none."""
        before = self._set.pop(address, None)
        if before is not None:
            before.cancelled = True
        if time is not None:
            self._set[address] = self._timers.at(time, lambda _: self._due(address))

    def passivated(self, address: Address) -> None:
        """Its actor has gone because nobody wrote to it; the time that came while it went is due now."""
        if isinstance(self._set.get(address), _Posted):
            self._due(address)

    def forget(self) -> None:
        """The store is emptied."""
        for timer in self._set.values():
            timer.cancelled = True
        self._set.clear()

    def _due(self, address: Address) -> None:
        posted = self._set[address] = _Posted(address, self.again)
        if not self._wake(address, posted):
            self.again(address)

    def again(self, address: Address) -> None:
        """Until a durable commit moves or clears the time, it is not done: the turn may crash, its commit fail."""
        self._set[address] = self._timers.after(AGAIN_AFTER, lambda _: self._due(address))


class _Posted:
    """The ticket of a `Woken` in a mailbox; void when the time has been moved or cleared before its turn."""

    __slots__ = ("_address", "_again", "cancelled")

    def __init__(self, address: Address, again: Callable[[Address], None]) -> None:
        self._address = address
        self._again = again
        self.cancelled = False

    def taken(self) -> bool:
        if self.cancelled:
            return False
        self._again(self._address)
        return True
