"""A film: a run of which each step is kept, by its causal name, with the effects that it had. Pictures are drawn from it.

found = explore(program).found[0]
print(text(laid_out(film(program, found.recipe))))
"""

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from runtime.lab.choices import STEP, TIMER, Choices
from runtime.lab.lives import Recipe, live
from runtime.lab.simulation import START, Program, Run
from runtime.pattern import Pattern


@dataclass(frozen=True, slots=True)
class Effect:
    """A line of the run's trace."""

    number: int
    """In its life of the node, the first is 1."""
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
    time: float = 0.0
    """When it began, in seconds since the run began."""
    fault: bool = False
    """Nothing of the program's own: the lab has done it."""


@dataclass(frozen=True, slots=True)
class Film:
    """A whole run, over all lives of its node."""

    shots: tuple[Shot, ...]
    error: Exception | None
    digest: str = ""
    """Of the run: equal to another's that did the same."""

    @property
    def effects(self) -> list[Effect]:
        """All effects of the run, in their order."""
        return [effect for shot in self.shots for effect in shot.effects]


def film(program: Program, recipe: Recipe, *, patterns: Sequence[Pattern] = ()) -> Film:
    """A run in front of a camera."""
    lived = live(program, recipe, patterns=patterns, keep_trace=True)
    shots: list[Shot] = []
    begun = 0.0
    for run, book in zip(lived.lives, lived.books, strict=True):
        shots += _shots(run, book, begun)
        begun += run.elapsed
        if run.crashed:
            shots.append(Shot("/store : power cut", ("/store",), (), begun, fault=True))
    return Film(tuple(shots), lived.error, lived.digest)


def _shots(run: Run, book: Choices, begun: float) -> list[Shot]:
    """Of one life."""
    faults = {choice.step for choice in book.made if choice.kind not in {STEP, TIMER}}
    effects = [_effect(line, begun) for line in run.trace]
    shots: list[Shot] = []
    begin = 0
    for number, step in enumerate(book.steps):
        mine = tuple(effects[begin : step.effects])
        at = begun + step.time - START
        shots.append(Shot(step.name, tuple(sorted(step.touched)), mine, at, fault=number in faults))
        begin = step.effects
    return shots


def _effect(line: str, begun: float) -> Effect:
    number, time, kind, address, _, what = line.split(" ", 5)
    return Effect(int(number), begun + float(time) - START, kind, address, what)
