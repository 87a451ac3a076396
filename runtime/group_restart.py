"""Restarting children together: one_for_all and rest_for_one.

One task does it, and takes up whatever happens meanwhile: all that are down are ended in reverse start order, one
after the other; then the longest of their backoffs is waited for; then they are started in order, each before the
next. A failure while they end or wait joins the restart under way, and counts for nothing but its backoff. A
child that fails while it starts counts as a failure of its own, and the restart goes on from it. A child that was
started again and fails before the last one is takes its group down again.
"""

from dataclasses import dataclass

import trio

from actors.actor import Restarted, StopReason
from actors.address import Address
from actors.supervision import Restart, Strategy
from runtime.cell import RESTARTING, STARTING, Cell
from runtime.ending import Ending
from runtime.restarting import Tasks, refuse_asks
from runtime.rooms import Rooms
from runtime.start_line import StartLine
from runtime.starting import Starting

TOGETHER = (Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE)


@dataclass(slots=True)
class _Down:
    error: Exception
    ended: bool = False
    """The old incarnation is."""


class GroupRestart:
    """The group restart of one supervisor: there is one at a time, and later failures join it or prolong it."""

    __slots__ = (
        "_changed",
        "_children",
        "_down",
        "_ending",
        "_line",
        "_not_before",
        "_rooms",
        "_runs",
        "_starting",
        "_strategy",
        "_task",
        "over",
        "starts",
    )

    def __init__(
        self,
        strategy: Strategy,
        children: dict[Address, Cell],
        *,
        rooms: Rooms,
        starting: Starting,
        ending: Ending,
        line: StartLine,
        task: Tasks,
    ) -> None:
        self._strategy = strategy
        self._children = children
        self._rooms = rooms
        self._starting = starting
        self._ending = ending
        self._line = line
        self._task = task
        self._down: dict[Cell, _Down] = {}
        """Who is to be ended and started anew; who is being started is not in it."""
        self.starts: Cell | None = None
        """Who is being started."""
        self._not_before = 0.0
        self._changed = trio.Event()
        self._runs = False
        self.over = False
        """Nobody begins again: the supervisor ends."""

    @property
    def joined(self) -> bool:
        """Whether a failure now belongs to the restart under way: nobody of it is being started."""
        return bool(self._down) and self.starts is None

    def holds(self, cell: Cell) -> bool:
        return cell in self._down

    def failed(self, cell: Cell, error: Exception, delay: float) -> None:
        """A child has failed and is to be restarted after `delay` seconds, with whom the strategy says."""
        if self.starts is cell:
            group: list[Cell] = [cell]
        else:
            group = self._strategy.group(list(self._children.values()), cell)
        unbegun = self._line.waiting
        for one in group:
            begun = one.unborn is None and one not in unbegun
            if begun and one.end_reason is None and one not in self._down:
                self._take_down(one, error)
        self._not_before = max(self._not_before, self._rooms.clock.now() + delay)
        self._changed.set()
        if not self._runs:
            self._runs = True
            self._task(self._run)

    def _take_down(self, cell: Cell, error: Exception) -> None:
        """No turn of it begins from now on; its mail waits."""
        self._down[cell] = _Down(error)
        if cell.status is STARTING:
            cell.cancel_turn()
        cell.status = RESTARTING
        refuse_asks(cell)
        self._rooms.under_way.coming[cell] = None

    async def _run(self) -> None:
        while not self.over and (down := self._in_order()):
            self._changed = trio.Event()
            running = [cell for cell in down if not self._down[cell].ended]
            wait = self._not_before - self._rooms.clock.now()
            if running:
                await self._end(running[-1])
            elif wait > 0:
                with trio.move_on_after(wait):
                    await self._changed.wait()
            else:
                await self._start(down[0])
        self._runs = False

    def _in_order(self) -> list[Cell]:
        for cell in [cell for cell in self._down if cell.end_reason is not None]:
            del self._down[cell]
        return [cell for cell in self._children.values() if cell in self._down]

    async def _end(self, cell: Cell) -> None:
        down = self._down[cell]
        if cell.spec.restart is Restart.TEMPORARY:
            del self._down[cell]
            cell.end_reason = StopReason.SIBLING_FAILED
            await self._ending.end(cell, cell.end_reason)
            return
        await self._ending.end_incarnation(cell)
        refuse_asks(cell)  # what it had stashed
        down.ended = True

    async def _start(self, cell: Cell) -> None:
        await self._rooms.commit.landed(cell)
        if self.over or cell.end_reason is not None or self._changed.is_set():
            return
        down = self._down.pop(cell)
        cell.restarts += 1
        cell.status = STARTING
        self.starts = cell
        await self._starting.start(cell, Restarted(down.error, cell.restarts), cell.incarnation)
        self.starts = None
