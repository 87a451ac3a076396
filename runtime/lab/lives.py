"""A run over several lives of its node: the power fails, the disk stays, the program is called again until it ends.

What makes a run is a list of independent elements: a fault, an option, a wish of the plan. Any part of the list is a run
too, so a shrinker may leave out whatever it likes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from typing_extensions import override

from runtime.faults.rule import Rule
from runtime.lab.choices import Choice, Choices, Plan, Strategy, actor_of
from runtime.lab.simulation import Program, Run, attempt
from runtime.pattern import Pattern
from runtime.store import Disk


class Kind(StrEnum):
    """Of an element, in the order in which a shrinker tries to do without."""

    FAULT = "fault"
    OPTION = "option"
    PLAN = "plan"


class Element(NamedTuple):
    """One independent part of what makes a run."""

    kind: Kind
    what: str
    """A wish; the number of the effect at which the power fails, or the name of a rule's fault; the share of asks driven inline."""
    life: int = 0
    """Of the node, from 0: a wish and a power cut belong to one."""

    @override
    def __str__(self) -> str:
        life = f" of life {self.life + 1}" if self.life else ""
        if self.kind is Kind.FAULT:
            return (
                f"the power fails at effect {self.what}{life}"
                if self.what.isdecimal()
                else f"{self.what}{life}"
            )
        return (
            f"{float(self.what):.0%} of the asks inline" if self.kind is Kind.OPTION else f"{self.what}{life}"
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a run, beside its code: the same one, the same run."""

    seed: int
    """Of all chance but the schedule."""
    elements: tuple[Element, ...] = ()

    def of(self, kind: Kind, life: int | None = None) -> list[str]:
        """What is said of this kind, in its order."""
        return [one.what for one in self.elements if one.kind is kind and life in (None, one.life)]

    @property
    def inline(self) -> float:
        return float(next(iter(self.of(Kind.OPTION)), 0.0))

    def digest(self) -> str:
        return blake2b(repr((self.seed, self.elements)).encode(), digest_size=8).hexdigest()


def crashes(effects: Iterable[int]) -> tuple[Element, ...]:
    """The power fails at these effects, one in each life of the node; numbers begin at 1 in each."""
    return tuple(Element(Kind.FAULT, str(effect), life) for life, effect in enumerate(effects))


@dataclass(slots=True)
class Lived:
    """What such a run came to."""

    recipe: Recipe
    """It makes this run again: what was chosen stands in it as wishes."""
    error: Exception | None = None
    lives: list[Run] = field(default_factory=list[Run])
    books: list[Choices] = field(default_factory=list[Choices])
    """What was chosen, in each life."""
    plans: list[Plan] = field(default_factory=list[Plan])
    """The wishes that each life went by, if a recipe gave them."""

    @property
    def digest(self) -> str:
        """Equal for two runs that did the same in the same order."""
        return "-".join(life.digest for life in self.lives)

    @property
    def effects(self) -> int:
        """Numbered effects, over all lives."""
        return sum(life.steps for life in self.lives)

    @property
    def choices(self) -> list[Choice]:
        return [choice for book in self.books for choice in book.made]

    @property
    def preemptions(self) -> int:
        """How often whoever acted last could go on, and did not."""
        return sum(choice.stays and actor_of(choice.taken) != choice.current for choice in self.choices)


def live(
    program: Program,
    recipe: Recipe,
    *,
    patterns: Sequence[Pattern] = (),
    then: Strategy | None = None,
    local: Iterable[str] = (),
    keep_trace: bool = False,
    faults: Sequence[Rule] = (),
) -> Lived:
    """Run it as the recipe says: wishes by name, and where none is left, `then` or the default policy.

    Of `faults` happens what the recipe names, and nothing else; with `then` and no name in it, what their rules draw.

    `local`: what is taken at once since it commutes with all others. In each life `program(system)` is called
    with a new system on the disk of the last; a run ends with the life that the power does not fail in, or with an error.
    """
    disk, lived, done = Disk(), Lived(recipe), False
    drawn = then is not None and all(one.isdecimal() for one in recipe.of(Kind.FAULT))
    while not done:
        number = len(lived.lives)
        wrong = recipe.of(Kind.FAULT, number)
        effect = next((one for one in wrong if one.isdecimal()), None)
        plan = Plan(recipe.of(Kind.PLAN, number), then)
        choices = Choices(plan, frozenset(local), faults=None if drawn else wrong)
        run = attempt(
            program,
            seed=recipe.seed + number,
            patterns=patterns,
            disk=disk,
            crash_at=None if effect is None else int(effect),
            choices=choices,
            inline=recipe.inline,
            keep_trace=keep_trace,
            faults=faults,
        )
        lived.lives.append(run)
        lived.books.append(choices)
        lived.plans.append(plan)
        lived.error = run.error
        done = run.error is not None or not run.crashed
    lived.recipe = Recipe(recipe.seed, (*_kept(recipe), *_made(lived.lives)))
    return lived


def _kept(recipe: Recipe) -> list[Element]:
    """What a run leaves of the recipe as it was said: all but what it has made itself."""
    return [
        one
        for one in recipe.elements
        if one.kind is Kind.OPTION or (one.kind is Kind.FAULT and one.what.isdecimal())
    ]


def _made(lives: Sequence[Run]) -> list[Element]:
    """The faults that have happened, and what was chosen."""
    faults = [Element(Kind.FAULT, name, number) for number, run in enumerate(lives) for name in run.faults]
    wishes = [Element(Kind.PLAN, wish, number) for number, run in enumerate(lives) for wish in run.plan]
    return [*faults, *wishes]
