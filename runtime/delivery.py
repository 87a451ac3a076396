"""The last step of a message: into the mailbox, or, where it is full, waiting for room in it.

From a task it is the task that waits. A turn never does: what it has let out waits with its cell, which is blocked
until all of it is in its mailboxes. Who has waited longest comes first, and nobody overtakes.
"""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

import outcome
import trio

from actors.actor import StopReason
from actors.address import Address
from actors.errors import MailboxFull, StartFailed
from actors.mailbox import Overflow
from runtime.cell import QUEUED, STOPPED, STOPPING, Cell
from runtime.envelope import Envelope
from runtime.letters import DeadLetters
from runtime.run_queue import RunQueue
from runtime.waits import add_edge, no_room, queue_again, waits_for

Deliver = Callable[[Cell, Address, Envelope], bool]
"""The router's whole way for an output of a cell: who lives there, may it pass, and into the mailbox."""


class Delivery:
    """Puts envelopes into mailboxes; `live` answers the cell of an address, activated if need be."""

    __slots__ = ("_after_outputs", "_deliver", "_letters", "_live", "_queue")

    def __init__(
        self, letters: DeadLetters, queue: RunQueue, live: Callable[[Address], Cell | None], deliver: Deliver
    ) -> None:
        self._letters = letters
        self._queue = queue
        self._live = live
        self._deliver = deliver
        self._after_outputs: dict[Cell, list[Callable[[], None]]] = {}
        """What comes behind the outputs of a cell that still wait for room: its pipes, and the news of its end."""

    # --- from a task -----------------------------------------------------------------------------------

    async def put_waiting(self, cell: Cell, envelope: Envelope) -> None:
        """From a task: wait for room where that is the policy. Raises MailboxFull."""
        if not self.taken(cell, envelope):
            await self.room(cell, envelope)

    def taken(self, cell: Cell, envelope: Envelope) -> bool:
        """Whether the mailbox has taken it; False: the task waits for `room`. Raises MailboxFull."""
        if self._put(cell, envelope):
            return True
        if cell.spec.overflow is Overflow.REFUSE:
            raise MailboxFull(f"{cell.address} holds {cell.spec.capacity} messages")
        return False

    @trio.lowlevel.enable_ki_protection  # a Ctrl-C before it waits would leave us a task that has ended
    async def room(self, cell: Cell, envelope: Envelope) -> None:
        """Wait until the mailbox has taken it; the longest waiting first."""
        task = trio.lowlevel.current_task()
        if cell.room is None:
            cell.room = deque()
        room = cell.room

        def go_on() -> None:
            self._go_in(cell, envelope, succeeded=cell.end_reason is StopReason.IDLE)
            trio.lowlevel.reschedule(task)

        def abort(_: object) -> trio.lowlevel.Abort:
            with suppress(ValueError):  # a Ctrl-C has come between its turn in the line and its going on
                room.remove(waiting)
            return trio.lowlevel.Abort.SUCCEEDED

        waiting = (envelope, go_on)
        room.append(waiting)
        await trio.lowlevel.wait_task_rescheduled(abort)

    # --- from a turn -----------------------------------------------------------------------------------

    def hand_over(self, sender: Cell, cell: Cell, envelope: Envelope) -> bool:
        """To a mailbox, or a dead letter; False: the sender is blocked by it until there is room."""
        if self._put(cell, envelope):
            return True
        if cell.spec.overflow is Overflow.REFUSE:
            self._letters.add(cell.address, envelope, "overflow")
            return True
        if waits_for(cell, sender):  # full mailboxes that wait for each other: nobody would ever make room
            if envelope.pending is not None:
                envelope.pending.settle(outcome.Error(no_room(sender, cell)))
            self._letters.add(cell.address, envelope, "mailbox_cycle")
            return True
        self._when_room(sender, cell, envelope)
        return False

    def _when_room(self, sender: Cell, cell: Cell, envelope: Envelope) -> None:
        self._queue.blocked(sender)
        edges = add_edge(sender, cell)
        if cell.room is None:
            cell.room = deque()
        cell.room.append((envelope, lambda: self._unblock(sender, cell, edges)))

    def _unblock(self, sender: Cell, cell: Cell, edges: list[Cell]) -> None:
        """There is room for the oldest output of the sender, which every interceptor has seen; then for the next ones."""
        edges.remove(cell)
        outputs = sender.blocked
        assert outputs is not None
        _, envelope = outputs.popleft()
        self._go_in(cell, envelope, succeeded=True)
        while outputs:
            to, envelope = outputs[0]
            if not self._deliver(sender, to, envelope):
                return
            outputs.popleft()
        sender.blocked = None
        for then in self._after_outputs.pop(sender, ()):
            then()
        self._queue.unblocked(sender)

    def after_outputs(self, cell: Cell, then: Callable[[], None]) -> None:
        """Call `then` when all that the cell has let out is in its mailboxes."""
        if cell.blocked:
            self._after_outputs.setdefault(cell, []).append(then)
        else:
            then()

    # --- into the mailbox ------------------------------------------------------------------------------

    def _go_in(self, cell: Cell, envelope: Envelope, *, succeeded: bool) -> None:
        """There is room for it; `succeeded`: if its cell has gone meanwhile, it is for whoever lives there now."""
        if envelope.left:
            return
        if succeeded and cell.status is STOPPED:
            self.again(cell.address, [envelope])
        else:
            self._offer(cell, envelope)

    def _put(self, cell: Cell, envelope: Envelope) -> bool:
        """Into the mailbox, but not before those who wait for room in it."""
        if cell.room and cell.spec.overflow is Overflow.WAIT:
            return False
        return self._offer(cell, envelope)

    def _offer(self, cell: Cell, envelope: Envelope) -> bool:
        mailbox = cell.mailbox
        if cell.status is QUEUED and mailbox is not None and len(mailbox.user) < mailbox.capacity:
            mailbox.user.append(envelope)  # the usual case under load, by the shortest way
            return True
        if cell.status is STOPPED or (cell.status is STOPPING and cell.end_reason is not StopReason.IDLE):
            self._letters.add(cell.address, envelope, "stopped")
            return True
        mailbox = self._queue.mailbox_of(cell)
        taken, dropped = mailbox.offer(envelope, cell.spec.overflow)
        if dropped is not None and dropped.own:  # the runtime's: to the head, where it stood
            mailbox.put_system(dropped)
        elif dropped is not None:
            self._letters.add(cell.address, dropped, "overflow")
        if taken:
            self._queue.ready(cell, envelope)
        return taken or dropped is not None

    def again(self, to: Address, envelopes: Iterable[Envelope]) -> None:
        """Mail that came while its actor was passivated: for the next incarnation."""
        for envelope in envelopes:
            try:
                cell = self._live(to)
            except StartFailed:
                cell = None
            pending = envelope.pending
            if cell is None:
                self._letters.add(to, envelope, "stopped")
            elif pending is None or queue_again(cell, pending, envelope):
                # above its bound: it was taken once, and is not to be lost
                self._queue.mailbox_of(cell).user.append(envelope)
                self._queue.ready(cell, envelope)
