"""Supervision: a supervisor is a task with a nursery, its children live in it, and it alone restarts and ends them.

A failure is decided on at once, by the spec (actors/supervision.py); what follows from it, as all starting and
ending of children, are tasks in its nursery: leaving the nursery means that every child has ended. None of them
holds up another, so that the supervisor goes on answering while a child waits for its backoff.
"""

from collections.abc import Awaitable, Callable
from contextvars import Context as Vars
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
import trio

from actors.actor import Actor, Fresh, Restarted, Spec, StartReason, StopReason
from actors.address import Address
from actors.errors import BadSpec, NameTaken, NotOwner, StartFailed, Stopping, TooManyChildren
from actors.supervision import (
    AutoShutdown,
    Decision,
    Directive,
    Escalate,
    Failures,
    History,
    Intensity,
    RestartIn,
    Restarts,
    StopIt,
    Strategy,
)
from runtime.cell import RESTARTING, STARTING, STOPPED, Cell, Status, Turn
from runtime.context import TurnContext
from runtime.crash_text import CrashText, named
from runtime.dispatcher import Dispatcher
from runtime.ending import Ending
from runtime.giving_up import failure_of
from runtime.group_restart import TOGETHER, GroupRestart
from runtime.pipes import piped
from runtime.poison import not_again
from runtime.restarting import Restarting
from runtime.rooms import Rooms
from runtime.start_line import StartLine
from runtime.starting import Starting, starts_at_once

log = structlog.get_logger("callboard.actors")
DEPTH_MAX = 64
"""Levels of supervisors."""


