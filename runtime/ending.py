"""Ending: an incarnation's last steps, whatever has brought it there.

In this order: its turn (with a grace, then cancelled), what it has staged, `stopping`, the fence, its own
children, `stopped`, and last its mail and its deferred askers. A turn that will not end is fenced and left
behind as a straggler.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import outcome
import structlog
import trio

from actors.actor import Actor, StopReason
from actors.errors import ActorRestarted, ActorStopped, StartFailed
from runtime.boundary import Boundary
from runtime.cell import BUSY, IDLE, QUEUED, STOPPED, STOPPING, Cell
from runtime.context import TurnContext
from runtime.crash_text import named
from runtime.dispatcher import Dispatcher
from runtime.driving import drive
from runtime.envelope import Envelope
from runtime.poison import crashed_by
from runtime.rooms import Rooms
from runtime.turn_end import check_returned
from runtime.waits import awaited_ends

log = structlog.get_logger("callboard.actors")
COMMIT_WAIT = 30.0
"""Seconds that an ending actor waits for what it has staged."""


class OverAndGone:
    """In the place of the event that a turn's end sets: what then ends the cell at once."""

    __slots__ = ("_gone",)

    def __init__(self, gone: Callable[[], None]) -> None:
        self._gone = gone

    def set(self) -> None:
        self._gone()


