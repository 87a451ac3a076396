"""Asks that shall not wait: who has asked a cell that cannot answer soon is told so now; what was told stays."""

from collections.abc import Callable

import outcome

from runtime.cell import Cell
from runtime.envelope import Pending
from runtime.waits import give_room


def refuse_waiting_asks(cell: Cell, error: Callable[[], Exception]) -> None:
    """Refuse the asks in the mailbox, or waiting for room there, each with an `error` of its own.

    A message that is tried again stays: its asker waits for the last try.
    """
    while asks := [
        (envelope, pending)
        for envelope in (cell.mailbox.user if cell.mailbox is not None else ())
        if (pending := envelope.pending) is not None and not envelope.tries
    ]:
        for envelope, pending in asks:
            assert cell.mailbox is not None
            cell.mailbox.remove(envelope)
            _refuse(pending, error())
            give_room(cell)  # who comes in may be an asker too
    for waiting in list(cell.room or ()):
        envelope, go_on = waiting
        if envelope.pending is not None and cell.room is not None:
            cell.room.remove(waiting)
            _refuse(envelope.pending, error())
            go_on()


def _refuse(pending: Pending, error: Exception) -> None:
    pending.settle(outcome.Error(error))