class Supervisor:
    """One level of the tree; `kind` is the class of the actor whose children they are, and says the strategy."""

    one_by_one = False
    """Children are counted, and stopped, each for itself."""

    def __init__(
        self,
        path: str,
        rooms: Rooms,
        dispatcher: Dispatcher,
        *,
        intensity: Intensity,
        give_up: Callable[[Exception], None],
        shut_down: Callable[[], None] | None = None,
        kind: type[Actor[Any]] = Actor,
        depth: int = 0,
    ) -> None:
        self.path = path
        self.kind = kind
        self.children: dict[Address, Cell] = {}
        self._rooms = rooms
        self._dispatcher = dispatcher
        self._line = StartLine(self._begin_fresh, rooms.under_way)
        self._in_order = self._begin_fresh if kind.strategy is Strategy.DYNAMIC else self._line.join
        self._starting = Starting(rooms, dispatcher, self, self._start_failed, self._line.over)
        self._ending = Ending(rooms, dispatcher, self._forget)
        self._restarting = Restarting(rooms, self._starting, self._ending, self._task)
        self._group = self._group_of(kind.strategy)
        self._restarts = Restarts(intensity)
        self._give_up = give_up
        self.given_up = False
        """It has failed of a child, and ends."""
        self._shut_down = shut_down
        self._leaving: set[Cell] = set()
        """Significant children that end by themselves."""
        self._depth = depth
        self._ended = trio.Event()
        """Set, and made anew, whenever a child has ended."""
        self._early: list[tuple[Vars, Callable[..., Awaitable[None]], tuple[Any, ...]]] = []
        self._nursery: trio.Nursery | None = None
        self._closed = False
        self._left = False
        """Its nursery takes no task any more, though children may live: the whole system has been cancelled."""
        self._names = 0

    # --- the task --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hold the children's tasks until `close`."""
        if self._closed:  # before its task had begun
            return
        async with trio.open_nursery() as self._nursery:
            try:
                for variables, work, arguments in self._early:
                    variables.run(self._nursery.start_soon, work, *arguments)
                self._early.clear()
                await trio.sleep_forever()
            finally:
                self._left = True

    @property
    def intensity(self) -> Intensity:
        return self._restarts.intensity

    def _group_of(self, strategy: Strategy) -> GroupRestart | None:
        if strategy not in TOGETHER:
            return None
        return GroupRestart(
            strategy,
            self.children,
            rooms=self._rooms,
            starting=self._starting,
            ending=self._ending,
            line=self._line,
            task=self._task,
        )

    def _task(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        if self._nursery is None:
            self._early.append((copy_context(), work, arguments))  # as a task takes it along
        elif not self._left:
            self._nursery.start_soon(work, *arguments)

    # --- what the dispatcher, the commit point and a context tell --------------------------------------

    def failed(self, cell: Cell, error: Exception) -> None:
        if cell.end_reason is not None or cell.fenced:
            return
        if cell.spec.resumes and cell.spec.directive(error) is Directive.RESUME:
            cell.last_error = named(error)
            cell.crash = CrashText(error)
            log.warning("actor_resumed", actor=cell.address, incarnation=cell.incarnation, exc_info=error)
            error.__traceback__ = None
        else:
            self._crashed(cell, error)

    def overran(self, cell: Cell, error: Exception) -> None:
        """Its turn was cancelled and will not end: it is left behind, so that there is nothing to resume."""
        if cell.end_reason is None and not cell.fenced:  # else it is waited for already, as long as that
            self._ending.overran(cell, error)
            self._crashed(cell, error)

    def _crashed(self, cell: Cell, error: Exception) -> None:
        """A turn of it, or its supervisor of its children, has failed."""
        if cell.end_reason is not None or cell.fenced:
            return
        self._comes_back(cell, RESTARTING)
        cell.last_error = named(error)
        cell.crash = CrashText(error)
        self._ending.fence(cell)
        self._rooms.router.reach.has_crashed(cell)
        log.error(
            "actor_crashed",
            actor=cell.address,
            incarnation=cell.incarnation,
            error=cell.last_error,
            exc_info=error,
        )
        # the traceback's frames hold the state that has just been given up
        error.__traceback__ = None
        self._decide(cell, error, crash=True)

    def discarded(self, cell: Cell, error: Exception) -> None:
        if cell.end_reason is not None:
            self._ending.fence(cell)
            return
        if cell.fenced and not isinstance(error, NotOwner):
            return
        self._ending.fence(cell)
        log.warning("actor_discarded", actor=cell.address, incarnation=cell.incarnation, cause=str(error))
        if isinstance(error, NotOwner):
            self.stop_child(cell, StopReason.FENCED)
        elif self._group is None or not self._group.holds(cell):
            self._comes_back(cell, STARTING)
            self._restarting.reload(cell)

    def _comes_back(self, cell: Cell, status: Status) -> None:
        cell.status = status
        self._rooms.under_way.coming[cell] = None

    def stop_child(self, cell: Cell, reason: StopReason) -> None:
        if cell.end_reason is None and not self._left:  # then whoever cuts the system ends it
            if self._ending.at_once(cell, reason) or self._ending.behind_turn(cell, reason):
                return
            cell.end_reason = reason
            self._task(self._ending.end, cell, reason)

    def leaves(self, cell: Cell, reason: StopReason) -> None:
        """It ends by itself, and for good: for a significant one this supervisor may follow."""
        if cell.spec.significant and cell.end_reason is None:
            self._leaving.add(cell)
        self.stop_child(cell, reason)

    def reserve(self, cell: Cell, spec: Spec[Any]) -> Cell:
        """A child of one of these children: it has its name and its mailbox, and starts at `begin_child`."""
        if cell.actor is not None and cell.actor.template is not None:
            raise BadSpec(f"{cell.address}: its children come from its template, by ctx.start_child")
        return self._reserve(cell, spec)

    def _reserve(self, cell: Cell, spec: Spec[Any]) -> Cell:
        family = self._family_of(cell)
        if spec.significant and family.kind.auto_shutdown is AutoShutdown.NEVER:
            raise BadSpec(f"{cell.address}: significant, but {family.kind.__name__}.auto_shutdown is NEVER")
        if len(family.children) >= family.kind.children_max:
            raise TooManyChildren(f"{cell.address} has {family.kind.children_max} children")
        child = family.add_child(spec)
        child.unborn = cell
        child.waits = [cell]  # whoever asks it, and is waited for by that turn, gets AskCycle
        return child

    def reserve_one(self, cell: Cell, arguments: tuple[Any, ...], name: str | None) -> Cell:
        """As `reserve`, of the template."""
        template = None if cell.actor is None else cell.actor.template
        if template is None:
            raise BadSpec(f"{cell.address}: only a DYNAMIC supervisor has a template")
        return self._reserve(cell, replace(template, args=arguments, name=name))

    def _family_of(self, cell: Cell) -> "Supervisor":
        if cell.children is None:
            if self._depth >= DEPTH_MAX:
                raise StartFailed(f"{cell.address}: supervisors nest to {DEPTH_MAX} levels")
            cell.children = family = Supervisor(
                cell.address,
                self._rooms,
                self._dispatcher,
                intensity=cell.spec.intensity,
                give_up=partial(self._crashed, cell),
                shut_down=partial(self.leaves, cell, StopReason.SHUTDOWN),
                kind=type(cell.actor) if cell.actor is not None else Actor,
                depth=self._depth + 1,
            )
            self._task(family.run)
        children: Supervisor = cell.children
        return children

    def passivate(self, cell: Cell) -> None:
        """Only who is activated by its address goes before it is told to."""

    def begin_child(self, cell: Cell) -> None:
        """The turn that has spawned it counts, or asks it."""
        if cell.unborn is not None and cell.end_reason is None:
            cell.unborn = cell.waits = None
            self._in_order(cell)

    def drop_child(self, cell: Cell) -> None:
        """The turn that has spawned it does not count."""
        if cell.unborn is not None and cell.end_reason is None:
            self._ending.drop(cell, StopReason.DISCARDED)
        else:
            self.stop_child(cell, StopReason.DISCARDED)

    def stop(self, cell: Cell, address: Address | None) -> None:
        if address is None:
            self.leaves(cell, StopReason.STOP)
        elif cell.children is not None and (child := cell.children.children.get(address)):
            cell.children.stop_child(child, StopReason.STOP)

    def begin(self, cell: Cell, work: Callable[[], Awaitable[None]]) -> None:
        """A pipe's work: a task of this incarnation, behind all that its turns have said before."""
        assert cell.ctx is not None
        self._rooms.router.delivery.after_outputs(cell, partial(self._begin_pipe, cell.ctx, work))

    def _begin_pipe(self, ctx: Turn, work: Callable[[], Awaitable[None]]) -> None:
        if isinstance(ctx, TurnContext) and not ctx.fenced:
            self._rooms.under_way.pipes += 1
            self._task(piped, ctx, work, self._rooms.under_way.pipe_ended)

    # --- starting --------------------------------------------------------------------------------------

    def start_child(self, spec: Spec[Any]) -> Address:
        """Start a child by its spec. Raises NameTaken, Stopping."""
        cell = self.add_child(spec)
        self._in_order(cell)
        return cell.address

    def add_child(self, spec: Spec[Any]) -> Cell:
        """A child that is not begun. Raises NameTaken, Stopping."""
        if self._restarting.over or self._left:
            raise Stopping(f"{self.path} is ending, with all its children")
        name = spec.name
        if name is None:
            self._names += 1
            name = f"{getattr(spec.actor, '__name__', 'actor').lower()}-{self._names}"
        address = Address.of(name) if self.path == "/" else Address(self.path).child(name)
        if address in self.children or address in self._rooms.router.cells:
            raise NameTaken(f"{address} lives")
        return self._add(Cell(address, spec, self))

    def _add(self, cell: Cell) -> Cell:
        self.children[cell.address] = cell
        self._rooms.router.cells[cell.address] = cell
        return cell

    def _begin_fresh(self, cell: Cell) -> None:
        self._begin(cell, Fresh())

    def _begin(self, cell: Cell, reason: StartReason) -> Exception | None:
        if not starts_at_once(cell.spec):
            self._rooms.under_way.coming[cell] = None
            self._task(self._starting.start, cell, reason, cell.incarnation)
            return None
        error = self._starting.at_once(cell)
        if error is None:
            self._line.over(cell)
        else:
            self._start_failed(cell, error, reason)
        return error

    def _start_failed(self, cell: Cell, error: Exception, reason: StartReason) -> None:
        self._comes_back(cell, RESTARTING)
        cell.last_error = named(error)
        if cell.ctx is not None:
            self._ending.fence(cell)
        log.error("actor_start_failed", actor=cell.address, error=cell.last_error, exc_info=error)
        self._failed_to_start(cell, error, reason)

    def _failed_to_start(self, cell: Cell, error: Exception, reason: StartReason) -> None:  # noqa: ARG002 -- an activation's is another's business
        self._decide(cell, error)
        if cell.end_reason is not None:  # nobody tries again
            self._ending.cannot_start(cell, error)

    def _counted_with(self, cell: Cell) -> Restarts:  # noqa: ARG002 -- one count for all
        """The restarts that the cell's are counted with."""
        return self._restarts

    # --- failing ---------------------------------------------------------------------------------------

    def _decide(self, cell: Cell, error: Exception, *, crash: bool = False) -> None:
        if cell.end_reason is not None:
            return
        if cell.history is None:  # made at the first failure: a million idle actors have none
            cell.history = History(self._counted_with(cell), Failures())
        joined = self._group is not None and self._group.joined
        now, fraction = self._rooms.clock.now(), self._rooms.entropy.fraction()
        decision = cell.history.decide(cell.spec, error, now, fraction, joined=joined)
        if crash and not isinstance(decision, RestartIn):
            not_again(cell, error, self._rooms.router.letters)
        self._perform(cell, error, decision)

    def _perform(self, cell: Cell, error: Exception, decision: Decision) -> None:
        match decision:
            case RestartIn() if self._restarting.over:
                pass  # it ends with this supervisor
            case RestartIn(delay):
                log.info("actor_restarts", actor=cell.address, restarts=cell.restarts + 1, delay=delay)
                if self._group is not None:
                    self._group.failed(cell, error, delay)
                else:
                    cell.restarts += 1
                    self._restarting.restart(cell, Restarted(error, cell.restarts), delay)
            case StopIt():
                self.leaves(cell, StopReason.CRASHED)
            case Escalate(limit=limit):
                self._fail(cell, error, limit=limit)

    def _fail(self, cell: Cell, error: Exception, *, limit: bool) -> None:
        """This supervisor fails of a child."""
        self.given_up = True
        self._restart_nobody()
        failure = failure_of(self.path, self._restarts, cell, error, limit=limit)
        log.error("supervisor_failed", supervisor=self.path, child=cell.address, error=str(failure))
        self._give_up(failure)

    # --- ending ----------------------------------------------------------------------------------------

    def _restart_nobody(self) -> None:
        """This supervisor ends: no child that is down, or waits for its backoff, comes back among those that still end."""
        self._restarting.over = True
        if self._group is not None:
            self._group.over = True

    async def stop_and_wait(self, cell: Cell, reason: StopReason) -> None:
        """End one child; returns when it has ended."""
        if self._left:
            await self._close_one(cell, reason)
            return
        self.stop_child(cell, reason)
        await self._gone(cell)

    async def _gone(self, cell: Cell) -> None:
        while cell.status is not STOPPED:
            await self._ended.wait()

    async def close(self, reason: StopReason) -> None:
        """End all children and this supervisor."""
        self._restart_nobody()
        await self.end_children(reason)
        self._closed = True
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    async def end_children(self, reason: StopReason) -> None:
        """End all children, in reverse start order; activated and dynamic ones, which have no order, all at once."""
        cells = list(reversed(self.children.values()))
        if not self.one_by_one and self.kind.strategy is not Strategy.DYNAMIC:
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
        self._rooms.gone.add(cell)
        if self.children.get(cell.address) is cell:
            del self.children[cell.address]
        self._restarting.forget(cell)
        self._ended.set()
        self._ended = trio.Event()
        if cell in self._leaving and self._follows(cell):
            return  # and nobody starts behind it
        self._line.over(cell)

    def _follows(self, cell: Cell) -> bool:
        """A significant child has ended by itself: whether this supervisor ends of it."""
        self._leaving.discard(cell)
        auto = self.kind.auto_shutdown
        last = not any(cell.spec.significant for cell in self.children.values())
        if self._shut_down is not None and (auto is AutoShutdown.ANY or (auto is AutoShutdown.ALL and last)):
            log.info("supervisor_follows", supervisor=self.path)
            self._restart_nobody()
            self._shut_down()
            return True
        return False
