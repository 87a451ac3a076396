"""Replay of a saved run: exact where the code is the same; else guided by its wishes, and then how far they could be followed.

That a run passes now is no proof that its bug is gone: the plans near it are tried too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from typing_extensions import override

from runtime.entropy import Entropy
from runtime.lab.failures import failure_of, sentence
from runtime.lab.lives import Element, Kind, Lived, Recipe, live
from runtime.lab.run_file import RunFile
from runtime.lab.target import Target

NEIGHBOURS = 200


class NotDeterministic(Exception):
    """The same code, the same choices, and another run: a fault of the lab's, or chance that no seed has given."""


class Verdict(StrEnum):
    """Of a replay."""

    FAILS = "still fails"
    OTHERWISE = "fails in another way"
    FOLLOWED = "passes now, plan followed to 100 %"
    LEFT = "passes now, but left the plan"


@dataclass(slots=True)
class Replayed:
    """What a replay came to."""

    verdict: Verdict
    run: Lived
    """The replay; of a neighbour that fails, the neighbour."""
    exact: bool
    changed: list[str] = field(default_factory=list[str])
    """Files that are other ones now."""
    followed: float = 1.0
    """The share of wishes and faults that were granted."""
    left_at: int | None = None
    """The step at which the plan was left; None if it was not, or the run ended before it."""
    neighbours: int = 0
    """Plans near it that were tried."""
    near: bool = False
    """It is a neighbour that fails."""

    @override
    def __str__(self) -> str:
        text = str(self.verdict)
        if self.verdict is Verdict.LEFT:
            place = "at its end" if self.left_at is None else f"at step {self.left_at}"
            text += f" {place} ({self.followed:.0%})"
        if self.near:
            text += f": a plan near it does, the {self.neighbours}. tried"
        elif self.neighbours:
            text += f"; {self.neighbours} plans near it pass"
        return text if self.run.error is None else f"{text}: {sentence(self.run.error)}"


def replay_file(target: Target, saved: RunFile, *, guided: bool = False) -> Replayed:
    """Run it again. Raises NotDeterministic, if nothing has changed and it is another run."""
    changed = saved.changed
    exact = not changed and not guided
    run = live(target.program, saved.recipe, patterns=target.patterns)
    if exact and run.digest != saved.expect.trace:
        raise NotDeterministic(
            f"{saved.target}: the same code and choices, but its trace is {run.digest}, not {saved.expect.trace}"
        )
    followed, left_at = _followed(saved.recipe, run)
    replayed = Replayed(_verdict(saved, run, followed), run, exact, changed, followed, left_at)
    if run.error is None:
        _try_neighbours(target, saved, replayed)
    return replayed


def _verdict(saved: RunFile, run: Lived, followed: float) -> Verdict:
    if run.error is not None:
        return Verdict.FAILS if failure_of(run.error) == saved.failure else Verdict.OTHERWISE
    return Verdict.FOLLOWED if followed == 1.0 else Verdict.LEFT


def _followed(recipe: Recipe, run: Lived) -> tuple[float, int | None]:
    wished = len(recipe.of(Kind.PLAN)) + len(recipe.of(Kind.FAULT))
    granted = sum(plan.followed for plan in run.plans) + sum(one.crashed for one in run.lives)
    left = next((plan.left_at for plan in run.plans if plan.left_at is not None), None)
    return (granted / wished if wished else 1.0), left


def _try_neighbours(target: Target, saved: RunFile, replayed: Replayed) -> None:
    for recipe in neighbours(replayed.run):
        run = live(target.program, recipe, patterns=target.patterns)
        replayed.neighbours += 1
        if run.error is not None:
            replayed.verdict = _verdict(saved, run, 1.0)
            replayed.run, replayed.near = run, True
            return


def neighbours(run: Lived, count: int = NEIGHBOURS) -> Iterator[Recipe]:
    """So many different plans at most, each one change away from what this run has chosen.

    A wish is dropped, swapped with another, moved, or has another alternative of its choice in its place.
    """
    recipe = run.recipe
    rest = [one for one in recipe.elements if one.kind is not Kind.PLAN]
    made = [(choice, life) for life, book in enumerate(run.books) for choice in book.made]
    wishes = [Element(Kind.PLAN, choice.taken, life) for choice, life in made]
    others = [
        [Element(Kind.PLAN, one.name, life) for one in choice.enabled if one.name != choice.taken]
        for choice, life in made
    ]
    entropy, seen = Entropy(recipe.seed).stream("neighbours"), {recipe.digest()}
    for _ in range(10 * count if wishes else 0):
        near = Recipe(recipe.seed, (*rest, *_changed(wishes, others, entropy)))
        if near.digest() not in seen:
            seen.add(near.digest())
            yield near
        if len(seen) > count:
            return


def _changed(wishes: list[Element], others: list[list[Element]], entropy: Entropy) -> list[Element]:
    changed = list(wishes)
    one, other = entropy.below(len(changed)), entropy.below(len(changed))
    match entropy.below(4):
        case 0:
            del changed[one]
        case 1:
            changed[one], changed[other] = changed[other], changed[one]
        case 2:
            changed.insert(other, changed.pop(one))
        case _:
            changed[one] = others[one][entropy.below(len(others[one]))]
    return changed
