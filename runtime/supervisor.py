"""Supervision: a supervisor is a task with a nursery, its children live in it, and it alone restarts and ends them.

A failure is a signal in the supervisor's inbox. It decides by the spec (actors/supervision.py), then acts; a
restart that waits is a timer, so that it goes on answering in between. Starting and ending children are tasks
in its nursery: leaving the nursery means that every child has ended.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
import trio

from actors.actor import Activated, Fresh, Restarted, Spec, StartReason, StopReason
from actors.address import Address
from actors.errors import NameTaken, NotOwner, RestartLimit, StartFailed
from actors.supervision import Decision, Escalate, Failures, History, Intensity, RestartIn, Restarts, StopIt
from runtime.cell import IDLE, RESTARTING, STARTING, STOPPED, Cell
from runtime.context import Rooms, TurnContext
from runtime.dispatcher import Dispatcher
from runtime.ending import Ending
from runtime.pipes import Pipes
from runtime.starting import Starting, is_ending, starts_at_once
from runtime.timers import Timer

log = structlog.get_logger("callboard.actors")
DEPTH_MAX = 64
"""Levels of supervisors."""


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
        self._starting = Starting(rooms, dispatcher, self, self._start_failed)
        self._ending = Ending(rooms, dispatcher, self._forget)
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
        self._pipes = Pipes()
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
        self._ending.fence(cell)
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
        self._ending.fence(cell)
        log.warning("actor_discarded", actor=cell.address, incarnation=cell.incarnation, cause=str(error))
        if isinstance(error, NotOwner):
            self.stop_child(cell, StopReason.FENCED)
            return
        cell.status = STARTING
        self._task(self._restart, cell, None)

    def stop_child(self, cell: Cell, reason: StopReason) -> None:
        if cell.end_reason is None:
            cell.end_reason = reason
            self._task(self._ending.end, cell, reason)

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
            self._pipes.under_way += 1
            self._task(self._pipes.run, ctx, work)

    def piping(self) -> bool:
        """Whether a pipe is under way, of a child or below it."""
        families = (cell.children for cell in self.children.values() if cell.children is not None)
        return self._pipes.under_way > 0 or any(family.piping() for family in families)

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
            self._starting.at_once(cell)
        else:
            self._task(self._starting.start, cell, reason)

    def _start_failed(self, cell: Cell, error: Exception) -> None:
        failure = error if isinstance(error, StartFailed) else StartFailed(f"{cell.address}: {error}")
        if failure is not error:
            failure.__cause__ = error
        cell.status = RESTARTING
        cell.last_error = f"{type(error).__name__}: {error}"
        if cell.ctx is not None:
            self._ending.fence(cell)
        log.error("actor_start_failed", actor=cell.address, error=cell.last_error, exc_info=error)
        if cell.on_demand:
            # every waiting ask is told; the next message tries again, after the backoff
            self._ending.refuse_mail(cell, failure)
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
        self._ending.refuse_mail(cell, StartFailed(f"{cell.address} has failed too often: {cell.last_error}"))
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
        await self._ending.turn_ended(cell, cell.spec.stop_grace if reason is None else 0.0)
        await self._ending.bury(cell, StopReason.CRASHED if reason else StopReason.DISCARDED)
        if is_ending(cell):
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
            await self._starting.start(cell, reason or Activated(cell.version))

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
                if not self._ending.at_once(cell, reason):
                    await self._close_one(cell, reason)
            return
        async with trio.open_nursery() as nursery:
            for cell in cells:
                if not self._ending.at_once(cell, reason):
                    nursery.start_soon(self._close_one, cell, reason)

    async def _close_one(self, cell: Cell, reason: StopReason) -> None:
        if cell.end_reason is None:
            cell.end_reason = reason
            await self._ending.end(cell, reason)
        await self._gone(cell)

    def _forget(self, cell: Cell) -> None:
        """The cell has gone."""
        self.children.pop(cell.address, None)
        if waiting := self._backing_off.pop(cell.address, None):
            waiting.cancelled = True
        self._ended.set()
        self._ended = trio.Event()

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
        if not self._ending.at_once(cell, StopReason.IDLE):
            self.stop_child(cell, StopReason.IDLE)


def _is_over(cell: Cell) -> bool:
    """Fenced, its successor not yet built: one more failure in between is the same one."""
    return cell.ctx is not None and cell.ctx.fenced
