"""Crash points find what lies at a power cut, and shrinking leaves the least that still fails in the same way."""

import pytest

from actors import Actor, Message, Spec, receive
from runtime.lab.crash_points import crash_points
from runtime.lab.explore import explore
from runtime.lab.failures import failure_of
from runtime.lab.lives import Element, Kind, Recipe, crashes, live
from runtime.lab.shrink import shrink
from runtime.lab.simulation import Program
from runtime.lab.verdict import PropertyFailed, Violation
from runtime.pattern import Pattern
from runtime.system import System
from samples.bugs import (
    check_then_act,
    dedup_race,
    double_timer,
    five_hits,
    lost_update,
    lost_wakeup,
    marker_apart,
    recovery_halfway,
)

pytestmark = pytest.mark.lab


# --- crash points --------------------------------------------------------------------------------------------


def test_a_mark_that_is_written_apart_fails_at_a_single_power_cut() -> None:
    points = crash_points(marker_apart.wrong, pairs=0, patterns=marker_apart.PATTERNS)
    assert points.singles == points.points > 0
    assert points.found
    assert all(len(run.recipe.of(Kind.FAULT)) == 1 for run in points.found)


def test_a_recovery_that_loses_fails_at_no_single_power_cut_and_at_pairs() -> None:
    points = crash_points(recovery_halfway.wrong, patterns=recovery_halfway.PATTERNS)
    assert points.singles == points.points
    assert points.found
    assert all(len(run.recipe.of(Kind.FAULT)) == 2 for run in points.found)


@pytest.mark.parametrize(
    ("program", "patterns"),
    [
        (marker_apart.fixed, marker_apart.PATTERNS),
        (recovery_halfway.fixed, recovery_halfway.PATTERNS),
    ],
    ids=["marker", "recovery"],
)
def test_a_mended_twin_passes_at_each_power_cut_and_each_pair(
    program: Program, patterns: list[Pattern]
) -> None:
    points = crash_points(program, patterns=patterns)
    assert (points.all_pairs, points.found) == (True, [])


def test_pairs_end_with_their_budget() -> None:
    points = crash_points(recovery_halfway.fixed, pairs=5, patterns=recovery_halfway.PATTERNS)
    assert (points.pairs, points.all_pairs) == (5, False)


def test_what_fails_without_a_power_cut_is_said_first_and_alone() -> None:
    points = crash_points(lost_wakeup.wrong)
    assert points.singles == 0
    assert [run.recipe.of(Kind.FAULT) for run in points.found] == [[]]


def test_a_program_is_called_again_until_the_power_no_longer_fails() -> None:
    calls: list[str] = []

    async def program(system: System) -> None:
        calls.append("begun")
        await marker_apart.fixed(system)
        calls.append("ended")

    lived = live(program, Recipe(0, crashes([1, 2])), patterns=marker_apart.PATTERNS)
    assert calls == ["begun", "begun", "begun", "ended"]
    assert [run.crashed for run in lived.lives] == [True, True, False]


# --- shrinking -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "elements", "preemptions"),
    [
        (lost_update.wrong, 2, 0),
        (dedup_race.wrong, 2, 0),
        (check_then_act.wrong, 2, 0),
        (double_timer.wrong, 2, 1),
        (five_hits.wrong, 4, 3),
        (lost_wakeup.wrong, 0, 0),
    ],
    ids=["lost_update", "dedup_race", "check_then_act", "double_timer", "five_hits", "lost_wakeup"],
)
def test_what_a_walk_has_found_shrinks_to_few_wishes_and_few_preemptions(
    program: Program, elements: int, preemptions: int
) -> None:
    for found in explore(program, strategy="walk", seeds=300, stop_at=4).found:
        shrunk = shrink(program, found.recipe)
        assert shrunk.run.error is not None
        assert failure_of(shrunk.run.error) == failure_of(found.error)
        assert shrunk.minimal
        assert len(shrunk.recipe.elements) <= elements
        assert shrunk.run.preemptions <= preemptions
        assert live(program, shrunk.recipe).digest == shrunk.run.digest


