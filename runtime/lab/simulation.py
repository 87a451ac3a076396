"""The same system under a virtual clock, a seeded schedule, seeded entropy and a disk that outlives it.

    run = simulate(program, seed=7, patterns=[pattern])
    again = simulate(program, seed=7, patterns=[pattern])
    assert run.digest == again.digest

`crash_at=n` cuts the power at the n-th numbered effect of the run: no later effect happens, the disk loses what
was not synced, and the next `simulate` on the same `disk` starts as a node does after a crash.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import trio

from runtime.boundary import Boundary
from runtime.entropy import Entropy
from runtime.faults.rule import Rule
from runtime.lab.choices import Choices
from runtime.lab.determinism import chosen_task_order
from runtime.lab.properties import Met, Watched
from runtime.lab.run_faults import RunFaults, Running
from runtime.lab.schedule import ChosenSchedule, ChosenTrace
from runtime.lab.states import state_of
from runtime.lab.strategies import Walk
from runtime.lab.stuck import STEPS_MAX, Ends
from runtime.lab.wrong_clock import WrongClock
from runtime.observe.tracing import TraceSample
from runtime.passivation import ACTIVE_LIMIT
from runtime.pattern import Pattern
from runtime.router import Router
from runtime.store import Disk, MemoryStore
from runtime.store.port import Store
from runtime.system import System
from runtime.timers import Timer
from runtime.trace import NodeCrashed
from runtime.workers import InlineWorkers

START = 1_700_000_000.0
INLINE = 0.5
"""The share of asks of idle actors that are driven in their asker's own step, unless a run says otherwise."""

Program = Callable[[System], Awaitable[Any]]


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
    plan: list[str]
    """The choices that were made, as wishes: `Plan(run.plan)` makes them again."""
    error: Exception | None
    """What the program has failed with. `simulate` raises it."""
    met: Met = field(default_factory=Met)
    """What it has met of the properties (`lab.always` and its like)."""
    faults: list[str] = field(default_factory=list[str])
    """The faults that have happened, by name: `Choices(strategy, faults=run.faults)` makes them again."""
    dead_rules: list[str] = field(default_factory=list[str])
    """Rules that nothing has matched: what they were to show has not been tried."""


def simulate(
    program: Program,
    *,
    seed: int,
    patterns: Sequence[Pattern] = (),
    disk: Disk | None = None,
    crash_at: int | None = None,
    start: float = START,
    choices: Choices | None = None,
    inline: float = INLINE,
    keep_trace: bool = False,
    trace_into: list[str] | None = None,
    tracing: TraceSample | None = None,
    active_limit: int = ACTIVE_LIMIT,
    step_limit: int = STEPS_MAX,
    faults: Sequence[Rule] = (),
) -> Run:
    """Run `program(system)` to its end, or to the crash. Raises what the program raises, PropertyFailed before it; and Stuck.

    The same `seed` gives the same run: order of turns and tasks, chance, times of the disk. `choices` takes the first
    out of the seed: its strategy says who goes next, and it holds what was chosen. `inline` is the share of asks of idle
    actors that are driven in their asker's own step. Time is virtual, and begins at `start` (seconds since 1970). A sleep
    costs nothing, a thread or a process runs inline, a socket is not simulated. `trace_into` is filled as the run goes:
    there it can be read even when the program raises. `tracing` changes nothing of the run. `active_limit` is System's.
    A run that is not quiet after `step_limit` numbered effects is stuck too. A message that is changed on its way ends it,
    with MessageMutated in an ExceptionGroup. `faults` are rules, as a running node has them (`run_faults.py`), until `heal`.
    """
    run = attempt(
        program,
        seed=seed,
        patterns=patterns,
        disk=disk,
        crash_at=crash_at,
        start=start,
        choices=choices,
        inline=inline,
        keep_trace=keep_trace,
        trace_into=trace_into,
        tracing=tracing,
        active_limit=active_limit,
        step_limit=step_limit,
        faults=faults,
    )
    if run.error is not None:
        raise run.error
    return run


def attempt(
    program: Program,
    *,
    seed: int,
    patterns: Sequence[Pattern] = (),
    disk: Disk | None = None,
    crash_at: int | None = None,
    start: float = START,
    choices: Choices | None = None,
    inline: float = INLINE,
    keep_trace: bool = False,
    trace_into: list[str] | None = None,
    tracing: TraceSample | None = None,
    active_limit: int = ACTIVE_LIMIT,
    step_limit: int = STEPS_MAX,
    faults: Sequence[Rule] = (),
) -> Run:
    """`simulate`, whose run is there even when the program has failed: then it has an `error`."""
    clock, entropy = WrongClock(start, autojump=True), Entropy(seed)
    disk = disk if disk is not None else Disk()
    choices = choices or Choices(Walk(entropy.stream("schedule")))
    schedule = ChosenSchedule(choices, partial(_happens, entropy.stream("inline"), inline))
    trace = ChosenTrace(choices, clock.now, crash_at=crash_at, keep=keep_trace)
    trace.lines = trace.lines if trace_into is None else trace_into
    choices.now = None if trace.lines is None else clock.now
    found: list[Any] = []
    watched, ends = Watched(), Ends(trace, step_limit)
    wrong = RunFaults(faults, choices, clock, disk, entropy)

    async def main() -> None:
        store = MemoryStore(disk, clock=clock.now, commit_time=disk_time(entropy.stream("disk")))
        with trio.CancelScope() as scope:
            system = System(
                patterns=patterns,
                store=cast("Store", wrong.around(store)) if faults else store,
                clock=clock,
                entropy=entropy,
                schedule=schedule,
                trace=trace,
                tracing=tracing,
                workers=InlineWorkers(),
                check_messages=True,
                active_limit=active_limit,
            )
            _let_choose(system, schedule)
            wrong.connect(system)
            ends.watch(system, clock, scope.cancel)
            async with system:
                found.append(await program(system))
            return
        ends.check()

    crashed = False
    with Boundary() as boundary, watched, Running(wrong), chosen_task_order(schedule.next_task):
        try:
            trio.run(main, clock=clock)
        except NodeCrashed:
            ends.check()
            crashed = watched.cut = True
            disk.crash()
    choices.over()
    return Run(
        found[0] if found else None,
        trace.digest(),
        trace.steps,
        crashed,
        clock.current_time(),
        trace.lines or [],
        choices.plan,
        boundary.error,
        watched.met,
        choices.faults,
        wrong.dead(),
    )


def _let_choose(system: System, schedule: ChosenSchedule) -> None:
    """What of a system a schedule cannot take the place of."""
    router = system.router
    router.interceptors = (schedule.sees, *router.interceptors)
    schedule.ending = lambda: not router.accepting
    system.timers.order = partial(schedule.in_order, name=partial(_name_of_timer, router))
    if schedule.choices.looks:
        schedule.choices.look = partial(state_of, router)


def _happens(entropy: Entropy, share: float) -> bool:
    return entropy.fraction() < share


def _name_of_timer(router: Router, timer: Timer) -> str | None:
    """`/lamp : timer off`, of an actor's own; looked for, since it is rare that two are due at one instant."""
    for cell in router.cells.values():
        own = None if cell.ctx is None else cell.ctx.timers
        for key, one in (own or {}).items():
            if one is timer:
                return f"{cell.address} : timer {key}"
    return None


def disk_time(entropy: Entropy) -> Callable[[], float]:
    """0.2 to 2 ms, and one in a hundred ten times that: an fsync has a tail."""
    return lambda: (0.000_2 + 0.001_8 * entropy.fraction()) * (10 if entropy.below(100) == 0 else 1)
