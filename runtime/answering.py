"""A reply that comes from work outside the turn: what `ctx.answer` has begun.

The asker is a deferred one, and the work a pipe, each bound to the other: an asker who leaves cancels the work, the
end of the work settles the asker, and with the incarnation both end.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import outcome
import trio
from typing_extensions import override

from runtime.boundary import Boundary
from runtime.cell import Cell, Waiting
from runtime.envelope import Envelope, Pending
from runtime.letters import DeadLetters
from runtime.staged import Undoable


class Answerer(Protocol):
    """The incarnation that has promised the answer."""

    cell: Cell
    fenced: bool
    piping: int


class Answering(Undoable):
    """One promised answer; it begins behind the turn. `over` is told of its end, however it came."""

    __slots__ = ("_begin", "_books", "_key", "_letters", "_message", "_over", "_pending", "_scope", "_work")

    def __init__(
        self,
        books: Answerer,
        key: str,
        work: Callable[[], Awaitable[Any]],
        *,
        begin: Callable[[Callable[[], Awaitable[None]]], None],
        over: Callable[[], None],
        letters: DeadLetters,
    ) -> None:
        super().__init__("answering")
        self._books = books
        self._key = key
        self._work = work
        self._begin = begin
        self._over = over
        self._letters = letters
        self._scope = trio.CancelScope()
        self._message: Any = None
        self._pending: Pending | None = None
        books.piping += 1

    def take(self, message: Any, pending: Pending | None, _: Envelope | None) -> None:
        """The handler has returned it; nobody waits for a told message's answer."""
        self._message, self._pending = message, pending
        if pending is not None:
            cell = self._books.cell
            if cell.deferred is None:
                cell.deferred = {}
            cell.deferred[self._key] = Waiting(pending, message, None, None)
            pending.returned(self._left)

    def _left(self) -> None:
        """The asker has gone."""
        if self._leave() is not None:
            self._books.cell.touched = True
        self._scope.cancel()

    def _leave(self) -> Waiting | None:
        # a fence has told its askers already, and the keys are the next incarnation's
        waiting = None if self._books.fenced else self._books.cell.deferred
        return None if waiting is None else waiting.pop(self._key, None)

    @override
    def release(self) -> None:
        if not self._books.fenced:  # else its asker has been told
            self._begin(self._run)

    @override
    def fail(self, error: Exception) -> None:
        if (waiting := self._leave()) is not None:
            waiting.pending.settle(outcome.Error(error))

    @override
    def undo(self) -> None:
        self._books.piping -= 1

    async def _run(self) -> None:
        try:
            result: outcome.Maybe[Any] | None = None
            with Boundary() as boundary, self._scope:
                result = outcome.Value(await self._work())
            if boundary.error is not None:
                result = outcome.Error(boundary.error)
            if result is not None:
                self._settle(result)
        finally:
            self._over()

    def _settle(self, result: outcome.Maybe[Any]) -> None:
        if (waiting := self._leave()) is not None:
            waiting.pending.settle(result)
        elif self._pending is None and isinstance(result, outcome.Error):
            address = self._books.cell.address
            self._letters.add(address, Envelope(self._message, 0, address), "crashed")