def test_a_fault_that_the_failure_does_not_need_is_left_out() -> None:
    found = crash_points(marker_apart.wrong, pairs=0, patterns=marker_apart.PATTERNS).found[0]
    (needed,) = found.recipe.elements
    noise = (*crashes([1]), Element(Kind.FAULT, needed.what, 1), Element(Kind.OPTION, "0.5"))
    shrunk = shrink(marker_apart.wrong, Recipe(0, noise), patterns=marker_apart.PATTERNS)
    assert len(shrunk.recipe.of(Kind.FAULT)) <= 2
    assert shrunk.recipe.of(Kind.OPTION) == []
    assert Element(Kind.OPTION, "0.5") in shrunk.dropped


class Step(Message[None]):
    pass


class Walker(Actor[Step]):
    """Writes its name down at each step."""

    def __init__(self, name: str, order: list[str]) -> None:
        self.name = name
        self.order = order

    @receive(Step)
    def on_step(self, _: Step) -> None:
        self.order.append(self.name)


async def last_of_five(system: System) -> None:
    """Fails if /m comes last, in whatever order the others have gone."""
    order: list[str] = []
    for name, steps in (("m", 1), ("x", 2), ("y", 2)):
        walker = system.spawn(Spec(Walker, (name, order), name=name))
        for _ in range(steps):
            await walker.tell(Step())
    await system.dispatcher.quiet()
    assert order.index("m") < 4


def test_wishes_are_moved_to_those_of_the_same_actor_if_that_saves_a_preemption() -> None:
    plan = [f"/{name} : Step {number} of outside" for number in (1, 2) for name in "xy"]
    before = live(last_of_five, Recipe(0, tuple(Element(Kind.PLAN, wish) for wish in plan)))
    shrunk = shrink(last_of_five, before.recipe)
    assert (before.preemptions, shrunk.run.preemptions) == (2, 0)
    assert len(shrunk.recipe.elements) == 3


def test_another_failure_on_the_way_is_a_find_of_its_own() -> None:
    async def program(system: System) -> None:
        try:
            await lost_update.wrong(system)
        except AssertionError:
            raise PropertyFailed(Violation("sums", "vault", "a deposit is gone")) from None
        raise PropertyFailed(Violation("sums", "unmoved", "nothing was lost"))

    found = explore(program, strategy="walk", seeds=100, stop_at=100).found
    lost = next(one for one in found if "vault" in str(failure_of(one.error)))
    shrunk = shrink(program, lost.recipe)
    assert shrunk.run.error is not None
    assert failure_of(shrunk.run.error) == ("sums", "vault")
    assert list(shrunk.others) == [("sums", "unmoved")]


def test_a_budget_that_is_spent_leaves_the_best_so_far_and_says_so() -> None:
    found = explore(lost_update.wrong, strategy="walk", seeds=100).found[0]
    shrunk = shrink(lost_update.wrong, found.recipe, budget=2)
    assert (shrunk.minimal, shrunk.candidates) == (False, 2)
    assert shrunk.run.error is not None


def test_a_run_that_does_not_fail_cannot_be_shrunk() -> None:
    with pytest.raises(ValueError, match="does not fail"):
        shrink(lost_update.fixed, Recipe(0))


def test_failures_are_alike_by_type_and_the_users_function_whatever_they_say() -> None:
    one, two = (
        explore(lost_update.wrong, strategy="walk", seeds=range(first, 200)).found[0] for first in (0, 50)
    )
    assert failure_of(one.error) == failure_of(two.error)
    assert failure_of(one.error) == ("AssertionError", "samples/bugs/lost_update.py:deposits")


def test_each_life_has_chance_of_its_own() -> None:
    tokens: list[str] = []

    async def program(system: System) -> None:
        tokens.append(system.entropy.token())
        await marker_apart.fixed(system)

    live(program, Recipe(0, crashes([1])), patterns=marker_apart.PATTERNS)
    assert len(set(tokens)) == 2


def test_a_life_that_the_failure_does_not_need_goes_with_its_power_cut() -> None:
    found = explore(lost_update.wrong, strategy="walk", seeds=100).found[0]
    later = tuple(one._replace(life=1) for one in found.recipe.elements if one.kind is Kind.PLAN)
    shrunk = shrink(lost_update.wrong, Recipe(found.options.seed, (*crashes([1]), *later)))
    assert shrunk.recipe.of(Kind.FAULT) == []
    assert len(shrunk.recipe.of(Kind.PLAN, 0)) == 2
