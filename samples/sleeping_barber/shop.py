"""The sleeping barber (Dijkstra, 1965): a waiting room with few chairs, and a barber who sleeps when it is empty.

python -m samples.sleeping_barber.shop
"""

from collections import deque
from dataclasses import dataclass, field
from functools import partial

import trio
from typing_extensions import override

from actors import Actor, Deferred, Message, Ref, Spec, StartReason, receive
from runtime import System

CUT = 0.02
"""Seconds."""
CLOSING = 60.0
"""Seconds without a customer after which the barber goes home."""
BARBER = "barber"


class NoChair(Exception):
    """The waiting room is full: try another shop."""


class Enter(Message[None], raises=(NoChair,)):
    """A customer comes in; the answer comes when the hair is cut."""

    name: str


class NextCustomer(Message[str | None]):
    """The barber is free. It sleeps until somebody comes; None: nobody has, go home."""


class Done(Message[None]):
    name: str


class Shop(Actor[Enter | NextCustomer | Done]):
    """Customers and barber both wait here, and neither takes a thread, a lock or a turn while it does."""

    def __init__(self, chairs: int) -> None:
        self.chairs = chairs
        self.line: deque[str] = deque()

    @receive(Enter)
    def on_enter(self, message: Enter) -> Deferred[None]:
        # Who has left while waiting is no longer among the deferred; the chair is free at once.
        self.line = deque(name for name in self.line if name in self.ctx.deferred)
        if BARBER in self.ctx.deferred:
            self.ctx.resolve(BARBER, message.name)
        elif len(self.line) < self.chairs:
            self.line.append(message.name)
        else:
            raise NoChair(f"{message.name} found no chair")
        return self.ctx.defer(message.name)

    @receive(NextCustomer)
    def on_next(self, _: NextCustomer) -> str | Deferred[str | None]:
        while self.line:
            name = self.line.popleft()
            if name in self.ctx.deferred:
                return name
        return self.ctx.defer(BARBER, deadline=CLOSING, on_deadline=None)

    @receive(Done)
    def on_done(self, message: Done) -> None:
        self.ctx.resolve(message.name, None)


class Work(Message[None]):
    """Cut one customer's hair."""


class Barber(Actor[Work]):
    """One customer at a time, until nobody comes."""

    def __init__(self, shop: Ref[NextCustomer | Done]) -> None:
        self.shop = shop

    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.tell(self.ctx.me, Work())

    @receive(Work)
    async def on_work(self, _: Work) -> None:
        name = await self.shop.ask(NextCustomer())
        if name is None:
            self.ctx.stop()
            return
        await trio.sleep(CUT)
        await self.shop.ask(Done(name=name))
        self.ctx.tell(self.ctx.me, Work())


@dataclass
class Day:
    """What became of the customers, in the order in which they left."""

    cut: list[str] = field(default_factory=list[str])
    turned_away: list[str] = field(default_factory=list[str])
    gave_up: list[str] = field(default_factory=list[str])


def open_shop(system: System, chairs: int) -> Ref[Enter]:
    shop = system.spawn(Spec(Shop, (chairs,), name="shop"))
    system.spawn(Spec(Barber, (shop,), name="barber"))
    return shop


async def visit(shop: Ref[Enter], name: str, day: Day, *, patience: float = 60.0) -> None:
    """One customer, who waits for as long as its patience lasts."""
    with trio.move_on_after(patience) as waiting:
        try:
            await shop.ask(Enter(name=name))
            day.cut.append(name)
        except NoChair:
            day.turned_away.append(name)
    if waiting.cancelled_caught:
        day.gave_up.append(name)


async def busy_day(system: System) -> Day:
    """Ten customers, one each half of a cut's time, for one barber and two chairs; one of them is in a hurry."""
    day = Day()
    shop = open_shop(system, chairs=2)
    async with trio.open_nursery() as nursery:
        for number in range(10):
            await trio.sleep(CUT / 2)
            patience = CUT / 4 if number == 1 else 60.0
            nursery.start_soon(partial(visit, shop, f"customer {number}", day, patience=patience))
    return day


async def main() -> None:
    async with System() as system:
        day = await busy_day(system)
        print("cut:        ", ", ".join(day.cut))
        print("turned away:", ", ".join(day.turned_away))
        print("gave up:    ", ", ".join(day.gave_up))


if __name__ == "__main__":
    trio.run(main)
