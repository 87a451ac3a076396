"""Choices by name: a plan leads to the same run again, also with wishes that mean nothing, also in another process."""

import subprocess
import sys
from os import environ
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors import Actor, Address, Message, Spec, StartReason, receive
from patterns.queue.pattern import pattern
from runtime import Entropy, System
from runtime.lab.choices import TIMER, Alternative, Choice, Choices, Default, Plan, Point, actor_of, default
from runtime.lab.explore import explore, replay
from runtime.lab.simulation import Program, attempt, simulate
from runtime.lab.strategies import Walk
from samples.bugs import five_hits, lost_update
from tests.lab.queue_world import Seen, produce_and_consume

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]


async def queue_program(system: System) -> list[str]:
    seen = Seen()
    await produce_and_consume(system, seen)
    return seen.received


def point(*names: str, current: str = "") -> Point:
    return Point(0, "step", tuple(Alternative(name, name, actor_of(name)) for name in names), current)


def test_the_default_policy_keeps_who_acted_last_and_else_takes_the_lowest_name() -> None:
    assert default(point("/a : M 1 of outside", "/b : M 1 of outside", current="/b")) == "/b : M 1 of outside"
    assert default(point("/a : M 1 of outside", "/b : M 1 of outside", current="/c")) == "/a : M 1 of outside"


def test_a_wish_that_is_not_enabled_is_skipped_and_the_default_policy_follows_the_last_one() -> None:
    plan = Plan(["/gone : M 1 of outside", "/b : M"])
    assert plan.choose(point("/a : M", "/b : M")) == "/b : M"
    assert (plan.followed, plan.skipped) == (1, 1)
    assert plan.choose(point("/a : M", "/c : M", current="/c")) == "/c : M"


@pytest.mark.parametrize("seed", range(5))
def test_the_plan_of_a_run_makes_the_same_run_again(seed: int) -> None:
    first = simulate(queue_program, seed=seed, patterns=[pattern])
    plan = Plan(first.plan)
    again = simulate(queue_program, seed=seed, patterns=[pattern], choices=Choices(plan))
    assert (again.digest, again.plan, again.result) == (first.digest, first.plan, first.result)
    assert plan.skipped == 0
    assert first.plan


def test_a_choice_names_a_message_by_its_actor_its_kind_and_its_sender() -> None:
    choices = Choices(Default())
    simulate(five_hits.fixed, seed=0, choices=choices, inline=0.0)
    names = [step.name for step in choices.steps]
    assert "/lock : Hit 3 of /ann" in names
    assert "/bob : Try 2 of outside" in names
    assert "main : resume 0" in names


def made(program: Program, *, runs: int = 10) -> list[Choice]:
    """The choices of some runs."""
    books = [Choices(Walk(Entropy(seed))) for seed in range(runs)]
    for book in books:
        attempt(program, seed=0, choices=book, inline=0.0)
    return [choice for book in books for choice in book.made]


def test_a_turn_that_has_waited_is_resumed_by_choice() -> None:
    resumed = {
        one.name for choice in made(lost_update.fixed) for one in choice.enabled if "resume" in one.name
    }
    assert "/bob : Deposit 1 of outside resume 1" in resumed


async def told_and_asked(system: System) -> None:
    told, asked = (system.spawn(Spec(Bells, ([],), name=name)) for name in ("told", "asked"))
    await told.tell(Ring(bell="a"))
    await asked.ask(Ring(bell="b"))


def test_who_was_woken_by_a_turn_may_go_before_the_mail_that_waits() -> None:
    after = [choice for choice in made(told_and_asked, runs=30) if choice.current == "/asked"]
    assert any({"main", "/told"} <= {one.actor for one in choice.enabled} for choice in after)


def test_what_is_said_to_nobody_touches_the_address_where_somebody_might_live() -> None:
    async def to_nobody(system: System) -> None:
        await system.ref(Address.of("nobody")).tell(Ring(bell="a"))

    choices = Choices(Default())
    simulate(to_nobody, seed=0, choices=choices)
    assert any("/nobody" in step.touched for step in choices.steps)


