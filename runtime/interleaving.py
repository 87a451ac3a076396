"""Interleaving: what a busy actor does while its turn is suspended, where its class allows it.

Such a message waits in the mailbox as any other does, and overtakes those that must wait for the turn's end. Its
handler cannot wait, so it is a whole turn within the pause of another, whose outputs are laid aside meanwhile.
"""

from collections.abc import Callable
from typing import Any

from runtime.boundary import Boundary
from runtime.cell import BUSY, Cell
from runtime.envelope import Envelope
from runtime.run_queue import RunQueue
from runtime.turn_end import TurnEnd
from runtime.waits import give_room

Raised = Callable[[Cell, Any, Envelope, Exception], None]
"""Ends a turn of the run queue that an exception has left."""


def interleave(cell: Cell, queue: RunQueue, ends: TurnEnd, raised: Raised) -> None:
    """Handle what may be of a busy cell's mail; called while nobody's handler runs, so its turn is suspended."""
    if cell.mailbox is None:
        return
    for envelope in cell.mailbox.waiting():
        if cell.status is not BUSY or cell.blocked or cell.end_reason is not None:
            return
        handling = cell.handlers.get(envelope.message.__class__)
        if handling is None or not handling.interleave or not cell.mailbox.remove(envelope):
            continue
        if cell.room is not None:
            give_room(cell)
        if (envelope.timer is None or envelope.timer.taken()) and not envelope.left:
            _turn(cell, envelope, handling.function, ends, raised)
            if envelope.tries:
                # its turn may have crashed once more, and left the one that is suspended alone
                queue.ready(cell)


def _turn(
    cell: Cell, envelope: Envelope, handler: Callable[[Any, Any], Any], ends: TurnEnd, raised: Raised
) -> None:
    ctx = cell.ctx
    assert ctx is not None
    assert cell.vars is not None
    suspended = ctx.lay_aside()
    ctx.begin()
    if ends.arrived is not None:
        ends.arrived(cell, envelope)
    with Boundary() as boundary:
        value = cell.vars.run(handler, cell.actor, envelope.message)
        ends.returned(cell, ctx, envelope.message, envelope.pending, value, envelope)
    if boundary.error is not None:
        raised(cell, ctx, envelope, boundary.error)
    ctx.take_up(suspended)
