"""What an incarnation is doing now: the state it is in, and the messages it has put aside until later.

Made when `become` or `stash` is first used; an actor without them pays nothing.
"""

from collections import deque
from typing import Any, Protocol

from typing_extensions import override

from actors.actor import Actor
from actors.behaviours import Postponed
from actors.errors import StashFull
from actors.mailbox import Mailbox
from actors.message import Deferred
from runtime.cell import Cell
from runtime.envelope import Envelope, Pending, asked
from runtime.staged import Change, Changed, Undoable
from runtime.waits import queue_again


class Queue(Protocol):
    """The dispatcher's side of a mailbox."""

    def mailbox_of(self, cell: Cell) -> Mailbox[Envelope]: ...
    def ready(self, cell: Cell) -> None: ...


class Behaving:
    """State and stash of one incarnation."""

    __slots__ = ("_cell", "_queue", "stash", "state")

    def __init__(self, cell: Cell, queue: Queue, state: str) -> None:
        self._cell = cell
        self._queue = queue
        self.state = state
        self.stash: deque[Envelope] = deque()

    # --- the stash -------------------------------------------------------------------------------------

    def put_aside(self) -> Deferred[Any]:
        """What a handler returns to have its message stashed. Raises StashFull."""
        if len(self.stash) >= self._cell.spec.capacity:
            raise StashFull(f"{self._cell.address} has put {len(self.stash)} messages aside")
        return Deferred("", None, None, self.keep)

    def keep(self, message: Any, pending: Pending | None, envelope: Envelope | None) -> None:
        envelope = envelope or asked(message, pending)
        envelope.timer = None  # from now on it is a message like any other
        self.stash.append(envelope)
        if pending is not None:
            pending.returned(lambda: self._leave(envelope))

    def _leave(self, envelope: Envelope) -> None:
        if envelope in self.stash:
            self.stash.remove(envelope)

    def put_back(self, count: int | None = None) -> None:
        """The `count` oldest (None: all) to the head of the mailbox, in their order."""
        stash = self.stash
        self._return(
            [stash.popleft() for _ in range(len(stash) if count is None else min(count, len(stash)))]
        )

    def come_back(self) -> None:
        """The state has changed: what it handles, and all that came behind it, so that their order holds.

        The oldest that it does not handle stay where they are: they would come first, and one turn after the other
        would put them aside again.
        """
        stash, handlers, staying = self.stash, self._cell.handlers, 0
        for envelope in stash:
            if handlers.get(envelope.message.__class__).__class__ is not Postponed:
                break
            staying += 1
        back = [stash.pop() for _ in range(len(stash) - staying)]
        back.reverse()
        self._return(back)

    def _return(self, back: list[Envelope]) -> None:
        mailbox = self._queue.mailbox_of(self._cell) if back else None
        for envelope in reversed(back):
            assert mailbox is not None
            pending = envelope.pending
            if pending is None or queue_again(self._cell, pending, envelope):
                mailbox.put_back(envelope)
        if mailbox:
            self._queue.ready(self._cell)

    # --- the state -------------------------------------------------------------------------------------

    def enter(self, actor: Actor[Any], state: str) -> None:
        """What it handles from now on. Raises BadMachine."""
        self._cell.handlers = actor.behaviours.table(state)
        self.state = state


def puts_aside(value: Deferred[Any]) -> bool:
    """Whether it is what a handler returns to have its message stashed."""
    return getattr(value.taken, "__func__", None) is Behaving.keep


class Became(Change):
    """A change of state: the stash comes back behind the turn; a turn that does not count leaves the old state."""

    __slots__ = ("_actor", "_before", "_behaving")

    def __init__(self, books: Changed, behaving: Behaving, actor: Actor[Any], state: str) -> None:
        super().__init__("became", books, "state")
        self._behaving = behaving
        self._actor = actor
        self._before = behaving.state
        behaving.enter(actor, state)

    @override
    def release(self) -> None:
        super().release()
        self._behaving.come_back()

    @override
    def take_back(self) -> None:
        self._behaving.enter(self._actor, self._before)


class Unstashed(Undoable):
    """What `unstash` gives back, behind the turn."""

    __slots__ = ("_behaving", "_count")

    def __init__(self, behaving: Behaving, count: int | None) -> None:
        super().__init__("unstashed")
        self._behaving = behaving
        self._count = count

    @override
    def release(self) -> None:
        self._behaving.put_back(self._count)

    @override
    def undo(self) -> None:
        """Nothing has come back yet."""
