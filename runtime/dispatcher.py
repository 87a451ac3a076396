"""The dispatcher: drives the handlers of runnable cells, one after the other, in one task.

A handler that really suspends keeps the task that it is in, and a fresh pump takes over the run queue (lazy
promotion): 700 k messages a second where a task for each actor gives 30 k. One CancelScope around a pump's
whole life costs nothing for each message, and once a handler has suspended there, the pump's scope is that
handler's own: stopping one actor cancels exactly its turn. A scope cannot be entered lazily at the first
suspension ("Cancel scope stack corrupted"), so an inline ask of a handler that may suspend pays for one.

An ask of an idle cell is driven in the asker's task. What was traded away: a turn of one cell may run deep in
the stack of another's, so inline asks nest to `DEPTH_MAX` at most and then go through the run queue.
"""

import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextvars import Context as Vars
from functools import partial
from typing import Any, Protocol, cast

import outcome
import trio
from trio.lowlevel import Task

from actors.errors import (
    ActorCrashed,
    ActorRestarted,
    ActorStopped,
    CommitFailed,
    DirtyRefusal,
    DirtySuspension,
    StoreFull,
    TooManyChildren,
    TooManyDeferred,
    TooManyPipes,
)
from actors.handlers import Handling, Kind
from actors.mailbox import Mailbox
from actors.message import Deferred
from actors.supervision import DROP
from runtime.boundary import Boundary
from runtime.cell import BLOCKED, BUSY, IDLE, QUEUED, STOPPING, Cell, Turn, Waiting
from runtime.commit import CommitPoint
from runtime.envelope import Envelope, Pending
from runtime.outputs import Output, Reply, Resolve
from runtime.poison import once_more
from runtime.timers import Timer, Timers
from runtime.trace import Trace

DEPTH_MAX = 16
"""Nested inline asks; Python's own limit comes at 250 of them."""
VISIT_MAX = 16
"""Messages that a cell handles before the next cell has its turn."""
CHECKPOINT_EVERY = 256
"""Visits after which the pump lets other tasks run."""

REFUSALS = (StoreFull, TooManyDeferred, TooManyPipes, TooManyChildren)
"""What the context itself refuses: as any refusal it goes to the asker, whatever the message lists."""

PLAIN, SUSPENDS = Kind.PLAIN, Kind.SUSPENDS


class Schedule(Protocol):
    """Who goes next; the lab's seeded choice. Without one the run queue is first in, first out."""

    def pick(self, cells: Sequence[Cell]) -> int:
        """Which of the runnable cells."""
        ...

    def inline(self) -> bool:
        """Whether an ask of an idle cell is driven inline, or goes through the run queue."""
        ...


class Pump:
    """One task that drives cells; `cell` is the one whose turn it is in."""

    __slots__ = ("cell", "ctx", "envelope", "scope")

    def __init__(self) -> None:
        self.cell: Cell | None = None
        self.ctx: Turn | None = None
        self.envelope: Envelope | None = None
        self.scope = trio.CancelScope()


