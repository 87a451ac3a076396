"""Calls that come back: a turn that is suspended in its ask lets in what is asked in the course of it.

Only where the handler says so (`@receive(Kind, reentrant="chain")`), and where AskCycle would be raised otherwise.
Such a call is a whole turn within the other one's pause: its steps run in a task of its own, because the asker's
task may be the suspended turn's too, and each of them with the outputs of its own turn in place of the other's. A
contextvar that it sets is not there in the next turn. It ends before the turn that it is within: that one waits for it, and cancelled, cancels it.
"""

import types
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from typing import Any, cast

import outcome
import trio

from actors.errors import AskCycle
from actors.handlers import Kind
from actors.message import Deferred
from runtime.behaving import puts_aside
from runtime.boundary import Boundary
from runtime.cell import BUSY, Cell, Turn
from runtime.driving import drive
from runtime.envelope import Envelope, Pending, Stage
from runtime.run_queue import RunQueue
from runtime.turn_end import TurnEnd, release_asker, too_late
from runtime.waits import called_by, chain_of, wait_for

WITHIN_MAX = 64
"""Turns within one another; a chain that comes back more often than that is a circle after all."""

Raised = Callable[[Cell, Any, Envelope, Exception], None]
"""Ends a turn of the run queue that an exception has left."""


class Reentrance:
    """Lets calls of the same chain in."""

    __slots__ = ("_early", "_ends", "_nursery", "_queue", "_raised", "_within", "left")

    def __init__(self, queue: RunQueue, ends: TurnEnd, raised: Raised) -> None:
        self._queue = queue
        self._ends = ends
        self._raised = raised
        self._within: dict[Cell, int] = {}
        self._nursery: trio.Nursery | None = None
        self.left = False
        """Nobody drives turns any more: the whole system is cut, and with it whoever asks."""
        self._early: list[tuple[Cell, Turn, Envelope, Pending]] = []
        """What was let in before the system's own tasks have begun: until then asks are driven in their askers'."""

    def begin(self, nursery: trio.Nursery) -> None:
        """Where the turns have their tasks."""
        self._nursery = nursery
        for turn in self._early:
            nursery.start_soon(self._run, *turn)
        self._early.clear()

    @property
    def busy(self) -> bool:
        """A turn is within another."""
        return bool(self._within)

    def allows(self, asker: Cell, cell: Cell, message: Any) -> bool:
        """Whether the asker's call is let in: the turn under way in `cell` waits for the one that asks."""
        if cell.status is not BUSY or cell.end_reason is not None:
            return False
        handling = cell.handlers.get(message.__class__)
        return (
            handling is not None
            and handling.reentrant
            and self._within.get(cell, 0) < WITHIN_MAX
            and called_by(asker, cell)
        )

    @trio.lowlevel.enable_ki_protection  # a Ctrl-C in it would leave a turn that is counted and never run
    def enter(self, cell: Cell, envelope: Envelope) -> None:
        """Handle it now; its asker waits by its `pending`."""
        pending, ctx = envelope.pending, cell.ctx
        assert pending is not None
        assert ctx is not None
        pending.stage = Stage.QUEUED
        pending.scope = None
        pending.leave = _nothing
        wait_for(pending, cell)
        if self.left:
            return
        envelope.timer = OfThisPause()
        self._within[cell] = self._within.get(cell, 0) + 1
        self._queue.suspended += 1
        if self._nursery is None:
            self._early.append((cell, ctx, envelope, pending))
        else:
            self._nursery.start_soon(self._run, cell, ctx, envelope, pending)

    @trio.lowlevel.enable_ki_protection
    async def _run(self, cell: Cell, ctx: Turn, envelope: Envelope, pending: Pending) -> None:
        try:
            if ctx.fenced:
                too_late(cell, pending)
            elif not envelope.left:
                await self._turn(cell, ctx, envelope, pending)
        finally:
            # left by the whole system's end, or by what is no Exception: whoever waits for this turn must not
            if pending.stage is Stage.BEGUN:
                release_asker(cell, ctx, pending)
            self._within[cell] -= 1
            if not self._within[cell]:
                del self._within[cell]
            self._queue.resumed_one()

    async def _turn(self, cell: Cell, ctx: Turn, envelope: Envelope, pending: Pending) -> None:
        handling = cell.handlers[envelope.message.__class__]
        own, scope, over = Own(ctx, pending.asker), trio.CancelScope(), False
        assert cell.vars is not None
        variables = cell.vars.copy()  # a task of the handler's nursery takes along whose it is
        variables.run(OWN.set, own)
        pending.begin(scope)
        with own:
            ctx.begin()
            if self._ends.arrived is not None:
                self._ends.arrived(cell, envelope)
        with Boundary() as boundary, scope:
            if handling.kind is Kind.PLAIN:
                with own:
                    value = variables.run(_interruptible, handling.function, cell, envelope)
            else:
                coro = handling.function(cell.actor, envelope.message)
                value = await own.steps(drive(variables, ctx, coro, None))
            if not _waits_for_a_later_turn(cell, value):
                with own:
                    self._ends.returned(cell, ctx, envelope.message, pending, value, envelope)
                over = True
            elif pending.asker is not None:
                pending.settle(outcome.Error(AskCycle(chain_of(pending.asker, cell))))
        with own:
            own.over = True
            if boundary.error is not None:
                self._raised(cell, ctx, envelope, boundary.error)
            elif not over:
                self._ends.cut(cell, ctx, pending)


