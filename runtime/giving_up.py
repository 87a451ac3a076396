"""The failure that a supervisor leaves with: a child's own, or that there were more of them than its intensity allows."""

from actors.errors import RestartLimit
from actors.supervision import Restarts
from runtime.cell import Cell

CAUSES_SHOWN = 5
"""Failures that a RestartLimit names."""


def failure_of(path: str, restarts: Restarts, cell: Cell, error: Exception, *, limit: bool) -> Exception:
    """Of the supervisor at `path`, by its child `cell`; `limit`: its restarts were one too many. Its notes say where."""
    failure = error
    if limit:
        intensity = restarts.intensity
        failure = RestartLimit(
            f"{path}: more than {intensity.restarts} restarts within {intensity.within} s; last of {cell.address}"
        )
        failure.__cause__ = error
        failure.add_note(f"the last causes: {'; '.join(restarts.causes[-CAUSES_SHOWN:])}")
    failure.add_note(f"{cell.address}, incarnation {cell.incarnation}, {cell.restarts} restarts")
    return failure
