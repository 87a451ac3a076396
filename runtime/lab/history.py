"""What clients have seen: who called what when, and how it ended. What the checkers judge.

    history = History(system.clock.now)
    await history.client("c1").ask(ref, Add(item="a"))

An operation whose end is not known (a timeout, a reset, a node that died, a client that was cut) stays open to the end
of the run: it may have happened at any later time, or never. Only a reply, a refusal that the message lists, and a
refusal before the mailbox are known ends. A history outlives the nodes of a run: simulate them one after the other with
the same one.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, TypeVar

from actors.errors import MailboxFull, Stopping
from actors.message import Fits
from actors.ref import Ref

M = TypeVar("M")
R = TypeVar("R")
NOT_TAKEN = (MailboxFull, Stopping)
"""Errors of the runtime that say for sure that the message was handled by nobody."""


class End(Enum):
    """How an operation ended, as far as its client knows."""

    ANSWERED = auto()
    """With a result."""
    REFUSED = auto()
    """With an error that says that nothing has happened."""
    UNKNOWN = auto()
    """It may have happened, or happen yet, or never."""


@dataclass(slots=True)
class Operation:
    """One call of one client."""

    number: int
    """Its place in the history, from 0."""
    client: str
    op: str
    args: Any
    called_at: float
    begun: float
    """Its call's place among all calls and returns. Much happens in one instant of virtual time: times have no such order."""
    end: End = End.UNKNOWN
    result: Any = None
    error: BaseException | None = None
    returned_at: float = math.inf
    ended: float = math.inf
    """Its return's place; infinite while the end is not known."""


Judged = Callable[[Any, Any], tuple[str, Any, Any]]
"""Of a message and its result (None: none is known): op, args and result as a model knows them."""


class History:
    """All operations of a run, in the order of their calls. `now` gives the times: the clock's, or the client's own."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.operations: list[Operation] = []
        self._places = 0

    def client(self, name: str) -> "Client":
        """Whoever calls under this name; a client has one call under way at a time, or says so with another name."""
        return Client(self, name)

    def begin(self, client: str, op: str, args: Any) -> Operation:
        """A call goes out. Say how it ends with `answered` or `refused`; said nothing, its end is not known."""
        operation = Operation(len(self.operations), client, op, args, self.now(), self._place())
        self.operations.append(operation)
        return operation

    def answered(self, operation: Operation, result: Any) -> None:
        self._end(operation, End.ANSWERED)
        operation.result = result

    def refused(self, operation: Operation, error: BaseException) -> None:
        """It has not happened, and will not."""
        self._end(operation, End.REFUSED)
        operation.error = error

    def as_calls(self, kinds: Mapping[type, Judged]) -> list[Operation]:
        """The operations of these messages in the words of a model; others are left out.

        history.as_calls({Put: lambda message, _: ("put", (message.key, message.value), None)})
        """
        calls: list[Operation] = []
        for operation in self.operations:
            kind: type = operation.args.__class__
            if kind in kinds:
                op, args, result = kinds[kind](operation.args, operation.result)
                calls.append(replace(operation, op=op, args=args, result=result))
        return calls

    def _end(self, operation: Operation, end: End) -> None:
        if operation.end is not End.UNKNOWN:
            raise ValueError(f"operation {operation.number}, {operation.op}, has ended already")
        operation.end = end
        operation.returned_at, operation.ended = self.now(), self._place()

    def _place(self) -> int:
        self._places += 1
        return self._places


class Client:
    """One client's calls, recorded."""

    def __init__(self, history: History, name: str) -> None:
        self.name = name
        self._history = history

    async def ask(self, ref: Ref[M], message: Fits[M, R], *, within: float | None = None) -> R:
        """As `ref.ask`, recorded under the message's class. Raises what that raises."""
        recorded: Any = message
        operation = self._history.begin(self.name, type(recorded).__name__, recorded)
        try:
            result = await ref.ask(message, within=within)
        except (*NOT_TAKEN, *recorded.refusals) as error:
            self._history.refused(operation, error)
            raise
        except BaseException as error:
            operation.error = error
            raise
        self._history.answered(operation, result)
        return result


def answered(operations: Iterable[Operation]) -> list[Operation]:
    """Those that had a result."""
    return [one for one in operations if one.end is End.ANSWERED]