class Own:
    """`with own:` what is staged and let out is this turn's, and not that of the turn which it is within."""

    __slots__ = ("_ctx", "_mine", "_other", "asker", "in_place", "over")

    def __init__(self, ctx: Turn, asker: Cell | None) -> None:
        self.asker = asker
        self._ctx = ctx
        self._mine: Any = (None, None, False)
        self._other: Any = None
        self.in_place = False
        self.over = False
        """It has ended: what is let out now, nobody would."""

    def __enter__(self) -> None:
        self._other = self._ctx.lay_aside()
        self._ctx.take_up(self._mine)
        self.in_place = True

    def __exit__(self, *_: object) -> None:
        self._mine = self._ctx.lay_aside()
        self._ctx.take_up(self._other)
        self.in_place = False

    def of(self, ctx: Turn) -> bool:
        """Whether it is a turn of that incarnation."""
        return self._ctx is ctx

    @trio.lowlevel.enable_ki_protection  # a Ctrl-C between the two would leave one turn's outputs with the other
    @types.coroutine
    def steps(self, coro: Awaitable[Any]) -> Generator[Any, Any, Any]:
        """Each step of it; while it waits, the other turn may go on."""
        sent: outcome.Maybe[Any] = outcome.Value(None)
        while True:
            try:
                with self:
                    trap = sent.send(cast("Generator[Any, Any, Any]", coro))
            except StopIteration as stop:
                return stop.value
            try:
                sent = outcome.Value((yield trap))
            except BaseException as error:  # noqa: BLE001 -- handed to the handler, never kept
                sent = outcome.Error(error)


OWN: ContextVar[Own | None] = ContextVar("callboard_own", default=None)
"""Set in the contextvars of a turn within another."""


class OfThisPause:
    """The ticket of what was let in: crashed, it is not tried again, for it could not be before the pause is over."""

    __slots__ = ()

    def taken(self) -> bool:
        return True


def _waits_for_a_later_turn(cell: Cell, value: Any) -> bool:
    """The handler defers or stashes what was asked; and the turn in which it would go on waits for the one that asks.

    Where handlers interleave, one of them may be what the asker waits for.
    """
    assert cell.actor is not None
    if value.__class__ is not Deferred or value.deadline is not None or cell.actor.interleaves:
        return False
    return value.taken is None or puts_aside(value)


@trio.lowlevel.disable_ki_protection
def _interruptible(function: Callable[[Any, Any], Any], cell: Cell, envelope: Envelope) -> Any:
    """The handler's own code, which Ctrl-C may interrupt; the watchdog reads `cell` and `envelope` from this frame."""
    return function(cell.actor, envelope.message)


def _nothing() -> None:
    """Cancelled before its turn has begun: it waits in no mailbox that it were to be taken from."""
