"""Supervision: a supervisor is a task with a nursery, its children live in it, and it alone restarts and ends them.

A failure is a signal in the supervisor's inbox. It decides by the spec (actors/supervision.py), then acts; a
restart that waits is a timer, so that it goes on answering in between. Starting and ending children are tasks
in its nursery: leaving the nursery means that every child has ended.

Order of an end, for each child: its own children first, then its turn (with a grace, then cancelled), then
`stopping`, the fence, `stopped`, and last its mail and its deferred askers. A turn that will not end is fenced
and left behind as a straggler.
"""

import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import outcome
import structlog
import trio

from actors.actor import Activated, Actor, Fresh, Restarted, Spec, StartReason, StopReason
from actors.address import Address
from actors.durable import DurableActor
from actors.errors import ActorRestarted, ActorStopped, NameTaken, NotOwner, RestartLimit, StartFailed
from actors.supervision import Decision, Escalate, Failures, History, Intensity, RestartIn, Restarts, StopIt
from runtime.boundary import Boundary
from runtime.cell import BUSY, IDLE, QUEUED, RESTARTING, STARTING, STOPPED, STOPPING, Cell
from runtime.context import Rooms, TurnContext
from runtime.dispatcher import Dispatcher, drive
from runtime.router import INSIDE, SPEAKER
from runtime.timers import Timer

log = structlog.get_logger("callboard.actors")
COMMIT_WAIT = 30.0
"""Seconds that an ending actor waits for what it has staged."""
DEPTH_MAX = 64
"""Levels of supervisors."""


class StoredOf:
    """What the store keeps of one actor, for its `load`."""

    def __init__(self, rooms: Rooms, address: Address) -> None:
        self._store = rooms.store
        self._address = address

    async def scan(self, prefix: str, after: str = "", limit: int = 1_000) -> list[tuple[str, bytes]]:
        return await self._store.scan(self._address, prefix, after, limit)

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        return await self._store.get(self._address, keys)

    async def records(self, log: str, first: int, limit: int = 1_000) -> list[tuple[int, bytes]]:
        return await self._store.records(self._address, log, first, limit)

    async def end(self, log: str) -> int:
        return (await self._store.bounds(self._address, log))[1]


