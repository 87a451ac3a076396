"""A run in a file: made again exactly where the code is the same, guided where it is not, refused where it is none."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from runtime.lab.choices import plan_of
from runtime.lab.code_files import digests, executed, name_of
from runtime.lab.crash_points import crash_points
from runtime.lab.explore import explore
from runtime.lab.lives import Kind, Recipe, live
from runtime.lab.replaying import NotDeterministic, Verdict, neighbours, replay_file
from runtime.lab.run_file import BadRunFile, RunFile, read, written
from runtime.lab.shrink import shrink
from runtime.lab.target import BadTarget, Target, target_of
from runtime.system import System
from samples.bugs import lost_update, recovery_halfway

pytestmark = pytest.mark.lab

WRONG, FIXED = target_of("samples.bugs.lost_update:wrong"), target_of("samples.bugs.lost_update:fixed")


@pytest.fixture(scope="module")
def saved() -> RunFile:
    found = explore(WRONG.program, strategy="walk", seeds=100).found[0]
    return written(WRONG, shrink(WRONG.program, found.recipe))


def of_other_code(run: RunFile) -> RunFile:
    files = run.code.files | {"samples/bugs/lost_update.py": "00"}
    return run.model_copy(update={"code": run.code.model_copy(update={"files": files})})


def test_a_saved_run_is_read_back_as_it_was_and_fails_again(saved: RunFile, tmp_path: Path) -> None:
    again = read(saved.save(tmp_path / "runs"))
    assert again == saved
    replayed = replay_file(WRONG, again)
    assert (replayed.verdict, replayed.exact) == (Verdict.FAILS, True)


def test_a_run_with_power_cuts_is_saved_with_them(tmp_path: Path) -> None:
    target = target_of("samples.bugs.recovery_halfway:wrong")
    found = crash_points(target.program, patterns=target.patterns, stop_at=1).found[0]
    run = read(written(target, shrink(target.program, found.recipe, patterns=target.patterns)).save(tmp_path))
    assert [fault.life for fault in run.faults] == [0, 1]
    assert replay_file(target, run).verdict is Verdict.FAILS
    fixed = Target("fixed", recovery_halfway.fixed, recovery_halfway.PATTERNS)
    assert replay_file(fixed, run, guided=True).verdict is Verdict.FOLLOWED


def test_the_same_code_and_another_run_is_not_deterministic(saved: RunFile) -> None:
    other = saved.model_copy(update={"expect": saved.expect.model_copy(update={"trace": "00"})})
    with pytest.raises(NotDeterministic):
        replay_file(WRONG, other)


def test_other_code_is_replayed_by_its_wishes_and_named(saved: RunFile) -> None:
    replayed = replay_file(WRONG, of_other_code(saved))
    assert (replayed.verdict, replayed.exact) == (Verdict.FAILS, False)
    assert replayed.changed == ["samples/bugs/lost_update.py"]


def test_another_python_is_other_code(saved: RunFile) -> None:
    assert "Python 2.7.18" in saved.model_copy(update={"python": "2.7.18"}).changed[0]


def test_a_mended_program_follows_the_plan_and_passes_and_so_do_its_neighbours(saved: RunFile) -> None:
    replayed = replay_file(FIXED, saved, guided=True)
    assert replayed.verdict is Verdict.FOLLOWED
    assert replayed.neighbours > 20


def test_a_plan_that_cannot_be_followed_is_no_proof_and_says_where_it_was_left(saved: RunFile) -> None:
    away = saved.model_copy(update={"plan": [["ask : resume 0", "/nobody : Deposit 1 of outside"]]})
    replayed = replay_file(FIXED, away, guided=True)
    assert (replayed.verdict, replayed.followed) == (Verdict.LEFT, 0.5)
    assert replayed.left_at is not None
    assert f"at step {replayed.left_at} (50%)" in str(replayed)


def test_a_plan_that_fails_no_more_while_one_near_it_does_still_fails() -> None:
    """As if the program had changed so that the saved plan misses the bug by little."""
    target = target_of("samples.bugs.double_timer:wrong")
    found = explore(target.program, strategy="walk", seeds=100).found[0]
    run = written(target, shrink(target.program, found.recipe))
    away = run.model_copy(update={"plan": [["/nobody : gone"]]})
    assert live(target.program, away.recipe).error is None
    replayed = replay_file(target, away, guided=True)
    assert (replayed.verdict, replayed.near) == (Verdict.FAILS, True)


def test_a_run_that_fails_in_another_way_says_so(saved: RunFile) -> None:
    async def program(system: System) -> None:
        await lost_update.fixed(system)
        raise RuntimeError

    replayed = replay_file(Target("other", program, ()), saved, guided=True)
    assert replayed.verdict is Verdict.OTHERWISE


def test_neighbours_are_different_plans_one_change_away() -> None:
    run = live(lost_update.fixed, Recipe(0))
    near = list(neighbours(run, 20))
    assert len({recipe.digest() for recipe in near}) == len(near) == 20
    whole = len([choice for book in run.books for choice in book.made])
    assert all(len(recipe.of(Kind.PLAN)) in {whole, whole - 1} for recipe in near)
    assert plan_of(run.choices) == run.recipe.of(Kind.PLAN)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format is 2"),
        ({"faults": [{"life": 0, "crash_at": 0}]}, r"faults\.0\.crash_at"),
        ({"plan": "none"}, "plan"),
        ({"workload": []}, "workload"),
    ],
)
def test_a_file_that_holds_no_run_is_refused_with_the_place(
    saved: RunFile, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(saved.model_dump() | change))
    with pytest.raises(BadRunFile, match=said):
        read(path)


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_what_is_no_run_at_all_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(BadRunFile):
        read(path)


# --- code and targets ----------------------------------------------------------------------------------------


async def test_the_files_that_a_run_executes_are_ours_and_the_users(saved: RunFile) -> None:
    assert {"samples/bugs/lost_update.py", "runtime/dispatcher.py", "actors/mailbox.py"} <= set(
        saved.code.files
    )
    assert not any("trio" in name or "site-packages" in name for name in saved.code.files)
    assert "" not in saved.code.files.values()


def test_only_files_that_were_called_within_the_block_are_collected() -> None:
    with executed() as names:
        pass
    assert "runtime/lab/lives.py" not in names


def test_a_file_that_is_not_there_has_no_digest_and_a_changed_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    file = tmp_path / "mine_alone.py"
    assert digests(["mine_alone.py"]) == {"mine_alone.py": ""}
    file.write_text("1")
    first = digests(["mine_alone.py"])
    file.write_text("2")
    assert first != digests(["mine_alone.py"]) != {"mine_alone.py": ""}
    assert name_of(str(file)) == "mine_alone.py"
    assert name_of(json.__file__) is None
    assert name_of("<string>") is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("samples.bugs.lost_update", "module:function"),
        ("samples.bugs.nothing:wrong", "no module"),
        ("samples.bugs.lost_update:nothing", "no async function"),
        ("samples.bugs.lost_update:Teller", "no async function"),
    ],
)
def test_a_target_that_names_no_program_is_refused(name: str, said: str) -> None:
    with pytest.raises(BadTarget, match=said):
        target_of(name)


def test_a_target_brings_the_patterns_of_its_module() -> None:
    assert target_of("samples.bugs.recovery_halfway:wrong").patterns == recovery_halfway.PATTERNS
