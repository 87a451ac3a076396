"""Seeds as a user writes them down: what fails in one order of a hundred names that order."""

import inspect
import re
from collections.abc import Callable
from itertools import count
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


def note(test: Callable[[], None]) -> list[str]:
    """The lines that a failure adds."""
    with pytest.raises(Exception, match=r".") as failed, unlogged():
        test()
    (said,) = failed.value.__notes__
    return said.splitlines()


def test_a_failure_says_what_in_a_sentence_shows_the_run_and_how_to_run_it_alone() -> None:
    sentence, *picture, how, again = note(lost_update)
    assert sentence.startswith("lost_update failed in 5 of ")
    assert sentence.endswith(" runs: AssertionError: an update was lost")
    assert sorted(picture[0].split()) == ["add", "add#2", "cell", "main", "t"]
    assert sum("Write" in line or "asked" in line for line in picture) >= 2
    seed = how.split(",")[0].removeprefix("seed ")
    assert again == f"again: @simulated(seeds=[{seed}])"


def test_the_seed_that_is_named_fails_alone_in_the_same_run() -> None:
    sentence, *shown = note(lost_update)
    seed = int(shown[-2].split(",")[0].removeprefix("seed "))
    alone = simulated(seeds=[seed])(inspect.unwrap(lost_update))
    assert note(alone) == [
        sentence.replace(sentence.split(" runs:")[0], "lost_update failed in 1 of 1"),
        *shown,
    ]


def test_what_is_shown_is_the_least_that_fails() -> None:
    how = note(lost_update)[-2]
    wishes, before = (int(number) for number in re.findall(r"(\d+) of (\d+) choices", how)[0])
    assert wishes < before


def test_a_body_that_no_seed_repeats_is_told_so() -> None:
    calls = count()

    @simulated(seeds=3)
    async def counts(system: System) -> None:
        cell = system.spawn(Spec(Cell, name="cell"))
        for _ in range(next(calls) + 1):
            await cell.ask(Read())
        raise AssertionError("the user's own")

    assert "is outside the seed's reach" in note(counts)[0]


def test_a_body_that_waits_for_ever_is_stuck_and_named() -> None:
    @simulated(seeds=[4])
    async def forever(system: System) -> None:
        await trio.sleep_forever()

    with pytest.raises(Stuck) as failed:
        forever()
    assert failed.value.__notes__[0].splitlines()[:2] == [
        "forever failed in 1 of 1 runs: Deadlock: nothing can run and no timer is set",
        "nothing was sent",
    ]


def test_with_a_strategy_a_search_goes_through_the_schedules() -> None:
    searched = simulated(seeds=100, strategy="delay:1")(inspect.unwrap(lost_update))
    assert note(searched)[-1].startswith("again: the same search comes to it in run ")
    ran.clear()

    @simulated(seeds=100, strategy="dfs")
    async def alone(system: System) -> None:
        ran.append("a")

    alone()
    assert len(ran) < 5, "there is one schedule, and it is known"


def test_failures_of_another_kind_are_told_apart() -> None:
    @simulated(seeds=20)
    async def either(system: System) -> None:
        if system.entropy.fraction() < 0.5:
            raise ValueError("heads")
        raise KeyError("tails")

    said = note(either)
    (other,) = [line for line in said if line.startswith("also, in ")]
    assert ("ValueError: heads" in said[0]) != ("ValueError: heads" in other)


def test_without_a_seed_nothing_is_tested_and_that_is_said() -> None:
    with pytest.raises(ValueError, match="without a seed nothing is tested"):
        simulated(seeds=0)
