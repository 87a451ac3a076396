"""Experiments: the same numbers again, pairs by seed, intervals that mean what they say, and a lock that notices."""

import csv
import importlib
import math
import signal
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from statistics import fmean, median
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import trio
from click.testing import CliRunner

from runtime import Entropy, System
from runtime.lab import intervals
from runtime.lab.cli import lab
from runtime.lab.experiment import BadExperiment, Experiment, Measures, experiment_of, run, run_in_processes
from runtime.lab.experiment_command import run as command
from runtime.lab.experiment_folder import LOCK, BadLock, NotRepeatable, imported, keep
from runtime.lab.experiment_report import as_csv, as_svg, as_table, difference
from runtime.lab.intervals import Interval
from runtime.lab.stuck import Stuck
from runtime.lab.target import BadTarget

pytestmark = pytest.mark.lab


async def waits(system: System, *, factor: float, steps: int) -> Measures:
    """How long some sleeps take in virtual time, and whether that is long."""
    chance, begun = system.entropy.stream("sleeps"), system.clock.now()
    for _ in range(steps):
        await trio.sleep(factor * (1 + chance.fraction()))
    took = system.clock.now() - begun
    return {"took": took, "long": took > 4.5}


WAITS = Experiment("waits", waits, {"factor": (1, 2), "steps": (3,)}, baseline={"factor": 1, "steps": 3})
PROGRAM = """
import trio
from runtime.lab.experiment import Experiment
import other_that_waits

async def point(system, *, factor):
    await trio.sleep(factor * system.entropy.stream("sleeps").fraction())
    return {"now": system.clock.now()}

WAITS = Experiment("waits", point, {"factor": (1, 2)})
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module that another process finds too; its experiment is `program_that_waits:WAITS`."""
    path = tmp_path / "program_that_waits.py"
    path.write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "other_that_waits.py").write_text("LIMIT = 1\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    yield path
    for name in ("program_that_waits", "other_that_waits"):
        sys.modules.pop(name, None)


def test_an_experiment_that_is_run_again_has_the_same_rows_and_under_other_seeds_has_others() -> None:
    rows = as_csv(run(WAITS, range(4)))
    assert rows == as_csv(run(WAITS, range(4)))
    assert rows != as_csv(run(WAITS, range(4, 8)))


def test_an_experiment_over_several_processes_has_the_rows_of_one_process(module: Path) -> None:
    target = "program_that_waits:WAITS"
    spread = trio.run(run_in_processes, target, range(5), 2)
    assert as_csv(spread) == as_csv(run(experiment_of(target), range(5)))


def test_a_seed_is_a_pair_what_is_drawn_at_one_point_is_drawn_at_the_other() -> None:
    results = run(WAITS, range(6))
    once, twice = results.at({"factor": 1, "steps": 3}), results.at({"factor": 2, "steps": 3})
    for one, two in zip(once, twice, strict=True):
        assert math.isclose(2 * one.measures["took"], two.measures["took"], rel_tol=1e-6)
    assert len({row.measures["took"] for row in once}) == 6


def test_a_difference_is_of_pairs_and_so_is_surer_than_the_two_medians_are() -> None:
    async def point(system: System, *, more: float) -> Measures:
        return {"size": 100 * system.entropy.stream("size").fraction() + more}

    results = run(Experiment("pairs", point, {"more": (0, 1)}, baseline={"more": 0}), range(12))
    found = difference(results, {"more": 1}, "size")
    assert (found.low, found.high) == pytest.approx((1, 1))
    assert "+1 [+1, +1]" in as_table(results)


def test_the_csv_holds_each_number_to_the_last_digit() -> None:
    results = run(WAITS, range(3))
    read = list(csv.DictReader(StringIO(as_csv(results))))
    assert [float(line["took"]) for line in read] == [row.measures["took"] for row in results.rows]
    assert [line["long"] for line in read] == [str(int(row.measures["long"])) for row in results.rows]
    assert [line["seed"] for line in read] == ["0", "1", "2"] * 2


def test_what_is_true_or_false_is_shown_as_a_share_with_wilsons_interval() -> None:
    results = run(WAITS, range(10))
    hits = sum(bool(row.measures["long"]) for row in results.at({"factor": 1, "steps": 3}))
    wilson = intervals.share(hits, 10)
    assert f"{hits / 10:.4g} [{wilson.low:.4g}, {wilson.high:.4g}]" in as_table(results)


@pytest.mark.parametrize(
    ("hits", "runs", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilsons_interval_is_the_one_of_the_literature(hits: int, runs: int, low: float, high: float) -> None:
    found = intervals.share(hits, runs)
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)
    assert found.value == hits / runs


def test_of_no_run_a_share_may_be_anything() -> None:
    assert intervals.share(0, 0) == Interval(0.0, 0.0, 1.0)


def test_a_bootstrapped_interval_holds_the_true_median_about_nineteen_times_in_twenty() -> None:
    chance = Entropy(3)
    held = 0
    for _ in range(100):
        found = intervals.of_median([chance.fraction() for _ in range(20)])
        held += found.low <= 0.5 <= found.high
        assert found.low <= found.value <= found.high
    assert 88 <= held <= 99


def test_an_interval_is_the_same_each_time_and_of_nothing_there_is_none() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]
    assert intervals.of_median(values) == intervals.of_median(values)
    assert intervals.of_median(values).value == median(values)
    assert intervals.of_mean(values).value == fmean(values)
    with pytest.raises(ValueError, match="one value at least"):
        intervals.of_mean([])


def test_the_picture_is_whole_and_has_a_dot_for_each_run_and_one_for_each_point() -> None:
    results = run(WAITS, range(3))
    picture = ET.fromstring(as_svg(results, "took"))
    circles = [one for one in picture.iter() if one.tag.endswith("circle")]
    assert len(circles) == 2 * (3 + 1)
    assert "factor 2" in "".join(picture.itertext())


def test_a_folder_says_that_the_numbers_are_the_same_again(tmp_path: Path) -> None:
    results = run(WAITS, range(3))
    assert keep(results, tmp_path / "out") == "kept for the first time"
    assert keep(run(WAITS, range(3)), tmp_path / "out") == "the same numbers, to the last digit"
    assert (tmp_path / "out" / "rows.csv").read_text(encoding="utf-8") == as_csv(results)
    assert (tmp_path / "out" / "table.txt").read_text(encoding="utf-8") == as_table(results)
    assert (tmp_path / "out" / "took.svg").exists()
    assert "other seeds" in keep(run(WAITS, range(4)), tmp_path / "out")


def test_numbers_that_differ_though_nothing_has_changed_are_refused_and_the_folder_stays(
    tmp_path: Path,
) -> None:
    count = 0

    async def point(system: System) -> Measures:
        nonlocal count
        count += 1
        return {"count": count}

    wild = Experiment("wild", point, {})
    keep(run(wild, [0]), tmp_path)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(NotRepeatable, match="wild: the same code and options"):
        keep(run(wild, [0]), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept


def test_a_lock_names_the_file_that_has_changed_though_it_holds_constants_alone(
    module: Path, tmp_path: Path
) -> None:
    results = run(experiment_of("program_that_waits:WAITS"), [1])
    keep(results, tmp_path / "out")
    (tmp_path / "other_that_waits.py").write_text("LIMIT = 2\n", encoding="utf-8")
    assert (
        keep(results, tmp_path / "out") == "the same numbers, to the last digit though the code has changed"
    )
    lock = (tmp_path / "out" / LOCK).read_text(encoding="utf-8")
    assert '"other_that_waits.py"' in lock
    assert '"runtime/dispatcher.py"' in lock


def test_what_a_file_imports_is_ours_and_the_users_and_no_installed_package(module: Path) -> None:
    names = imported(str(module))
    assert {
        "program_that_waits.py",
        "other_that_waits.py",
        "runtime/lab/experiment.py",
        "actors/ref.py",
    } <= names
    assert not [name for name in names if name.startswith(("trio", "pydantic", "patterns/queue"))]


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1}', "[]"])
def test_a_lock_that_is_none_is_refused_by_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text, encoding="utf-8")
    with pytest.raises(BadLock, match=r"experiment\.lock: not a lock"):
        keep(run(WAITS, [0]), tmp_path)
    (tmp_path / LOCK).write_text('{"version": 2}', encoding="utf-8")
    with pytest.raises(BadLock, match="version 2, this Callboard reads 1"):
        keep(run(WAITS, [0]), tmp_path)


