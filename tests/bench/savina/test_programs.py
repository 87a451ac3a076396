"""Each program does what it is timed for; how fast is no test's business."""

import importlib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.bench.savina import harness, report
from tests.bench.savina.programs import FRAMEWORKS, PROGRAMS

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", PROGRAMS)
def test_callboards_program_gives_the_right_answer(name: str) -> None:
    assert harness.run(name, "callboard", "tiny")["rate"] > 0


def test_every_file_is_a_program_and_every_program_has_its_files() -> None:
    assert {path.stem for path in (HERE / "ours").glob("*.py")} == set(PROGRAMS)
    compared = {
        name for name, one in PROGRAMS.items() if set(one.left_out) != set(FRAMEWORKS) - {"callboard"}
    }
    assert {path.stem for path in (HERE / "peers").glob("*.py")} == compared


def test_every_peer_runs_a_program_or_has_a_reason_why_not() -> None:
    peers = set(FRAMEWORKS) - {"callboard"}
    for path in (HERE / "peers").glob("*.py"):
        module = importlib.import_module(f"tests.bench.savina.peers.{path.stem}")
        run = {name for name in peers if hasattr(module, name)}
        reasons = set(PROGRAMS[path.stem].left_out)
        assert (run | reasons, run & reasons) == (peers, set()), path.name


def test_a_wrong_answer_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(PROGRAMS["counting"], right=str)
    monkeypatch.setitem(PROGRAMS, "counting", wrong)
    with pytest.raises(harness.WrongResult, match="counting, callboard"):
        harness.run("counting", "callboard", "tiny")


def test_a_rows_ratios_are_to_the_best_peer_by_the_clock_and_by_the_processor() -> None:
    figures = {
        "callboard": report.Figure(rate=100, peak=50, busy=2),
        "pykka": report.Figure(rate=10, peak=14, busy=6),
        "xoscar": report.Figure(rate=20, peak=90, busy=8),
    }
    row = report.Row(
        "counting", "messages/s", figures, {"thespian": "FAILED: over 20 s", "triotp": "has no such thing"}
    )
    assert (row.ratio, row.busy_ratio) == (5.0, 3.0)
    cells = [
        "counting",
        "messages/s",
        "100 2.0us 50MB",
        "10 6.0us 14MB",
        "FAILED",
        "-",
        "20 8.0us 90MB",
        "5.0",
        "3.0",
    ]
    assert row.line() == f"| {' | '.join(cells)} |"
    assert len(cells) == len(report.COLUMNS)
    assert "counting, thespian: FAILED: over 20 s" in row.reasons()
    alone = report.Row(
        "skynet", "leaves/s", {"callboard": report.Figure(1, 1, 1)}, {"pykka": "not of Savina"}
    )
    assert (alone.ratio, alone.busy_ratio, alone.reasons()) == (None, None, [])


def test_a_bar_of_the_plot_is_as_long_as_the_ratio_and_what_none_compares_with_has_none() -> None:
    def row(name: str, ours: float) -> report.Row:
        figures = {"callboard": report.Figure(1, 1, 1 / ours), "pykka": report.Figure(1, 1, 0.1)}
        return report.Row(name, "messages/s", figures, {})

    alone = report.Row("skynet", "leaves/s", {"callboard": report.Figure(1, 1, 1)}, {})
    drawn = ET.fromstring(report.plot([row("big", 20), row("counting", 100), alone]))
    bars = [float(bar.attrib["width"]) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == [120.0, 600.0]
