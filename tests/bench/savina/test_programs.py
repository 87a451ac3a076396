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


def test_a_rows_ratio_is_to_the_best_peer() -> None:
    figures = {
        "callboard": report.Figure(100, 1, 1),
        "pykka": report.Figure(10, 1, 1),
        "xoscar": report.Figure(20, 1, 1),
    }
    row = report.Row(
        "counting", "messages/s", figures, {"thespian": "FAILED: over 20 s", "triotp": "has no such thing"}
    )
    assert row.ratio == 5.0
    assert "thespian: FAILED: over 20 s" in row.line()
    assert report.Row("skynet", "leaves/s", {"callboard": report.Figure(1, 1, 1)}, {}).ratio is None


def test_a_bar_of_the_plot_is_as_long_as_the_ratio_and_what_none_compares_with_has_none() -> None:
    def row(name: str, ours: float) -> report.Row:
        figures = {"callboard": report.Figure(ours, 1, 1), "pykka": report.Figure(10, 1, 1)}
        return report.Row(name, "messages/s", figures, {})

    alone = report.Row("skynet", "leaves/s", {"callboard": report.Figure(1, 1, 1)}, {})
    drawn = ET.fromstring(report.plot([row("big", 20), row("counting", 100), alone]))
    bars = [float(bar.attrib["width"]) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == [120.0, 600.0]
