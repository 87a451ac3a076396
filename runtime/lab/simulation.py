"""The same system under a virtual clock, a seeded schedule, seeded entropy and a disk that outlives it.

    run = simulate(program, seed=7, patterns=[pattern])
    again = simulate(program, seed=7, patterns=[pattern])
    assert run.digest == again.digest

`crash_at=n` cuts the power at the n-th numbered effect of the run: no later effect happens, the disk loses what
was not synced, and the next `simulate` on the same `disk` starts as a node does after a crash.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio
from typing_extensions import override

from actors.errors import ActorError
from runtime.cell import Cell
from runtime.clock import VirtualClock
from runtime.entropy import Entropy
from runtime.lab.determinism import fixed_task_order
from runtime.observe.tracing import TraceSample
from runtime.passivation import ACTIVE_LIMIT
from runtime.pattern import Pattern
from runtime.run_queue import Schedule
from runtime.store import Disk, MemoryStore
from runtime.system import System
from runtime.trace import NodeCrashed, Trace
from runtime.workers import InlineWorkers

START = 1_700_000_000.0

Program = Callable[[System], Awaitable[Any]]


class Stuck(ActorError):
    """Nothing can run and no timer is set: the program waits for ever."""


class SeededSchedule(Schedule):
    """Who goes next, drawn; and whether an ask of an idle actor goes through the run queue."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    @override
    def pick(self, cells: Sequence[Cell]) -> int:
        return self._entropy.below(len(cells))

    @override
    def inline(self) -> bool:
        return self._entropy.below(2) == 0


@dataclass(slots=True)
class Run:
    """What a simulated run came to."""

    result: Any
    digest: str
    steps: int
    crashed: bool
    elapsed: float
    """Virtual seconds."""
    trace: list[str]
    """One line for each effect: step, time, kind, address, number, and what. Empty unless it was kept."""


def simulate(
    program: Program,
    *,
    seed: int,
    patterns: Sequence[Pattern] = (),
    disk: Disk | None = None,
    crash_at: int | None = None,
    start: float = START,
    keep_trace: bool = False,
    trace_into: list[str] | None = None,
    tracing: TraceSample | None = None,
    active_limit: int = ACTIVE_LIMIT,
) -> Run:
    """Run `program(system)` to its end, or to the crash. Raises what the program raises, and Stuck.

    The same `seed` gives the same run: order of turns and tasks, chance, times of the disk. Time is virtual, and begins
    at `start` (seconds since 1970). A sleep costs nothing, a thread or a process runs inline, a socket is not simulated.
    `trace_into` is filled as the run goes: there it can be read even when the program raises. `tracing` changes nothing of
    the run. `active_limit` is System's. A message that is changed on its way ends it, with MessageMutated in an ExceptionGroup.
    """
    clock = VirtualClock(start, autojump=True)
    entropy = Entropy(seed)
    disk = disk if disk is not None else Disk()
    trace = Trace(clock.now, crash_at=crash_at, keep=keep_trace)
    if trace_into is not None:
        trace.lines = trace_into
    found: list[Any] = []

    async def main() -> None:
        store = MemoryStore(disk, clock=clock.now, commit_time=_disk_time(entropy.stream("disk")))
        with trio.CancelScope() as scope:
            clock.stuck = scope.cancel
            async with System(
                patterns=patterns,
                store=store,
                clock=clock,
                entropy=entropy,
                schedule=SeededSchedule(entropy.stream("schedule")),
                trace=trace,
                tracing=tracing,
                workers=InlineWorkers(),
                check_messages=True,
                active_limit=active_limit,
            ) as system:
                found.append(await program(system))
            return
        raise Stuck("nothing can run and no timer is set")

    crashed = False
    with fixed_task_order(seed):
        try:
            trio.run(main, clock=clock)
        except NodeCrashed:
            crashed = True
            disk.crash()
    return Run(
        found[0] if found else None,
        trace.digest(),
        trace.steps,
        crashed,
        clock.current_time(),
        trace.lines or [],
    )


def _disk_time(entropy: Entropy) -> Callable[[], float]:
    """0.2 to 2 ms, and one in a hundred ten times that: an fsync has a tail."""
    return lambda: (0.000_2 + 0.001_8 * entropy.fraction()) * (10 if entropy.below(100) == 0 else 1)
