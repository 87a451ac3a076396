"""A user's suite under the lab's options: how many runs, what is kept of a failure, and that it is replayed."""

from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
SUITE = """
import pytest
import trio
from actors import Actor, Message, Spec, receive
from runtime import System
from runtime.testing import simulated

class Read(Message[int]): pass
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

@simulated(seeds=100, strategy="pos")
async def test_lost(system: System) -> None:
    cell = system.spawn(Spec(Cell, name="cell"))
    async def add() -> None:
        value = await cell.ask(Read())
        await cell.ask(Write(value=value + 1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(add)
        nursery.start_soon(add)
    assert await cell.ask(Read()) == 2, "an update was lost"

@simulated(seeds=7)
async def test_green(system: System) -> None:
    await system.spawn(Spec(Cell, name="cell")).ask(Write(value=1))

@pytest.mark.lab(budget="0 s")
@simulated(seeds=7)
async def test_no_time(system: System) -> None:
    pass

def test_plain() -> None:
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of a user's own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    pytester.makeconftest('pytest_plugins = ["runtime.testing.fixtures"]\n')
    pytester.makepyfile(test_suite=SUITE)
    return pytester


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    return suite.runpytest_inprocess("--junitxml=out.xml", *options)


def properties(suite: pytest.Pytester, test: str) -> dict[str, str]:
    """Of a test, in the JUnit file."""
    tree = ET.parse(suite.path / "out.xml")
    return {
        str(found.get("name")): str(found.get("value"))
        for case in tree.iter("testcase")
        if case.get("name") == test
        for found in case.iter("property")
    }


def picture(said: pytest.RunResult) -> list[str]:
    return [line for line in said.outlines if line.startswith("E       0.0")]


def test_a_failure_is_shown_kept_and_replayed_alone_by_the_command_that_it_names(
    suite: pytest.Pytester,
) -> None:
    said = run(suite, "--lab-save", "kept")
    said.assert_outcomes(failed=1, passed=3)
    command = next(
        line for line in said.outlines if "again: pytest" in line
    )  # the summary has it too where CI is set
    said.stdout.fnmatch_lines(
        ["*test_lost failed in * of * runs: AssertionError: an update was lost", "*cell*", "*Write*"]
    )
    test, option, file = command.split("pytest ", 1)[1].split()
    assert properties(suite, "test_lost")["lab_file"] == file
    again = run(suite, test, option, file)
    again.assert_outcomes(failed=1)
    assert properties(suite, "test_lost") == {"lab_replay": "still fails"}
    assert picture(said) == picture(again) != []


def test_a_page_for_a_browser_is_kept_beside_it(suite: pytest.Pytester) -> None:
    said = run(suite, "--lab-save", "kept")
    (page,) = (suite.path / "kept").glob("*.html")
    said.stdout.fnmatch_lines([f"*page: {page.as_uri()}"])
    text = page.read_text(encoding="utf-8")
    assert "test_lost: " in text
    assert f"--lab-replay {page.with_suffix('.json')}" in text
    assert "Beside a run that does not fail" in text


def test_a_replay_says_when_the_code_does_something_else_now(suite: pytest.Pytester) -> None:
    run(suite, "--lab-save", "kept")
    (file,) = (suite.path / "kept").glob("*.json")
    mended = SUITE.replace("        value = await cell.ask(Read())", "        value = 1")
    suite.makepyfile(test_suite=mended)
    said = run(suite, "--lab-replay", str(file))
    said.assert_outcomes(passed=1, deselected=3)
    assert properties(suite, "test_lost")["lab_replay"].startswith("passes now")


@pytest.mark.parametrize(
    ("options", "runs"),
    [((), "7"), (("--lab-seeds", "3"), "3"), (("--lab-seed", "41"), "1"), (("--lab-budget", "0 s"), "0")],
    ids=["the test's own", "seeds", "seed", "budget"],
)
def test_options_say_how_many_runs(suite: pytest.Pytester, options: tuple[str, ...], runs: str) -> None:
    run(suite, "-k", "green", *options).assert_outcomes(passed=1, deselected=3)
    assert properties(suite, "test_green") == {"lab_runs": runs, "lab_failed": "0"}


def test_a_marker_gives_a_test_its_own_budget(suite: pytest.Pytester) -> None:
    run(suite, "-k", "no_time").assert_outcomes(passed=1, deselected=3)
    assert properties(suite, "test_no_time")["lab_runs"] == "0"


def test_a_budget_goes_beyond_the_seeds_of_a_test(suite: pytest.Pytester) -> None:
    run(suite, "-k", "green", "--lab-budget", "1 s").assert_outcomes(passed=1, deselected=3)
    assert int(properties(suite, "test_green")["lab_runs"]) > 7


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (None, "No such file or directory: 'no.json'"),
        ("{", "no.json: no JSON"),
        ('{"format": 9}', "format is 9, and this release reads format 1"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence(
    suite: pytest.Pytester, file: str | None, why: str
) -> None:
    if file is not None:
        (suite.path / "no.json").write_text(file, encoding="utf-8")
    said = run(suite, "--lab-replay", "no.json")
    assert said.ret == pytest.ExitCode.USAGE_ERROR
    assert why in said.stderr.str() + said.stdout.str()


def test_a_run_of_a_test_that_is_gone_is_refused(suite: pytest.Pytester) -> None:
    run(suite, "--lab-save", "kept")
    (file,) = (suite.path / "kept").glob("*.json")
    suite.makepyfile(test_suite=SUITE.replace("test_lost", "test_found"))
    said = run(suite, "--lab-replay", str(file))
    assert said.ret == pytest.ExitCode.USAGE_ERROR
    assert (
        "the run is of test_suite.py::test_lost, which was not collected"
        in said.stderr.str() + said.stdout.str()
    )


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--lab-budget", "soon"), "a budget of 'soon': say 20 s, 2 min or 1 h"),
        (("--lab-seeds", "0"), "0 seeds test nothing"),
        (("--lab-seed", "x"), "invalid int value: 'x'"),
    ],
)
def test_an_option_that_says_nothing_is_refused(
    suite: pytest.Pytester, options: tuple[str, ...], why: str
) -> None:
    said = run(suite, *options)
    assert said.ret == pytest.ExitCode.USAGE_ERROR
    assert why in said.stderr.str() + said.stdout.str()


@pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_workers_of_xdist_run_and_keep_them_too(suite: pytest.Pytester) -> None:
    run(suite, "-n", "2", "--lab-save", "kept").assert_outcomes(failed=1, passed=3)
    assert len(list((suite.path / "kept").glob("*.json"))) == 1
    assert properties(suite, "test_green")["lab_runs"] == "7"
