"""Calls to the outside from nodes that lose power: with REPEAT at least once, with ASK at most once, each result handled once."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import pytest
import trio
from typing_extensions import override

from actors import Address, Message, Spec, receive
from actors.errors import ActorError
from actors.event_sourced import EventSourced
from actors.outside import AfterCrash, Calls, OutsideActor, Results
from actors.records import Record
from actors.testing.chance import Draws
from runtime import Pattern, System
from runtime.lab.simulation import simulate
from runtime.store import Disk

pytestmark = pytest.mark.lab


class Pay(Message[None]):
    order: str
    after_crash: AfterCrash


class Charge(Record):
    order: str


class Charged(Message[None]):
    order: str


class Unknown(Message[None]):
    order: str


class Look(Message[list[str]]):
    pass


class Happened(Record):
    what: str


class Happenings(Record):
    all: tuple[str, ...] = ()


@dataclass
class Bank:
    """The outside: it survives the node, and notes each key that it sees."""

    chance: Draws
    seen: list[str] = field(default_factory=list[str])

    async def charge(self, key: str) -> None:
        await trio.sleep(0.003 * self.chance.fraction())
        self.seen.append(key)
        await trio.sleep(0.003 * self.chance.fraction())
        if self.chance.below(4) == 0:
            raise OSError("the line is dead")


class Till(
    EventSourced[Pay | Charged | Unknown | Look, Happenings, Happened],
    OutsideActor[Pay | Charged | Unknown | Look],
):
    """Its events are what it was told: `paid`, `doubt` and how each order ended."""

    calls: ClassVar[Calls] = (Charge,)
    results: ClassVar[Results] = (Charged, Unknown)

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    @override
    def fresh(self) -> Happenings:
        return Happenings()

    @override
    def apply(self, state: Happenings, event: Happened) -> Happenings:
        return Happenings(all=(*state.all, event.what))

    @receive(Pay)
    def on_pay(self, message: Pay) -> None:
        self.outside(message.order, Charge(order=message.order), after_crash=message.after_crash)
        self.persist(Happened(what=f"paid {message.order}"))

    @override
    async def call(self, key: str, request: Record) -> Charged:
        assert isinstance(request, Charge)
        await self.bank.charge(key)
        return Charged(order=request.order)

    @receive(Charged)
    def on_charged(self, message: Charged) -> None:
        self.persist(Happened(what=f"charged {message.order}"))

    @receive(Unknown)
    def on_unknown(self, message: Unknown) -> None:
        self.persist(Happened(what=f"unknown {message.order}"))

    @override
    def in_doubt(self, key: str, request: Record, why: Exception | None) -> None:
        self.settle(key, Unknown(order=key))
        self.persist(Happened(what=f"doubt {key}"))

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return [*self.state.all, *(f"open {key}" for key in self.open_calls)]


TILL = Address("/till/t")
ROUNDS = 3


def orders(round_: int) -> dict[str, AfterCrash]:
    return {
        f"{after_crash.value} {round_}{number}": after_crash
        for after_crash in AfterCrash
        for number in range(3)
    }


def patterns(bank: Bank) -> list[Pattern]:
    return [Pattern("till", {"till": lambda _: Spec(Till, (bank,))})]


async def pay(system: System, round_: int = 0) -> None:
    for order, after_crash in orders(round_).items():
        try:
            await system.ref(TILL).ask(Pay(order=order, after_crash=after_crash))
        except ActorError:
            return
    await trio.sleep(2)


def check(disk: Disk, bank: Bank, where: str) -> list[str]:
    """After a time in which all calls have ended, though nobody wrote to the till; answers what it kept."""

    async def look(system: System) -> list[str]:
        await trio.sleep(300)
        kept: list[str] = await system.ref(TILL).ask(Look())
        return kept

    kept: list[str] = simulate(look, seed=2, patterns=patterns(bank), disk=disk).result
    seen, told = Counter(bank.seen), Counter(kept)
    for order, after_crash in (pair for round_ in range(ROUNDS) for pair in orders(round_).items()):
        paid = told[f"paid {order}"]
        ended = told[f"charged {order}"] + told[f"unknown {order}"]
        assert ended == paid <= 1, f"{order} has ended {ended} times {where}"
        assert not told[f"open {order}"], where
        assert told[f"doubt {order}"] == told[f"unknown {order}"], where
        if after_crash is AfterCrash.REPEAT:
            assert seen[order] >= paid == told[f"charged {order}"], f"{order} was not called {where}"
        else:
            assert seen[order] <= paid, f"{order} was called {seen[order]} times {where}"
            assert seen[order] >= told[f"charged {order}"], where
    return kept


@pytest.mark.parametrize("torn", [0, 1, 2])
def test_calls_keep_their_promise_whichever_effect_the_power_fails_at(torn: int) -> None:
    steps = simulate(pay, seed=1, patterns=patterns(Bank(Draws(1)))).steps
    assert steps > 60
    repeated = called_in_doubt = uncalled_in_doubt = 0
    for crash_at in range(1, steps + 1):
        disk, bank = Disk(), Bank(Draws(1))
        disk.faults.torn = torn
        assert simulate(pay, seed=1, patterns=patterns(bank), disk=disk, crash_at=crash_at).crashed
        kept = check(disk, bank, f"at effect {crash_at} of {steps}, torn {torn}")
        doubtful = {what.removeprefix("doubt ") for what in kept if what.startswith("doubt ")}
        repeated += any(count > 1 for count in Counter(bank.seen).values())
        called_in_doubt += bool(doubtful & set(bank.seen))
        uncalled_in_doubt += bool(doubtful - set(bank.seen))
    assert min(repeated, called_in_doubt, uncalled_in_doubt) > 5


@pytest.mark.parametrize("seed", range(40))
def test_calls_keep_their_promise_when_the_disk_lies_and_nodes_die_one_after_the_other(seed: int) -> None:
    disk, chance = Disk(), Draws(seed)
    bank = Bank(chance)

    async def trouble() -> None:
        while True:
            await trio.sleep(0.004 * chance.fraction())
            disk.faults.answer_lost = ("kept", "gone", None)[chance.below(3)]
            disk.faults.full = chance.below(3) == 0
            await trio.sleep(0.004 * chance.fraction())
            disk.faults.answer_lost, disk.faults.full = None, False

    async def program(system: System, round_: int) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trouble)
            await pay(system, round_)
            nursery.cancel_scope.cancel()

    for round_ in range(ROUNDS):
        disk.faults.torn = chance.below(3)
        simulate(
            partial(program, round_=round_),
            seed=seed * 10 + round_,
            patterns=patterns(bank),
            disk=disk,
            crash_at=10 + chance.below(150),
        )
        disk.faults.answer_lost, disk.faults.full = None, False
    check(disk, bank, f"with seed {seed}")
