"""How sure is sure: what runs that have found nothing say of the runs that were not made."""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

from runtime.lab.choices import Choices


def at_most(runs: int) -> float:
    """The share of failing runs that so many independent passing ones leave possible, with 95 % confidence: the rule of three."""
    return min(1.0, 3 / runs) if runs else 1.0


def unseen(classes: Counter[str]) -> float:
    """The probability that the next run is of a class never seen (Good and Turing): the share of runs whose class was seen once.

    1.0 before any run. Near 1, the search has hardly begun; under 0.05, more of the same kind buy little.
    """
    runs = classes.total()
    return sum(count == 1 for count in classes.values()) / runs if runs else 1.0


def class_of(books: Iterable[Choices]) -> str:
    """Equal for runs that differ only in the order of steps that have touched no actor in common.

    Each step is known by its name and the steps it comes after: the last that touched what it touches.
    """
    after: list[str] = []
    for book in books:
        last: dict[str, str] = {}
        for step in book.steps:
            causes = sorted({last[actor] for actor in step.touched if actor in last})
            known = blake2b(repr((step.name, causes)).encode(), digest_size=8).hexdigest()
            last.update(dict.fromkeys(step.touched, known))
            after.append(known)
    return blake2b(repr(sorted(after)).encode(), digest_size=8).hexdigest()
