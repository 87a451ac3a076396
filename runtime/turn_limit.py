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
    """Cancels a turn when it has waited for too long; `late` says that it has. One that stays then is left behind."""

    __slots__ = ("_cell", "_ctx", "_scope", "_timer", "_timers", "late")

    def __init__(self, timers: Timers, cell: Cell, ctx: Turn, scope: trio.CancelScope) -> None:
        self.late = False
        self._timers = timers
        self._timer: Timer | None = None
        self._cell = cell
        self._ctx = ctx
        self._scope = scope

    def waits(self) -> None:
        """The turn waits for the first time."""
        assert self._cell.actor is not None
        self._timer = self._timers.after(self._cell.actor.max_turn, self._end)

    def _end(self, _: Timer) -> None:
        self.late = True
        self._scope.cancel()
        self._timer = self._timers.after(self._cell.spec.stop_grace, self._leave_behind)

    def _leave_behind(self, _: Timer) -> None:
        if not self._ctx.fenced:
            self._cell.parent.overran(self._cell, _too_long(self._cell))

    def over(self) -> None:
        """The turn is."""
        if self._timer is not None:
            self._timer.cancelled = True


def limit_of(cell: Cell, ctx: Turn, timers: Timers, scope: trio.CancelScope) -> TurnLimit | None:
    """None: the turn may last."""
    assert cell.actor is not None
    return TurnLimit(timers, cell, ctx, scope) if cell.actor.max_turn < inf else None


def was_late(limit: TurnLimit | None, ctx: Turn) -> bool:
    """Whether the turn has crashed by its deadline, also if it has swallowed its cancellation and returned."""
    return limit is not None and limit.late and not ctx.fenced


def cause_of(limit: TurnLimit | None, cell: Cell, ctx: Turn, error: Exception | None) -> Exception | None:
    """What a turn was left by; None: it was cut. Its deadline comes before what its cleanup raised."""
    if not was_late(limit, ctx):
        return error
    late = _too_long(cell)
    late.__cause__ = error
    return late


def _too_long(cell: Cell) -> TurnTooLong:
    assert cell.actor is not None
    return TurnTooLong(f"{cell.address}: a turn of more than {cell.actor.max_turn:g} s (`max_turn`)")
