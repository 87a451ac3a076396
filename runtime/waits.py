"""Who waits for whom: the edges between cells that a cycle of asks, or of full mailboxes, is found by.

`cell.waits` holds them: whom the cell's present turn asks, whose end it waits for, and whose mailbox has no room for
what it has let out; of an actor that begins anew, its children that have still to end.
Only an ask that must queue can close a cycle: an idle target waits for nobody. So nothing here is on the fast way.
A message may move: tried again, stashed, forwarded, from a passivated actor to its successor. Its asker's edge moves
with it, in `queue_again`. A deferred ask is no edge: the actor that defers is free.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import outcome

from actors.errors import AskCycle, MailboxCycle
from runtime.cell import BUSY, Cell
from runtime.envelope import Envelope, Pending, Stage

REPLY, ROOM, END = "reply", "room in its mailbox", "its end"
"""What one waits for at another, in words."""


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


def chain_of(asker: Cell, target: Cell) -> list[str]:
    """The addresses of the circle that an edge between them closes."""
    return [asker.address, *(cell.address for cell in _path(target, asker) or ())]


def check_cycle(asker: Cell, target: Cell) -> None:
    """Raise AskCycle, with the chain in it, if the target waits for the asker; MailboxCycle if somebody there waits for room."""
    path = _path(target, asker)
    if path is not None:
        waits = [REPLY, *(_what(here, to) for here, to in pairwise(path))]
        chain: list[str] = [asker.address, *(cell.address for cell in path)]
        raise (MailboxCycle if ROOM in waits else AskCycle)(chain, waits)


@contextmanager
def awaited_end(asker: Cell, cell: Cell) -> Generator[None, None, None]:
    """The asker's present turn waits in it for the end of `cell`. Raises MailboxCycle if that end waits for this turn."""
    path = _below(cell, asker)
    if path is not None:
        raise MailboxCycle([asker.address, *(one.address for one in path)], [END] * len(path))
    edges = add_edge(asker, cell)
    try:
        yield
    finally:
        edges.remove(cell)


@contextmanager
def awaited_ends(cell: Cell, children: Iterable[Cell]) -> Generator[None, None, None]:
    """The cell begins anew when they have ended: what they ask it until then would wait for themselves."""
    ends = [(add_edge(cell, child), child) for child in children]
    try:
        yield
    finally:
        for edges, child in ends:
            edges.remove(child)


def no_room(sender: Cell, target: Cell) -> MailboxCycle:
    """What the sender is told whose message would wait for room in a circle of full mailboxes."""
    path = _path(target, sender) or []
    waits = [ROOM, *(_what(here, to) for here, to in pairwise(path))]
    return MailboxCycle([sender.address, *(cell.address for cell in path)], waits)


def _what(here: Cell, to: Cell) -> str:
    """What the one waits for at the other."""
    if here.blocked and here.blocked[0][0] == to.address:
        return ROOM
    return REPLY if to.end_reason is None else END


def _below(cell: Cell, sought: Cell) -> list[Cell] | None:
    """The way down to it, if it is the cell itself, or in its family: an actor ends after its children."""
    if cell is sought:
        return [cell]
    children = () if cell.children is None else cell.children.children.values()
    return next(([cell, *rest] for child in children if (rest := _below(child, sought))), None)


def _path(start: Cell, sought: Cell) -> list[Cell] | None:
    """Who waits for whom from the one to the other. Not recursive: a chain of asks is as long as somebody's program makes it."""
    found_by: dict[Cell, Cell | None] = {start: None}
    stack = [start]
    while stack:
        here: Cell | None = stack.pop()
        if here is sought:
            path: list[Cell] = []
            while here is not None:
                path.append(here)
                here = found_by[here]
            return path[::-1]
        assert here is not None
        for following in reversed(here.waits or ()):
            if following not in found_by:
                found_by[following] = here
                stack.append(following)
    return None


def called_by(asker: Cell, cell: Cell) -> bool:
    """Whether the asker's turn is part of what the turn of `cell` waits for: called by it, over any number of others.

    Whoever merely waits in a mailbox has not called the turn that is under way there.
    """
    seen: set[Cell] = set()
    stack = [cell]
    while stack:
        here = stack.pop()
        if here is asker:
            return True
        if here not in seen:
            seen.add(here)
            stack += [following for following in set(here.waits or ()) if _has_begun(here, following)]
    return False


def _has_begun(asker: Cell, target: Cell) -> bool:
    """Of the asker's edges to it one at least is more than mail that waits there, or waits for room there."""
    assert asker.waits is not None
    mail = [] if target.mailbox is None else target.mailbox.waiting()
    outside = [envelope for envelope, _ in target.room or ()]
    waiting = sum(one.pending is not None and one.pending.asker is asker for one in (*mail, *outside))
    waiting += sum(one.pending is None and one.sender == asker.address for one in outside)
    return asker.waits.count(target) > waiting


def interleaves(cell: Cell, message: Any) -> bool:
    """Whether the message can be handled now, in the midst of a turn: then to wait for its reply closes no cycle."""
    if (
        cell.status is not BUSY
        or cell.blocked
        or cell.room
        or (cell.mailbox is not None and cell.mailbox.full)
    ):
        return False
    handling = cell.handlers.get(message.__class__)
    return handling is not None and handling.interleave


def wait_for(pending: Pending, cell: Cell) -> None:
    """The asker's turn waits for this cell now, whichever it was before."""
    if pending.asker is not None:
        pending.free()
        pending.edge = (add_edge(pending.asker, cell), cell)


def queue_again(cell: Cell, pending: Pending, envelope: Envelope) -> bool:
    """A message moves to `cell`, with its asker, who may leave again at any time: the turn that it waited for is over.

    False: it goes nowhere. The asker has left, or is leaving, or gets AskCycle, because the cell waits for the asker's own turn.
    """
    if pending.stage is Stage.DONE or pending.raise_cancel is not None:
        return False
    pending.stage = Stage.QUEUED
    pending.scope = None
    pending.leave = leaver(cell, envelope)
    if pending.asker is not None and not interleaves(cell, envelope.message):
        try:
            check_cycle(pending.asker, cell)
        except AskCycle as cycle:
            pending.settle(outcome.Error(cycle))
            return False
    wait_for(pending, cell)
    return True


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
