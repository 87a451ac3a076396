"""Measures some turns, while somebody looks: by taking the place of what drives turns.

While nobody looks, the message path is the one without it, not one that asks whether it should measure. Whoever
looks keeps it going for `LEASE` seconds; the first measured turn after them ends it.
"""

from collections.abc import Coroutine
from typing import Any

from runtime.cell import Cell
from runtime.clock import Clock, stopwatch
from runtime.dispatcher import Dispatcher, Pump
from runtime.entropy import Entropy
from runtime.inline import Asks
from runtime.observe.turns import Kind, Turns

EVERY = 16
"""One turn in so many is measured, by chance: a fixed step would meet the same handler of a round again and again."""
LEASE = 90.0
"""Seconds. A scraper of metrics comes each minute."""


class Sampling:
    """The system's turn times; `look` at them."""

    def __init__(self, dispatcher: Dispatcher, clock: Clock, entropy: Entropy) -> None:
        self.turns = Turns()
        self._dispatcher = dispatcher
        self._plain = dispatcher.asks
        self._clock = clock
        self._ticks = stopwatch(clock)
        self._entropy = entropy
        self._on = False
        self._until = 0.0
        self._skip = 0

    @property
    def on(self) -> bool:
        """Turns are being measured."""
        return self._on

    def look(self) -> dict[str, Any]:
        """See `Turns.look`. The first one after a while has nothing to show yet."""
        self.keep_on()
        return self.turns.look(self._clock.now())

    def keep_on(self) -> None:
        """Measure from now on, for as long as somebody comes back within `LEASE`."""
        now = self._clock.now()
        self._until = now + LEASE
        if not self._on:
            self._on = True
            self.turns.begin(now)
            self._dispatcher.visitor = self._visit
            self._dispatcher.asks = SampledAsks(self, self._plain)

    def _end(self) -> None:
        self._on = False
        self._dispatcher.visitor = self._dispatcher.visit
        self._dispatcher.asks = self._plain

    def skip(self) -> int:
        """How many are not measured before the next one is."""
        return self._entropy.below(2 * EVERY - 1)

    def _visit(self, pump: Pump, cell: Cell, most: int) -> Coroutine[Any, Any, None]:
        if self._skip:
            self._skip -= 1
            return self._dispatcher.visit(pump, cell, most)
        self._skip = self.skip()
        return self._measured(pump, cell, most)

    async def _measured(self, pump: Pump, cell: Cell, most: int) -> None:
        """A visit of one message, which stands for those that the cell would have had its turn with."""
        actor, waiting = type(cell.actor).__name__, len(cell.mailbox or ())
        pump.envelope = None
        began = self._ticks()
        try:
            await self._dispatcher.visit(pump, cell, 1)
        finally:
            if (envelope := pump.envelope) is not None:
                kind = actor, type(envelope.message).__name__
                self._note(cell, kind, began, min(waiting, most))

    async def measured_ask(self, cell: Cell, message: Any, asker: Cell | None) -> Any:
        """A turn in its asker's task."""
        kind = type(cell.actor).__name__, type(message).__name__
        began = self._ticks()
        try:
            return await self._plain.drive(cell, message, asker)
        finally:
            self._note(cell, kind, began, 1)

    def _note(self, cell: Cell, kind: Kind, began: float, turns: int) -> None:
        seconds, now = self._ticks() - began, self._clock.now()
        self.turns.add(cell.address, kind, seconds, now, stands_for=turns * EVERY)
        if self._on and now >= self._until:
            self._end()


class SampledAsks:
    """Inline asks, some of them measured."""

    __slots__ = ("_drive", "_plain", "_sampling", "_skip")

    def __init__(self, sampling: Sampling, plain: Asks) -> None:
        self._plain = plain
        self._drive = plain.drive
        self._sampling = sampling
        self._skip = sampling.skip()

    def allowed(self, cell: Cell, depth: int) -> bool:
        return self._plain.allowed(cell, depth)

    def drive(self, cell: Cell, message: Any, asker: Cell | None) -> Coroutine[Any, Any, Any]:
        if self._skip:
            self._skip -= 1
            return self._drive(cell, message, asker)
        self._skip = self._sampling.skip()
        return self._sampling.measured_ask(cell, message, asker)
