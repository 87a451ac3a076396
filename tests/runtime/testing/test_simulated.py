"""Seeds as a user writes them down: what fails in one order of a hundred names that order."""

from pathlib import Path

import pytest
import trio

from actors import Actor, Address, Message, Ref, Spec, receive
from runtime import Pattern, System
from runtime.testing import Probe, Stuck, simulated
from tests.runtime.cast import unlogged
from tests.runtime.testing.shop import Add, Bill, Counter

COUNTERS = Pattern("counter", {"counter": lambda _: Spec(Counter)})
ran: list[str] = []


class Read(Message[int]):
    pass


class Write(Message[None]):
    value: int


class Cell(Actor[Read | Write]):
    value = 0

    @receive(Read)
    def on_read(self, message: Read) -> int:
        return self.value

    @receive(Write)
    def on_write(self, message: Write) -> None:
        self.value = message.value


@simulated(seeds=5, patterns=[COUNTERS])
async def test_a_durable_counter_counts_in_every_order(system: System) -> None:
    counter: Ref[Add] = system.ref(Address("/counter/a"))
    async with trio.open_nursery() as nursery:
        for amount in range(5):
            nursery.start_soon(counter.ask, Add(amount=amount))
    assert await counter.ask(Add(amount=0)) == 10
    ran.append("a")


@pytest.mark.parametrize("amount", [1, 2])
@simulated(seeds=[3, 7], patterns=[COUNTERS])
async def test_fixtures_and_parameters_go_on_to_work(system: System, amount: int, tmp_path: Path) -> None:
    assert tmp_path.is_dir()  # noqa: ASYNC240 -- it is there, and nothing is read
    counter: Ref[Add] = system.ref(Address("/counter/a"))
    assert await counter.ask(Add(amount=amount)) == amount


@simulated(seeds=3)
async def test_a_probe_works_in_a_simulation(system: System) -> None:
    probe: Probe[Bill] = Probe(system)
    await probe.ref.tell(Bill(total=1))
    assert await probe.expect(Bill) == Bill(total=1)


def test_the_body_runs_once_for_each_seed() -> None:
    ran.clear()
    test_a_durable_counter_counts_in_every_order()
    assert len(ran) == 5


def test_each_seed_is_another_run_and_the_same_again() -> None:
    tokens: list[str] = []

    @simulated(seeds=[1, 2, 1])
    async def draw(system: System) -> None:
        tokens.append(system.entropy.token())

    draw()
    assert tokens[0] == tokens[2] != tokens[1]


@simulated(seeds=100)
async def lost_update(system: System) -> None:
    cell = system.spawn(Spec(Cell, name="cell"))

    async def add() -> None:
        value = await cell.ask(Read())
        await trio.lowlevel.checkpoint()
        await cell.ask(Write(value=value + 1))

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(add)
    assert await cell.ask(Read()) == 2, "an update was lost"


def test_a_failure_names_its_seed_how_to_run_it_alone_and_the_last_effects() -> None:
    with pytest.raises(AssertionError, match="an update was lost") as failed, unlogged():
        lost_update()
    which, effects = failed.value.__notes__
    seed = which.split("seed ")[1].split(",")[0]
    assert which == (
        f"lost_update failed under seed {seed}, {int(seed) + 1} of 100; alone again: @simulated(seeds=[{seed}])"
    )
    assert effects.splitlines()[-1].strip().split()[2:4] == ["reply", "/cell"]


def test_a_body_that_waits_for_ever_is_stuck_and_named() -> None:
    @simulated(seeds=[4])
    async def forever(system: System) -> None:
        await trio.sleep_forever()

    with pytest.raises(Stuck) as failed:
        forever()
    assert failed.value.__notes__[0].startswith("forever failed under seed 4, 1 of 1;")


def test_without_a_seed_nothing_is_tested_and_that_is_said() -> None:
    with pytest.raises(ValueError, match="without a seed nothing is tested"):
        simulated(seeds=0)
