"""What is put aside stays the message that came: its sender, its tries, its place among the others."""

from typing import Any

import pytest
import trio

from actors import Actor, Address, DurableActor, Intensity, Message, Put, Retry, Spec, receive
from actors.errors import ActorCrashed, AskCycle
from runtime import Pattern, System, simulate
from tests.runtime.cast import Player, Run, Wait, on_stage, settled, unlogged


class Open(Message[None]):
    """From now on items are handled."""


class Item(Message[int]):
    """Put aside until then."""

    number: int


class Fragile(Actor[Open | Item]):
    """Each item crashes it."""

    initial = "shut"

    def __init__(self, begun: list[int] | None = None) -> None:
        self.begun = begun if begun is not None else []

    @receive(Open, state="shut")
    def on_open(self, message: Open) -> None:
        del message
        self.ctx.become("open")

    @receive(Item, state="open")
    def on_item(self, message: Item) -> int:
        self.begun.append(message.number)
        raise ValueError


class Ledger(DurableActor[Open | Item]):
    """It opens by what it stages."""

    initial = "shut"
    handled: list[int]

    @receive(Open, state="shut")
    def on_open(self, message: Open) -> None:
        del message
        self.ctx.stage(Put("state", b"open"))
        self.ctx.become("open")

    @receive(Item, state="open")
    def on_item(self, message: Item) -> int:
        self.handled.append(message.number)
        return message.number


@on_stage()
async def test_a_told_message_that_a_full_stash_refuses_is_a_dead_letter(system: System) -> None:
    shut = system.spawn(Spec(Fragile, capacity=2))
    for number in range(5):
        await shut.tell(Item(number=number))
    await settled()
    assert dict(system.letters.counts) == {"overflow": 3}


@on_stage()
async def test_its_dead_letter_names_who_has_sent_it(system: System) -> None:
    shut = system.spawn(Spec(Fragile))
    speaker = system.spawn(Spec(Player))
    await speaker.ask(Run(step=lambda self: self.ctx.tell(shut, Item(number=1))))
    await settled()
    await system.stop(shut)
    (letter,) = system.letters.newest
    assert letter.sender == speaker.address


@on_stage()
async def test_put_aside_between_its_tries_it_is_tried_no_more_often(system: System) -> None:
    begun: list[int] = []
    shut = system.spawn(Spec(Fragile, (begun,), poison=Retry(1), intensity=Intensity(1_000, 1.0)))

    async def ask() -> None:
        with pytest.raises(ActorCrashed):
            await shut.ask(Item(number=7))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await shut.tell(Item(number=8))
        for _ in range(6):
            await trio.sleep(60)
            await shut.tell(Open())
    assert sorted(begun) == [7, 7, 8, 8]
    assert dict(system.letters.counts) == {"crashed": 1}


@pytest.mark.parametrize("seed", range(10))
def test_of_a_durable_actor_it_comes_before_what_is_sent_while_the_change_of_state_is_committed(
    seed: int,
) -> None:
    handled: list[int] = []

    class Noting(Ledger):
        def __init__(self) -> None:
            self.handled = handled

    async def program(system: System) -> None:
        ledger: Any = system.ref(Address("/ledger/l"))
        for message in (Item(number=1), Item(number=2), Open(), Item(number=3), Item(number=4)):
            await ledger.tell(message)
            if message == Item(number=2):
                await trio.sleep(1)
        await trio.sleep(1)

    with unlogged():
        simulate(program, seed=seed, patterns=[Pattern("ledger", {"ledger": lambda _: Spec(Noting)})])
    assert handled == [1, 2, 3, 4]


class Back(Message[str]):
    """Let in by its chain."""


class Waiting(Actor[Wait | Back]):
    """What comes back to it, it answers later: in a turn that never comes."""

    how: str

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Back, reentrant="chain")
    def on_back(self, message: Back) -> Any:
        del message
        return self.ctx.stash() if self.how == "stash" else self.ctx.defer("later")


@pytest.mark.parametrize("how", ["stash", "defer"])
def test_what_comes_back_in_its_chain_and_would_wait_for_a_later_turn_is_a_circle(how: str) -> None:
    kind: Any = type("Later", (Waiting,), {"how": how})

    @on_stage()
    async def program(system: System) -> None:
        waiting, asking = system.spawn(Spec(kind, name="a")), system.spawn(Spec(Player, name="b"))

        async def back(_: Any) -> list[str]:
            with pytest.raises(AskCycle) as cycle:
                await waiting.ask(Back())
            return cycle.value.chain

        async def on(_: Any) -> Any:
            return await asking.ask(Wait(step=back))

        assert await waiting.ask(Wait(step=on)) == ["/b", "/a", "/b"]

    program()
