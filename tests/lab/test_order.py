"""Law 2: of any two, what the one sends the other handles in that order; what is missing is a dead letter."""

from collections.abc import Iterable
from typing import Any

import pytest
import trio

from actors import Actor, Intensity, Message, Ref, Retry, Spec, receive
from runtime import System, simulate
from tests.runtime.cast import Player, Run, unlogged

COUNT = 12
SENDERS = ("ann", "bob", "cleo", "outside")


class Item(Message[int]):
    """The n-th of its sender; told or asked."""

    sender: str
    number: int
    by: str = "hand"


class Begin(Message[None]):
    """Send all of it."""


class Receiver(Actor[Item]):
    """It crashes when it first meets every fourth item, waits in some, and keeps a note of what it has handled."""

    def __init__(self, handled: list[Item], met: set[Item]) -> None:
        self.handled, self.met = handled, met

    @receive(Item)
    async def on_item(self, message: Item) -> int:
        if message.number % 5 == 3:
            await trio.sleep(0.01)
        if message.number % 4 == 2 and message not in self.met:
            self.met.add(message)
            raise ValueError("every fourth")
        self.handled.append(message)
        return message.number


class Desk(Actor[Item]):
    """It forwards."""

    def __init__(self, to: Ref[Item]) -> None:
        self.to = to

    @receive(Item)
    def on_item(self, message: Item) -> Any:
        return self.ctx.forward(self.to)


class Sender(Actor[Begin]):
    def __init__(self, name: str, to: Ref[Item], desk: Ref[Item]) -> None:
        self.name, self.to, self.desk = name, to, desk

    @receive(Begin)
    def on_begin(self, message: Begin) -> None:
        del message
        for number in range(COUNT):
            self.ctx.tell(self.to, Item(sender=self.name, number=number))
            self.ctx.tell(self.desk, Item(sender=self.name, number=number, by="desk"))


def numbers(handled: Iterable[Item], sender: str, by: str) -> list[int]:
    return [item.number for item in handled if (item.sender, item.by) == (sender, by)]


@pytest.mark.parametrize("tries", [0, 2])
@pytest.mark.parametrize("seed", range(15))
def test_each_senders_items_are_handled_in_its_order_and_the_missing_ones_are_dead_letters(
    seed: int, tries: int
) -> None:
    handled: list[Item] = []

    async def program(system: System) -> int:
        how: Any = {"poison": Retry(tries)} if tries else {}
        worker = Spec(Receiver, (handled, set[Item]()), capacity=24, **how)
        boss = system.spawn(Spec(Player, intensity=Intensity(1_000, 1.0)))
        to = await boss.ask(Run(step=lambda self: self.ctx.spawn(worker)))
        desk = system.spawn(Spec(Desk, (to,), capacity=4))
        for name in SENDERS[:3]:
            await system.spawn(Spec(Sender, (name, to, desk))).tell(Begin())
        for number in range(COUNT):
            await to.tell(Item(sender="outside", number=number))
            await desk.tell(Item(sender="outside", number=number, by="desk"))
        await trio.sleep(600)
        return sum(system.letters.counts.values())

    with unlogged():
        lost = simulate(program, seed=seed).result
    for sender in SENDERS:
        for by in ("hand", "desk"):
            came = numbers(handled, sender, by)
            assert came == sorted(set(came)), (sender, by)
    assert (lost > 0) == (tries == 0)
    assert len(handled) + lost == len(SENDERS) * 2 * COUNT
