"""Shrink: the least that still fails in the same way.

Elements are left out by delta debugging (ddmin, Zeller and Hildebrandt 2002): faults first, then options, then wishes. Then a
wish is moved to another of the same actor if that saves a preemption. A candidate that fails in another way is no
step, but a find of its own.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runtime.faults.rule import Rule
from runtime.lab.choices import actor_of
from runtime.lab.failures import Failure, failure_of
from runtime.lab.lives import Element, Kind, Lived, Recipe, live
from runtime.lab.simulation import Program
from runtime.pattern import Pattern

BUDGET = 500
"""Candidates."""


@dataclass(slots=True)
class Shrunk:
    """What shrinking came to."""

    run: Lived
    """The least run that fails alike."""
    recipe: Recipe
    """What makes it: fewer wishes than it has choices."""
    dropped: list[Element]
    """What it does without."""
    before: Lived
    candidates: int = 0
    """Runs that were made for it."""
    minimal: bool = True
    """No single element can be left out; False: the budget was spent before that was known."""
    others: dict[Failure, Lived] = field(default_factory=dict[Failure, Lived])
    """Runs on the way that failed in another way, one for each."""


class _Spent(Exception):
    """The budget."""


class _Shrinker:
    def __init__(
        self, run: Callable[[Recipe], Lived], failing: Lived, failure: Failure, recipe: Recipe, budget: int
    ) -> None:
        self.others: dict[Failure, Lived] = {}
        self.candidates = 0
        self.best = failing
        self.recipe = recipe
        self._run = run
        self._failure = failure
        self._budget = budget
        self._seen: set[str] = set()
        """Digests of candidates that were run."""

    def shrink(self) -> bool:
        """Whether there was budget enough to know that it is the least."""
        try:
            before = None
            while before != self.recipe:
                before = self.recipe
                self._leave_out_lives()
                for kind in Kind:
                    self._leave_out(kind)
                self._join()
        except _Spent:
            return False
        return True

    def _leave_out_lives(self) -> None:
        """A life that a power cut ends goes with the cut, and the later ones move up: their wishes mean the same."""
        for life in reversed(range(len(self.recipe.of(Kind.FAULT)))):
            self._fails(
                [
                    one._replace(life=one.life - 1) if one.life > life else one
                    for one in self.recipe.elements
                    if one.life != life or one.kind is Kind.OPTION
                ]
            )

    def _leave_out(self, kind: Kind) -> None:
        """Halves first, then smaller and smaller parts; from the start where something went."""
        size = len(self.recipe.of(kind))
        while size:
            mine = [one for one in self.recipe.elements if one.kind is kind]
            at = 0
            while at < len(mine):
                rest = mine[:at] + mine[at + size :]
                if self._fails([one for one in self.recipe.elements if one.kind is not kind] + rest):
                    mine = rest
                else:
                    at += size
            size = min(size // 2, len(mine)) if size > 1 else 0

    def _join(self) -> None:
        """Move wishes towards those of the same actor, as long as that saves a preemption."""
        while any(self._moved(*pair) for pair in self._pairs()):
            pass

    def _pairs(self) -> list[tuple[int, int]]:
        """Of one actor's wishes: which to move, and behind or before which; `to` counts without the moved one."""
        elements = self.recipe.elements
        return [
            (at, to)
            for at, one in enumerate(elements)
            for to in range(len(elements))
            if one.kind is Kind.PLAN and to != at and _next_to_kin(elements, at, to)
        ]

    def _moved(self, at: int, to: int) -> bool:
        rest = [*self.recipe.elements[:at], *self.recipe.elements[at + 1 :]]
        rest.insert(to, self.recipe.elements[at])
        return self._fails(rest, fewer_preemptions=True)

    def _fails(self, elements: Sequence[Element], *, fewer_preemptions: bool = False) -> bool:
        """Whether it fails alike; then it is the best so far."""
        candidate = Recipe(self.recipe.seed, tuple(elements))
        key = candidate.digest()
        if key in self._seen:
            return False  # it has failed in another way, or saved nothing; less cannot be asked of it now
        if self.candidates == self._budget:
            raise _Spent
        self.candidates += 1
        self._seen.add(key)
        run = self._run(candidate)
        failure = None if run.error is None else failure_of(run.error)
        alike = failure == self._failure
        if failure is not None and not alike:
            self.others.setdefault(failure, run)
        if not alike or (fewer_preemptions and run.preemptions >= self.best.preemptions):
            return False
        self.best, self.recipe = run, candidate
        return True


def _next_to_kin(elements: Sequence[Element], at: int, to: int) -> bool:
    """Whether a wish that is moved there stands beside one of the same actor and life."""
    rest = [*elements[:at], *elements[at + 1 :]]
    who = actor_of(elements[at].what), elements[at].life
    return any(
        (actor_of(one.what), one.life) == who
        for one in rest[max(to - 1, 0) : to + 1]
        if one.kind is Kind.PLAN
    )


def shrink(
    program: Program,
    failing: Recipe,
    *,
    patterns: Sequence[Pattern] = (),
    budget: int = BUDGET,
    faults: Sequence[Rule] = (),
) -> Shrunk:
    """The least of `failing` that still fails alike, found with `budget` runs at most. Raises ValueError if it does not fail.

    `faults`: the rules whose faults it names.
    """
    before = live(program, failing, patterns=patterns, faults=faults)
    if before.error is None:
        raise ValueError("shrink: this run does not fail")

    def run(recipe: Recipe) -> Lived:
        return live(program, recipe, patterns=patterns, faults=faults)

    shrinker = _Shrinker(run, before, failure_of(before.error), failing, budget)
    minimal = shrinker.shrink()
    left = Counter((one.kind, one.what) for one in shrinker.recipe.elements)
    dropped: list[Element] = []
    for one in failing.elements:  # whichever life it has moved to
        if left[one.kind, one.what]:
            left[one.kind, one.what] -= 1
        else:
            dropped.append(one)
    return Shrunk(
        shrinker.best, shrinker.recipe, dropped, before, shrinker.candidates, minimal, shrinker.others
    )
