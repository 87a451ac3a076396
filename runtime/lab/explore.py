"""Explore: one program under one schedule after the other, until one fails, the budget is spent, or all have been tried.

    explored = explore(program, strategy="pos", seeds=200)
    for found in explored.found:
        again = replay(program, found)

A program fails by raising: an assertion of its own, Stuck, whatever leaves its system.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runtime.entropy import Entropy
from runtime.faults.rule import Rule
from runtime.lab.bounded import Bounded, Exhaustive, delays, preemptions
from runtime.lab.choices import Choices, Plan, Strategy
from runtime.lab.guided import Guided
from runtime.lab.lives import Element, Kind, Recipe
from runtime.lab.sharing import Sharing
from runtime.lab.simulation import Program, Run, attempt
from runtime.lab.strategies import Pct, Pos, Walk
from runtime.pattern import Pattern


class Search(Protocol):
    """Strategies, one run's after the other's."""

    @property
    def seed(self) -> int:
        """Of the run that `next` was for."""
        ...

    @property
    def reduces(self) -> bool:
        """Whether steps that commute with all others are taken at once."""
        ...

    def next(self) -> Strategy | None:
        """The strategy of the next run; None when there is nothing left to try."""
        ...

    def learn(self, choices: Choices, local: Collection[str]) -> None:
        """A run is over, and so much commutes with all others as far as is known now."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was made with, drawn before it began: with the same options and code it is the same run."""

    seed: int
    strategy: str
    inline: float = 0.0
    """The share of asks of idle actors that are driven in their asker's own step."""
    local: tuple[str, ...] = ()
    """Steps that were taken at once, since they commute with all others as far as was known."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run that failed."""

    number: int
    """Which run it was, the first is 1."""
    options: Options
    plan: list[str]
    error: Exception
    digest: str
    faults: list[str] = field(default_factory=list[str])
    """Those that have happened, by name."""

    @property
    def recipe(self) -> Recipe:
        """What makes this run, for a shrinker to take apart."""
        inline = [Element(Kind.OPTION, str(self.options.inline))] if self.options.inline else []
        faults = [Element(Kind.FAULT, name) for name in self.faults]
        return Recipe(
            self.options.seed, (*faults, *inline, *(Element(Kind.PLAN, wish) for wish in self.plan))
        )


@dataclass(slots=True)
class Explored:
    """What an exploration came to."""

    found: list[Found]
    runs: int = 0
    complete: bool = False
    """Everything that the strategy could try has been tried."""
    longest: int = 0
    """The most choices that a run has had."""


def explore(
    program: Program,
    *,
    strategy: str = "pos",
    seeds: int | Sequence[int] = 200,
    patterns: Sequence[Pattern] = (),
    stop_at: int = 1,
    enough: Callable[[], bool] = bool,
    faults: Sequence[Rule] = (),
) -> Explored:
    """Run it under so many schedules, or until `stop_at` of them have failed, or it is `enough`.

    `strategy`: `pos`, `walk`, `sticky:0.9`, `pct:3` draw, a run for each seed; `guided`
    goes on from what has led to new states; `delay:1`, `preempt:1` and `dfs` go through
    all schedules within their bound, as many runs as there are seeds at most, the first of which seeds all other chance.
    `faults` are rules that draw in each run anew. Raises ValueError for another strategy, or no seeds.
    """
    chosen = range(seeds) if isinstance(seeds, int) else seeds
    if not chosen:
        raise ValueError("explore: without a seed nothing is tried")
    search, sharing, explored = search_of(strategy, chosen), Sharing(), Explored([])
    while explored.runs < len(chosen) and len(explored.found) < stop_at and not enough():
        how = search.next()
        if how is None:
            explored.complete = True
            break
        options = _drawn(search, strategy, sharing)
        choices = Choices(how, frozenset(options.local), looks=isinstance(search, Guided))
        run = attempt(
            program,
            seed=options.seed,
            patterns=patterns,
            choices=choices,
            inline=options.inline,
            faults=faults,
        )
        explored.runs += 1
        explored.longest = max(explored.longest, sum(choice.free for choice in choices.made))
        if run.error is not None:
            explored.found.append(Found(explored.runs, options, run.plan, run.error, run.digest, run.faults))
        sharing.learn(choices)
        search.learn(choices, sharing.local())
    return explored


def replay(
    program: Program, found: Found, *, patterns: Sequence[Pattern] = (), faults: Sequence[Rule] = ()
) -> Run:
    """The same run again, by its plan and the names of its faults; `error` is what it fails with."""
    options = found.options
    return attempt(
        program,
        seed=options.seed,
        patterns=patterns,
        choices=Choices(Plan(found.plan), faults=found.faults),
        inline=options.inline,
        faults=faults,
    )


def _drawn(search: Search, strategy: str, sharing: Sharing) -> Options:
    """A run in eight drives half its asks inline; one in four takes nothing at once, for what messages do not show."""
    if not isinstance(search, Drawn):
        return Options(search.seed, strategy, local=sharing.local() if search.reduces else ())
    draws = Entropy(search.seed).stream("options")
    inline = 0.5 if draws.below(8) == 0 else 0.0
    return Options(search.seed, strategy, inline, sharing.local() if draws.below(4) else ())


# --- strategies by name --------------------------------------------------------------------------------------


class Drawn:
    """A strategy that draws, made anew for each seed."""

    reduces = True

    def __init__(self, seeds: Sequence[int], make: Callable[[Entropy, int], Strategy]) -> None:
        self.seed = seeds[0]
        self._seeds = iter(seeds)
        self._make = make
        self._length = 0

    def next(self) -> Strategy | None:
        """The next seed's."""
        seed = next(self._seeds, None)
        if seed is None:
            return None
        self.seed = seed
        return self._make(Entropy(seed).stream("schedule"), self._length)

    def learn(self, choices: Choices, local: Collection[str]) -> None:  # noqa: ARG002 -- as the other searches do
        """How many choices a run has."""
        self._length = max(self._length, sum(choice.free for choice in choices.made))


def search_of(strategy: str, seeds: Sequence[int]) -> Search:
    """The search of this name. Raises ValueError."""
    name, _, number = strategy.partition(":")
    try:
        return _searches(name, number, seeds)
    except (KeyError, ValueError):
        raise ValueError(
            f"no strategy {strategy!r}: pos, walk, sticky:0.9, pct:3, guided, delay:1, preempt:1, dfs"
        ) from None


def _searches(name: str, number: str, seeds: Sequence[int]) -> Search:
    if not number and name in {"dfs", "guided"}:
        return Exhaustive(seeds[0]) if name == "dfs" else Guided(seeds[0])
    if name in {"delay", "preempt"}:
        return Bounded(seeds[0], delays if name == "delay" else preemptions, int(number))
    if name == "pct":
        depth = int(number)
        return Drawn(seeds, lambda entropy, length: Pct(entropy, depth, length))
    if name == "sticky":
        stay = float(number)
        return Drawn(seeds, lambda entropy, _: Walk(entropy, stay))
    plain: dict[str, Callable[[Entropy], Strategy]] = {"pos": Pos, "walk": Walk}
    make = plain[strategy_name(name, number)]
    return Drawn(seeds, lambda entropy, _: make(entropy))


def strategy_name(name: str, number: str) -> str:
    """A name that takes no number. Raises ValueError."""
    if number:
        raise ValueError(number)
    return name
