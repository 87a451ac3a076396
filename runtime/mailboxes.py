"""The mailbox of a cell, as its spec says: in the order of arrival, or by priority."""

import math
from functools import partial

from actors.mailbox import Mailbox
from actors.priority import PriorityLane
from runtime.boundary import Boundary
from runtime.cell import Cell
from runtime.envelope import Envelope


def mailbox_for(cell: Cell) -> Mailbox[Envelope]:
    """A new one."""
    lane = None if cell.spec.priority is None else PriorityLane[Envelope](partial(_rank, cell))
    return Mailbox(cell.spec.capacity, lane)


def _rank(cell: Cell, envelope: Envelope) -> float:
    """What the spec makes of the message; if that fails, the actor does, and not who has sent it."""
    assert cell.spec.priority is not None
    if envelope.own:
        return math.inf  # the runtime's own, behind all mail there is
    with Boundary() as boundary:
        rank = float(cell.spec.priority(envelope.message))
        if not math.isnan(rank):
            return rank
        raise ValueError(f"the priority of {type(envelope.message).__name__} is no number: nan")
    assert boundary.error is not None
    cell.parent.failed(cell, boundary.error)
    return 0.0
