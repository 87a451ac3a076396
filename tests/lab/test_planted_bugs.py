"""The planted bugs: found within three times the runs that were measured for each strategy; the mended twins never fail."""

import pytest

from runtime.lab.explore import explore
from runtime.lab.simulation import Program
from samples.bugs import check_then_act, dedup_race, double_timer, five_hits, lost_update, lost_wakeup

pytestmark = pytest.mark.lab

PROGRAMS: dict[str, tuple[Program, Program]] = {
    "lost_update": (lost_update.wrong, lost_update.fixed),
    "lost_wakeup": (lost_wakeup.wrong, lost_wakeup.fixed),
    "check_then_act": (check_then_act.wrong, check_then_act.fixed),
    "five_hits": (five_hits.wrong, five_hits.fixed),
    "double_timer": (double_timer.wrong, double_timer.fixed),
    "dedup_race": (dedup_race.wrong, dedup_race.fixed),
}
WITHIN = [
    ("lost_update", "pos", 15),
    ("lost_update", "delay:1", 9),
    ("lost_wakeup", "pos", 48),
    ("lost_wakeup", "delay:1", 9),
    ("check_then_act", "walk", 9),
    ("check_then_act", "delay:1", 9),
    ("five_hits", "pos", 129),
    ("five_hits", "delay:3", 126),
    ("double_timer", "pos", 30),
    ("double_timer", "delay:1", 9),
    ("dedup_race", "pos", 15),
    ("dedup_race", "delay:1", 9),
    ("five_hits", "guided", 129),
    ("lost_wakeup", "guided", 48),
]


@pytest.mark.parametrize(("bug", "strategy", "runs"), WITHIN)
def test_a_planted_bug_is_found_within_so_many_runs(bug: str, strategy: str, runs: int) -> None:
    wrong, _ = PROGRAMS[bug]
    assert explore(wrong, strategy=strategy, seeds=runs).found


@pytest.mark.parametrize("bug", PROGRAMS)
@pytest.mark.parametrize("strategy", ["pos", "walk", "sticky:0.9", "pct:3", "delay:2", "dfs"])
def test_a_mended_twin_does_not_fail(bug: str, strategy: str) -> None:
    _, fixed = PROGRAMS[bug]
    assert explore(fixed, strategy=strategy, seeds=100).found == []


@pytest.mark.parametrize("strategy", ["pos", "walk"])
@pytest.mark.parametrize("first", [1_000, 2_000, 3_000])
def test_no_luck_of_one_seed_finds_the_handshake(strategy: str, first: int) -> None:
    assert explore(five_hits.wrong, strategy=strategy, seeds=range(first, first + 129)).found
