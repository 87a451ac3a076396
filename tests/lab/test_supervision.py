"""Families whose children crash while others start, over many seeds: each settles, and nothing is left over."""

from collections import Counter

import pytest
import trio
from typing_extensions import override

from actors import (
    Actor,
    Backoff,
    Intensity,
    Message,
    Ref,
    Restart,
    Spec,
    StartReason,
    StopReason,
    Strategy,
    receive,
)
from actors.errors import ActorError
from runtime import System
from runtime.lab.simulation import simulate
from tests.runtime.cast import unlogged

pytestmark = pytest.mark.lab


class Work(Message[int]):
    fails: bool


class Hire(Message[list[Ref[Work]]]):
    count: int


class Life:
    """What the incarnations say of themselves."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.alive: Counter[str] = Counter()


class Worker(Actor[Work]):
    """It takes a while to start, fails one start in five, and says how it lives."""

    def __init__(self, life: Life) -> None:
        self.life = life

    @override
    async def started(self, reason: StartReason) -> None:
        self.life.alive[self.ctx.address] += 1
        self.life.events["started"] += 1
        assert self.life.alive[self.ctx.address] == 1, "two incarnations at once"
        await trio.sleep(0.01 * self.ctx.entropy.fraction())
        if self.ctx.entropy.below(5) == 0:
            raise LookupError("a bad start")

    @receive(Work)
    async def on_work(self, message: Work) -> int:
        await trio.sleep(0.01 * self.ctx.entropy.fraction())
        if message.fails:
            raise LookupError("bad work")
        return 1

    @override
    async def stopping(self, reason: StopReason) -> None:
        await trio.sleep(0.005)

    @override
    def stopped(self, reason: StopReason) -> None:
        self.life.alive[self.ctx.address] -= 1
        self.life.events["stopped"] += 1


class Boss(Actor[Hire]):
    def __init__(self, life: Life) -> None:
        self.life = life

    @receive(Hire)
    def on_hire(self, message: Hire) -> list[Ref[Work]]:
        policies = [Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY]
        backoff = Backoff(first=0.01, most=0.05)
        return [
            self.ctx.spawn(Spec(Worker, (self.life,), restart=policies[number % 3], backoff=backoff))
            for number in range(message.count)
        ]


class BossOfAll(Boss):
    strategy = Strategy.ONE_FOR_ALL


class BossOfRest(Boss):
    strategy = Strategy.REST_FOR_ONE


async def strike(system: System, boss: type[Boss], life: Life) -> Counter[str]:
    """Five workers, each asked by a client of its own, which now and then gives it bad work."""
    answers: Counter[str] = Counter()
    parent = system.spawn(Spec(boss, (life,), intensity=Intensity(12, within=1.0)))
    workers = await parent.ask(Hire(count=5))

    async def client(worker: Ref[Work], number: int) -> None:
        for turn in range(6):
            try:
                await worker.ask(Work(fails=(turn + number) % 3 == 0))
                answers["done"] += 1
            except ActorError as error:
                answers[type(error).__name__] += 1

    async with trio.open_nursery() as nursery:
        for number, worker in enumerate(workers):
            nursery.start_soon(client, worker, number)
    return answers


@pytest.mark.parametrize("boss", [Boss, BossOfAll, BossOfRest])
def test_children_that_crash_while_others_start_leave_nothing_over(boss: type[Boss]) -> None:
    crashed = 0
    for seed in range(60):
        life, systems = Life(), list[System]()

        async def program(system: System, life: Life = life, systems: list[System] = systems) -> Counter[str]:
            systems.append(system)
            before = trio.lowlevel.current_statistics().tasks_living
            answers = await strike(system, boss, life)
            await trio.sleep(60)
            assert trio.lowlevel.current_statistics().tasks_living <= before + 2, "the boss's family at most"
            return answers

        with unlogged():
            answers = simulate(program, seed=seed).result
        assert sum(answers.values()) == 30, f"each ask ends once, seed {seed}"
        assert life.events["started"] == life.events["stopped"], f"seed {seed}"
        assert not +life.alive, f"seed {seed}"
        assert not systems[0].router.cells, f"seed {seed}"
        assert len(systems[0].timers) == 0, f"seed {seed}"
        crashed += answers["ActorCrashed"]
    assert crashed > 60
