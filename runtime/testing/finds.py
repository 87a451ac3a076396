"""What a test under many seeds says when it fails: one sentence, the run as a picture, how to run it again."""

from collections.abc import Sequence

from runtime.lab.diagram import laid_out
from runtime.lab.diagram_text import text
from runtime.lab.explore import Explored, Found
from runtime.lab.failures import Failure, failure_of, sentence
from runtime.lab.film import Film
from runtime.lab.lives import Kind
from runtime.lab.shrink import Shrunk

LINES = 34
"""Of the picture: with what stands around it forty."""


def shortest_of_each(found: Sequence[Found]) -> list[tuple[Found, int]]:
    """Of runs that fail alike the one with the fewest choices, and how many they are; what was found first comes first."""
    kinds: dict[Failure, list[Found]] = {}
    for one in found:
        kinds.setdefault(failure_of(one.error), []).append(one)
    return [(min(alike, key=lambda one: len(one.plan)), len(alike)) for alike in kinds.values()]


def explained(test: str, explored: Explored, found: Found, shrunk: Shrunk, *, film: Film, again: str) -> str:
    """The note of a failure: `film` is of the shrunk run."""
    assert film.error is not None
    others = [
        f"also, in {count} of the runs: {sentence(other.error)} (seed {other.options.seed})"
        for other, count in shortest_of_each(explored.found)
        if other is not found
    ]
    return "\n".join(
        [
            f"{test} failed in {len(explored.found)} of {explored.runs} runs: {sentence(film.error)}",
            text(laid_out(film), lines=LINES),
            _made_with(found, shrunk),
            *others,
            f"again: {again}",
        ]
    )


def _made_with(found: Found, shrunk: Shrunk) -> str:
    wishes, before = (len(recipe.of(Kind.PLAN)) for recipe in (shrunk.recipe, found.recipe))
    least = "" if shrunk.minimal else ", perhaps not the least"
    return (
        f"seed {found.options.seed}, strategy {found.options.strategy}, inline {shrunk.recipe.inline}; "
        f"{wishes} of {before} choices matter ({shrunk.candidates} runs to find out{least})"
    )
