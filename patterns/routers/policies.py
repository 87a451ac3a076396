"""How a router chooses. A policy is data, for a spec; the `Routing` that it begins is one incarnation's."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from actors.actor import Context
from actors.address import Address
from actors.errors import NotRouted
from actors.message import Deferred
from actors.ref import Ref
from patterns.routers.ring import Ring
from runtime.boundary import Boundary

Routees = dict[Address, Ref[Any]]
"""Whom a router has at present, oldest first."""


class Routing(ABC):
    """One incarnation's way to pass messages on."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.routees: list[Ref[Any]] = []

    def changed(self, routees: Routees) -> None:
        """Others are there now."""
        self.routees = list(routees.values())

    def freed(self, routee: Address) -> None:  # noqa: B027 -- most do not ask for it
        """A routee has ended what it was given, if the policy asks for that."""

    @abstractmethod
    def route(self, message: Any) -> Deferred[Any]:
        """Pass it on; there is a routee."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One that passes a message on to be answered as its own type says."""

    routing: Callable[..., Routing]
    """Called with the context and `arguments`."""
    arguments: tuple[Any, ...] = ()

    def begin(self, ctx: Context) -> Routing:
        """For one incarnation."""
        return self.routing(ctx, *self.arguments)


class Choosing(Routing):
    """To one of them, with its asker: whoever leaves cancels the routee's handler."""

    @override
    def route(self, message: Any) -> Deferred[Any]:
        return self.ctx.forward(self.choose(message))

    @abstractmethod
    def choose(self, message: Any) -> Ref[Any]:
        """Whose turn it is."""


class InTurn(Choosing):
    """One after the other."""

    _next = 0

    @override
    def choose(self, message: Any) -> Ref[Any]:
        chosen = self.routees[self._next % len(self.routees)]
        self._next = (self._next + 1) % len(self.routees)
        return chosen


class ByChance(Choosing):
    """By the system's entropy: a simulation's seed repeats it."""

    @override
    def choose(self, message: Any) -> Ref[Any]:
        return self.routees[self.ctx.entropy.below(len(self.routees))]


class LeastLoaded(Choosing):
    """Who has the least before it, the longest known among equals; actors of this node alone."""

    @override
    def choose(self, message: Any) -> Ref[Any]:
        return min(self.routees, key=self.ctx.backlog)


class ByKey(Choosing):
    """By a field of the messages, or a function of them; its value's text is the key.

    A message that has no key, since its field is missing or the function raises, is refused; the router goes on.
    """

    def __init__(self, ctx: Context, by: str | Callable[[Any], object]) -> None:
        super().__init__(ctx)
        self._by = by
        self._ring = Ring(())
        self._of: Routees = {}

    @override
    def changed(self, routees: Routees) -> None:
        super().changed(routees)
        self._of = dict(routees)
        self._ring = Ring(self._of)

    @override
    def choose(self, message: Any) -> Ref[Any]:
        key = ""
        with Boundary() as boundary:
            key = str(getattr(message, self._by) if isinstance(self._by, str) else self._by(message))
        if (error := boundary.error) is not None:
            why = f"{type(message).__name__} has no key: {type(error).__name__}: {error}"
            raise NotRouted(self.ctx.address, why) from error
        return self._of[Address(self._ring.owner(key))]
