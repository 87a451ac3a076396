"""What every look at a cell calls it: its kind, and its status."""

from runtime.cell import Cell


def kind_of(cell: Cell) -> str:
    """Its actor's class; while there is no actor, what builds it."""
    made_by = cell.spec.actor if cell.actor is None else type(cell.actor)
    return getattr(made_by, "__name__", "actor")


def status_of(cell: Cell) -> str:
    """One word: a turn that waits is `suspended`, whatever else the cell does meanwhile."""
    return "suspended" if cell.suspended else cell.status.name.lower()
