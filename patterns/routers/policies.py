"""How a router chooses. A policy is data, for a spec; the `Routing` that it begins is one incarnation's."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from actors.actor import Context
from actors.address import Address
from actors.message import Deferred
from actors.ref import Ref
from patterns.routers.ring import Ring

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


class Policy(ABC):
    """One that passes a message on to be answered as its own type says."""

    @abstractmethod
    def begin(self, ctx: Context) -> Routing:
        """For one incarnation."""


class Choosing(Routing):
    """To one of them, with its asker: whoever leaves cancels the routee's handler."""

    @override
    def route(self, message: Any) -> Deferred[Any]:
        return self.ctx.forward(self.choose(message))

    @abstractmethod
    def choose(self, message: Any) -> Ref[Any]:
        """Whose turn it is."""


@dataclass(frozen=True, slots=True)
class RoundRobin(Policy):
    """One after the other."""

    @override
    def begin(self, ctx: Context) -> Routing:
        return _InTurn(ctx)


class _InTurn(Choosing):
    _next = 0

    @override
    def choose(self, message: Any) -> Ref[Any]:
        chosen = self.routees[self._next % len(self.routees)]
        self._next = (self._next + 1) % len(self.routees)
        return chosen


@dataclass(frozen=True, slots=True)
class Random(Policy):
    """By chance, the system's own: a simulation's seed repeats it."""

    @override
    def begin(self, ctx: Context) -> Routing:
        return _ByChance(ctx)


class _ByChance(Choosing):
    @override
    def choose(self, message: Any) -> Ref[Any]:
        return self.routees[self.ctx.entropy.below(len(self.routees))]


@dataclass(frozen=True, slots=True)
class SmallestMailbox(Policy):
    """To who has the least before it, the longest known among equals; actors of this node alone."""

    @override
    def begin(self, ctx: Context) -> Routing:
        return _LeastLoaded(ctx)


class _LeastLoaded(Choosing):
    @override
    def choose(self, message: Any) -> Ref[Any]:
        return min(self.routees, key=self.ctx.backlog)


@dataclass(frozen=True, slots=True)
class ConsistentHash(Policy):
    """Always to the same one for the same key; a routee that comes or goes moves about 1/n of the keys."""

    by: str | Callable[[Any], object]
    """A field of the messages, or a function of them; its value's text is the key. It must not fail."""

    @override
    def begin(self, ctx: Context) -> Routing:
        return _ByKey(ctx, self.by)


class _ByKey(Choosing):
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
        key = getattr(message, self._by) if isinstance(self._by, str) else self._by(message)
        return self._of[Address(self._ring.owner(str(key)))]