class Ending:
    """Ends incarnations and cells for one supervisor; `forget` is told of each cell that has gone."""

    __slots__ = ("_dispatcher", "_forget", "_halting", "_rooms", "_unstarted")

    def __init__(self, rooms: Rooms, dispatcher: Dispatcher, forget: Callable[[Cell], None]) -> None:
        self._rooms = rooms
        self._dispatcher = dispatcher
        self._forget = forget
        self._halting: dict[Cell, trio.Event] = {}
        """Incarnations that end while their cell stays: an end of the cell waits for them."""
        self._unstarted: dict[Cell, StartFailed] = {}
        """Cells that end because they could not be started: what whoever has written to them is told."""

    # --- a cell ----------------------------------------------------------------------------------------

    def at_once(self, cell: Cell, reason: StopReason) -> bool:
        """End a cell that is idle and has nothing to wait for, without a task; False: it needs one."""
        if cell.status is not IDLE or cell.mailbox or cell.end_reason is not None or not _plain(cell):
            return False
        self.drop(cell, reason)
        return True

    def behind_turn(self, cell: Cell, reason: StopReason) -> bool:
        """End a cell that has stopped itself, when its turn is over, without a task; False: it needs one."""
        if cell.status is not BUSY or cell.suspended or cell.turn_over is not None or not _plain(cell):
            return False
        cell.end_reason = reason
        cell.turn_over = OverAndGone(partial(self._gone, cell, reason))
        return True

    def _gone(self, cell: Cell, reason: StopReason) -> None:
        cell.turn_over = None
        assert _plain(cell), "what a turn begins is in the books before its outputs leave"
        self.drop(cell, reason)

    def drop(self, cell: Cell, reason: StopReason) -> None:
        """End a cell that has no turn under way, no children and nothing to say."""
        cell.end_reason = reason
        self.fence(cell)
        self.stopped(cell, reason)
        self._remove(cell)

    async def end(self, cell: Cell, reason: StopReason) -> None:
        """End a cell for good; returns when it has gone."""
        with trio.CancelScope(shield=True):  # every wait in here has a deadline of its own
            if (halted := self._halting.get(cell)) is not None:
                await halted.wait()
            await self.turn_ended(cell, cell.spec.stop_grace)
            cell.status = STOPPING
            await self._landed(cell)
            await self._stopping(cell, reason)
            self.fence(cell)
            await self.bury(cell, reason)
            self._remove(cell)

    async def end_incarnation(self, cell: Cell) -> None:
        """End an incarnation whose cell and mail stay: its own failure has fenced it, or a sibling's takes it down."""
        over = self._halting[cell] = trio.Event()
        crashed = cell.ctx is not None and cell.ctx.fenced
        reason = StopReason.CRASHED if crashed else StopReason.SIBLING_FAILED
        with trio.CancelScope(shield=True):
            await self.turn_ended(cell, 0.0 if crashed else cell.spec.stop_grace)
            await self._landed(cell)
            await self._stopping(cell, reason)
            self.fence(cell)
            await self.bury(cell, reason)
        del self._halting[cell]
        over.set()

    # --- an incarnation --------------------------------------------------------------------------------

    async def turn_ended(self, cell: Cell, grace: float) -> None:
        """Wait for the present turn, with a grace; then cancel it; then leave it behind."""
        if cell.status is IDLE or cell.status is QUEUED:
            cell.status = STOPPING
        for last in (False, True):
            if not cell.suspended:
                return
            if last or grace == 0:
                cell.cancel_turn()
            cell.turn_over = over = trio.Event()
            with trio.move_on_after(cell.spec.stop_grace if last else grace):
                await over.wait()
        if cell.suspended:
            self.fence(cell)
            self._leave_behind(cell, _over(cell))

    def overran(self, cell: Cell, error: Exception) -> None:
        """Leave the present turn behind now: the cell goes on without it."""
        self._leave_behind(cell, crashed_by(cell, error))
        cell.scope = cell.pending = None

    def _leave_behind(self, cell: Cell, told: Exception) -> None:
        if cell.pending is not None:
            cell.pending.cancelled()  # an asker that has been gets no more than that
            cell.pending.settle(outcome.Error(told))
        if cell.ctx is not None:
            self._dispatcher.queue.straggles(cell.ctx)
        log.error("straggler", actor=cell.address, incarnation=cell.incarnation)

    def fence(self, cell: Cell) -> None:
        """The incarnation is over: no effect any more, no timer, no pipe; who was deferred is told."""
        ctx = cell.ctx
        if not isinstance(ctx, TurnContext) or ctx.fenced:
            return
        ctx.fenced = True
        self._rooms.router.reach.fenced(cell)
        for timer in (ctx.timers or {}).values():
            timer.cancelled = True
        for scope in list(ctx.pipes or ()):
            scope.cancel()
        if ctx.watches:
            self._rooms.watches.drop(ctx)
        if ctx.behaving is not None:
            ctx.behaving.put_back()  # for the next incarnation, or for the dead letters
        waiting, cell.deferred = cell.deferred or {}, None
        for one in waiting.values():
            if one.deadline is not None:
                one.deadline.cancelled = True
            one.pending.settle(outcome.Error(_over(cell)))
        waiting.clear()

    async def bury(self, cell: Cell, reason: StopReason) -> None:
        """The incarnation's children, unless they are kept for the next one, then its `stopped`."""
        actor, family = cell.actor, cell.children
        restarts = cell.end_reason is None
        if family is not None and not (restarts and cell.spec.keep_children and not family.given_up):
            anew = restarts or cell.end_reason is StopReason.IDLE  # else who asks it is refused at once
            with awaited_ends(cell, list(family.children.values()) if anew else []):
                await family.close(reason)
            if cell.children is family:
                cell.children = None
        if cell.actor is actor:  # two may end it at once: a restart, and whoever stops it
            self.stopped(cell, reason)

    async def _stopping(self, cell: Cell, reason: StopReason) -> None:
        actor, ctx = cell.actor, cell.ctx
        if actor is None or ctx is None or ctx.fenced or not actor.stops_itself:
            return
        assert cell.vars is not None
        ctx.begin()
        with Boundary() as boundary, trio.move_on_after(cell.spec.stop_grace):
            await drive(cell.vars, ctx, actor.stopping(reason), None)
            check_returned(cell, ctx.outputs or [], None)
        if boundary.error is None:
            with boundary:
                self._dispatcher.let_out(cell)
        if boundary.error is not None:
            log.error(
                "stopping_failed", actor=cell.address, error=str(boundary.error), exc_info=boundary.error
            )
        else:
            await self._landed(cell)

    async def _landed(self, cell: Cell) -> None:
        """Wait for the cell's commits; a disk that hangs does not hold up the end for ever."""
        with trio.move_on_after(COMMIT_WAIT) as wait:
            await self._rooms.commit.landed(cell)
        if wait.cancelled_caught:
            log.error("commit_left_behind", actor=cell.address)

    def stopped(self, cell: Cell, reason: StopReason) -> None:
        """The incarnation's own `stopped`."""
        actor, cell.actor = cell.actor, None
        if actor is not None and actor.cleans_up:
            assert cell.ctx is not None
            self._dispatcher.queue.behind(cell.ctx, partial(_clean_up, cell, actor, reason))

    # --- its mail --------------------------------------------------------------------------------------

    def _remove(self, cell: Cell) -> None:
        cell.status = STOPPED
        router = self._rooms.router
        if router.cells.get(cell.address) is cell:
            del router.cells[cell.address]
        self._rooms.router.reach.gone(cell)
        if (failure := self._unstarted.pop(cell, None)) is not None:
            self._refuse(cell, failure)
        mail = _for_anybody(cell)
        self._rooms.under_way.came(cell)
        self._forget(cell)
        if cell.end_reason is StopReason.IDLE:
            router.delivery.again(cell.address, mail)
        else:
            for envelope in mail:
                router.letters.add(cell.address, envelope, "stopped")
            tell_watchers = self._rooms.watches.ended(cell.address, cell.end_reason or StopReason.STOP)
            router.delivery.after_outputs(cell, tell_watchers)
        _wake_waiters(cell)

    def cannot_start(self, cell: Cell, error: Exception) -> None:
        """A cell that could not be started ends: its mail, and what comes until it has gone, is told so."""
        failure = error if isinstance(error, StartFailed) else _start_failure(cell, error)
        self._unstarted[cell] = failure
        self.refuse_mail(cell, failure)

    def refuse_mail(self, cell: Cell, error: Exception) -> None:
        """Every waiting ask is told; what was told is a dead letter."""
        self._refuse(cell, error)
        while cell.room:
            _, go_on = cell.room.popleft()
            go_on()  # one at a time: each finds room, and is refused in its turn
            self._refuse(cell, error)
        cell.room = None
        self._rooms.under_way.notice()

    def _refuse(self, cell: Cell, error: Exception) -> None:
        for envelope in _for_anybody(cell):
            if envelope.pending is not None:
                envelope.pending.settle(outcome.Error(error))
            else:
                self._rooms.router.letters.add(cell.address, envelope, "start_failed")


