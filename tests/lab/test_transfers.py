"""Transfers between two kinds of durable actors, on nodes that lose power and disks that lie: no money comes or goes.

A purse is event-sourced and pays; a box keeps rows and is paid. What is refused comes back to the purse.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import trio
from typing_extensions import override

from actors import Address, Message, Put, Spec, Stored, receive
from actors.errors import ActorError
from actors.event_sourced import EventSourced
from actors.outbox import Deliver
from actors.records import Record
from actors.reliable import ReliableActor, Sends
from actors.testing.chance import Draws
from runtime import Pattern, System
from runtime.lab.simulation import simulate
from runtime.store import Disk

pytestmark = pytest.mark.lab

START = 100


class Unlucky(Exception):
    """The box takes no 13."""


class Credit(Message[None], raises=(Unlucky,)):
    source: str
    number: int
    amount: int


class Pay(Message[bool]):
    to: Address
    amount: int


class Look(Message[list[int]]):
    pass


class LookBox(Message[list[tuple[str, int, int]]]):
    pass


class Paid(Record):
    amount: int


class GotBack(Record):
    amount: int


class Balance(Record):
    amount: int = START
    paid: int = 0
    back: int = 0


class Purse(EventSourced[Pay | Look, Balance, Paid | GotBack], ReliableActor[Pay | Look]):
    sends: ClassVar[Sends] = (Credit,)
    snapshot_every = 3

    @override
    def fresh(self) -> Balance:
        return Balance()

    @override
    def apply(self, state: Balance, event: Paid | GotBack) -> Balance:
        if isinstance(event, Paid):
            return Balance(amount=state.amount - event.amount, paid=state.paid + 1, back=state.back)
        return Balance(amount=state.amount + event.amount, paid=state.paid, back=state.back + 1)

    @receive(Pay)
    def on_pay(self, message: Pay) -> bool:
        if message.amount > self.state.amount:
            return False
        credit = Credit(source=str(self.ctx.address), number=self.state.paid, amount=message.amount)
        self.persist(Paid(amount=message.amount))
        self.send(message.to, credit)
        return True

    @receive(Look)
    def on_look(self, message: Look) -> list[int]:
        return [self.state.amount, self.state.paid, self.state.back, self.outbox_size]

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        assert isinstance(message, Credit)
        self.persist(GotBack(amount=message.amount))


class Box(ReliableActor[Credit | LookBox]):
    """Keeps each credit in the order in which it came."""

    @override
    async def load(self, stored: Stored) -> None:
        self.credits = [Credit.model_validate_json(value) for _, value in await stored.scan("credit/")]

    @receive(Credit)
    async def on_credit(self, message: Credit) -> None:
        self.luck()
        await self.ctx.read(["a row"])
        if message.amount == 13:
            raise Unlucky
        row = f"credit/{len(self.credits):04}"
        self.ctx.stage(Put(row, message.model_dump_json().encode()))
        self.credits.append(message)
        self.luck()

    def luck(self) -> None:
        """It has no bad luck."""

    @receive(LookBox)
    def on_look(self, message: LookBox) -> list[tuple[str, int, int]]:
        return [(credit.source, credit.number, credit.amount) for credit in self.credits]


PATTERNS = [Pattern("bank", {"purse": lambda _: Spec(Purse), "box": lambda _: Spec(Box)})]
PURSES = [Address("/purse/a"), Address("/purse/b")]
BOXES = [Address("/box/x"), Address("/box/y")]
PLAN = [(0, 0, 5), (1, 0, 7), (0, 1, 13), (0, 0, 13), (1, 1, 3), (0, 1, 2), (0, 0, 1)]
"""Purse, box, amount."""


@dataclass
class Seen:
    """Survives the node: how many payments of each purse were answered, and how many were tried."""

    tried: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    answered: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})


async def pay(system: System, seen: Seen) -> None:
    """Both purses pay, each one payment after the other; what is not answered is not repeated."""

    async def one(purse: int) -> None:
        for payer, box, amount in PLAN:
            if payer == purse:
                seen.tried[purse] += 1
                try:
                    await system.ref(PURSES[purse]).ask(Pay(to=BOXES[box], amount=amount))
                except ActorError:
                    continue
                seen.answered[purse] += 1

    async with trio.open_nursery() as nursery:
        for purse in range(2):
            nursery.start_soon(one, purse)


def check(disk: Disk, seen: Seen, seed: int, where: str) -> None:
    """After a time in which all is delivered: the books agree, each transfer is there once and in its order."""

    async def look(system: System) -> tuple[list[list[int]], list[list[tuple[str, int, int]]]]:
        await trio.sleep(300)
        purses = [await system.ref(purse).ask(Look()) for purse in PURSES]
        return purses, [await system.ref(box).ask(LookBox()) for box in BOXES]

    purses, boxes = simulate(look, seed=seed, patterns=PATTERNS, disk=disk).result
    credited = [credit for box in boxes for credit in box]
    money = sum(purse[0] for purse in purses) + sum(amount for _, _, amount in credited)
    assert money == START * len(PURSES), f"money {where}"
    assert len({(source, number) for source, number, _ in credited}) == len(credited), f"twice {where}"
    for number, (_, paid, back, waiting) in enumerate(purses):
        source = str(PURSES[number])
        assert waiting == 0, f"not delivered {where}"
        assert len([credit for credit in credited if credit[0] == source]) == paid - back, f"lost {where}"
        assert seen.answered[number] <= paid <= seen.tried[number], f"not what was answered {where}"
        for box in boxes:
            order = [credit[1] for credit in box if credit[0] == source]
            assert order == sorted(order), f"order {where}"


def test_the_run_without_a_crash_pays_what_is_planned_and_takes_the_refused_back() -> None:
    disk, seen = Disk(), Seen()

    async def program(system: System) -> list[list[int]]:
        await pay(system, seen)
        await trio.sleep(60)
        return [await system.ref(purse).ask(Look()) for purse in PURSES]

    assert simulate(program, seed=1, patterns=PATTERNS, disk=disk).result == [[92, 5, 2, 0], [90, 2, 0, 0]]
    check(disk, seen, 1, "without a crash")


async def pay_and_wait(system: System, seen: Seen) -> None:
    await pay(system, seen)
    await trio.sleep(2)


def steps_of(seed: int) -> int:
    async def whole(system: System) -> None:
        await pay_and_wait(system, Seen())

    return simulate(whole, seed=seed, patterns=PATTERNS).steps


@pytest.mark.parametrize("torn", [0, 1, 2])
def test_no_money_comes_or_goes_whichever_effect_the_power_fails_at(torn: int) -> None:
    steps = steps_of(1)
    assert steps > 70
    for crash_at in range(1, steps + 1):
        disk, seen = Disk(), Seen()
        disk.faults.torn = torn

        async def program(system: System, seen: Seen = seen) -> None:
            await pay_and_wait(system, seen)

        assert simulate(program, seed=1, patterns=PATTERNS, disk=disk, crash_at=crash_at).crashed
        check(disk, seen, 2, f"at effect {crash_at} of {steps}, torn {torn}")


async def trouble(disk: Disk, chance: Draws) -> None:
    """The disk loses answers, and is full, for some milliseconds now and then."""
    while True:
        await trio.sleep(0.004 * chance.fraction())
        match chance.below(4):
            case 0:
                disk.faults.answer_lost = "kept"
            case 1:
                disk.faults.answer_lost = "gone"
            case 2:
                disk.faults.full = True
            case _:
                pass
        await trio.sleep(0.004 * chance.fraction())
        disk.faults.answer_lost, disk.faults.full = None, False


@pytest.mark.parametrize("seed", range(50))
def test_no_money_comes_or_goes_when_the_disk_lies_and_nodes_die_one_after_the_other(seed: int) -> None:
    disk, seen, chance = Disk(), Seen(), Draws(seed)
    for round_ in range(4):
        disk.faults.torn = chance.below(3)

        async def program(system: System) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trouble, disk, chance)
                with trio.move_on_after(1):
                    await pay(system, seen)
                    await trio.sleep(1)
                nursery.cancel_scope.cancel()

        simulate(
            program,
            seed=seed * 10 + round_,
            patterns=PATTERNS,
            disk=disk,
            crash_at=20 + chance.below(300),
        )
        disk.faults.answer_lost, disk.faults.full = None, False
    check(disk, seen, seed, f"with seed {seed}")


# --- handlers that crash, deliveries that are lost, actors that come and go ----------------------------


@dataclass
class Mishaps:
    """Drawn for each delivery; counted, so that a test knows that there were some."""

    chance: Draws
    crashes: int = 0
    lost: int = 0

    def crash(self, most: int) -> None:
        """Once in `most` times."""
        if self.chance.below(most) == 0:
            self.crashes += 1
            raise RuntimeError("a mishap")

    def lose(self, to: Address, message: object) -> str | None:
        """An interceptor."""
        del to
        if not isinstance(message, Deliver) or self.chance.below(20):
            return None
        self.lost += 1
        return "lost"


class UnluckyPurse(Purse):
    def __init__(self, mishaps: Mishaps) -> None:
        self.mishaps = mishaps

    @override
    def undelivered(self, to: Address, message: Message[Any], why: ActorError) -> None:
        super().undelivered(to, message, why)
        self.mishaps.crash(5)


class UnluckyBox(Box):
    def __init__(self, mishaps: Mishaps) -> None:
        self.mishaps = mishaps

    @override
    def luck(self) -> None:
        self.mishaps.crash(20)


def unlucky(mishaps: Mishaps, idle_after: float) -> Pattern:
    def purse(_: Address) -> Spec[Any]:
        return Spec(UnluckyPurse, (mishaps,), idle_after=idle_after)

    def box(_: Address) -> Spec[Any]:
        return Spec(UnluckyBox, (mishaps,), idle_after=idle_after)

    return Pattern("bank", {"purse": purse, "box": box})


def test_no_money_comes_or_goes_when_handlers_crash_deliveries_are_lost_and_actors_are_passivated() -> None:
    crashes = lost = 0
    for seed in range(30):
        disk, seen, mishaps = Disk(), Seen(), Mishaps(Draws(seed))
        idle_after = (0.001, 0.05, 1.0)[seed % 3]
        patterns = [unlucky(mishaps, idle_after)]

        async def program(system: System, seen: Seen = seen, mishaps: Mishaps = mishaps) -> None:
            system.router.interceptors += (mishaps.lose,)
            await pay_and_wait(system, seen)

        for crash_at in (40 + mishaps.chance.below(200), None):
            simulate(program, seed=seed, patterns=patterns, disk=disk, crash_at=crash_at)
        check(disk, seen, seed, f"with seed {seed}")
        crashes += mishaps.crashes
        lost += mishaps.lost
    assert min(crashes, lost) > 30, (crashes, lost)
