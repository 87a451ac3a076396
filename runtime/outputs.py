"""What a turn lets out when it has ended; of a durable actor, when its commit is durable.

Each is released in the order it was made, or failed when the commit that it waited behind did not happen.
"""

from collections.abc import Callable
from typing import Any, Protocol

import outcome

from actors.address import Address
from actors.message import Deferred
from runtime.cell import Cell
from runtime.envelope import Envelope, Pending


class Output(Protocol):
    """One held output. `label` is its kind in the trace."""

    label: str

    def release(self) -> None: ...
    def fail(self, error: Exception) -> None: ...


class Reply:
    """An answer to an asker, a refusal too."""

    __slots__ = ("_pending", "_result")
    label = "reply"

    def __init__(self, pending: Pending, result: outcome.Maybe[Any]) -> None:
        self._pending = pending
        self._result = result

    def release(self) -> None:
        self._pending.settle(self._result)

    def fail(self, error: Exception) -> None:
        self._pending.settle(outcome.Error(error))


class OwnReply(Reply):
    """To the asker of the turn itself."""

    __slots__ = ()


class Mail(Protocol):
    """The router's way for a turn's tell."""

    def send(self, sender: Cell, to: Address, envelope: Envelope) -> None: ...


class Tell(Envelope):
    """A tell: when the commit fails, it does not happen.

    It is the envelope too that the mailbox will hold: to make a second object of the same costs a tenth of a tell.
    """

    __slots__ = ("_from", "_mail", "to")
    label = "told"

    def __init__(self, mail: Mail, sender: Cell, to: Address, message: Any) -> None:
        # what Envelope's own would set: a call to it costs as much as all of this
        self.message = message
        self.id = 0
        self.sender = sender.address
        self.pending = None
        self.timer = None
        self.tries = 0
        self._mail = mail
        self._from = sender
        self.to = to

    def release(self) -> None:
        self._mail.send(self._from, self.to, self)

    def fail(self, error: Exception) -> None:
        """Nothing to undo."""


class Act:
    """The start of a pipe, the stop of a child: when the commit fails, it does not happen."""

    __slots__ = ("_act", "label")

    def __init__(self, label: str, act: Callable[[], None]) -> None:
        self.label = label
        self._act = act

    def release(self) -> None:
        self._act()

    def fail(self, error: Exception) -> None:
        """Nothing to undo."""


class Promised:
    """A Deferred that was given out: the turn's end takes it out again, if it is what the handler returned.

    It stands among the outputs, so that a turn that gives out none is looked at no longer than before.
    """

    __slots__ = ("call", "deferred")
    label = "promised"

    def __init__(self, call: str, deferred: Deferred[Any]) -> None:
        self.call = call
        self.deferred = deferred

    def release(self) -> None:
        raise AssertionError("the turn's end takes it out")

    def fail(self, error: Exception) -> None:
        raise AssertionError("the turn's end takes it out") from error


class Resolve:
    """The answer to a deferred asker; the turn's end turns it into a Reply, if the asker is still there."""

    __slots__ = ("key", "result")
    label = "resolve"

    def __init__(self, key: str, result: outcome.Maybe[Any]) -> None:
        self.key = key
        self.result = result

    def release(self) -> None:
        raise AssertionError("the turn's end replaces it")

    def fail(self, error: Exception) -> None:
        raise AssertionError("the turn's end replaces it") from error
