"""More addresses than may live at once, written to by many, over many seeds: nothing is lost, and few are there."""

from collections import Counter

import pytest
import trio
from typing_extensions import override

from actors import (
    Address,
    Deferred,
    DurableActor,
    Message,
    Put,
    Ref,
    Spec,
    StopReason,
    receive,
)
from actors.durable import Stored
from runtime import Pattern, System
from runtime.lab.simulation import simulate

pytestmark = pytest.mark.lab

TILLS, LIMIT, CLIENTS, PAYMENTS = 60, 8, 6, 40
MOST = LIMIT + 3 * CLIENTS
"""Those that a client uses, or has just used, may not go at that moment, or take their time."""


class Pay(Message[int]):
    """The answer is how many have paid here."""


class PayOn(Message[None]):
    """Pay at another one."""

    to: int


class Wait(Message[str]):
    """Answered after a while."""


TillMessage = Pay | PayOn | Wait


class Till(DurableActor[TillMessage]):
    """Every third takes its time to end."""

    def __init__(self) -> None:
        self.paid = 0

    @override
    async def load(self, stored: Stored) -> None:
        (row,) = await stored.get(["paid"])
        self.paid = int(row or b"0")

    @override
    async def stopping(self, reason: StopReason) -> None:
        if self.ctx.entropy.below(3) == 0:
            await trio.sleep(0.002)

    @receive(Pay)
    def on_pay(self, message: Pay) -> int:
        del message
        self.ctx.stage(Put("paid", str(self.paid + 1).encode()))
        self.paid += 1
        return self.paid

    @receive(PayOn)
    def on_pay_on(self, message: PayOn) -> None:
        self.ctx.tell(self.ctx.ref(till(message.to)), Pay())

    @receive(Wait)
    def on_wait(self, message: Wait) -> Deferred[str]:
        del message
        return self.ctx.defer(self.ctx.entropy.token(), deadline=0.05, on_deadline="waited")


def till(number: int) -> Address:
    return Address.of("till", str(number))


def spec_of(_: Address) -> Spec[TillMessage]:
    return Spec(Till, idle_after=3_600.0)


class Day:
    """What the clients have done, and how many tills they have seen at once."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.paid: Counter[int] = Counter()
        self.waited = 0
        self.most = 0

    async def client(self, number: int) -> None:
        chance = self.system.entropy.stream(f"client-{number}")
        for _ in range(PAYMENTS):
            to = chance.below(TILLS)
            ref: Ref[TillMessage] = self.system.ref(till(to))
            match chance.below(6):
                case 0:
                    other = chance.below(TILLS)
                    await ref.tell(PayOn(to=other))
                    self.paid[other] += 1
                case 1:
                    await ref.tell(Pay())
                    self.paid[to] += 1
                case 2:
                    self.waited += (await ref.ask(Wait())) == "waited"
                case _:
                    await ref.ask(Pay())
                    self.paid[to] += 1
            self.most = max(self.most, len(self.system.router.cells))


async def day_of(system: System) -> Day:
    """The clients' day, after which only as many are there as may be."""
    day = Day(system)
    async with trio.open_nursery() as nursery:
        for number in range(CLIENTS):
            nursery.start_soon(day.client, number)
    await trio.sleep(1)
    assert len(system.router.cells) <= LIMIT
    return day


def test_above_the_limit_no_message_is_lost_and_few_actors_stay() -> None:
    waited = 0

    async def program(system: System) -> tuple[Day, Counter[int]]:
        day = await day_of(system)
        kept = Counter({number: await system.ref(till(number)).ask(Pay()) - 1 for number in range(TILLS)})
        assert system.letters.counts == {}
        return day, +kept

    for seed in range(15):
        run = simulate(program, seed=seed, patterns=[Pattern("bank", {"till": spec_of})], active_limit=LIMIT)
        day, kept = run.result
        assert kept == day.paid, f"seed {seed}"
        assert day.most <= MOST, f"seed {seed}: {day.most}"
        waited += day.waited
    assert waited > 50
