"""What every look at a cell calls it: its kind, and its status; and what its actor says that it waits for."""

from collections.abc import Sequence

from actors.address import Address
from actors.awaiting import Awaiting
from runtime.boundary import Boundary
from runtime.cell import Cell
from runtime.crash_text import named


def kind_of(cell: Cell) -> str:
    """Its actor's class; while there is no actor, what builds it."""
    made_by = cell.spec.actor if cell.actor is None else type(cell.actor)
    return getattr(made_by, "__name__", "actor")


def status_of(cell: Cell) -> str:
    """One word: a turn that waits is `suspended`, whatever else the cell does meanwhile."""
    return "suspended" if cell.suspended else cell.status.name.lower()


def awaits_of(cell: Cell) -> Sequence[tuple[Address | None, str]]:
    """What its actor says that it waits for, if it says so at all; one that raises in it is told of, and goes on."""
    actor: object = cell.actor
    if not isinstance(actor, Awaiting):
        return ()
    found: Sequence[tuple[Address | None, str]] = ()
    with Boundary() as boundary:
        found = actor.awaits()
    return found if boundary.error is None else [(None, f"what it cannot say: {named(boundary.error)}")]
