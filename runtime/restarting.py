"""Restarting one child alone: its old incarnation ends now, the new one waits for its backoff.

The wait is a timer, so that the supervisor goes on answering in between, and a child that waits can be stopped.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from actors.actor import Activated, Restarted, StopReason
from actors.errors import ActorRestarting
from runtime.cell import RESTARTING, STARTING, Cell
from runtime.ending import Ending
from runtime.refusing import refuse_waiting_asks
from runtime.rooms import Rooms
from runtime.starting import Starting, is_ending, starts_at_once
from runtime.timers import Timer

Tasks = Callable[..., None]
"""Starts a task in the supervisor's nursery: `tasks(work, *arguments)`."""
Work = Callable[..., Awaitable[Any]]


class Restarting:
    """The restarts of one supervisor's children, each for itself."""

    __slots__ = ("_backing_off", "_ending", "_rooms", "_starting", "_task", "over")

    def __init__(self, rooms: Rooms, starting: Starting, ending: Ending, task: Tasks) -> None:
        self._rooms = rooms
        self._starting = starting
        self._ending = ending
        self._task = task
        self._backing_off: dict[Cell, Timer] = {}
        """What begins a child again after its backoff; the newest one of each."""
        self.over = False
        """Nobody begins again: the supervisor ends."""

    def restart(self, cell: Cell, reason: Restarted, delay: float) -> None:
        """It has failed."""
        if delay <= 0 and self._at_once(cell, reason):
            return
        refuse_asks(cell)
        self._task(self._restart, cell, reason, delay)

    def _at_once(self, cell: Cell, reason: Restarted) -> bool:
        """Without a task, where there is nothing to wait for: it halves what a crash costs."""
        if cell.actor is None or cell.suspended or cell.entry is not None or cell.children is not None:
            return False  # without an actor it is a start that has failed: the next one is tried from a task
        if not starts_at_once(cell.spec):
            return False
        self._ending.stopped(cell, StopReason.CRASHED)
        self._starting.again_at_once(cell, reason)
        return True

    def reload(self, cell: Cell) -> None:
        """Its memory is ahead of the store: read it back at once."""
        self._task(self._reload, cell)

    def forget(self, cell: Cell) -> None:
        """The cell has gone, or is restarted with others."""
        if waiting := self._backing_off.pop(cell, None):
            waiting.cancelled = True

    async def _restart(self, cell: Cell, reason: Restarted, delay: float) -> None:
        await self._ending.turn_ended(cell, 0.0)
        await self._ending.bury(cell, StopReason.CRASHED)
        if is_ending(cell):
            return
        if delay > 0:
            self._backing_off[cell] = self._rooms.timers.after(
                delay, lambda _: self._task(self._begin, cell, reason)
            )
        else:
            await self._begin(cell, reason)

    async def _reload(self, cell: Cell) -> None:
        incarnation = cell.incarnation
        await self._ending.turn_ended(cell, cell.spec.stop_grace)
        await self._ending.bury(cell, StopReason.DISCARDED)
        await self._rooms.commit.landed(cell)
        if cell.status is STARTING and cell.incarnation == incarnation:  # else others have restarted it
            await self._starting.start(cell, Activated(cell.version), incarnation)

    async def _begin(self, cell: Cell, reason: Restarted) -> None:
        self._backing_off.pop(cell, None)
        incarnation = cell.incarnation
        await self._rooms.commit.landed(cell)
        if self.over:
            return
        # else it has been stopped meanwhile, or others have restarted it
        if cell.end_reason is None and cell.status is RESTARTING and cell.incarnation == incarnation:
            cell.status = STARTING
            await self._starting.start(cell, reason, incarnation)


def refuse_asks(cell: Cell) -> None:
    """With `fail_fast`, who waits in its mailbox, or for room there, does not wait for its restart."""
    if cell.spec.fail_fast:
        refuse_waiting_asks(cell, lambda: ActorRestarting(f"{cell.address} waits for its restart"))
