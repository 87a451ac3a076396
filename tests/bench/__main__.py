"""All figures: `python -m tests.bench [--only NAME] [--quick] [--backlog] [--json FILE]`.

Each bench is a file of this folder with a `measure`; none asserts anything, since a figure is no test. Programs under
load and the loads on them share the machine: compare ratios, and figures of the same run. Callboard beside other actor
frameworks has a command of its own: `python -m tests.bench.savina`.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from runtime.config import LogFormat
from runtime.observe import logs
from tests.bench import actors_speed, backlog, features, group_commit, http_door, idle_actors, receives, sends
from tests.bench.figures import HEADING, Figure, Options, as_json

BENCHES: dict[str, Callable[[Options], Iterator[Figure]]] = {
    "actors": actors_speed.measure,
    "features": features.measure,
    "idle": idle_actors.measure,
    "commit": group_commit.measure,
    "door": http_door.measure,
    "sends": sends.measure,
    "receives": receives.measure,
}
LONG = {"backlog": backlog.measure}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", choices=[*BENCHES, *LONG], help="may be given again")
    parser.add_argument("--quick", action="store_true", help="a fraction of the time and of the precision")
    parser.add_argument("--backlog", action="store_true", help="also the backlog of a million: minutes, 2 GB")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk to be measured"
    )
    given = parser.parse_args()
    logs.configure(LogFormat.TEXT)
    options = Options(folder=given.folder, quick=given.quick, backlog=given.backlog)
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    print(machine, HEADING, sep="\n", flush=True)
    found: list[Figure] = []
    for measure in _chosen(given.only, options):
        for figure in measure(options):
            print(figure.line(), flush=True)
            found.append(figure)
    if given.json is not None:
        report = {"machine": machine, "quick": options.quick, "figures": as_json(found)}
        given.json.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")


def _chosen(only: list[str] | None, options: Options) -> list[Callable[[Options], Iterator[Figure]]]:
    every = BENCHES | LONG
    if only:
        return [every[name] for name in only]
    return list((every if options.backlog else BENCHES).values())


if __name__ == "__main__":
    main()
