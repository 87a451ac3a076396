"""An experiment: one program under each combination of parameters and each seed, and what it measures there.

    async def point(system: System, *, retries: int, jitter: bool) -> Measures: ...

    STORM = Experiment("retries", point, sweep={"retries": (0, 3), "jitter": (False, True)})
    results = run(STORM, seeds=range(30))

Each run is a simulation of its own: virtual time, chance from the seed. Runs of one seed are pairs: what the program draws by
`system.entropy.stream("arrivals")` is the same at each point, so that a difference between two points is the parameters'.
Nobody looks for a rare schedule here, so it is drawn, and not chosen by name as `simulate` does: that is twice as fast.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import structlog
import trio

from runtime.clock import VirtualClock
from runtime.entropy import Entropy
from runtime.lab.determinism import fixed_task_order
from runtime.lab.drawn_schedule import DrawnSchedule
from runtime.lab.simulation import START, disk_time
from runtime.lab.stuck import Stuck
from runtime.lab.target import BadTarget, look_up
from runtime.pattern import Pattern
from runtime.store import Disk, MemoryStore
from runtime.system import System
from runtime.workers import InlineWorkers, MachineWorkers

Value = str | int | float | bool
"""Of a parameter."""
Measures = Mapping[str, float]
"""What one run came to, by name: a number, or whether something was so (True, False), which becomes a share of the runs."""


class BadExperiment(ValueError):
    """It cannot be run, or has measured what is no number; says which and where."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is swept and what is measured."""

    name: str
    point: Callable[..., Awaitable[Measures]]
    """Called with a System and one value of each parameter, by its name; always answers the same measures."""
    sweep: Mapping[str, Sequence[Value]]
    """The values of each parameter; every combination is a point."""
    patterns: Sequence[Pattern] = ()
    baseline: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """The point that the others are compared with, seed by seed. Empty: none."""

    def __post_init__(self) -> None:
        for name, values in self.sweep.items():
            if not values or isinstance(values, str):
                raise BadExperiment(f"{self.name}: {name} has no values to sweep")
        if self.baseline and dict(self.baseline) not in list(self.points()):
            raise BadExperiment(f"{self.name}: the baseline {dict(self.baseline)} is no point of the sweep")

    @property
    def varied(self) -> list[str]:
        """The parameters of more than one value."""
        return [name for name, values in self.sweep.items() if len(values) > 1]

    def points(self) -> Iterator[dict[str, Value]]:
        """Every combination; the last parameter changes fastest."""
        for values in product(*self.sweep.values()):
            yield dict(zip(self.sweep, values, strict=True))


@dataclass(frozen=True, slots=True)
class Row:
    """One run: where, and what it came to."""

    seed: int
    parameters: Mapping[str, Value]
    measures: Measures


@dataclass(frozen=True, slots=True)
class Results:
    """All runs: point by point in the sweep's order, and by seed within a point."""

    experiment: Experiment
    seeds: Sequence[int]
    rows: Sequence[Row]

    def at(self, parameters: Mapping[str, Value]) -> list[Row]:
        """The rows of one point, by seed."""
        return [row for row in self.rows if row.parameters == parameters]

    @property
    def measures(self) -> list[str]:
        """Names of what was measured."""
        return list(self.rows[0].measures) if self.rows else []


def run(experiment: Experiment, seeds: Sequence[int]) -> Results:
    """Every point under every seed, in this process. Raises BadExperiment, Stuck, and what a run raises, with its place as a note."""
    _check_seeds(seeds)
    rows = [_run(experiment, parameters, seed) for parameters in experiment.points() for seed in seeds]
    for row in rows:
        _check(experiment, row, rows[0])
    return Results(experiment, seeds, rows)


async def run_in_processes(target: str, seeds: Sequence[int], processes: int | None = None) -> Results:
    """As `run`, of the experiment `module:NAME`, a seed a job, on so many processes (one a core by default).

    What a run raises comes as WorkerFailed, with the traceback as a note.
    """
    _check_seeds(seeds)
    experiment, workers = experiment_of(target), MachineWorkers(processes)
    measured: dict[int, list[Measures]] = {}

    async def one(seed: int) -> None:
        measured[seed] = await workers.process(measures_of, target, seed)

    try:
        async with trio.open_nursery() as nursery:
            for seed in seeds:
                nursery.start_soon(one, seed)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    finally:
        await workers.aclose()
    rows = [
        Row(seed, parameters, measured[seed][place])
        for place, parameters in enumerate(experiment.points())
        for seed in seeds
    ]
    for row in rows:
        _check(experiment, row, rows[0])
    return Results(experiment, seeds, rows)


def measures_of(target: str, seed: int) -> list[Measures]:
    """What one seed measures at each point: the job of one process."""
    # thousands of runs, most of them made to go wrong: what they log is not what is looked for
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return [row.measures for row in run(experiment_of(target), [seed]).rows]


def experiment_of(target: str) -> Experiment:
    """The experiment that `module:NAME` names. Raises BadTarget; what the module raises as it is imported passes."""
    module, found = look_up(target, "module:NAME")
    if not isinstance(found, Experiment):
        raise BadTarget(f"{target}: {module.__name__} has no Experiment {target.partition(':')[2]}")
    return found


def _check_seeds(seeds: Sequence[int]) -> None:
    if not seeds or len(set(seeds)) < len(seeds):
        raise BadExperiment(
            "seeds: at least one, and each once: a run that counts twice makes an interval too narrow"
        )


def _check(experiment: Experiment, row: Row, first: Row) -> None:
    where = f"{experiment.name}, {dict(row.parameters)}, seed {row.seed}"
    if list(row.measures) != list(first.measures):
        raise BadExperiment(f"{where}: measures {list(row.measures)}, the first run {list(first.measures)}")
    for name, value in row.measures.items():
        if not math.isfinite(value):
            raise BadExperiment(f"{where}: {name} is {value}; a measure is a finite number")


def _run(experiment: Experiment, parameters: Mapping[str, Value], seed: int) -> Row:
    clock, entropy = VirtualClock(START, autojump=True), Entropy(seed)
    found: list[Measures] = []

    async def main() -> None:
        store = MemoryStore(Disk(), clock=clock.now, commit_time=disk_time(entropy.stream("disk")))
        with trio.CancelScope() as scope:
            clock.stuck = scope.cancel
            async with System(
                patterns=experiment.patterns,
                store=store,
                clock=clock,
                entropy=entropy,
                schedule=DrawnSchedule(entropy.stream("schedule")),
                workers=InlineWorkers(),
            ) as system:
                found.append(await experiment.point(system, **parameters))
                scope.cancel()  # it is measured: what is left in mailboxes need not be worked off

    try:
        with fixed_task_order(seed):
            trio.run(main, clock=clock)
    except Exception as error:
        error.add_note(f"{experiment.name}, {dict(parameters)}, seed {seed}")
        raise
    if not found:
        raise Stuck(
            f"{experiment.name}, {dict(parameters)}, seed {seed}: nothing can run and no timer is set"
        )
    return Row(seed, parameters, found[0])
