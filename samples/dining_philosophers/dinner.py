"""The dining philosophers (Dijkstra, 1965): a deadlock that says so, and a table where there is none.

python -m samples.dining_philosophers.dinner
"""

from collections.abc import Iterable
from dataclasses import dataclass

import trio

from actors import Actor, Address, Deferred, Message, Spec, receive
from actors.errors import AskCycle
from runtime import System

NAMES = ("plato", "hypatia", "kant", "arendt", "russell")
EATING = 0.01
"""Seconds."""


# --- everybody takes the left fork first: a deadlock ------------------------------------------------------


class Dine(Message[str]):
    """Eat once; the answer is what came of it."""


class Lend(Message[None]):
    """A neighbour wants to eat with this one's fork."""


class Naive(Actor[Dine | Lend]):
    """It owns the fork on its left. While it is in a turn, it holds it: an actor does one thing at a time."""

    def __init__(self, neighbour: Address) -> None:
        self.neighbour = neighbour

    @receive(Dine)
    async def on_dine(self, _: Dine) -> str:
        await trio.sleep(EATING)  # long enough for all to have their left fork in hand
        try:
            await self.ctx.ref(self.neighbour).ask(Lend())
        except AskCycle as cycle:
            return f"{self.ctx.address} put down its fork: {' -> '.join(cycle.chain)}"
        return f"{self.ctx.address} has eaten"

    @receive(Lend)
    async def on_lend(self, _: Lend) -> None:
        await trio.sleep(EATING)


async def deadlock(system: System) -> list[str]:
    """One dinner; who closes the circle of those that wait is told so, and the others eat."""
    said: list[str] = []

    async def dine(name: str) -> None:
        said.append(await system.ref(Address.of(name)).ask(Dine()))

    for number, name in enumerate(NAMES):
        neighbour = NAMES[(number + 1) % len(NAMES)]
        system.spawn(Spec(Naive, (Address.of(neighbour),), name=name))
    async with trio.open_nursery() as nursery:
        for name in NAMES:
            nursery.start_soon(dine, name)
    return said


# --- an arbitrator hands out both forks or none -----------------------------------------------------------


class Hungry(Message[None]):
    """The answer comes when both forks of the seat are in hand."""

    seat: int


class Full(Message[None]):
    seat: int


class Table(Actor[Hungry | Full]):
    """The arbitrator. Nobody holds one fork and waits for another, so no circle can close."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self.taken: set[int] = set()

    @receive(Hungry)
    def on_hungry(self, message: Hungry) -> Deferred[None] | None:
        # Who came before has a claim on its forks: without that, two neighbours can starve the one between them.
        if self.forks([message.seat]) & (self.taken | self.forks(self.waiting())):
            return self.ctx.defer(f"seat {message.seat}")
        self.taken |= self.forks([message.seat])
        return None

    @receive(Full)
    def on_full(self, message: Full) -> None:
        self.taken -= self.forks([message.seat])
        claimed = set(self.taken)
        for seat in self.waiting():
            forks = self.forks([seat])
            if not forks & claimed:
                self.taken |= forks
                self.ctx.resolve(f"seat {seat}", None)
            claimed |= forks

    def waiting(self) -> list[int]:
        """Oldest first; the runtime keeps the list of those who wait, and who gives up is no longer in it."""
        return [hungry.seat for hungry in self.ctx.deferred.values()]

    def forks(self, seats: Iterable[int]) -> set[int]:
        return {fork % self.seats for seat in seats for fork in (seat, seat + 1)}


@dataclass(frozen=True, slots=True)
class Meal:
    """Who began to eat, and who was eating then."""

    name: str
    beside: frozenset[str]


async def dinner(system: System, meals: int) -> list[Meal]:
    """Everybody eats `meals` times."""
    table = system.spawn(Spec(Table, (len(NAMES),), name="table"))
    eaten: list[Meal] = []
    eating: set[str] = set()

    async def philosopher(seat: int, comes: float) -> None:
        await trio.sleep(comes)
        for _ in range(meals):
            await table.ask(Hungry(seat=seat))
            eaten.append(Meal(NAMES[seat], frozenset(eating)))
            eating.add(NAMES[seat])
            await trio.sleep(EATING)
            eating.remove(NAMES[seat])
            await table.ask(Full(seat=seat))

    async with trio.open_nursery() as nursery:
        # every other seat first: five who come in the order of their seats each wait for the one before, and eat alone
        for place, seat in enumerate((*range(0, len(NAMES), 2), *range(1, len(NAMES), 2))):
            nursery.start_soon(philosopher, seat, place * EATING / 10)
    return eaten


async def main() -> None:
    async with System() as system:
        for line in await deadlock(system):
            print(line)
        for meal in await dinner(system, meals=3):
            print(f"{meal.name} eats", *(f"beside {name}" for name in meal.beside))


if __name__ == "__main__":
    trio.run(main)
