"""Savina's programs by Callboard and its peers: `python -m tests.bench.savina [--only NAME] [--quick] [--rounds N]`.

Each round of each framework is a process of its own, rounds are interleaved, and a figure is the median of its rounds. One
that fails or takes too long is shown with its reason. A cell is units a second, microseconds of the processor for one,
and memory: the peak of a process that has imported this one framework. `--json FILE` and `--plot FILE` keep what was found. The peers come with
`pip install -e '.[bench]' && pip install --no-deps triotp`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.processes import ROOT
from tests.bench.savina import report
from tests.bench.savina.programs import FRAMEWORKS, PROGRAMS

LIMIT = {"quick": 20, "full": 120}
"""Seconds that one round may take."""
ROUNDS = {"quick": 1, "full": 5}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.savina", description=__doc__)
    parser.add_argument("--only", action="append", choices=PROGRAMS, help="may be given again")
    parser.add_argument("--quick", action="store_true", help="one small round of each")
    parser.add_argument("--rounds", type=int, metavar="N", help="of each, 1 or more; else 5, or 1 if quick")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios there, as SVG")
    given = parser.parse_args()
    scale = "quick" if given.quick else "full"
    rounds = max(1, given.rounds or ROUNDS[scale])
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{machine}, {scale}, {rounds} rounds\n", report.HEADING, sep="\n", flush=True)
    found: list[report.Row] = []
    for name in given.only or PROGRAMS:
        row = measured(name, scale, rounds)
        print(row.line(), flush=True)
        found.append(row)
    print(*(f"\n{reason}" for row in found for reason in row.reasons()), sep="")
    if given.json is not None:
        whole = {
            "machine": machine,
            "scale": scale,
            "rounds": rounds,
            "rows": [row.as_json() for row in found],
        }
        given.json.write_text(json.dumps(whole, indent=2) + "\n")
    if given.plot is not None:
        given.plot.write_text(report.plot(found))


def measured(name: str, scale: str, rounds: int) -> report.Row:
    """One program by all: their rounds in turn, so that a busy minute hits all of them."""
    missing = dict(PROGRAMS[name].left_out)
    found: dict[str, list[dict[str, float]]] = {each: [] for each in FRAMEWORKS if each not in missing}
    for _ in range(rounds):
        for framework, kept in found.items():
            if framework in missing:
                continue
            outcome = one_round(name, framework, scale)
            if isinstance(outcome, str):
                missing[framework] = outcome
            else:
                kept.append(outcome)
    figures = {
        framework: report.Figure(*(median(one[part] for one in kept) for part in ("rate", "peak", "busy")))
        for framework, kept in found.items()
        if kept and framework not in missing
    }
    return report.Row(name, PROGRAMS[name].unit, figures, missing)


def one_round(name: str, framework: str, scale: str) -> dict[str, Any] | str:
    """Its figures, or why there are none."""
    command = [sys.executable, "-m", "tests.bench.savina.one", name, framework, scale]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT[scale], check=False
        )
    except subprocess.TimeoutExpired:
        return f"FAILED: over {LIMIT[scale]} s"
    if done.returncode != 0:
        return f"FAILED: {(done.stderr.strip().splitlines() or ['no error'])[-1][:100]}"
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
