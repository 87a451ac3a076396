"""Whether a message arrives as it was sent: its fields are fingerprinted at the send, and again when its turn begins.

A message is passed as it is, so a list in an `Any` field, or within a frozen dataclass, can be changed while it is on
its way, where `actors/immutable.py` cannot see it. Here it becomes a failure of the whole system. What the receiver
does with a message that it has got is its own business: who sends one keeps no part of it that can be changed.
"""

import dataclasses
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, cast

from pydantic import BaseModel
from typing_extensions import override

from actors.address import Address
from actors.errors import MessageMutated
from runtime.cell import Cell
from runtime.dispatcher import Dispatcher
from runtime.envelope import Envelope
from runtime.inline import Asks
from runtime.outputs import Mail, Output, Tell
from runtime.router import Router

FOLLOWED_MAX = 4_096
"""Messages under way that are remembered; beyond it the oldest goes unchecked. Those that reach nobody are among them."""
DEPTH_MAX = 100
"""Levels of a value that are looked at."""
OUTSIDE = "from outside"

Print = dict[str, Any]
"""The fingerprint of a message, by its fields."""


def fingerprint(message: Any) -> Print:
    """What the message's fields hold at this moment, as values that compare, and that nobody can change."""
    return {name: _print(value, ()) for name, value in _fields(message)}


def print_of(value: Any) -> Any:
    """What a value holds at this moment, as one that can be compared and hashed."""
    return _print(value, ())


def _fields(value: Any) -> list[tuple[str, Any]]:
    """The fields of a model or a dataclass; no cached property, no private attribute: they may change."""
    if isinstance(value, BaseModel):
        return [(name, getattr(value, name)) for name in type(value).model_fields]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(one.name, getattr(value, one.name, None)) for one in dataclasses.fields(value)]
    return []


def _print(value: Any, within: tuple[int, ...]) -> Any:
    """Containers and dataclasses by what is in them, all else by which object it is: a ref, an event may change."""
    kind: Any = value.__class__
    if value is None or isinstance(value, str | bytes | int | float):
        return kind, value
    inside = _inside(value)
    if inside is None or id(value) in within or len(within) == DEPTH_MAX:
        return kind, id(value)
    below = (*within, id(value))
    held = [_print(one, below) for one in inside]
    return kind, frozenset(held) if isinstance(value, AbstractSet) else tuple(held)


def _inside(value: Any) -> Iterable[Any] | None:
    """What a container holds; None: it is none."""
    if isinstance(value, bytearray):
        return (bytes(value),)
    if isinstance(value, Mapping):
        return list(cast("Mapping[object, object]", value).items())
    if isinstance(value, list | tuple | deque | AbstractSet):
        return cast("Iterable[Any]", value)
    return [part for _, part in _fields(value)] or None


@dataclasses.dataclass(slots=True)
class Followed:
    """One message that is under way, perhaps to several."""

    message: Any
    """Held, so that no other object takes its id meanwhile."""
    under_way: dict[Address, Print] = dataclasses.field(default_factory=dict[Address, Print])
    had: list[Address] = dataclasses.field(default_factory=list[Address])
    """Who has got it already."""


class Fingerprints:
    """Follows the messages of one system; `fail` ends it."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail
        self._followed: OrderedDict[int, Followed] = OrderedDict()
        """By the message's id."""

    def follow(self, router: Router, dispatcher: Dispatcher) -> None:
        """From now on, whatever way a message takes. Before turns are measured, or limits installed."""
        router.interceptors = (self._leaves, *router.interceptors)
        dispatcher.asks = CheckedAsks(self, dispatcher.asks)
        dispatcher.on_arrival(self._arrives)

    def tell(self, mail: Mail, sender: Cell, to: Address, message: Any) -> Output:
        """A turn's tell: in the place of `Tell`."""
        return CheckedTell(self, mail, sender, to, message)

    def check(self, before: Print, message: Any, sender: Address | None, *others: Address) -> None:
        """Raises MessageMutated, and fails the system, if the message is not any more what it was."""
        after = fingerprint(message)
        for name, value in before.items():
            if after[name] != value:
                error = MessageMutated(type(message).__name__, name, (sender or OUTSIDE, *others))
                self._fail(error)
                raise error

    def received(self, to: Address, message: Any, sender: Address | None) -> None:
        """It is its receiver's from now on."""
        followed = self._followed.get(id(message))
        before = None if followed is None else followed.under_way.pop(to, None)
        if followed is None or before is None:
            return
        if not followed.under_way:
            del self._followed[id(message)]
        self.check(before, message, sender, *followed.had, to)
        followed.had.append(to)

    def _leaves(self, to: Address, message: Any) -> None:
        """An interceptor."""
        followed = self._followed.setdefault(id(message), Followed(message))
        followed.under_way[to] = fingerprint(message)
        if len(self._followed) > FOLLOWED_MAX:
            self._followed.popitem(last=False)

    def _arrives(self, cell: Cell, envelope: Envelope) -> None:
        self.received(cell.address, envelope.message, envelope.sender)


class CheckedTell(Tell):
    """Is on its way from the call on, not only when the turn that told it, and its commit, have ended."""

    __slots__ = ("_prints", "_then")

    def __init__(self, prints: Fingerprints, mail: Mail, sender: Cell, to: Address, message: Any) -> None:
        super().__init__(mail, sender, to, message)
        self._prints = prints
        self._then = fingerprint(message)

    @override
    def release(self) -> None:
        self._prints.check(self._then, self.message, self.sender, self.to)
        super().release()


class CheckedAsks:
    """Turns in their askers' tasks: nothing comes between the send and the turn."""

    __slots__ = ("_plain", "_prints")

    def __init__(self, prints: Fingerprints, plain: Asks) -> None:
        self._prints = prints
        self._plain = plain

    def allowed(self, cell: Cell, depth: int) -> bool:
        return self._plain.allowed(cell, depth)

    def drive(self, cell: Cell, message: Any, asker: Cell | None) -> Coroutine[Any, Any, Any]:
        self._prints.received(cell.address, message, None if asker is None else asker.address)
        return self._plain.drive(cell, message, asker)
