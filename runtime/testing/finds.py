"""What a test under many seeds says when it fails: one sentence, the run as a picture, how to run it again."""

from collections.abc import Iterator, Sequence
from traceback import walk_tb
from typing import cast

from runtime.lab.diagram import laid_out
from runtime.lab.diagram_text import text
from runtime.lab.explore import Explored, Found
from runtime.lab.film import Film
from runtime.lab.verdict import PropertyFailed

LINES = 34
"""Of the picture: with what stands around it forty."""


def shortest_of_each(found: Sequence[Found]) -> list[tuple[Found, int]]:
    """Of runs that fail alike the one with the fewest choices, and how many they are; what was found first comes first."""
    kinds: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        kinds.setdefault(_kind(one.error), []).append(one)
    return [(min(alike, key=lambda one: len(one.plan)), len(alike)) for alike in kinds.values()]


def explained(test: str, explored: Explored, shown: Found, film: Film, again: str) -> str:
    """The note of a failure."""
    options = shown.options
    lines = [
        f"{test} failed in {len(explored.found)} of {explored.runs} runs: {sentence(shown.error)}",
        text(laid_out(film), lines=LINES),
        f"seed {options.seed}, strategy {options.strategy}, inline {options.inline}, {len(shown.plan)} choices",
    ]
    if film.digest != shown.digest:
        lines.append("the picture is of another run: it was made again, and did not do the same")
    lines += [
        f"also, in {count} of the runs: {sentence(other.error)} (seed {other.options.seed})"
        for other, count in shortest_of_each(explored.found)
        if other is not shown
    ]
    return "\n".join([*lines, f"again: {again}"])


def sentence(error: BaseException) -> str:
    """What a run has failed with, on one line."""
    leaf = _leaf(error)
    said = str(leaf).partition("\n")[0]
    return said if isinstance(leaf, PropertyFailed) else f"{type(leaf).__name__}: {said}".removesuffix(": ")


def _kind(error: BaseException) -> tuple[str, str]:
    """Equal for failures that are alike: by checker and property, else by type and place."""
    leaf = _leaf(error)
    if isinstance(leaf, PropertyFailed):
        return leaf.checker, leaf.property
    places = [f"{frame.f_code.co_filename}:{line}" for frame, line in walk_tb(leaf.__traceback__)]
    return type(leaf).__name__, places[-1] if places else ""


def _leaf(error: BaseException) -> BaseException:
    """The error itself; of a group a checker's within it, else the first."""
    leaves = list(_leaves(error))
    return next((one for one in leaves if isinstance(one, PropertyFailed)), leaves[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(one)
    else:
        yield error
