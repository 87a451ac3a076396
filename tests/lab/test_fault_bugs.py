"""Planted bugs that a fault shows: found, replayed and shrunk with the fault's name; the mended twins never fail."""

import pytest

from runtime.entropy import Entropy
from runtime.lab.choices import Plan
from runtime.lab.crash_points import crash_points
from runtime.lab.explore import explore, replay
from runtime.lab.lives import Element, Kind, Recipe, live
from runtime.lab.shrink import shrink
from runtime.lab.strategies import Pos
from samples.bugs import split_brain, torn_record

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("first", [0, 1_000, 2_000])
def test_a_lease_by_the_wall_clock_is_found_when_the_clock_is_set(first: int) -> None:
    seeds = range(first, first + 30)
    assert explore(split_brain.wrong, seeds=seeds, faults=split_brain.FAULTS).found


def test_by_right_clocks_no_schedule_shows_the_split_brain() -> None:
    assert explore(split_brain.wrong, seeds=100).found == []


def test_a_lease_by_the_monotonic_clock_stands_whatever_the_wall_clock_does() -> None:
    assert explore(split_brain.fixed, seeds=200, faults=split_brain.FAULTS).found == []


def test_a_run_with_faults_is_replayed_and_shrunk_to_the_one_fault_that_it_takes() -> None:
    found = next(
        run
        for run in explore(split_brain.wrong, seeds=50, faults=split_brain.FAULTS, stop_at=5).found
        if len(run.faults) > 1
    )
    assert replay(split_brain.wrong, found, faults=split_brain.FAULTS).digest == found.digest
    shrunk = shrink(split_brain.wrong, found.recipe, faults=split_brain.FAULTS)
    assert shrunk.minimal
    assert [one.kind for one in shrunk.recipe.elements] == [Kind.FAULT]
    assert str(shrunk.recipe.elements[0]).startswith("/crane : clock-set at reply")


def test_a_life_that_is_explored_draws_its_faults_and_its_recipe_makes_them_again() -> None:
    explored = live(
        split_brain.fixed, Recipe(3), then=Pos(Entropy(3).stream("schedule")), faults=split_brain.FAULTS
    )
    names = explored.recipe.of(Kind.FAULT)
    assert names
    again = live(split_brain.fixed, explored.recipe, faults=split_brain.FAULTS)
    assert (again.recipe, again.digest) == (explored.recipe, explored.digest)
    without = tuple(one for one in explored.recipe.elements if one.what != names[0])
    assert (
        live(split_brain.fixed, Recipe(3, without), faults=split_brain.FAULTS).recipe.of(Kind.FAULT)
        == (names[1:])
    )


def test_a_power_cut_and_a_rules_fault_are_two_elements_of_one_recipe() -> None:
    cut = Element(Kind.FAULT, "7")
    run = live(split_brain.fixed, Recipe(1, (cut,)), then=Plan([]), faults=split_brain.FAULTS)
    assert len(run.lives) == 2
    assert run.recipe.elements[0] == cut
    assert str(cut) == "the power fails at effect 7"


def test_half_a_record_is_found_at_a_crash_point_and_an_end_with_its_number_mends_it() -> None:
    points = crash_points(torn_record.wrong, pairs=0, patterns=torn_record.PATTERNS)
    assert points.found
    shrunk = shrink(torn_record.wrong, points.found[0].recipe, patterns=torn_record.PATTERNS)
    assert [one.kind for one in shrunk.recipe.elements] == [Kind.FAULT]
    mended = crash_points(torn_record.fixed, patterns=torn_record.PATTERNS)
    assert mended.all_pairs
    assert mended.found == []