class Dispatcher:
    """Runs turns: from the run queue by pumps, or inline for an asker."""

    def __init__(
        self,
        commit: CommitPoint,
        timers: Timers,
        trace: Trace | None,
        schedule: Schedule | None,
        lost: Callable[[Cell, Envelope, str], None],
    ) -> None:
        self._lost = lost
        self._commit = commit
        self._timers = timers
        self._trace = trace
        self._schedule = schedule
        self._runnable: deque[Cell] = deque()
        self._active: Pump | None = None
        self._parked: Task | None = None
        self._suspended = 0
        self._spare: deque[Mailbox[Envelope]] = deque(maxlen=64)
        self._quiet = trio.Event()
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Drive cells until cancelled."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._pump)

    @property
    def idle(self) -> bool:
        return (
            not self._runnable and not self._suspended and (self._parked is not None or self._active is None)
        )

    async def quiet(self) -> None:
        """Wait until no cell is runnable and no turn is suspended."""
        while not self.idle:
            await self._quiet.wait()

    def ready(self, cell: Cell) -> None:
        """The cell has mail: into the run queue, if it is idle."""
        if cell.status is IDLE:
            cell.status = QUEUED
            self._enqueue(cell)

    def may_inline(self, cell: Cell, depth: int) -> bool:
        """Whether an ask may be driven in the asker's task."""
        if cell.status is not IDLE or depth >= DEPTH_MAX:
            return False
        if self._commit.saturated and cell.actor is not None and cell.actor.durable:
            return False
        return self._schedule is None or self._schedule.inline()

    # --- the run queue ---------------------------------------------------------------------------------

    def _enqueue(self, cell: Cell) -> None:
        self._runnable.append(cell)
        if self._parked is not None:
            parked, self._parked = self._parked, None
            trio.lowlevel.reschedule(parked)

    def _next(self) -> Cell:
        if self._schedule is None or len(self._runnable) == 1:
            return self._runnable.popleft()
        index = self._schedule.pick(self._runnable)
        cell = self._runnable[index]
        del self._runnable[index]
        return cell

    async def _park(self) -> None:
        def abort(_: Callable[[], None]) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._parked = trio.lowlevel.current_task()
        if not self._suspended:
            self._noticed()
        await trio.lowlevel.wait_task_rescheduled(abort)

    def _noticed(self) -> None:
        self._quiet.set()
        self._quiet = trio.Event()

    async def _pump(self) -> None:
        """Drive cells until a handler suspends in this task, and has ended."""
        pump = self._active = Pump()
        try:
            while self._active is pump:
                await self._drive(pump)
        finally:
            # left by the whole system's end, or by what is no Exception: whoever waits for this turn must not
            cell, envelope = pump.cell, pump.envelope
            if cell is not None and envelope is not None and envelope.pending is not None:
                _release_asker(cell, pump.ctx, envelope.pending)

    async def _drive(self, pump: Pump) -> None:
        """Until a turn is left by an exception or a cancellation, or the pump is no longer the active one."""
        with Boundary() as boundary, pump.scope:
            await self._visits(pump)
        cell, envelope = pump.cell, pump.envelope
        pump.cell = None
        if cell is None or envelope is None:
            return
        ctx = pump.ctx
        assert ctx is not None
        if boundary.error is not None:
            crashed = self._raised(
                cell, ctx, envelope.message, envelope.pending, boundary.error, envelope=envelope
            )
            if crashed and envelope.pending is None and envelope.timer is None:
                self._lost(cell, envelope, "crashed")
        else:
            self._cut(cell, ctx, envelope.pending)
        self._end(cell, ctx)
        if self._active is pump:
            pump.scope = trio.CancelScope()

    async def _visits(self, pump: Pump) -> None:
        visits = 0
        while self._active is pump:
            if not self._runnable:
                await self._park()
                visits = 0
                continue
            cell = self._next()
            if cell.status is not QUEUED:
                continue
            if self._commit.saturated and cell.actor is not None and cell.actor.durable:
                self._commit.when_caught_up(partial(self._again, cell))
                continue
            await self._visit(pump, cell)
            visits += 1
            if visits % CHECKPOINT_EVERY == 0 and self._active is pump:
                await trio.lowlevel.checkpoint()

    def _again(self, cell: Cell) -> None:
        if cell.status is QUEUED:
            self._enqueue(cell)

    async def _visit(self, pump: Pump, cell: Cell) -> None:
        """Up to `VISIT_MAX` messages of one cell."""
        mailbox, ctx = cell.mailbox, cell.ctx
        assert ctx is not None
        assert cell.vars is not None
        for _ in range(VISIT_MAX):
            if not mailbox or cell.end_reason is not None:
                break
            envelope = mailbox.take()
            if cell.room is not None:
                room_for_one(cell)
            if envelope.timer is not None and not envelope.timer.taken():
                continue
            cell.status = BUSY
            cell.depth = 0
            pump.cell, pump.ctx, pump.envelope = cell, ctx, envelope
            handling = cell.handlers.get(envelope.message.__class__)
            if handling is None:
                self._lost(cell, envelope, "unhandled")
                continue
            ctx.begin()
            if handling.kind is PLAIN:
                value = cell.vars.run(handling.function, cell.actor, envelope.message)
            else:
                value = await self._awaited(pump, cell, envelope, handling)
            self._returned(cell, ctx, envelope.message, envelope.pending, value)
            pump.cell = None
            if self._active is not pump or cell.status is not BUSY or cell.blocked:
                break
        self._end(cell, ctx)

    async def _awaited(self, pump: Pump, cell: Cell, envelope: Envelope, handling: Handling) -> Any:
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
            self._suspended += 1
            self._active = None
            assert self._nursery is not None
            self._nursery.start_soon(self._pump)

        try:
            return await drive(cell.vars, cell.ctx, coro, promote)
        finally:
            if cell.ctx is ctx:
                cell.scope = cell.pending = None
            if suspended:
                self._suspended -= 1
                if self.idle:
                    self._noticed()

    # --- inline ----------------------------------------------------------------------------------------

    async def inline(self, cell: Cell, message: Any, asker: Cell | None) -> Any:
        """Drive one message of an idle cell in the asker's own task: its reply, or the Pending to wait for it."""
        handling = cell.handlers[message.__class__]
        cell.status = BUSY
        cell.depth = asker.depth + 1 if asker is not None else 1
        ctx = cell.ctx
        assert ctx is not None
        assert cell.vars is not None
        ctx.begin()
        if handling.kind is SUSPENDS:
            return await self._inline_scoped(cell, ctx, message, handling, asker)
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
                and value.__class__ is not Deferred
            ):
                cell.handled += 1
                cell.touched = True
                if self._trace is not None:
                    ctx.effect("reply")
                self._end(cell, ctx)
                return value
            pending = Pending()
            self._returned(cell, ctx, message, pending, value)
        if pending is None:
            assert boundary.error is not None
            pending = Pending()
            self._raised(cell, ctx, message, pending, boundary.error)
        self._end(cell, ctx)
        return pending

    async def _inline_scoped(
        self, cell: Cell, ctx: Turn, message: Any, handling: Handling, asker: Cell | None
    ) -> Any:
        edges = None if asker is None else add_edge(asker, cell)
        over = False
        pending = Pending()
        boundary = Boundary()
        try:
            assert cell.vars is not None
            value: Any = None
            with boundary, trio.CancelScope() as cell.scope:
                self._suspended += 1
                value = await drive(cell.vars, ctx, handling.function(cell.actor, message), None)
                self._returned(cell, ctx, message, pending, value)
                over = True
            if boundary.error is not None:
                over = True
                self._raised(cell, ctx, message, pending, boundary.error)
            elif not over:
                over = True
                self._cut(cell, ctx, pending)
        finally:
            # left by the asker's own cancellation: the Cancelled is the asker's, the turn is simply cut
            self._suspended -= 1
            if edges is not None:
                edges.remove(cell)
            if cell.ctx is ctx:
                cell.scope = None
            if not over:
                self._cut(cell, ctx, None)
            self._end(cell, ctx)
            if self.idle:
                self._noticed()
        return pending

    # --- the end of a turn -----------------------------------------------------------------------------

    def _returned(self, cell: Cell, ctx: Turn, message: Any, pending: Pending | None, value: Any) -> None:
        cell.handled += 1
        cell.touched = True
        if ctx.fenced or ctx.dirty:
            self._void(cell, ctx, message, pending)
        elif (
            ctx.outputs is None
            and ctx.staged is None
            and cell.entry is None
            and value.__class__ is not Deferred
        ):
            if pending is not None:
                if self._trace is not None:
                    ctx.effect("reply")
                pending.settle(outcome.Value(value))
        else:
            self._returned_more(cell, ctx, message, pending, value)

    def _void(self, cell: Cell, ctx: Turn, message: Any, pending: Pending | None) -> None:
        """The turn's outcome does not count: its incarnation is over, or it waited after its first change."""
        if ctx.fenced:
            _too_late(cell, pending)
        else:
            dirty = DirtySuspension(f"{cell.address}: waited after its first change")
            self._raised(cell, ctx, message, pending, dirty)

    def _returned_more(
        self, cell: Cell, ctx: Turn, message: Any, pending: Pending | None, value: Any
    ) -> None:
        """A turn with outputs, or one that waits behind a commit."""
        outputs = self._outputs(cell, ctx)
        if value.__class__ is Deferred:
            self._defer(cell, message, pending, value)
        elif pending is not None:
            outputs.append(Reply(pending, outcome.Value(value)))
            pending.returned()
        self._let_out(cell, ctx, outputs)

    def _let_out(self, cell: Cell, ctx: Turn, outputs: list[Output]) -> None:
        staged, ctx.staged = ctx.staged, None
        if staged or cell.entry is not None:
            self._commit.hold(cell, staged, outputs)
            return
        for output in outputs:
            if self._trace is not None:
                ctx.effect(output.label)
            output.release()

    def _outputs(self, cell: Cell, ctx: Turn) -> list[Output]:
        made, ctx.outputs = ctx.outputs or [], None
        outputs: list[Output] = []
        for output in made:
            if not isinstance(output, Resolve):
                outputs.append(output)
            elif cell.deferred and (waiting := cell.deferred.pop(output.key, None)):
                if waiting.deadline is not None:
                    waiting.deadline.cancelled = True
                waiting.pending.returned()
                outputs.append(Reply(waiting.pending, output.result))
        return outputs

    def _defer(self, cell: Cell, message: Any, pending: Pending | None, value: Deferred[Any]) -> None:
        if pending is None:  # told, not asked: nobody waits
            return
        waiting_for = cell.deferred
        if waiting_for is None:
            waiting_for = cell.deferred = {}
        key = value.key

        def leave() -> None:
            if waiting := waiting_for.pop(key, None):
                if waiting.deadline is not None:
                    waiting.deadline.cancelled = True
                cell.touched = True

        def late(_: Timer) -> None:
            if waiting := waiting_for.pop(key, None):
                waiting.pending.settle(outcome.Value(waiting.on_deadline))

        deadline = None if value.deadline is None else self._timers.after(value.deadline, late)
        waiting_for[key] = Waiting(pending, message, deadline, value.on_deadline)
        pending.returned(leave)

    def _raised(
        self,
        cell: Cell,
        ctx: Turn,
        message: Any,
        pending: Pending | None,
        error: Exception,
        *,
        envelope: Envelope | None = None,
    ) -> bool:
        """The handler raised: a refusal goes to the asker, all else is a crash. Whether it was one, and the message is lost."""
        cell.handled += 1
        if ctx.fenced:
            _too_late(cell, pending)
            return True
        changed = ctx.staged is not None or ctx.outputs is not None
        refusal = isinstance(error, (*message.refusals, *REFUSALS))
        if refusal and not changed:
            if pending is not None:
                pending.returned()
                self._let_out(cell, ctx, [Reply(pending, outcome.Error(error))])
            return False
        if refusal:
            dirty = DirtyRefusal(f"{cell.address}: {type(error).__name__} was raised after a change")
            dirty.__cause__ = error
            error = dirty
        ctx.undo()
        again = cell.spec.poison is not DROP and once_more(cell, message, pending, envelope)
        if pending is not None and not again:
            crashed = ActorCrashed(f"{cell.address}: {type(error).__name__}: {error}")
            crashed.__cause__ = error
            pending.settle(outcome.Error(crashed))
        cell.parent.failed(cell, error)
        return not again

    def _cut(self, cell: Cell, ctx: Turn, pending: Pending | None) -> None:
        """The turn was cancelled: by its asker, or because the cell is being stopped."""
        staged = ctx.staged
        ctx.undo()
        if pending is not None:
            _release_asker(cell, ctx, pending)
        if staged is not None and not ctx.fenced and cell.end_reason is None:
            cell.parent.discarded(cell, CommitFailed(f"{cell.address}: cancelled after it had staged"))

    def _end(self, cell: Cell, ctx: Turn | None) -> None:
        """The turn is over: on with the mailbox, or idle."""
        if cell.ctx is not ctx:  # a straggler's: the cell is its successor's, whose turn may be under way
            return
        if cell.turn_over is not None:
            cell.turn_over.set()
        if cell.status is not BUSY and cell.status is not QUEUED:
            return
        if cell.end_reason is not None:
            cell.status = STOPPING
            return
        if cell.blocked:
            cell.status = BLOCKED
        elif cell.mailbox:
            cell.status = QUEUED
            self._enqueue(cell)
        else:
            cell.status = IDLE
            if cell.mailbox is not None:
                self._spare.append(cell.mailbox)
                cell.mailbox = None

    def mailbox_of(self, cell: Cell) -> Mailbox[Envelope]:
        """The cell's mailbox, made on first use; an empty deque alone holds 600 bytes, so idle cells have none."""
        if cell.mailbox is None:
            cell.mailbox = self._spare.pop() if self._spare else Mailbox()
            cell.mailbox.capacity = cell.spec.capacity
        return cell.mailbox

    def let_out(self, cell: Cell) -> None:
        """What `started` or `stopping` staged and said, as at the end of a turn."""
        ctx = cell.ctx
        assert ctx is not None
        if ctx.staged is not None or ctx.outputs is not None:
            self._let_out(cell, ctx, self._outputs(cell, ctx))

    def end_of_start(self, cell: Cell) -> None:
        """Started: let out what it said, and on with the mail that came meanwhile."""
        self.let_out(cell)
        self._end(cell, cell.ctx)

    def unblocked(self, cell: Cell) -> None:
        """Its outputs have been accepted."""
        if cell.status is BLOCKED:
            cell.status = BUSY
            self._end(cell, cell.ctx)


