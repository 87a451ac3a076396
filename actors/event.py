"""What is told of to whoever listens, and a key that an actor is found by."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Self, TypeVar

from actors.address import Address
from actors.ref import Ref

M = TypeVar("M")


class Event:
    """Derive a frozen dataclass: it can be handled like a message whose answer is nothing."""

    __slots__ = ()
    refusals: ClassVar[tuple[type[Exception], ...]] = ()

    def _self(self) -> Self:
        return self

    def _reply(self) -> None:
        raise NotImplementedError  # only the type checkers look at it


@dataclass(frozen=True)
class Key(Generic[M]):
    """What an actor is found by: `ORDERS = Key[OrderMessage]("orders")`. Two of one name are the same key.

    `single`: one actor at a time holds it, a second one gets KeyTaken.
    """

    name: str
    single: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Listing(Event):
    """Who holds a key, oldest first, and who has come and gone since the listing before.

    A subscriber that is slow gets one listing for several changes: nobody is missing in it.
    """

    key: Key[Any]
    refs: tuple[Ref[Any], ...]
    came: tuple[Address, ...]
    gone: tuple[Address, ...]

    def of(self, key: Key[M]) -> tuple[Ref[M], ...]:
        """The refs, typed by the key; none if the listing is another key's."""
        return self.refs if key == self.key else ()


def check_subscription(to: object) -> None:
    """Raises TypeError for what nobody can listen to."""
    if not (isinstance(to, Key) or (isinstance(to, type) and issubclass(to, Event))):
        raise TypeError(f"one subscribes to a kind of Event, or to a Key, not to {to!r}")
