"""Slow handlers and hot actors: measured while somebody looks, and not otherwise."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from actors import Address, Spec
from actors.errors import ActorCrashed
from actors.supervision import Directive
from runtime.entropy import Entropy
from runtime.observe.sampling import EVERY, LEASE
from runtime.observe.turns import ACTORS_MAX, RECENT, SHOWN, WINDOW, Turns
from runtime.system import System
from tests.runtime.cast import Bang, Note, Player, Run, Wait, on_stage

A, B = Address.of("a"), Address.of("b")


# --- the bookkeeping -----------------------------------------------------------------------------------------


def measured(*seconds: float, at: float = 100.0, address: Address = A, kind: str = "Add") -> Turns:
    turns = Turns()
    turns.begin(at)
    for one in seconds:
        turns.add(address, ("Counter", kind), one, at, stands_for=10)
    return turns


def test_percentiles_are_those_of_the_turns_that_were_measured() -> None:
    (handler,) = measured(*(number / 1_000 for number in range(200))).look(104.0)["handlers"]
    assert (handler["p50"], handler["p99"], handler["max"]) == (0.1, 0.198, 0.199)


def test_percentiles_are_of_the_newest_turns_alone() -> None:
    (handler,) = measured(9.0, *[0.001] * RECENT).look(101.0)["handlers"]
    assert handler["max"] == 0.001


def test_rates_count_the_turns_that_the_measured_ones_stand_for() -> None:
    look = measured(0.002, 0.002).look(104.0)
    assert look["handlers"][0]["turns_per_second"] == 20 / 4
    assert look["actors"] == [{"path": A, "turns_per_second": 5.0, "busy": pytest.approx(0.01)}]


def test_an_actor_is_never_busy_for_more_than_all_the_time() -> None:
    assert measured(3.0).look(104.0)["actors"][0]["busy"] == 1.0


def test_the_slowest_handler_and_the_hottest_actor_come_first() -> None:
    turns = measured(0.001, 0.001, 0.001)
    turns.add(B, ("Counter", "Scan"), 0.002, 100.0, stands_for=10)
    look = turns.look(104.0)
    assert [handler["message"] for handler in look["handlers"]] == ["Scan", "Add"]
    assert [actor["path"] for actor in look["actors"]] == [A, B]


def test_a_turn_leaves_the_look_after_two_windows_at_most_and_stays_in_its_histogram() -> None:
    turns = measured(0.5)
    assert len(turns.look(100.0 + WINDOW)["actors"]) == 1
    assert turns.look(100.0 + 2 * WINDOW)["actors"] == []
    assert turns.look(100.0 + 9 * WINDOW)["handlers"] == []
    assert turns.times["Counter", "Add"].buckets == [0, 0, 0, 0, 0, 1, 0, 0]


def test_what_was_before_a_pause_says_nothing_about_the_present() -> None:
    turns = measured(0.5)
    turns.add(B, ("Counter", "Add"), 0.5, 100.0 + 7 * WINDOW, stands_for=10)
    look = turns.look(100.0 + 7 * WINDOW)
    assert [actor["path"] for actor in look["actors"]] == [B]
    assert look["seconds"] == WINDOW


def test_lists_and_memory_are_bounded_whatever_the_number_of_actors() -> None:
    turns = Turns()
    for number in range(ACTORS_MAX + 5):
        turns.add(Address.of(str(number)), (f"C{number % 50}", "Add"), 0.001, 1.0, stands_for=1)
    look = turns.look(1.0)
    assert (len(look["actors"]), len(look["handlers"])) == (SHOWN, SHOWN)
    assert sum(len(window.actors) for window in turns.windows) == ACTORS_MAX


# --- in a system ---------------------------------------------------------------------------------------------


def sleeps(seconds: float) -> Callable[[Any], Any]:
    async def step(_: Player) -> None:
        await trio.sleep(seconds)

    return step


def nothing(_: Player) -> None:
    pass


def fails(_: Player) -> None:
    raise Bang


@on_stage(entropy=Entropy(4))
async def test_nothing_is_measured_while_nobody_looks_and_the_path_is_the_plain_one(system: System) -> None:
    dispatcher, asks = system.dispatcher, system.dispatcher.asks
    player = system.spawn(Spec(Player))
    for _ in range(10 * EVERY):
        await player.ask(Run(step=nothing))
    assert system.sampling.turns.times == {}
    system.sampling.look()
    assert (dispatcher.visitor, dispatcher.asks) != (dispatcher.visit, asks)
    await trio.sleep(LEASE)
    for _ in range(10 * EVERY):
        await player.ask(Run(step=nothing))
    assert (dispatcher.visitor, dispatcher.asks) == (dispatcher.visit, asks)
    assert not system.sampling.on


@on_stage(entropy=Entropy(4))
async def test_a_look_within_the_lease_keeps_it_going(system: System) -> None:
    player = system.spawn(Spec(Player))
    for _ in range(5):
        system.sampling.look()
        await trio.sleep(LEASE - 1)
        for _ in range(10 * EVERY):
            await player.ask(Run(step=nothing))
    assert system.sampling.on


@on_stage(entropy=Entropy(4))
async def test_the_turns_of_asks_and_of_tells_are_measured_with_what_they_wait_for(system: System) -> None:
    system.sampling.look()
    asked, told = system.spawn(Spec(Player, name="asked")), system.spawn(Spec(Player, name="told"))
    for _ in range(10 * EVERY):
        await asked.ask(Wait(step=sleeps(0.02)))
        await told.tell(Run(step=nothing))
    look = system.sampling.look()
    assert [handler["message"] for handler in look["handlers"]] == ["Wait", "Run"]
    assert look["handlers"][0]["p99"] == pytest.approx(0.02, abs=1e-6)
    assert look["handlers"][1]["max"] == pytest.approx(0.0, abs=1e-6)
    assert [actor["path"] for actor in look["actors"]] == ["/asked", "/told"]


@on_stage(entropy=Entropy(4))
async def test_what_is_measured_stands_for_what_is_not_in_long_mailboxes_too(system: System) -> None:
    system.sampling.look()
    player = system.spawn(Spec(Player, capacity=10_000))
    for _ in range(5_000):
        await player.tell(Note(text="x"))
    await system.dispatcher.quiet()
    look = system.sampling.look()
    (handler,) = look["handlers"]
    assert handler["turns_per_second"] * look["seconds"] == pytest.approx(5_000, rel=0.3)


@on_stage(entropy=Entropy(4))
async def test_a_measured_turn_that_crashes_or_is_cut_ends_as_it_would_unmeasured(system: System) -> None:
    cut = system.spawn(Spec(Player))
    for _ in range(10 * EVERY):
        system.sampling.look()
        with pytest.raises(ActorCrashed):
            await system.spawn(Spec(Player, directives=((Bang, Directive.STOP),))).ask(Run(step=fails))
        with trio.move_on_after(1) as scope:
            await cut.ask(Wait(step=sleeps(3)))
        assert scope.cancelled_caught
    assert await cut.ask(Note(text="still here")) == 1
    times = system.sampling.turns.times
    assert max(times["Player", "Wait"].recent) == pytest.approx(1.0, abs=1e-6)
    assert len(times["Player", "Run"].recent) > 0
