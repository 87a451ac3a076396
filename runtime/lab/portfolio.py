"""`auto`: the default schedule, each single crash point and some pairs, every schedule with one delay; then strategies that draw, in turn.

Systematic stages say what they covered. Only drawn runs count as a sample: what they say of the rest stands in `confidence`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from runtime.entropy import Entropy
from runtime.lab.bounded import Bounded, delays
from runtime.lab.choices import Strategy
from runtime.lab.confidence import at_most, class_of, unseen
from runtime.lab.crash_points import crash_points
from runtime.lab.lives import Element, Kind, Lived, Recipe, live
from runtime.lab.sharing import Sharing
from runtime.lab.simulation import Program
from runtime.lab.strategies import Pct, Pos, Walk
from runtime.pattern import Pattern

TURN = ("pos", "crash", "pos", "pct", "pos", "crash", "pos", "sticky")
"""What the drawn runs do, one after the other: `crash` is POS with a power cut at an effect that is drawn."""


@dataclass(slots=True)
class Checked:
    """What a portfolio came to."""

    found: Lived | None = None
    stage: str = ""
    """In which stage it was found."""
    runs: int = 0
    covered: list[str] = field(default_factory=list[str])
    """A line for each stage."""
    drawn: int = 0
    classes: Counter[str] = field(default_factory=Counter[str])

    @property
    def confidence(self) -> str:
        """What the drawn runs say of those that were not made."""
        if self.found is not None:
            return f"found by {self.stage}, in run {self.runs}"
        if not self.drawn:
            return "no run was drawn: what was covered says it all"
        return (
            f"{self.drawn} drawn runs pass: fewer than {at_most(self.drawn):.2%} fail, with 95 % confidence; "
            f"{len(self.classes)} kinds of runs seen, unseen mass {unseen(self.classes):.2f}"
        )


class _Portfolio:
    def __init__(self, program: Program, patterns: Sequence[Pattern], runs: int) -> None:
        self.checked = Checked()
        self.sharing = Sharing()
        self._program = program
        self._patterns = patterns
        self._most = runs
        self._length = 0
        self._effects = 0

    @property
    def over(self) -> bool:
        return self.checked.found is not None or self.checked.runs >= self._most

    def default_and_crashes(self) -> None:
        """At least a quarter of the runs is kept for other schedules."""
        most = self._most
        points = crash_points(
            self._program, singles=most // 2, pairs=most // 4, patterns=self._patterns, stop_at=1
        )
        self.checked.runs += 1 + points.singles + points.pairs
        self._effects = points.points
        if points.found:
            crashes = len(points.found[0].recipe.of(Kind.FAULT))
            self._failed(points.found[0], "crash points" if crashes else "the default schedule")
        if points.points:
            every = "all" if points.all_pairs else "not all"
            self.checked.covered.append(
                f"{points.singles} of {points.points} single crash points, {points.pairs} pairs ({every})"
            )

    def one_delay(self) -> None:
        """Reduction first, as in any search; it learns from each run."""
        search, runs = Bounded(0, delays, 1), 0
        while not self.over and (how := search.next()) is not None:
            local = self.sharing.local()
            run = self._run(Recipe(0), how, local, "delay 1")
            search.learn(run.books[0], self.sharing.local())
            runs += 1
        left = "" if search.next() is None else ", not all"
        self.checked.covered.append(f"{runs} schedules with one delay{left}")

    def drawn(self) -> None:
        """Each run has a seed of its own; one in four does without the reduction, for what messages do not show."""
        counts: Counter[str] = Counter()
        while not self.over:
            seed = self.checked.drawn
            draws = Entropy(seed).stream("options")
            name = TURN[seed % len(TURN)]
            elements = [Element(Kind.OPTION, "0.5")] if draws.below(8) == 0 else []
            if name == "crash":
                elements.append(Element(Kind.FAULT, str(1 + draws.below(max(self._effects, 1)))))
            local = self.sharing.local() if draws.below(4) else ()
            how = _made(name, draws, self._length)
            run = self._run(Recipe(seed, tuple(elements)), how, local, name)
            self.checked.drawn += 1
            self.checked.classes[class_of(run.books)] += 1
            counts[name] += 1
        if counts:
            self.checked.covered.append(", ".join(f"{count} {name}" for name, count in counts.items()))

    def _run(self, recipe: Recipe, how: Strategy, local: Collection[str], stage: str) -> Lived:
        run = live(self._program, recipe, patterns=self._patterns, then=how, local=local)
        self.checked.runs += 1
        self._length = max(self._length, sum(choice.free for choice in run.choices))
        for book in run.books:
            self.sharing.learn(book)
        if run.error is not None:
            self._failed(run, stage)
        return run

    def _failed(self, run: Lived, stage: str) -> None:
        self.checked.found, self.checked.stage = run, stage


def _made(name: str, draws: Entropy, length: int) -> Strategy:
    entropy = draws.stream("schedule")
    made: dict[str, Callable[[], Strategy]] = {
        "pct": lambda: Pct(entropy, 2 + draws.below(4), length),
        "sticky": lambda: Walk(entropy, 0.9),
    }
    return made.get(name, lambda: Pos(entropy))()


def check_all(program: Program, *, runs: int = 200, patterns: Sequence[Pattern] = ()) -> Checked:
    """So many runs of the portfolio, or until the first one fails. Raises ValueError for no runs."""
    if runs < 1:
        raise ValueError("check_all: without a run nothing is tried")
    portfolio = _Portfolio(program, patterns, runs)
    for stage in (portfolio.default_and_crashes, portfolio.one_delay, portfolio.drawn):
        if not portfolio.over:
            stage()
    return portfolio.checked
