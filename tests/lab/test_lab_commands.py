"""`callboard lab`: each planted bug is found, shrunk, saved, and fails again in another process; its mended twin passes."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runtime.cli import main
from runtime.entropy import Entropy
from runtime.lab.choices import STEP, Alternative, Choices, Default
from runtime.lab.confidence import at_most, class_of, unseen
from runtime.lab.lives import Recipe, crashes, live
from runtime.lab.portfolio import check_all
from runtime.lab.simulation import attempt
from runtime.lab.strategies import Walk
from runtime.lab.traces import lines_of
from samples.bugs import five_hits, marker_apart, recovery_halfway

pytestmark = pytest.mark.lab

NEEDED = {
    "lost_update": 2,
    "lost_wakeup": 0,
    "check_then_act": 2,
    "five_hits": 4,
    "double_timer": 2,
    "dedup_race": 2,
    "marker_apart": 1,
    "recovery_halfway": 2,
}
"""Planted bugs, and how many wishes and power cuts the least run needs at most."""


def lab(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["lab", *map(str, arguments)])


def saved_run(bug: str, folder: Path) -> Path:
    lab("check", f"samples.bugs.{bug}:wrong", "--save", folder)
    (path,) = folder.iterdir()
    return path


@pytest.mark.parametrize("bug", NEEDED)
def test_a_planted_bug_is_found_shrunk_saved_and_replayed(bug: str, tmp_path: Path) -> None:
    found = lab("check", f"samples.bugs.{bug}:wrong", "--save", tmp_path)
    (path,) = tmp_path.iterdir()
    assert found.exit_code == 1, found.output
    assert found.output.splitlines()[-1] == f"replay   callboard lab replay {path}"
    assert found.output.count("\nneeded") <= NEEDED[bug]
    again = lab("replay", path)
    assert (again.exit_code, again.output[:19]) == (1, "exact: still fails:")


@pytest.mark.parametrize("bug", NEEDED)
def test_a_mended_twin_passes_all_stages(bug: str) -> None:
    checked = lab("check", f"samples.bugs.{bug}:fixed")
    assert checked.exit_code == 0, checked.output
    assert "passes 200 runs" in checked.output
    assert "with 95 % confidence" in checked.output


@pytest.mark.parametrize("bug", ["five_hits", "recovery_halfway"])
def test_a_saved_run_fails_again_in_another_process_with_another_hash_seed(bug: str, tmp_path: Path) -> None:
    path = saved_run(bug, tmp_path)
    command = [sys.executable, "-m", "runtime", "lab", "replay", str(path)]
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("exact: still fails")


def test_a_saved_run_passes_on_the_mended_program(tmp_path: Path) -> None:
    path = saved_run("recovery_halfway", tmp_path)
    done = lab("replay", path, "--target", "samples.bugs.recovery_halfway:fixed")
    assert done.exit_code == 0
    assert "guided: passes now, plan followed to 100 %" in done.output


def test_a_run_that_is_not_deterministic_ends_with_2(tmp_path: Path) -> None:
    path = saved_run("lost_update", tmp_path)
    path.write_text(path.read_text().replace('"trace": "', '"trace": "0'))
    done = lab("replay", path)
    assert (done.exit_code, "the same code and choices" in done.output) == (2, True)


def test_all_power_cuts_and_pairs_are_counted() -> None:
    done = lab("crash-points", "samples.bugs.recovery_halfway:fixed", "--pairs", 100)
    assert (done.exit_code, done.output) == (0, "9 of 9 single crash points, 59 pairs: 0 fail\n")


def test_one_strategy_says_when_it_has_tried_all_there_is() -> None:
    done = lab("explore", "samples.bugs.five_hits:wrong", "--strategy", "delay:2")
    assert done.exit_code == 0
    assert "there is no other within its bound" in done.output


def test_what_was_explored_is_saved_and_can_be_shrunk_again_and_compared(tmp_path: Path) -> None:
    assert lab("explore", "samples.bugs.five_hits:wrong", "--save", tmp_path / "one").exit_code == 1
    (one,) = (tmp_path / "one").iterdir()
    other = saved_run("double_timer", tmp_path / "two")
    assert lab("shrink", one).exit_code == 1
    assert "the same 15 steps" in lab("diff", one, one).output
    assert "1 steps in common" in lab("diff", one, other).output


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "nowhere:wrong"),
        ("check", "samples.bugs.lost_update:wrong", "--seeds", "0"),
        ("explore", "samples.bugs.lost_update:wrong", "--strategy", "luck"),
        ("replay", __file__),
    ],
)
def test_what_cannot_be_run_ends_with_2_and_one_sentence(arguments: tuple[str, ...]) -> None:
    done = lab(*arguments)
    assert done.exit_code == 2
    assert done.output.splitlines()[-1].startswith("Error: ")


# --- what it rests on ----------------------------------------------------------------------------------------


def test_a_trace_ends_where_the_power_fails() -> None:
    run = live(marker_apart.fixed, Recipe(0, crashes([1])), patterns=marker_apart.PATTERNS)
    cut = next(number for number, line in enumerate(lines_of(run)) if "X the power fails" in line)
    assert not any("Supervisor.run" in line for line in lines_of(run)[:cut])


def test_the_portfolio_tries_power_cuts_before_it_draws() -> None:
    checked = check_all(recovery_halfway.wrong, patterns=recovery_halfway.PATTERNS)
    assert (checked.stage, checked.drawn) == ("crash points", 0)


def test_after_so_many_passing_runs_at_most_three_of_them_may_fail() -> None:
    assert at_most(300) == 0.01
    assert at_most(0) == at_most(1) == 1.0


def test_the_unseen_mass_is_the_share_of_runs_whose_kind_was_seen_once() -> None:
    assert unseen(Counter()) == 1.0
    assert unseen(Counter(a=1, b=1, c=2)) == 0.5


def test_runs_are_of_one_kind_if_only_independent_steps_change_places() -> None:
    kinds: dict[tuple[str, ...], set[str]] = {}
    for seed in range(40):
        choices = Choices(Walk(Entropy(seed)))
        attempt(five_hits.fixed, seed=0, choices=choices, inline=0.0)
        hits = tuple(step.name for step in choices.steps if step.name.startswith("/lock"))
        kinds.setdefault(hits, set()).add(class_of([choices]))
    found = [kind for classes in kinds.values() for kind in classes]
    assert len(found) == len(set(found)), "one kind has one order of hits"
    assert len(kinds) > 3
    assert class_of([independent("/a", "/b")]) == class_of([independent("/b", "/a")])
    assert class_of([independent("/a", "/a")]) != class_of([independent("/a", "/b")])


def independent(*actors: str) -> Choices:
    """Each acts once, and touches nobody."""
    choices = Choices(Default())
    for actor in actors:
        choices.next(STEP, [Alternative(f"{actor} : acts", actor, actor)])
    choices.over()
    return choices
