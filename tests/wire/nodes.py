"""A node as its user starts it: `callboard up` in a process of its own, from a checkout that is not installed."""

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

CHECKOUT = Path(__file__).parents[2]
REGION = "eu-central-1"
RUN = "from runtime.__main__ import main; main()"
END_WITHIN = 30.0
"""Seconds, after which a node that should have ended is a failure and not a wait."""


def environment(folder: Path) -> dict[str, str]:
    """The variables of a child that finds the checkout as if pip had installed it: its version and its entry points."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    described = folder / "installed" / f"callboard-{project['version']}.dist-info"
    described.mkdir(parents=True, exist_ok=True)
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: callboard\nVersion: {project['version']}\n"
    )
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {point}\n" for name, point in points.items())
        for group, points in project["entry-points"].items()
    ]
    (described / "entry_points.txt").write_text("".join(groups))
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("CALLBOARD_", "AWS_"))}
    return {**ours, "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{described.parent}", "PYTHONUNBUFFERED": "1"}


@dataclass
class RunningNode:
    """One process. `url` is where it serves."""

    process: "subprocess.Popen[str]"
    url: str
    errors: Path

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(END_WITHIN)

    def said(self) -> str:
        """What stands on standard error."""
        return self.errors.read_text()


@contextmanager
def node(folder: Path, *options: str, data: Path | None = None) -> Generator[RunningNode]:
    """Run `callboard up` until the block is left; in memory if `data` is None."""
    where = ["--memory"] if data is None else ["--data", str(data)]
    errors = folder / f"errors-{len(list(folder.iterdir()))}"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, "up", "--port", "0", "--region", REGION, *where, *options],
            env=environment(folder),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        try:
            yield RunningNode(process, _endpoint(process, errors), errors)
        finally:
            process.kill()


def _endpoint(process: "subprocess.Popen[str]", errors: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if "Endpoint" in line:
            return line.split()[1]
    raise AssertionError(f"the node has not started: {errors.read_text()}")


def until_waiting(running: RunningNode, count: int) -> None:
    """Return when `count` receives wait in the node, which its tree tells: a client has no other sign of it."""
    with urllib3.PoolManager(retries=False, timeout=END_WITHIN) as pool:
        for _ in range(5_000):
            tree = pool.request("GET", f"{running.url}/_callboard/tree").data.decode()
            if sum(int(found) for found in re.findall(r'"deferred": ?(\d+)', tree)) == count:
                return
    raise AssertionError(f"there are not {count} receives that wait")


def run(
    folder: Path, *arguments: str, variables: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """A command line of ours that ends by itself."""
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        env={**environment(folder), **(variables or {})},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=END_WITHIN,
        check=False,
    )
