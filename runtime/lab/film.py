"""A film: a run of which each step is kept, by its causal name, with the effects that it had. Pictures are drawn from it.

found = explore(program).found[0]
print(text(laid_out(film(program, found))))
"""

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from runtime.lab.choices import STEP, TIMER, Choices, Plan, Strategy
from runtime.lab.explore import Found
from runtime.lab.simulation import START, Program, Run, attempt
from runtime.pattern import Pattern


@dataclass(frozen=True, slots=True)
class Effect:
    """A line of the run's trace."""

    number: int
    """In the run, the first is 1."""
    time: float
    """Seconds since the run began."""
    kind: str
    address: str
    what: str

    @override
    def __str__(self) -> str:
        return f"{self.time:.6f} {self.kind} {self.address} {self.what}".rstrip()


@dataclass(frozen=True, slots=True)
class Shot:
    """One step of a run."""

    name: str
    touched: tuple[str, ...]
    """Who acted and whom it sent to, sorted; things that all share begin with a star."""
    effects: tuple[Effect, ...]
    fault: bool = False
    """Nothing of the program's own: the lab has done it."""


@dataclass(frozen=True, slots=True)
class Film:
    """A whole run."""

    shots: tuple[Shot, ...]
    crashed: bool
    error: Exception | None
    digest: str = ""
    """Of the run: equal to another's that did the same."""

    @property
    def effects(self) -> list[Effect]:
        """All effects of the run, in their order."""
        return [effect for shot in self.shots for effect in shot.effects]


def film(program: Program, found: Found, *, patterns: Sequence[Pattern] = ()) -> Film:
    """What was found, run again in front of a camera."""
    options = found.options
    return filmed(program, Plan(found.plan), seed=options.seed, inline=options.inline, patterns=patterns)


def filmed(
    program: Program,
    strategy: Strategy,
    *,
    seed: int,
    inline: float = 0.0,
    patterns: Sequence[Pattern] = (),
    crash_at: int | None = None,
) -> Film:
    """One run in front of a camera."""
    lines: list[str] = []
    camera = _Camera(strategy, lines)
    run = attempt(
        program,
        seed=seed,
        patterns=patterns,
        choices=camera,
        inline=inline,
        trace_into=lines,
        crash_at=crash_at,
    )
    return camera.film(run)


class _Camera(Choices):
    """Notes after each step how many effects there have been."""

    def __init__(self, strategy: Strategy, lines: list[str]) -> None:
        super().__init__(strategy)
        self._lines = lines
        self._ends: list[int] = []

    @override
    def over(self) -> None:
        super().over()
        if len(self._ends) < len(self.steps):
            self._ends.append(len(self._lines))

    def film(self, run: Run) -> Film:
        faults = {choice.step for choice in self.made if choice.kind not in {STEP, TIMER}}
        effects = [_effect(line) for line in self._lines]
        shots: list[Shot] = []
        begin = 0
        for number, (step, end) in enumerate(zip(self.steps, self._ends, strict=True)):
            shots.append(
                Shot(step.name, tuple(sorted(step.touched)), tuple(effects[begin:end]), number in faults)
            )
            begin = end
        return Film(tuple(shots), run.crashed, run.error, run.digest)


def _effect(line: str) -> Effect:
    number, time, kind, address, _, what = line.split(" ", 5)
    return Effect(int(number), float(time) - START, kind, address, what)
