"""What a run has failed with, in a form in which two runs can be compared: whether they fail alike.

By checker and property where a checker has failed; else by the type of the error and the function of ours or of the
user's that it comes from. What it says may differ: a shorter run has other numbers in it.
"""

from collections.abc import Iterator
from traceback import walk_tb
from typing import NamedTuple, cast

from typing_extensions import override

from runtime.lab.code_files import name_of
from runtime.lab.verdict import PropertyFailed


class Failure(NamedTuple):
    """Equal for runs that fail alike."""

    checker: str
    """Or the type of the error."""
    property: str
    """Or where it comes from: `samples/bugs/lost_update.py:deposits`."""

    @override
    def __str__(self) -> str:
        return f"{self.checker}: {self.property}"


def failure_of(error: Exception) -> Failure:
    """Of the leaf that says most: of a group, a checker's, else the first."""
    leaf = leaf_of(error)
    if isinstance(leaf, PropertyFailed):
        return Failure(leaf.checker, leaf.property)
    where = ""
    for frame, _ in walk_tb(leaf.__traceback__):
        if (name := name_of(frame.f_code.co_filename)) is not None:
            where = f"{name}:{frame.f_code.co_qualname}"
    return Failure(type(leaf).__name__, where)


def sentence(error: Exception) -> str:
    """One line of what a run has failed with."""
    leaf = leaf_of(error)
    text = str(leaf).partition("\n")[0]
    return text if isinstance(leaf, PropertyFailed) else f"{type(leaf).__name__}: {text}".removesuffix(": ")


def leaf_of(error: BaseException) -> BaseException:
    """The error itself; of a group, a checker's within it, else its first."""
    leaves = list(_leaves(error))
    return next((one for one in leaves if isinstance(one, PropertyFailed)), leaves[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _leaves(one)
    else:
        yield error