def test_a_step_says_whom_it_has_touched() -> None:
    choices = Choices(Default())
    simulate(five_hits.fixed, seed=0, choices=choices, inline=0.0)
    touched = {step.name: step.touched for step in choices.steps}
    assert touched["/ann : Try 1 of outside"] == {"/ann", "/lock"}
    assert touched["/lock : Hit 1 of /ann"] == {"/lock"}


FIVE_HITS = Choices(Default())
simulate(five_hits.fixed, seed=0, choices=FIVE_HITS, inline=0.0)
NAMES = sorted({one.name for choice in FIVE_HITS.made for one in choice.enabled})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*NAMES, "/nobody : Try 1 of outside"])))
def test_any_list_of_names_is_a_plan(wishes: list[str]) -> None:
    run = simulate(five_hits.fixed, seed=0, choices=Choices(Plan(wishes)), inline=0.0)
    again = simulate(five_hits.fixed, seed=0, choices=Choices(Plan(run.plan)), inline=0.0)
    assert again.digest == run.digest


def found(strategy: str) -> list[str]:
    """What an exploration comes to, as text."""
    explored = explore(lost_update.wrong, strategy=strategy, seeds=40, stop_at=3)
    return [
        f"{one.number} {one.digest} {one.options} {replay(lost_update.wrong, one).digest} {' > '.join(one.plan)}"
        for one in explored.found
    ]


def test_an_exploration_finds_the_same_in_another_process_with_another_hash_seed() -> None:
    code = "from tests.lab.test_choices import found; print(found('pos'), found('delay:2'), found('dfs'), found('guided'))"
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.splitlines()[-1]
        for hash_seed in ("1", "2")
    ]
    assert printed[0] == printed[1] == f"{found('pos')} {found('delay:2')} {found('dfs')} {found('guided')}"


def test_a_failed_run_is_replayed_with_its_error_and_its_digest() -> None:
    explored = explore(lost_update.wrong, seeds=40, stop_at=5)
    for one in explored.found:
        again = replay(lost_update.wrong, one)
        assert again.digest == one.digest
        assert repr(again.error) == repr(one.error)


def test_a_run_that_fails_has_its_plan_and_its_error_and_simulate_raises_it() -> None:
    one = explore(lost_update.wrong, seeds=40).found[0]
    run = attempt(lost_update.wrong, seed=one.options.seed, choices=Choices(Plan(one.plan)), inline=0.0)
    assert isinstance(run.error, Exception)
    with pytest.raises(ExceptionGroup, match="nursery"):
        simulate(lost_update.wrong, seed=one.options.seed, choices=Choices(Plan(one.plan)), inline=0.0)


class Ring(Message[None]):
    bell: str


class Bells(Actor[Ring]):
    """Two timers that are due at the same instant."""

    def __init__(self, rung: list[str]) -> None:
        self.rung = rung

    @override
    async def started(self, reason: StartReason) -> None:
        for bell in ("high", "low"):
            self.ctx.timer(bell, 1.0, Ring(bell=bell))

    @receive(Ring)
    def on_ring(self, message: Ring) -> None:
        self.rung.append(message.bell)


async def two_bells(system: System) -> tuple[str, ...]:
    rung: list[str] = []
    system.spawn(Spec(Bells, (rung,), name="bells"))
    await trio.sleep(2)
    return tuple(rung)


def test_timers_that_are_due_at_the_same_instant_fire_in_either_order() -> None:
    orders = {simulate(two_bells, seed=seed).result for seed in range(20)}
    assert orders == {("high", "low"), ("low", "high")}
    timers = [choice for choice in made(two_bells) if choice.kind == TIMER]
    assert {one.name for one in timers[0].enabled} == {"/bells : timer high", "/bells : timer low"}
