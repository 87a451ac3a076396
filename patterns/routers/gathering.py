"""Routers that ask several routees for one answer: all of them, the fastest, or the next when one is slow.

Each ask is a task of one nursery, which ends with the answer or with the asker: nobody works for nothing.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import trio
from typing_extensions import override

from actors.actor import Context
from actors.errors import NotRouted
from actors.message import Deferred
from actors.ref import Ref
from patterns.routers.messages import Gather, Gathered
from patterns.routers.policies import Routing
from runtime.boundary import Boundary


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Asks all; no Policy, because its answer is Gathered and not the message's own."""

    def begin(self, ctx: Context) -> Routing:
        """For one incarnation."""
        return _ToAll(ctx)


class _ToAll(Routing):
    @override
    def route(self, message: Any) -> Deferred[Any]:
        self._check(message)
        routees = list(self.routees)
        return self.ctx.answer(lambda: ask_all(routees, message.message))

    def _check(self, message: object) -> None:
        if not isinstance(message, Gather):
            name = type(message).__name__
            raise NotRouted(self.ctx.address, f"a broadcast takes Gather({name}(...)), not {name} by itself")


class Several(Routing):
    """Each message begins with another routee."""

    _next = 0

    @override
    def route(self, message: Any) -> Deferred[Any]:
        first = self._next % len(self.routees)
        self._next = first + 1
        some = self.routees[first:] + self.routees[:first]
        return self.ctx.answer(lambda: self.ask(some, message))

    @abstractmethod
    async def ask(self, routees: list[Ref[Any]], message: Any) -> Any:
        """The one answer."""


class First(Several):
    """Asks `count` of them at once, all for None: the first reply wins, and the others are cancelled."""

    def __init__(self, ctx: Context, count: int | None) -> None:
        super().__init__(ctx)
        self._count = count

    @override
    async def ask(self, routees: list[Ref[Any]], message: Any) -> Any:
        return await ask_first(routees[: self._count], message)


class OneMore(Several):
    """Asks one, and one more whenever `delay` seconds pass with no answer, or it fails: the first reply wins."""

    def __init__(self, ctx: Context, delay: float) -> None:
        super().__init__(ctx)
        self._delay = delay

    @override
    async def ask(self, routees: list[Ref[Any]], message: Any) -> Any:
        return await ask_in_turn(routees, message, self._delay)


async def ask_all(routees: list[Ref[Any]], message: Any) -> Gathered[Any]:
    """What all of them answer."""
    replies: dict[int, Any] = {}
    failures: dict[int, Exception] = {}

    async def ask(place: int) -> None:
        with Boundary() as boundary:
            replies[place] = await routees[place].ask(message)
        if boundary.error is not None:
            failures[place] = boundary.error

    async with trio.open_nursery() as nursery:
        for place in range(len(routees)):
            nursery.start_soon(ask, place)
    return Gathered(
        {routees[place].address: replies[place] for place in sorted(replies)},
        {routees[place].address: failures[place] for place in sorted(failures)},
    )


class _Race:
    """Asks under way for one answer. The first reply ends them all."""

    def __init__(self, message: Any, nursery: trio.Nursery) -> None:
        self._message = message
        self._nursery = nursery
        self.won: list[Any] = []
        self.errors: list[Exception] = []

    async def ask(self, routee: Ref[Any], failed: trio.Event) -> None:
        with Boundary() as boundary:
            self.won.append(await routee.ask(self._message))
            self._nursery.cancel_scope.cancel()
        if boundary.error is not None:
            self.errors.append(boundary.error)
            failed.set()

    def result(self) -> Any:
        """Raises an ExceptionGroup of all failures."""
        if self.won:
            return self.won[0]
        raise ExceptionGroup(f"no routee has answered {type(self._message).__name__}", self.errors)


async def ask_first(routees: list[Ref[Any]], message: Any) -> Any:
    """The first reply. Raises an ExceptionGroup when all have failed."""
    async with trio.open_nursery() as nursery:
        race = _Race(message, nursery)
        for routee in routees:
            nursery.start_soon(race.ask, routee, trio.Event())
    return race.result()


async def ask_in_turn(routees: list[Ref[Any]], message: Any, delay: float) -> Any:
    """The first reply; each next one is asked `delay` seconds later, or when the one before has failed."""
    async with trio.open_nursery() as nursery:
        race = _Race(message, nursery)
        for routee in routees:
            failed = trio.Event()
            nursery.start_soon(race.ask, routee, failed)
            with trio.move_on_after(delay):
                await failed.wait()
    return race.result()
