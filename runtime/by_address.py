"""The supervisor of a prefix: its children are activated by their address, and passivated when nobody needs them.

They have nothing to do with each other: each one's failures are counted for it alone, and at its limit it alone
stops. Its asks get StartFailed, its activation backs off, nobody else falls.
"""

from collections.abc import Callable
from typing import Any

import structlog
from typing_extensions import override

from actors.actor import Activated, Spec, StartReason, StopReason
from actors.address import Address
from actors.errors import StartFailed
from actors.supervision import Decision, Directive, Escalate, Intensity, Restarts
from runtime.activation import FailedActivations
from runtime.cell import IDLE, Cell
from runtime.context import TurnContext
from runtime.dispatcher import Dispatcher
from runtime.rooms import Rooms
from runtime.supervisor import Supervisor

log = structlog.get_logger("callboard.actors")
ACTIVATION = Activated(0)
"""The reason of a first start by address; its version is read later."""


class ByAddress(Supervisor):
    """One level of the tree whose children are counted, and stopped, each for itself."""

    one_by_one = True

    def __init__(
        self,
        path: str,
        rooms: Rooms,
        dispatcher: Dispatcher,
        give_up: Callable[[Exception], None],
        *,
        come: Callable[[Cell], None],
        gone: Callable[[Cell], None],
    ) -> None:
        super().__init__(path, rooms, dispatcher, intensity=Intensity(), give_up=give_up)
        self._come_to_here = come
        self._gone_from_here = gone
        self._failed_activations = FailedActivations()

    def activate(self, address: Address, spec: Spec[Any]) -> Cell:
        """Start the actor of an address that somebody has written to. Raises StartFailed, also while it backs off."""
        if len(self._failed_activations):
            self._failed_activations.check(address, self._rooms.clock.now())
        cell = self._add(Cell(address, spec, self, on_demand=True))
        self._come_to_here(cell)
        error = self._begin(cell, ACTIVATION)
        if error is not None:
            raise StartFailed(f"{address}: {error}") from error
        return cell

    @override
    def passivate(self, cell: Cell) -> None:
        """An idle cell goes; in one step, with no await between the check and the removal."""
        ctx = cell.ctx
        busy = (
            cell.status is not IDLE  # also one whose outputs wait for room
            or cell.mailbox
            or cell.deferred
            or cell.entry is not None
            or (cell.children is not None and cell.children.children)
        )
        if busy or not isinstance(ctx, TurnContext) or _holds(ctx):
            return
        if self._rooms.router.reach.holds(cell):
            return
        log.debug("actor_passivated", actor=cell.address)
        if not self._ending.at_once(cell, StopReason.IDLE):
            self.stop_child(cell, StopReason.IDLE)

    @override
    def _forget(self, cell: Cell) -> None:
        super()._forget(cell)
        self._gone_from_here(cell)

    @override
    def _failed_to_start(self, cell: Cell, error: Exception, reason: StartReason) -> None:
        if reason is not ACTIVATION or cell.spec.directive(error) is Directive.ESCALATE:
            super()._failed_to_start(cell, error, reason)
            return
        # nobody has ever been up: every waiting ask is told, and the next message tries again, after the backoff
        now, fraction = self._rooms.clock.now(), self._rooms.entropy.fraction()
        self._failed_activations.failed(cell.address, cell.spec, now, fraction)
        self._ending.cannot_start(cell, error)
        if cell.children is None:
            self._ending.drop(cell, StopReason.START_FAILED)
        else:
            self.stop_child(cell, StopReason.START_FAILED)

    @override
    def _counted_with(self, cell: Cell) -> Restarts:
        return Restarts(cell.spec.intensity)

    @override
    def _perform(self, cell: Cell, error: Exception, decision: Decision) -> None:
        if decision != Escalate(limit=True):
            super()._perform(cell, error, decision)
            return
        log.error("actor_gave_up", actor=cell.address, restarts=cell.restarts, error=cell.last_error)
        self._failed_activations.gave_up(cell.address, cell.spec, self._rooms.clock.now())
        self._ending.refuse_mail(cell, StartFailed(f"{cell.address} has failed too often: {cell.last_error}"))
        self.stop_child(cell, StopReason.CRASHED)


def _holds(ctx: TurnContext) -> bool:
    """What is this incarnation's own, and would be lost or come back at once: pipes, timers, watches, the stash."""
    stashed = ctx.behaving is not None and ctx.behaving.stash
    return bool(ctx.piping or ctx.timers or ctx.watches or stashed)
