"""The deadline of one turn: `max_turn` seconds from its first wait on.

A turn that never waits cannot be cancelled, so it needs no deadline and pays for none. What waits behind the turn's
end, its commit above all, does not count.
"""

from math import inf

import trio

from actors.errors import TurnTooLong
from runtime.cell import Cell, Turn
from runtime.timers import Timer, Timers


class TurnLimit:
    """Cancels a turn when it has waited for too long; `late` says that it has."""

    __slots__ = ("_scope", "_seconds", "_timer", "_timers", "late")

    def __init__(self, timers: Timers, scope: trio.CancelScope, seconds: float) -> None:
        self.late = False
        self._timers = timers
        self._timer: Timer | None = None
        self._scope = scope
        self._seconds = seconds

    def waits(self) -> None:
        """The turn waits for the first time."""
        self._timer = self._timers.after(self._seconds, self._end)

    def _end(self, _: Timer) -> None:
        self.late = True
        self._scope.cancel()

    def over(self) -> None:
        """The turn is."""
        if self._timer is not None:
            self._timer.cancelled = True


def limit_of(cell: Cell, timers: Timers, scope: trio.CancelScope) -> TurnLimit | None:
    """None: the turn may last."""
    assert cell.actor is not None
    seconds = cell.actor.max_turn
    return TurnLimit(timers, scope, seconds) if seconds < inf else None


def cause_of(limit: TurnLimit | None, cell: Cell, ctx: Turn, error: Exception | None) -> Exception | None:
    """What a turn was left by; None: it was cut. Its deadline comes before what its cleanup raised."""
    if limit is None or not limit.late or ctx.fenced:
        return error
    assert cell.actor is not None
    late = TurnTooLong(f"{cell.address}: a turn of more than {cell.actor.max_turn:g} s (`max_turn`)")
    late.__cause__ = error
    return late
