"""The dispatcher: drives the handlers of runnable cells, one after the other, in one task.

A handler that really suspends keeps the task that it is in, and a fresh pump takes over the run queue (lazy
promotion): 700 k messages a second where a task for each actor gives 30 k. One CancelScope around a pump's
whole life costs nothing for each message, and once a handler has suspended there, the pump's scope is that
handler's own: stopping one actor cancels exactly its turn. A scope cannot be entered lazily at the first
suspension ("Cancel scope stack corrupted"), so an inline ask of a handler that may suspend pays for one.

Its rooms: who goes next (`run_queue`), a turn in the asker's own task (`inline`), a coroutine's steps (`driving`),
and what becomes of a turn that is over (`turn_end`).
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import trio

from actors.errors import REFUSALS, DeadLettered, NotInThisState, StashFull
from actors.handlers import Handling, Kind
from runtime.boundary import Boundary
from runtime.cell import BUSY, QUEUED, Cell, Turn
from runtime.commit import CommitPoint
from runtime.driving import drive
from runtime.envelope import Envelope, Stage
from runtime.inline import Asks, InlineAsks
from runtime.interleaving import interleave
from runtime.pace import Pace
from runtime.reentrance import Reentrance
from runtime.run_queue import RunQueue, Schedule
from runtime.timers import Timers
from runtime.trace import Trace
from runtime.turn_end import TurnEnd, release_asker
from runtime.turn_limit import TurnLimit, cause_of, limit_of, was_late
from runtime.waits import give_room

PLAIN = Kind.PLAIN


class Pump:
    """One task that drives cells; `cell` is the one whose turn it is in."""

    __slots__ = ("cell", "ctx", "envelope", "limit", "scope", "spent")

    def __init__(self) -> None:
        self.cell: Cell | None = None
        self.ctx: Turn | None = None
        self.envelope: Envelope | None = None
        self.scope = trio.CancelScope()
        self.limit: TurnLimit | None = None
        """Of the turn that waits; it is the pump's last one."""
        self.spent = False
        """The scope has been cancelled in a turn that went on to its end: it would cut the next one."""


