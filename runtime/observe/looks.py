"""What every look at a cell calls it: its kind, and its status; and what its actor says that it waits for."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from actors.address import Address
from actors.awaiting import Awaiting
from runtime.boundary import Boundary
from runtime.cell import Cell
from runtime.crash_text import named

SAID_MAX = 1_000
"""Of what one actor says that it waits for, so much is told."""


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
        found = [_pair(one) for one in islice(actor.awaits(), SAID_MAX)]
    return found if boundary.error is None else [(None, f"what it cannot say: {named(boundary.error)}")]


def _pair(said: Any) -> tuple[Address | None, str]:
    match said:
        case (str() | None as of, str(words)):
            return None if of is None else Address(of), words
        case _:
            raise TypeError(f"awaits() answers pairs, (address or None, words), not {said!r}")
