"""Who waits for whom: the edges between cells that a cycle of asks, or of full mailboxes, is found by.

`cell.waits` holds them: whom the cell's present turn asks, and whose mailbox has no room for what it has let out.
Only an ask that must queue can close a cycle: an idle target waits for nobody. So nothing here is on the fast way.
"""

from collections.abc import Callable

from actors.errors import AskCycle
from runtime.cell import Cell
from runtime.envelope import Envelope


def add_edge(asker: Cell, target: Cell) -> list[Cell]:
    """The asker's present turn waits for the target's; the caller removes the edge again."""
    if asker.waits is None:
        asker.waits = []
    asker.waits.append(target)
    return asker.waits


def waits_for(cell: Cell, sought: Cell) -> bool:
    """Whether `cell` waits, over any number of others, for `sought`."""
    seen: set[Cell] = set()
    stack = [cell]
    while stack:
        here = stack.pop()
        if here is sought:
            return True
        if here not in seen:
            seen.add(here)
            stack += here.waits or ()
    return False


def check_cycle(asker: Cell, target: Cell) -> None:
    """Raise AskCycle, with the chain in it, if the target waits for the asker."""
    path = _path(target, asker, set())
    if path is not None:
        raise AskCycle([asker.address, *(cell.address for cell in path)])


def _path(here: Cell, sought: Cell, seen: set[Cell]) -> list[Cell] | None:
    if here is sought:
        return [here]
    seen.add(here)
    for following in here.waits or ():
        if following not in seen and (rest := _path(following, sought, seen)):
            return [here, *rest]
    return None


def leaver(cell: Cell, envelope: Envelope) -> Callable[[], None]:
    """What a cancelled asker calls while its message waits in the cell's mailbox: out of it, and its room to the next."""

    def leave() -> None:
        if cell.mailbox is not None and cell.mailbox.remove(envelope) and cell.room is not None:
            give_room(cell)

    return leave


def give_room(cell: Cell) -> None:
    """Messages have left the mailbox: who has waited longest for room puts one in, and so on, before any newcomer can."""
    while cell.room and not (cell.mailbox is not None and cell.mailbox.full):
        _, go_on = cell.room.popleft()
        go_on()
    if not cell.room:
        cell.room = None