class Dispatcher:
    """Runs turns: from the run queue by pumps, or inline for an asker (`asks`)."""

    def __init__(
        self,
        commit: CommitPoint,
        timers: Timers,
        trace: Trace | None,
        schedule: Schedule | None,
        lost: Callable[[Cell, Envelope, str], None],
        *,
        now: Callable[[], float],
    ) -> None:
        self.queue = RunQueue() if schedule is None else schedule.queue()
        self._pace = Pace(now) if schedule is None else schedule.pace()
        self._ends = TurnEnd(commit, timers, trace)
        self.reentrance = Reentrance(self.queue, self._ends, self._raised)
        self.inline = InlineAsks(self.queue, self._ends, commit, timers, trace)
        self.asks: Asks = self.inline
        self.visitor: Callable[[Pump, Cell, int], Coroutine[Any, Any, None]] = self.visit
        """Who visits a cell, for so many messages; it and `asks` are replaced while turns are measured."""
        self._timers = timers
        self._lost = lost
        self._commit = commit
        self._active: Pump | None = None
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Drive cells until cancelled."""
        async with trio.open_nursery() as self._nursery:
            try:
                self.reentrance.begin(self._nursery)
                self._nursery.start_soon(self._pump)
                await trio.sleep_forever()
            finally:
                self.reentrance.left = True  # before the nursery closes

    @property
    def idle(self) -> bool:
        return self.queue.idle

    async def quiet(self) -> None:
        """Wait until no cell is runnable and no turn is suspended."""
        await self.queue.quiet()

    def number_effects(self, trace: Trace | None) -> None:
        """Replies and what is let out behind a turn pass `trace` from now on. An effect that it refuses is a crash of its turn."""
        self._ends.number_effects(trace)
        self.inline.number_effects(trace)

    def on_arrival(self, told: Callable[[Cell, Envelope], None]) -> None:
        """`told` of each turn from a mailbox as it begins, before whoever was told until now."""
        others = self._ends.arrived

        def both(cell: Cell, envelope: Envelope) -> None:
            told(cell, envelope)
            if others is not None:
                others(cell, envelope)

        self._ends.arrived = both

    # --- what an incarnation does outside its turns ----------------------------------------------------

    def let_out(self, cell: Cell) -> None:
        """What `started` or `stopping` staged and said, as at the end of a turn."""
        self._ends.let_out(cell)

    def end_of_start(self, cell: Cell) -> None:
        """Started: let out what it said, and on with the mail that came meanwhile."""
        ctx = cell.ctx
        assert ctx is not None
        with Boundary() as boundary:
            self._ends.let_out(cell)
        if boundary.error is not None:  # refused by a trace, see `number_effects`
            ctx.undo()
            cell.parent.failed(cell, boundary.error)
        self.queue.turn_over(cell, ctx)

    # --- the pump --------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        """Drive cells until a handler suspends in this task, and has ended."""
        pump = self._active = Pump()
        self.queue.driven = True
        try:
            while self._active is pump:
                await self._drive(pump)
        finally:
            # left by the whole system's end, or by what is no Exception: whoever waits for this turn must not
            cell, envelope = pump.cell, pump.envelope
            if cell is not None and envelope is not None and envelope.pending is not None:
                release_asker(cell, pump.ctx, envelope.pending)

    async def _drive(self, pump: Pump) -> None:
        """Until a turn is left by an exception or a cancellation, or the pump is no longer the active one."""
        with Boundary() as boundary, pump.scope:
            await self._visits(pump)
        cell, envelope = pump.cell, pump.envelope
        pump.cell = None
        if cell is None or envelope is None:
            self._renew(pump)
            return
        if cell.room is not None:
            # before its failure is dealt with: who comes in may not want to wait for a restart
            give_room(cell)
        ctx = pump.ctx
        assert ctx is not None
        error = cause_of(pump.limit, cell, ctx, boundary.error)
        if error is not None:
            self._raised(cell, ctx, envelope, error)
        else:
            self._ends.cut(cell, ctx, envelope.pending)
            if envelope.pending is None and envelope.timer is None:
                self._lost(cell, envelope, "stopped")
        self.queue.turn_over(cell, ctx)
        self._renew(pump)

    def _raised(self, cell: Cell, ctx: Turn, envelope: Envelope, error: Exception) -> None:
        """A told message has no asker to hear of its end: where it counts as lost, it is a dead letter."""
        crashed = self._ends.raised(cell, ctx, envelope.message, envelope.pending, error, envelope=envelope)
        if envelope.pending is not None or envelope.timer is not None:
            return
        if crashed:
            self._lost(cell, envelope, "crashed")
        elif isinstance(error, DeadLettered):
            self._lost(cell, envelope, error.reason)
        elif isinstance(error, NotInThisState):
            self._lost(cell, envelope, "unhandled")
        elif isinstance(error, StashFull):
            self._lost(cell, envelope, "overflow")
        elif isinstance(error, REFUSALS):
            self._lost(cell, envelope, "refused")

    def _renew(self, pump: Pump) -> None:
        if self._active is pump:
            pump.scope = trio.CancelScope()
            pump.spent = False

    async def _visits(self, pump: Pump) -> None:
        queue, pace, visits, visit = self.queue, self._pace, 0, self.visitor
        pace.begin()
        while self._active is pump:
            if not queue.cells:
                await queue.park()
                visits, visit = 0, self.visitor
                pace.begin()
                continue
            cell = queue.take()
            if cell.status is not QUEUED:
                cell.looked_through = False
                if cell.status is BUSY:
                    interleave(cell, self.queue, self._ends, self._raised)
                continue
            if cell.actor is not None and cell.actor.durable and self._commit.saturated:
                self._commit.when_caught_up(partial(self._again, cell))
                continue
            await visit(pump, cell, pace.most)
            if pump.spent:
                return
            visits += 1
            if visits % pace.every == 0 and self._active is pump and pace.over(visits):
                await trio.lowlevel.checkpoint()
                visits, visit = 0, self.visitor
                pace.begin()

    def _again(self, cell: Cell) -> None:
        if cell.status is QUEUED:
            self.queue.enqueue(cell)

    async def visit(self, pump: Pump, cell: Cell, most: int) -> None:  # noqa: C901, PLR0915 -- the hottest loop: a call costs ten tests
        """Up to `most` messages of one cell."""
        mailbox, ctx, arrived = cell.mailbox, cell.ctx, self._ends.arrived
        assert ctx is not None
        assert cell.vars is not None
        for _ in range(most):
            # not `not mailbox`: that calls its __len__
            if mailbox is None or cell.end_reason is not None or not (mailbox.user or mailbox.system):
                break
            envelope = mailbox.take()
            if (envelope.timer is not None and not envelope.timer.taken()) or (
                envelope.pending is not None and envelope.pending.stage is Stage.DONE
            ):
                continue  # no longer wanted: its asker has left, by whichever way it came here
            cell.status = BUSY
            cell.depth = 0
            pump.cell, pump.ctx, pump.envelope = cell, ctx, envelope
            handling = cell.handlers.get(envelope.message.__class__)
            if handling is None:
                self._lost(cell, envelope, "unhandled")
                continue
            ctx.begin()
            if arrived is not None:
                arrived(cell, envelope)
            if handling.kind is PLAIN:
                value = cell.vars.run(handling.function, cell.actor, envelope.message)
            else:
                value = await self._awaited(pump, cell, envelope, handling)
                if was_late(pump.limit, ctx):
                    return  # as if its cancellation had left the pump's scope
            self._ends.returned(cell, ctx, envelope.message, envelope.pending, value, envelope)
            pump.cell = None
            if self._active is not pump or cell.status is not BUSY or cell.blocked or pump.spent:
                break
        if cell.room is not None:
            give_room(cell)
        self.queue.turn_over(cell, ctx)

    async def _awaited(self, pump: Pump, cell: Cell, envelope: Envelope, handling: Handling) -> Any:
        if cell.room is not None:
            give_room(cell)  # now, and not behind the visit: it may wait for long
        pending = envelope.pending
        cell.scope, cell.pending = pump.scope, pending
        if pending is not None:
            pending.begin(pump.scope)
        coro = handling.function(cell.actor, envelope.message)
        assert cell.ctx is not None
        assert cell.vars is not None
        ctx, suspended = cell.ctx, False

        def promote() -> None:
            nonlocal suspended
            suspended = True
            self._promote(pump, cell)

        try:
            return await drive(cell.vars, cell.ctx, coro, promote)
        finally:
            pump.spent = pump.scope.cancel_called
            if cell.ctx is ctx:
                cell.scope = cell.pending = None
            if suspended:
                if pump.limit is not None:
                    pump.limit.over()
                self.queue.resumed_one()

    def _promote(self, pump: Pump, cell: Cell) -> None:
        """The handler waits: it keeps the pump's task, and a fresh pump goes on with the others."""
        assert cell.ctx is not None
        pump.limit = limit_of(cell, cell.ctx, self._timers, pump.scope)
        if pump.limit is not None:
            pump.limit.waits()
        self.queue.suspended += 1
        self.queue.driven = False
        self._active = None
        if cell.mailbox:
            self.queue.ready(cell)
        assert self._nursery is not None
        self._nursery.start_soon(self._pump)
