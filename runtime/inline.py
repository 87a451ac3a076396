"""The inline ask: a turn of an idle cell, driven at once in its asker's own task.

No envelope, no queue, no switch of tasks: an ask costs what a call costs. What was traded away: a turn of one
cell may run deep in the stack of another's, so asks nest to `DEPTH_MAX` at most and then go through the run queue.
"""

import math
from collections.abc import Coroutine
from typing import Any, Protocol

import trio

from actors.handlers import Handling, Kind
from runtime.boundary import Boundary
from runtime.cell import BUSY, IDLE, Cell, Turn
from runtime.commit import CommitPoint
from runtime.driving import drive
from runtime.envelope import Pending
from runtime.run_queue import RunQueue
from runtime.timers import Timers
from runtime.trace import Trace
from runtime.turn_end import NO_REPLIES, TurnEnd
from runtime.turn_limit import TurnLimit, cause_of, limit_of, was_late
from runtime.waits import add_edge

DEPTH_MAX = 16
"""Nested inline asks; Python's own limit comes at 250 of them."""

PLAIN, SUSPENDS = Kind.PLAIN, Kind.SUSPENDS


class Asks(Protocol):
    """What the router sees of who drives turns in their askers' tasks."""

    def allowed(self, cell: Cell, depth: int) -> bool: ...
    def drive(self, cell: Cell, message: Any, asker: Cell | None) -> Coroutine[Any, Any, Any]: ...


class InlineAsks:
    """Drives turns in their askers' tasks."""

    __slots__ = ("_commit", "_ends", "_queue", "_timers", "_trace")

    def __init__(
        self, queue: RunQueue, ends: TurnEnd, commit: CommitPoint, timers: Timers, trace: Trace | None
    ) -> None:
        self._queue = queue
        self._ends = ends
        self._commit = commit
        self._timers = timers
        self._trace = trace

    def allowed(self, cell: Cell, depth: int) -> bool:
        """Whether an ask may be driven in the asker's task."""
        if cell.status is not IDLE or depth >= DEPTH_MAX:
            return False
        if cell.actor is not None and cell.actor.durable and self._commit.saturated:
            return False
        return self._queue.may_inline()

    def number_effects(self, trace: Trace | None) -> None:
        """Replies pass `trace` from now on."""
        self._trace = trace

    async def drive(self, cell: Cell, message: Any, asker: Cell | None) -> Any:
        """Drive one message of an idle cell in the asker's own task: its reply, or the Pending to wait for it."""
        handling = cell.handlers[message.__class__]
        cell.status = BUSY
        cell.depth = asker.depth + 1 if asker is not None else 1
        ctx = cell.ctx
        assert ctx is not None
        assert cell.vars is not None
        ctx.begin()
        if handling.kind is SUSPENDS:
            return await self._scoped(cell, ctx, message, handling, asker)
        pending: Pending | None = None
        with Boundary() as boundary:
            if handling.kind is PLAIN:
                value = cell.vars.run(handling.function, cell.actor, message)
            else:
                value = await drive(cell.vars, ctx, handling.function(cell.actor, message), None)
            if (
                ctx.staged is None
                and ctx.outputs is None
                and cell.entry is None
                and value.__class__ not in NO_REPLIES
            ):
                cell.handled += 1
                cell.touched = True
                if self._trace is not None:
                    ctx.effect("reply")
                self._queue.turn_over(cell, ctx)
                return value
            pending = Pending(None, asker)
            self._ends.returned(cell, ctx, message, pending, value)
        if boundary.error is not None:
            pending = pending or Pending(None, asker)
            self._ends.raised(cell, ctx, message, pending, boundary.error)
        assert pending is not None
        self._queue.turn_over(cell, ctx)
        return pending

    async def _scoped(
        self, cell: Cell, ctx: Turn, message: Any, handling: Handling, asker: Cell | None
    ) -> Any:
        """A handler that may wait. A scope cannot be entered at its first wait: it is there before it starts."""
        edges = [cell] if asker is None else add_edge(asker, cell)
        limit: TurnLimit | None = None
        pending, boundary, over = Pending(None, asker), Boundary(), False
        assert cell.vars is not None
        try:
            with boundary, trio.CancelScope() as cell.scope:
                self._queue.suspended += 1
                limit = limit_of(cell, ctx, self._timers, cell.scope)
                value = await drive(
                    cell.vars,
                    ctx,
                    handling.function(cell.actor, message),
                    None if limit is None else limit.waits,
                )
                if not was_late(limit, ctx):
                    self._ends.returned(cell, ctx, message, pending, value)
                    over = True
            if not over:
                over = True
                # the asker may have been cancelled, and then the handler's cleanup has failed: nobody waits for it
                waiting = None if _is_cancelled() else pending
                self._left(cell, ctx, message, waiting, cause_of(limit, cell, ctx, boundary.error))
                if pending.settled:  # else the asker goes on to wait, and leaves there
                    await trio.lowlevel.checkpoint_if_cancelled()
        finally:
            # left by the asker's own cancellation: the Cancelled is the asker's, the turn is simply cut
            edges.remove(cell)
            if limit is not None:
                limit.over()
            if cell.ctx is ctx:
                cell.scope = None
            if not over:
                self._left(cell, ctx, message, None, boundary.error)
            self._queue.turn_over(cell, ctx)
            self._queue.resumed_one()
        return pending

    def _left(
        self, cell: Cell, ctx: Turn, message: Any, pending: Pending | None, error: Exception | None
    ) -> None:
        """By a crash, or cut."""
        if error is not None:
            self._ends.raised(cell, ctx, message, pending, error)
        else:
            self._ends.cut(cell, ctx, pending)


def _is_cancelled() -> bool:
    """Whether this task is, at its next checkpoint."""
    return trio.current_effective_deadline() == -math.inf
