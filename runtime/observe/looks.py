"""What every look at a cell calls it: its kind, and its status."""

from runtime.cell import Cell


def kind_of(cell: Cell) -> str:
    """Its actor's class; `actor` while it waits for its next incarnation."""
    return type(cell.actor).__name__ if cell.actor is not None else "actor"


def status_of(cell: Cell) -> str:
    """One word: a turn that waits is `suspended`, whatever else the cell does meanwhile."""
    return "suspended" if cell.suspended else cell.status.name.lower()
