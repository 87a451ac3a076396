"""How sure a figure from so many runs is: intervals of 95 % for a share, for a median, and for a difference by seed.

A share has Wilson's interval, the rest are bootstrapped: by draws of a fixed seed, so that the same runs have the same interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from runtime.entropy import Entropy

Z = 1.959_963_984_540_054
"""Of the normal distribution: 95 % lie within so many deviations of its mean."""
DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and between what it lies with 95 % confidence."""

    value: float
    low: float
    high: float


def share(hits: int, runs: int) -> Interval:
    """Of `hits` in `runs` independent runs, by Wilson. It holds near 0 and 1 too; of no run it is all of 0 to 1."""
    if runs == 0:
        return Interval(0.0, 0.0, 1.0)
    found = hits / runs
    wide = 1 + Z * Z / runs
    middle = (found + Z * Z / (2 * runs)) / wide
    half = Z / wide * (found * (1 - found) / runs + Z * Z / (4 * runs * runs)) ** 0.5
    return Interval(found, max(0.0, middle - half), min(1.0, middle + half))


def of_median(values: Sequence[float]) -> Interval:
    """Raises ValueError for no values. Of one value it is that value: more runs say how it spreads."""
    return _bootstrapped(values, median)


def of_mean(values: Sequence[float]) -> Interval:
    """As `of_median`, of the mean: for differences of shares, where each value is -1, 0 or 1."""
    return _bootstrapped(values, fmean)


def _bootstrapped(values: Sequence[float], figure: Callable[[Sequence[float]], float]) -> Interval:
    if not values:
        raise ValueError("an interval is of one value at least")
    entropy, count = Entropy(0), len(values)
    drawn = sorted(figure([values[entropy.below(count)] for _ in values]) for _ in range(DRAWS))
    cut = DRAWS // 40
    return Interval(float(figure(values)), drawn[cut], drawn[-cut - 1])