def _too_late(cell: Cell, pending: Pending | None) -> None:
    """The incarnation was over before its turn was."""
    if pending is None:
        return
    if cell.end_reason is None:
        pending.settle(outcome.Error(ActorRestarted(f"{cell.address} began anew; ask again")))
    else:
        pending.settle(outcome.Error(ActorStopped(f"{cell.address} ended before its turn did")))


def _release_asker(cell: Cell, ctx: Turn | None, pending: Pending) -> None:
    """The turn was cut: the asker gets its own cancellation, if that was the cause, else the actor's end."""
    if pending.raise_cancel is not None:
        pending.cancelled()
    elif ctx is not None and ctx.fenced:
        _too_late(cell, pending)
    else:
        pending.settle(outcome.Error(ActorStopped(f"{cell.address} was stopped in its turn")))


def room_for_one(cell: Cell) -> None:
    """A message has left the mailbox: who has waited longest for room may put one in."""
    if cell.room:
        cell.room.popleft()()
    if not cell.room:
        cell.room = None


def add_edge(asker: Cell, target: Cell) -> list[Cell]:
    """The asker's present turn waits for the target's; the caller removes the edge again."""
    if asker.waits is None:
        asker.waits = []
    asker.waits.append(target)
    return asker.waits


@types.coroutine
def drive(
    variables: Vars, turn: Turn, coro: Coroutine[Any, Any, Any], suspended: Callable[[], None] | None
) -> Generator[Any, Any, Any]:
    """Run a handler's coroutine, its steps in the cell's own contextvars; call `suspended` when it first waits."""
    try:
        trap = variables.run(coro.send, None)
    except StopIteration as stop:
        return stop.value
    if turn.staged is not None:
        turn.dirty = True
    if suspended is not None:
        suspended()
    while True:
        sent: outcome.Maybe[Any] = yield from _resumed(trap)
        turn.resumed()
        try:
            trap = variables.run(sent.send, cast("Generator[Any, Any, Any]", coro))
        except StopIteration as stop:
            return stop.value
        if turn.staged is not None:
            turn.dirty = True


def _resumed(trap: Any) -> Generator[Any, Any, outcome.Maybe[Any]]:
    """Let the task wait, and bring back how it went on; what is thrown belongs to the handler, a Cancelled too."""
    try:
        return outcome.Value((yield trap))
    except BaseException as error:  # noqa: BLE001 -- handed to the handler, never kept
        return outcome.Error(error)