class Supervisor:
    """One level of the tree. `one_by_one`: children are counted, and stopped, each for itself (activated by address)."""

    def __init__(
        self,
        path: str,
        rooms: Rooms,
        dispatcher: Dispatcher,
        *,
        intensity: Intensity,
        give_up: Callable[[Exception], None],
        one_by_one: bool = False,
        depth: int = 0,
    ) -> None:
        self.path = path
        self.children: dict[Address, Cell] = {}
        self.one_by_one = one_by_one
        self._rooms = rooms
        self._dispatcher = dispatcher
        self._restarts = Restarts(intensity)
        self._give_up = give_up
        self._depth = depth
        self._inbox: deque[tuple[Cell, Exception | Restarted]] = deque()
        self._signal = trio.Event()
        self._ended = trio.Event()
        """Set, and made anew, whenever a child has ended."""
        self._early: list[tuple[Callable[..., Awaitable[None]], tuple[Any, ...]]] = []
        self._nursery: trio.Nursery | None = None
        self._closed = False
        self._names = 0
        self._pipes = 0
        self._backing_off: dict[Address, Timer] = {}
        """What begins a child again after its backoff; the newest one of each."""
        self._not_before: dict[Address, float] = {}
        """Addresses that failed for good, and when they may be tried again."""

    # --- the task --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Act on signals until `close`."""
        if self._closed:  # before its task had begun
            return
        async with trio.open_nursery() as self._nursery:
            for work, arguments in self._early:
                self._nursery.start_soon(work, *arguments)
            self._early.clear()
            while True:
                while self._inbox:
                    self._act(*self._inbox.popleft())
                self._signal = trio.Event()
                await self._signal.wait()

    @property
    def intensity(self) -> Intensity:
        return self._restarts.intensity

    def _task(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        if self._nursery is None:
            self._early.append((work, arguments))
        else:
            self._nursery.start_soon(work, *arguments)

    def _say(self, cell: Cell, error: Exception | Restarted) -> None:
        self._inbox.append((cell, error))
        self._signal.set()

    # --- what the dispatcher, the commit point and a context tell --------------------------------------

    def failed(self, cell: Cell, error: Exception) -> None:
        if cell.end_reason is not None or _is_over(cell):
            return
        cell.status = RESTARTING
        cell.last_error = f"{type(error).__name__}: {error}"
        self._close_incarnation(cell)
        log.error(
            "actor_crashed",
            actor=cell.address,
            incarnation=cell.incarnation,
            error=cell.last_error,
            exc_info=error,
        )
        # the traceback's frames hold the state that has just been given up
        error.__traceback__ = None
        self._say(cell, error)

    def discarded(self, cell: Cell, error: Exception) -> None:
        if cell.end_reason is not None or (_is_over(cell) and not isinstance(error, NotOwner)):
            return
        self._close_incarnation(cell)
        log.warning("actor_discarded", actor=cell.address, incarnation=cell.incarnation, cause=str(error))
        if isinstance(error, NotOwner):
            self.stop_child(cell, StopReason.FENCED)
            return
        cell.status = STARTING
        self._task(self._restart, cell, None)

    def stop_child(self, cell: Cell, reason: StopReason) -> None:
        if cell.end_reason is None:
            cell.end_reason = reason
            self._task(self._end, cell, reason)

    def spawn(self, cell: Cell, spec: Spec[Any]) -> Address:
        if cell.children is None:
            if self._depth >= DEPTH_MAX:
                raise StartFailed(f"{cell.address}: supervisors nest to {DEPTH_MAX} levels")
            cell.children = family = Supervisor(
                cell.address,
                self._rooms,
                self._dispatcher,
                intensity=cell.spec.intensity,
                give_up=lambda error: cell.parent.failed(cell, error),
                depth=self._depth + 1,
            )
            self._task(family.run)
        children: Supervisor = cell.children
        return children.start_child(spec)

    def stop(self, cell: Cell, address: Address | None) -> None:
        if address is None:
            self.stop_child(cell, StopReason.STOP)
        elif cell.children is not None and (child := cell.children.children.get(address)):
            cell.children.stop_child(child, StopReason.STOP)

    def begin(self, cell: Cell, work: Callable[[], Awaitable[None]]) -> None:
        """A pipe's work: a task of this incarnation."""
        ctx = cell.ctx
        if isinstance(ctx, TurnContext) and not ctx.fenced:
            self._pipes += 1
            self._task(self._piped, ctx, work)

    def piping(self) -> bool:
        """Whether a pipe is under way, of a child or below it."""
        families = (cell.children for cell in self.children.values() if cell.children is not None)
        return self._pipes > 0 or any(family.piping() for family in families)

    async def _piped(self, ctx: TurnContext, work: Callable[[], Awaitable[None]]) -> None:
        INSIDE.set(True)
        SPEAKER.set(None)  # it may have begun in the turn of another, who asked this actor inline
        with trio.CancelScope() as scope:
            pipes = ctx.pipes
            if pipes is None:
                pipes = ctx.pipes = {}
            pipes[scope] = None
            try:
                if not ctx.fenced:
                    await work()
            finally:
                self._pipes -= 1
                del pipes[scope]

    # --- starting --------------------------------------------------------------------------------------

    def start_child(self, spec: Spec[Any]) -> Address:
        """Start a child by its spec. Raises NameTaken."""
        name = spec.name
        if name is None:
            self._names += 1
            name = f"{getattr(spec.actor, '__name__', 'actor').lower()}-{self._names}"
        address = Address.of(name) if self.path == "/" else Address(self.path).child(name)
        if address in self.children or address in self._rooms.router.cells:
            raise NameTaken(f"{address} lives")
        cell = Cell(address, spec, self)
        self._add(cell, Fresh())
        return address

    def activate(self, address: Address, spec: Spec[Any]) -> Cell:
        """Start the actor of an address that somebody has written to. Raises StartFailed while it backs off."""
        now = self._rooms.clock.now()
        if self._not_before:
            if self._not_before.get(address, now) > now:
                raise StartFailed(f"{address} has failed; it is tried again later")
            self._not_before.pop(address, None)
        cell = Cell(address, spec, self, on_demand=True)
        self._add(cell, Activated(0))
        return cell

    def _add(self, cell: Cell, reason: StartReason) -> None:
        self.children[cell.address] = cell
        self._rooms.router.cells[cell.address] = cell
        if starts_at_once(cell.spec):
            with Boundary() as boundary:
                self._build(cell)
                cell.status = IDLE
            if boundary.error is not None:
                self._start_failed(cell, boundary.error)
        else:
            self._task(self._start, cell, reason)

    def _build(self, cell: Cell) -> Actor[Any]:
        actor: Actor[Any] = cell.spec.actor(*cell.spec.args)
        cell.incarnation += 1
        ctx = TurnContext(cell, self._rooms, self)
        actor.bind(ctx)
        cell.actor, cell.ctx, cell.handlers = actor, ctx, actor.handlers
        cell.vars = contextvars.Context()
        cell.vars.run(SPEAKER.set, ctx)
        return actor

    async def _start(self, cell: Cell, reason: StartReason) -> None:
        if _is_ending(cell):  # stopped before its first step
            return
        with Boundary() as boundary, trio.CancelScope() as scope:
            cell.scope = scope
            await self._started(cell, reason)
        cell.scope = None
        stopped = scope.cancelled_caught
        if cell.turn_over is not None:
            cell.turn_over.set()
        if cell.end_reason is not None or stopped:
            return
        if boundary.error is not None:
            self._start_failed(cell, boundary.error)
        elif cell.status is STARTING:
            cell.status = BUSY
            self._dispatcher.end_of_start(cell)
            log.debug("actor_started", actor=cell.address, incarnation=cell.incarnation)

    async def _started(self, cell: Cell, reason: StartReason) -> None:
        actor = self._build(cell)
        ctx = cell.ctx
        assert ctx is not None
        assert cell.vars is not None
        if isinstance(actor, DurableActor):
            cell.version = await self._rooms.store.version(cell.address)
            if isinstance(reason, Activated):
                reason = Activated(cell.version)
            await drive(cell.vars, ctx, actor.load(StoredOf(self._rooms, cell.address)), None)
        ctx.begin()
        with trio.move_on_after(cell.spec.start_timeout) as deadline:
            await drive(cell.vars, ctx, actor.started(reason), None)
        if deadline.cancelled_caught:
            raise StartFailed(f"{cell.address}: `started` took more than {cell.spec.start_timeout} s")

    def _start_failed(self, cell: Cell, error: Exception) -> None:
        failure = error if isinstance(error, StartFailed) else StartFailed(f"{cell.address}: {error}")
        if failure is not error:
            failure.__cause__ = error
        cell.status = RESTARTING
        cell.last_error = f"{type(error).__name__}: {error}"
        if cell.ctx is not None:
            self._close_incarnation(cell)
        log.error("actor_start_failed", actor=cell.address, error=cell.last_error, exc_info=error)
        if cell.on_demand:
            # every waiting ask is told; the next message tries again, after the backoff
            self._refuse_mail(cell, failure)
        self._say(cell, error)

    # --- failing ---------------------------------------------------------------------------------------

    def _act(self, cell: Cell, error: Exception | Restarted) -> None:
        if cell.end_reason is not None:
            return
        if isinstance(error, Restarted):  # the backoff is over
            self._task(self._begin_again, cell, error)
            return
        fraction = self._rooms.entropy.fraction()
        if cell.history is None:  # made at the first failure: a million idle actors have none
            restarts = Restarts(cell.spec.intensity) if self.one_by_one else self._restarts
            cell.history = History(restarts, Failures())
        decision = cell.history.decide(cell.spec, error, self._rooms.clock.now(), fraction)
        self._perform(cell, error, decision)

    def _perform(self, cell: Cell, error: Exception, decision: Decision) -> None:
        match decision:
            case RestartIn(delay):
                cell.restarts += 1
                log.info("actor_restarts", actor=cell.address, restarts=cell.restarts, delay=delay)
                self._task(self._restart, cell, Restarted(error, cell.restarts), delay)
            case StopIt():
                self.stop_child(cell, StopReason.CRASHED)
            case Escalate(limit=True) if self.one_by_one:
                self._give_up_on(cell)
            case Escalate(limit=limit):
                self._fail(cell, error, limit=limit)

    def _give_up_on(self, cell: Cell) -> None:
        """An activated address at its limit: it alone stops, and nobody else falls."""
        log.error("actor_gave_up", actor=cell.address, restarts=cell.restarts, error=cell.last_error)
        self._not_before[cell.address] = self._rooms.clock.now() + cell.spec.backoff.most
        self._refuse_mail(cell, StartFailed(f"{cell.address} has failed too often: {cell.last_error}"))
        self.stop_child(cell, StopReason.CRASHED)

    def _fail(self, cell: Cell, error: Exception, *, limit: bool) -> None:
        """This supervisor fails of a child."""
        failure = error
        if limit:
            intensity = self._restarts.intensity
            failure = RestartLimit(
                f"{self.path}: more than {intensity.restarts} restarts within {intensity.within} s; last of {cell.address}"
            )
            failure.__cause__ = error
        failure.add_note(f"{cell.address}, incarnation {cell.incarnation}, {cell.restarts} restarts")
        log.error("supervisor_failed", supervisor=self.path, child=cell.address, error=str(failure))
        self._give_up(failure)

    async def _restart(self, cell: Cell, reason: Restarted | None, delay: float = 0.0) -> None:
        """End the old incarnation now; the new one waits for the backoff."""
        await self._turn_ended(cell, cell.spec.stop_grace if reason is None else 0.0)
        await self._bury(cell, StopReason.CRASHED if reason else StopReason.DISCARDED)
        if _is_ending(cell):
            return
        if reason is not None and delay > 0:
            self._backing_off[cell.address] = self._rooms.timers.after(
                delay, lambda _: self._say(cell, reason)
            )
        else:
            await self._begin_again(cell, reason)

    async def _begin_again(self, cell: Cell, reason: Restarted | None) -> None:
        await self._rooms.commit.landed(cell)
        if cell.end_reason is None:
            cell.status = STARTING
            await self._start(cell, reason or Activated(cell.version))

    # --- ending ----------------------------------------------------------------------------------------

    async def stop_and_wait(self, cell: Cell, reason: StopReason) -> None:
        """End one child; returns when it has ended."""
        self.stop_child(cell, reason)
        await self._gone(cell)

    async def _gone(self, cell: Cell) -> None:
        while cell.status is not STOPPED:
            await self._ended.wait()

    async def close(self, reason: StopReason) -> None:
        """End all children and this supervisor."""
        await self.end_children(reason)
        self._closed = True
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    async def end_children(self, reason: StopReason) -> None:
        """End all children, in reverse start order; activated ones, which have no order, all at once."""
        cells = list(reversed(self.children.values()))
        if not self.one_by_one:
            for cell in cells:
                if not self._end_now(cell, reason):
                    await self._close_one(cell, reason)
            return
        async with trio.open_nursery() as nursery:
            for cell in cells:
                if not self._end_now(cell, reason):
                    nursery.start_soon(self._close_one, cell, reason)

    async def _close_one(self, cell: Cell, reason: StopReason) -> None:
        if cell.end_reason is None:
            cell.end_reason = reason
            await self._end(cell, reason)
        await self._gone(cell)

    def passivate(self, cell: Cell) -> None:
        """An idle cell goes; in one step, with no await between the check and the removal."""
        ctx = cell.ctx
        busy = (
            cell.status is not IDLE
            or cell.mailbox
            or cell.deferred
            or cell.entry is not None
            or cell.children
        )
        if busy or not isinstance(ctx, TurnContext) or ctx.pipes or ctx.timers:
            return
        log.debug("actor_passivated", actor=cell.address)
        if not self._end_now(cell, StopReason.IDLE):
            self.stop_child(cell, StopReason.IDLE)

    def _end_now(self, cell: Cell, reason: StopReason) -> bool:
        """End a cell that is idle and has nothing to wait for, without a task."""
        plain = cell.status is IDLE and not cell.mailbox and cell.entry is None and cell.children is None
        if not plain or cell.actor is None or cell.actor.stops_itself:
            return False
        ctx = cell.ctx
        if cell.end_reason is not None or (isinstance(ctx, TurnContext) and ctx.pipes):
            return False
        cell.end_reason = reason
        self._close_incarnation(cell)
        self._stopped(cell, reason)
        self._remove(cell)
        return True

    async def _end(self, cell: Cell, reason: StopReason) -> None:
        with trio.CancelScope(shield=True):  # every wait in here has a deadline of its own
            await self._turn_ended(cell, cell.spec.stop_grace)
            cell.status = STOPPING
            await self._landed(cell)
            await self._stopping(cell, reason)
            self._close_incarnation(cell)
            await self._bury(cell, reason)
            self._remove(cell)

    async def _turn_ended(self, cell: Cell, grace: float) -> None:
        """Wait for the present turn, with a grace; then cancel it; then leave it behind."""
        if cell.status is IDLE or cell.status is QUEUED:
            cell.status = STOPPING
        for last in (False, True):
            if not cell.suspended:
                return
            if last or grace == 0:
                cell.cancel_turn()
            cell.turn_over = trio.Event()
            with trio.move_on_after(cell.spec.stop_grace if last else grace):
                await cell.turn_over.wait()
        if cell.suspended:
            self._close_incarnation(cell)
            if cell.pending is not None:
                cell.pending.settle(outcome.Error(_over(cell)))
            log.error("straggler", actor=cell.address, incarnation=cell.incarnation)

    async def _stopping(self, cell: Cell, reason: StopReason) -> None:
        actor, ctx = cell.actor, cell.ctx
        if actor is None or ctx is None or ctx.fenced or not actor.stops_itself:
            return
        assert cell.vars is not None
        ctx.begin()
        with Boundary() as boundary, trio.move_on_after(cell.spec.stop_grace):
            await drive(cell.vars, ctx, actor.stopping(reason), None)
        if boundary.error is not None:
            log.error(
                "stopping_failed", actor=cell.address, error=str(boundary.error), exc_info=boundary.error
            )
        else:
            self._dispatcher.let_out(cell)
            await self._landed(cell)

    async def _landed(self, cell: Cell) -> None:
        """Wait for the cell's commits; a disk that hangs does not hold up the end for ever."""
        with trio.move_on_after(COMMIT_WAIT) as wait:
            await self._rooms.commit.landed(cell)
        if wait.cancelled_caught:
            log.error("commit_left_behind", actor=cell.address)

    async def _bury(self, cell: Cell, reason: StopReason) -> None:
        """The incarnation's children, then its `stopped`."""
        if cell.children is not None:
            await cell.children.close(reason)
            cell.children = None
        self._stopped(cell, reason)

    def _close_incarnation(self, cell: Cell) -> None:
        """Fence it: no effect any more, no timer, no pipe; who was deferred is told."""
        ctx = cell.ctx
        if not isinstance(ctx, TurnContext) or ctx.fenced:
            return
        ctx.fenced = True
        for timer in (ctx.timers or {}).values():
            timer.cancelled = True
        for scope in list(ctx.pipes or ()):
            scope.cancel()
        waiting, cell.deferred = cell.deferred or {}, None
        for one in waiting.values():
            if one.deadline is not None:
                one.deadline.cancelled = True
            one.pending.settle(outcome.Error(_over(cell)))
        waiting.clear()

    def _stopped(self, cell: Cell, reason: StopReason) -> None:
        actor, cell.actor = cell.actor, None
        if actor is None or not actor.cleans_up:
            return
        with Boundary() as boundary:
            actor.stopped(reason)
        if boundary.error is not None:
            log.error(
                "stopped_failed", actor=cell.address, error=str(boundary.error), exc_info=boundary.error
            )

    def _remove(self, cell: Cell) -> None:
        cell.status = STOPPED
        self.children.pop(cell.address, None)
        if waiting := self._backing_off.pop(cell.address, None):
            waiting.cancelled = True
        cells = self._rooms.router.cells
        if cells.get(cell.address) is cell:
            del cells[cell.address]
        mail = [one for one in cell.mailbox.drain() if one.timer is None] if cell.mailbox else []
        if cell.end_reason is StopReason.IDLE:
            self._rooms.router.again(cell.address, mail)
        else:
            for envelope in mail:
                self._rooms.router.letters.add(cell.address, envelope, "stopped")
        self._wake_waiters(cell)
        self._ended.set()
        self._ended = trio.Event()

    def _refuse_mail(self, cell: Cell, error: Exception) -> None:
        for envelope in cell.mailbox.drain() if cell.mailbox else ():
            if envelope.pending is not None:
                envelope.pending.settle(outcome.Error(error))
            elif envelope.timer is None:
                self._rooms.router.letters.add(cell.address, envelope, "start_failed")
        self._wake_waiters(cell)

    def _wake_waiters(self, cell: Cell) -> None:
        room, cell.room = cell.room, None
        while room:
            room.popleft()()


def _is_ending(cell: Cell) -> bool:
    return cell.end_reason is not None


def _is_over(cell: Cell) -> bool:
    """Fenced, its successor not yet built: one more failure in between is the same one."""
    return cell.ctx is not None and cell.ctx.fenced


def _over(cell: Cell) -> Exception:
    if cell.end_reason is not None:
        return ActorStopped(f"{cell.address} ended before it answered")
    return ActorRestarted(f"{cell.address} began anew; ask again")


def starts_at_once(spec: Spec[Any]) -> bool:
    """Whether starting needs no wait: nothing to load, and no `started` of its own."""
    kind = spec.actor
    plain: bool = getattr(kind, "durable", None) is False and getattr(kind, "starts_itself", None) is False
    return plain
