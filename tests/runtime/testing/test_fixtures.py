"""The fixtures in a project of a user's own: its suite is run by pytest, and what it prints is looked at."""

import re
import subprocess  # noqa: TID251 -- a suite of its own
import sys
from os import environ
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SUITE = (HERE / "user_suite.py").read_text(encoding="utf-8")
GREEN = sorted(re.findall(r"def (test_green\w+)", SUITE))
RED = {
    "test_red_assertion_is_not_hidden_by_a_leak": "AssertionError: the user's own",
    "test_red_letter": "letters: Bill to /nobody (no_such_address)",
    "test_red_other_letter_was_expected": "no dead letter to /nobody (stopped); there are: Bill to /nobody (no_such_address)",
    "test_red_turn": "turns: the turn of /idler has not ended within 10 virtual seconds",
    "test_red_pipe": "turns: a pipe of /idler has not ended within 10 virtual seconds",
    "test_red_asker": "askers: /prices holds back the asker of Price(item='tea'), without a deadline",
    "test_red_task": "tasks: left behind",
    "test_red_stuck": "/idler  idle mailbox=0 holds back key: Wait",
    "test_red_stuck_without_an_actor": "the test would wait for ever",
}


@pytest.fixture(scope="module", params=["trio_mode", "no trio_mode", "by option"])
def printed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says of the suite, beside a conftest of one line; or with the plugin named on the command line."""
    project = tmp_path_factory.mktemp("project")
    (project / "test_suite.py").write_text(SUITE, encoding="utf-8")
    by_option = request.param == "by option"  # then pytest-trio comes later, and its hooks before ours
    if not by_option:
        line = 'pytest_plugins = ["runtime.testing.fixtures"]\n'
        (project / "conftest.py").write_text(line, encoding="utf-8")
    mode = "false" if request.param == "no trio_mode" else "true"
    (project / "pytest.ini").write_text(f"[pytest]\ntrio_mode = {mode}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-rA", "--color=no", "-p", "no:cacheprovider", str(project)]
    command += ["-p", "runtime.testing.fixtures"] if by_option else []
    env = {**environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
    return done.stdout


def of(test: str, printed: str) -> str:
    """The part of pytest's output that is about one test."""
    found = re.search(rf"^_+ {test} _+$(.*?)^(_{{5,}}|={{5,}})", printed, re.DOTALL | re.MULTILINE)
    assert found, printed
    return found[1]


@pytest.mark.parametrize("test", GREEN)
def test_a_suite_that_leaves_nothing_behind_is_green(printed: str, test: str) -> None:
    assert f"PASSED test_suite.py::{test}" in printed, printed


@pytest.mark.parametrize("test", RED)
def test_a_leak_a_stuck_test_and_a_failed_one_are_red_and_say_why(printed: str, test: str) -> None:
    assert f"FAILED test_suite.py::{test}" in printed, printed
    assert RED[test] in of(test, printed)


def test_every_test_of_the_suite_is_looked_at(printed: str) -> None:
    assert f"{len(RED)} failed, {len(GREEN)} passed" in printed
    assert len(RED) + len(GREEN) == SUITE.count("def test_")


def test_a_failed_test_is_not_told_of_its_leaks(printed: str) -> None:
    assert "left behind" not in of("test_red_assertion_is_not_hidden_by_a_leak", printed)


def test_a_failed_assertion_is_shown_as_pytest_shows_it_without_groups(printed: str) -> None:
    failed = of("test_red_assertion_is_not_hidden_by_a_leak", printed)
    assert "Exception Group" not in failed
    assert ">       assert 1 + 1 == 3" in failed