def test_the_rows_stand_in_parquet_too_where_pyarrow_is_installed(tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet", reason="pip install '.[experiments]'")
    results = run(WAITS, range(2))
    keep(results, tmp_path)
    table = parquet.read_table(tmp_path / "rows.parquet").to_pydict()
    assert table["took"] == [row.measures["took"] for row in results.rows]
    assert table["factor"] == [1, 1, 2, 2]


def test_an_experiment_that_cannot_be_is_refused_by_name() -> None:
    with pytest.raises(BadExperiment, match="waits: factor has no values"):
        Experiment("waits", waits, {"factor": ()})
    with pytest.raises(BadExperiment, match=r"baseline .*3.* is no point"):
        Experiment("waits", waits, {"factor": (1, 2)}, baseline={"factor": 3})
    for seeds in ([], [1, 1]):
        with pytest.raises(BadExperiment, match="seeds: at least one, and each once"):
            run(WAITS, seeds)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("waits", "module:NAME"),
        ("no_such_room:WAITS", "there is no module no_such_room"),
        ("runtime.lab.experiment:run", "has no Experiment run"),
    ],
)
def test_a_target_that_names_no_experiment_is_refused(target: str, why: str) -> None:
    with pytest.raises(BadTarget, match=why):
        experiment_of(target)
    done = CliRunner().invoke(command, [target])
    assert done.exit_code == 2
    assert why in done.output


