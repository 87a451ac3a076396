"""What is said to a router beside its routees' own messages, and what a router that asks all answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from actors.address import Address
from actors.message import Fits, Message

M_co = TypeVar("M_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Gathered(Generic[R_co]):
    """What all routees have answered: a failure of one leaves the answers of the others usable.

    Each routee's address is in one of the two, `replies` or `failures`: what its own `ask` would have raised.
    """

    replies: Mapping[Address, R_co]
    failures: Mapping[Address, Exception]


class ToAll(Generic[M_co]):
    """What a router that asks all its routees takes; they take an M."""


@dataclass(frozen=True)
class Gather(ToAll[M_co], Generic[M_co, R_co]):
    """Pass `message` on to all routees: `gathered = await everyone.ask(Gather(Count()))`.

    Its answer is all answers, and so another type than the message's own: that is why it has a wrapping.
    """

    message: Fits[M_co, R_co]
    refusals: ClassVar[tuple[type[Exception], ...]] = ()

    def _self(self) -> "Gather[M_co, R_co]":
        return self

    def _reply(self) -> Gathered[R_co]:
        raise NotImplementedError  # only the type checkers look at it


class Freed(Message[None]):
    """A router to itself: a routee has ended what it was given."""

    routee: Address


class Resize(Message[None]):
    """A router to itself: look whether the pool has the right size."""
