"""Wakes actors at the time that they have staged by `WakeAt`, though nobody writes to them.

The times are rows of the store, one for each actor; here is a timer for each of them, set when its commit is
durable, and at the start from what the store holds.
"""

import math
from collections.abc import Callable

from actors.address import Address
from runtime.store.port import Store
from runtime.timers import Timer, Timers

AGAIN_AFTER = 10.0
"""Seconds until an actor is woken again whose turn has not moved or cleared its time."""
PAGE = 10_000
"""Times that are read at once at the start."""


class Waking:
    """`wake` is called with each address at its time."""

    def __init__(self, timers: Timers, wake: Callable[[Address], None]) -> None:
        self._timers = timers
        self._wake = wake
        self._set: dict[Address, Timer] = {}

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

    def forget(self) -> None:
        """The store is emptied."""
        for timer in self._set.values():
            timer.cancelled = True
        self._set.clear()

    def _due(self, address: Address) -> None:
        # until a durable commit moves or clears the time, it is not done: the turn may crash, its commit fail
        self._set[address] = self._timers.after(AGAIN_AFTER, lambda _: self._due(address))
        self._wake(address)