def _clean_up(cell: Cell, actor: Actor[Any], reason: StopReason) -> None:
    with Boundary() as boundary:
        actor.stopped(reason)
    if boundary.error is not None:
        log.error("stopped_failed", actor=cell.address, error=str(boundary.error), exc_info=boundary.error)


def _plain(cell: Cell) -> bool:
    """It has nothing to wait for: no commit, no child, no pipe, no `stopping` of its own."""
    ctx, actor = cell.ctx, cell.actor
    return (
        cell.entry is None
        and cell.children is None
        and actor is not None
        and not actor.stops_itself
        and not (isinstance(ctx, TurnContext) and ctx.piping)
    )


def _for_anybody(cell: Cell) -> list[Envelope]:
    """The mail that is not for one incarnation alone; of the rest, who minds being lost is told."""
    mail = cell.mailbox.drain() if cell.mailbox else []
    for envelope in mail:
        if envelope.timer is not None and envelope.own:
            envelope.timer.taken()
    return [envelope for envelope in mail if not envelope.own]


def _wake_waiters(cell: Cell) -> None:
    room, cell.room = cell.room, None
    while room:
        _, go_on = room.popleft()
        go_on()


def _start_failure(cell: Cell, error: Exception) -> StartFailed:
    failure = StartFailed(f"{cell.address}: {named(error)}")
    failure.__cause__ = error
    return failure


def _over(cell: Cell) -> Exception:
    if cell.end_reason is not None:
        return ActorStopped(f"{cell.address} ended before it answered")
    return ActorRestarted(f"{cell.address} began anew; ask again")
