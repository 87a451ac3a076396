"""One round of one program by one framework, in this process: the stage, the stopwatch, the check of the answer.

A program stands in `programs.py`; Callboard's actors in `ours/<name>.py`, in a function `callboard`; those of the others
in `peers/<name>.py`, in a function named after each. It is given the stage, the stopwatch and the size, and builds its
actors before it starts the watch. Nothing of a framework is imported here: a process holds the one that it measures.
"""

import gc
import importlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from tests.bench.savina.programs import PROGRAMS


class Stopwatch:
    """Times one block: the stage is built before it and torn down behind it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.busy = 0.0
        """Seconds of the processor, of all threads: a busy machine leaves them alone."""

    @contextmanager
    def running(self) -> Generator[None]:
        gc.collect()  # what the imports have left: a full collection takes 25 ms, wherever it falls
        start, busy = perf_counter(), process_time()
        yield
        self.seconds, self.busy = perf_counter() - start, process_time() - busy


class WrongResult(AssertionError):
    """The program has not done what it is timed for."""


def run(name: str, framework: str, scale: str) -> dict[str, float]:
    """Its rate, microseconds of the processor for each unit, and this process's peak memory. Raises WrongResult."""
    program, watch = PROGRAMS[name], Stopwatch()
    size = program.size(scale)
    home, stage = ("ours", "stage") if framework == "callboard" else ("peers", "stages")
    module = importlib.import_module(f"tests.bench.savina.{home}.{name}")
    enter: Callable[..., Any] = getattr(importlib.import_module(f"tests.bench.savina.{stage}"), framework)
    result = enter(getattr(module, framework), watch, size)
    expected = program.right(size)
    if result != expected:
        raise WrongResult(f"{name}, {framework}: {result}, not {expected}")
    work = program.work(size)
    return {"rate": work / watch.seconds, "busy": watch.busy / work * 1e6, "peak": peak()}


def peak() -> float:
    """Most resident memory this process has had, in MB. Not getrusage's: that survives exec, and is the parent's then."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1_000
    return 0.0