def test_a_run_that_fails_or_waits_for_ever_is_told_with_its_point_and_seed() -> None:
    async def fails(system: System, *, size: int) -> Measures:
        raise ZeroDivisionError

    async def sleeps(system: System, *, size: int) -> Measures:
        await trio.sleep_forever()
        return {}

    with pytest.raises(BaseException) as failed:  # noqa: PT011 -- whatever the point raises
        run(Experiment("e", fails, {"size": (7,)}), [3])
    assert failed.value.__notes__ == ["e, {'size': 7}, seed 3"]
    with pytest.raises(Stuck, match=r"e, \{'size': 7\}, seed 3: nothing can run"):
        run(Experiment("e", sleeps, {"size": (7,)}), [3])


def test_a_measure_that_is_no_finite_number_or_is_not_always_there_is_refused_with_its_place() -> None:
    async def point(system: System, *, size: float) -> Measures:
        return {"small": 1} if size == 7 else {"size": size}

    with pytest.raises(BadExperiment, match=r"e, \{'size': inf\}, seed 3: size is inf"):
        run(Experiment("e", point, {"size": (1, math.inf)}), [3])
    with pytest.raises(BadExperiment, match=r"measures \['small'\], the first run \['size'\]"):
        run(Experiment("e", point, {"size": (1, 7)}), [3])


def test_the_command_prints_the_table_and_says_that_the_numbers_are_the_same_again(
    module: Path, tmp_path: Path
) -> None:
    asked = ["program_that_waits:WAITS", "--seeds", "2", "--processes", "1", "--out", str(tmp_path / "out")]
    first, again = (CliRunner().invoke(lab, ["run", *asked]) for _ in range(2))
    assert first.exit_code == again.exit_code == 0
    assert first.output.startswith("waits; 2 seeds a point")
    assert again.output.endswith("the same numbers, to the last digit\n")


def test_a_run_that_fails_in_another_process_ends_the_command_with_its_point_and_seed(module: Path) -> None:
    module.write_text(PROGRAM.replace("await trio", "assert factor == 1; await trio"), encoding="utf-8")
    done = CliRunner().invoke(command, ["program_that_waits:WAITS", "--seeds", "1"])
    assert done.exit_code == 1
    assert "waits, {'factor': 2}, seed 0" in done.output


def test_a_signal_ends_the_command_with_the_processes_that_are_at_work(module: Path) -> None:
    killed = "import os, signal; os.kill(os.getppid(), signal.SIGTERM); signal.pause()"  # until it is killed
    module.write_text(PROGRAM.replace("await trio", f"{killed}; await trio"), encoding="utf-8")
    before = signal.getsignal(signal.SIGTERM)
    done = CliRunner().invoke(lab, ["run", "program_that_waits:WAITS", "--seeds", "1", "--processes", "1"])
    assert done.exit_code == 130
    assert signal.getsignal(signal.SIGTERM) is before
