"""The run queue: which cells have mail and go next, and whether anything is under way at all."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import trio
from trio.lowlevel import Task

from actors.mailbox import Mailbox
from runtime.cell import BLOCKED, BUSY, IDLE, QUEUED, STOPPING, Cell, Turn
from runtime.envelope import Envelope
from runtime.mailboxes import mailbox_for
from runtime.pace import Pace

SPARE_MAX = 64
"""Empty mailboxes that are kept for the next cell which gets mail."""


class Schedule(Protocol):
    """Who goes next, where the lab owns it: the rooms that it puts in the plain ones' place."""

    def queue(self) -> "RunQueue": ...
    def pace(self) -> Pace: ...


class RunQueue:
    """Runnable cells in their order. One pump at a time takes from it; with nothing to do it parks here."""

    __slots__ = ("_parked", "_quiet", "_spare", "_stragglers", "cells", "driven", "suspended", "take")

    def __init__(self) -> None:
        self.cells: deque[Cell] = deque()
        self.driven = False
        """A pump takes from the queue; not so before the first one, and between two."""
        self.suspended = 0
        """Turns that have waited, and are not over."""
        self.take: Callable[[], Cell] = self.cells.popleft
        """The next one, first in, first out; IndexError when there is none."""
        self._parked: Task | None = None
        self._spare: deque[Mailbox[Envelope]] = deque(maxlen=SPARE_MAX)
        self._quiet = trio.Event()
        self._stragglers: dict[Turn, list[Callable[[], None]]] = {}
        """Incarnations whose turn was given up and goes on; what comes behind it."""

    # --- whether anything is under way -----------------------------------------------------------------

    @property
    def idle(self) -> bool:
        return not self.cells and not self.suspended and (self._parked is not None or not self.driven)

    async def quiet(self) -> None:
        """Wait until no cell is runnable and no turn is suspended."""
        while not self.idle:
            await self._quiet.wait()

    def resumed_one(self) -> None:
        """A turn that had waited is over."""
        self.suspended -= 1
        if self.idle:
            self._noticed()

    def _noticed(self) -> None:
        self._quiet.set()
        self._quiet = trio.Event()

    # --- who goes next ---------------------------------------------------------------------------------

    def ready(self, cell: Cell, newest: Envelope | None = None) -> None:
        """The cell has mail: into the run queue, if it is idle, or handles some of it in the midst of a turn.

        `newest`: all that has come since it was ready last; None: any of its mail may be what it waited for.
        """
        if cell.status is IDLE:
            cell.status = QUEUED
            self.enqueue(cell)
        elif cell.status is BUSY and cell.actor is not None and cell.actor.interleaves:
            self._look_through(cell, newest)

    def first_mail(self, cell: Cell, envelope: Envelope) -> None:
        """To an idle cell without a mailbox: `mailbox_of` and `ready` in one, for most tells come this way."""
        if self._spare and cell.spec.priority is None:
            mailbox = cell.mailbox = self._spare.pop()
            mailbox.capacity = cell.spec.capacity
        else:
            mailbox = cell.mailbox = mailbox_for(cell)
        mailbox.user.append(envelope)
        cell.status = QUEUED
        self.cells.append(cell)
        if self._parked is not None:
            self._unpark()

    def _look_through(self, cell: Cell, newest: Envelope | None) -> None:
        """Its whole mailbox is looked through each time, so not for what must wait, and once for all that has come."""
        if cell.looked_through:
            return
        if newest is not None:
            handling = cell.handlers.get(newest.message.__class__)
            if handling is None or not handling.interleave:
                return
        cell.looked_through = True
        self.enqueue(cell)

    def enqueue(self, cell: Cell) -> None:
        self.cells.append(cell)
        if self._parked is not None:
            self._unpark()

    def _unpark(self) -> None:
        assert self._parked is not None
        parked, self._parked = self._parked, None
        trio.lowlevel.reschedule(parked)

    def may_inline(self) -> bool:
        """Whether an idle cell may be driven in its asker's task."""
        return True

    @trio.lowlevel.enable_ki_protection  # a Ctrl-C before it waits would leave us a task that has ended
    async def park(self) -> None:
        """The pump waits here for the next runnable cell."""

        def abort(_: Callable[[], None]) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._parked = trio.lowlevel.current_task()
        if not self.suspended:
            self._noticed()
        await trio.lowlevel.wait_task_rescheduled(abort)

    # --- a turn, or a block, is over -------------------------------------------------------------------

    def straggles(self, ctx: Turn) -> None:
        """Its turn was given up, and goes on."""
        self._stragglers[ctx] = []

    def behind(self, ctx: Turn, then: Callable[[], None]) -> None:
        """Call `then` when no turn of the incarnation goes on: at once, but for a straggler."""
        waiting = self._stragglers.get(ctx)
        if waiting is None:
            then()
        else:
            waiting.append(then)

    def straggler_over(self, ctx: Turn) -> None:
        """If it was one."""
        for then in self._stragglers.pop(ctx, ()):
            then()

    def turn_over(self, cell: Cell, ctx: Turn) -> None:
        """On with the cell's mailbox, or idle."""
        if cell.ctx is not ctx:  # a straggler's: the cell is its successor's, whose turn may be under way
            self.straggler_over(ctx)
            return
        if cell.turn_over is not None:
            cell.turn_over.set()
        if cell.status is not BUSY and cell.status is not QUEUED:
            self.straggler_over(ctx)
            return
        if cell.end_reason is not None:
            cell.status = STOPPING
            return
        mailbox = cell.mailbox
        if cell.blocked:
            cell.status = BLOCKED
        elif mailbox is not None and (mailbox.user or mailbox.system):
            # not `elif mailbox`: that calls its __len__
            cell.status = QUEUED
            self.enqueue(cell)
        else:
            cell.status = IDLE
            if mailbox is not None and cell.spec.priority is None:
                self._spare.append(mailbox)
            cell.mailbox = None

    def blocked(self, cell: Cell) -> None:
        """What it has let out finds no room: no turn of it begins until then. One under way ends first."""
        if cell.status is IDLE or cell.status is QUEUED:  # its outputs waited behind a commit
            cell.status = BLOCKED

    def unblocked(self, cell: Cell) -> None:
        """Its outputs have been accepted."""
        if cell.status is BLOCKED:
            cell.status = BUSY
            assert cell.ctx is not None
            self.turn_over(cell, cell.ctx)
        else:  # what it lets out in the midst of a turn
            self.ready(cell)

    def mailbox_of(self, cell: Cell) -> Mailbox[Envelope]:
        """The cell's mailbox, made on first use; an empty deque alone holds 600 bytes, so idle cells have none."""
        if cell.mailbox is None:
            if self._spare and cell.spec.priority is None:
                cell.mailbox = self._spare.pop()
                cell.mailbox.capacity = cell.spec.capacity
            else:
                cell.mailbox = mailbox_for(cell)
        return cell.mailbox
