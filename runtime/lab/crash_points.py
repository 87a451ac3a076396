"""Crash points: the power fails once at each effect of the default schedule; and at each pair, one in each of two lives.

Singles are few and are always tried. A bug of the recovery itself shows at no single point: pairs, as far as a budget goes.
The disk is kept between a life and the next, and the program is called again: let it begin with what it finds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from runtime.lab.lives import Lived, Recipe, crashes, live
from runtime.lab.simulation import Program
from runtime.pattern import Pattern

PAIRS = 20_000
"""Runs that pairs may cost, unless more or fewer are asked for."""


@dataclass(slots=True)
class CrashPoints:
    """What came of it."""

    points: int = 0
    """Effects of the default schedule: so many single points there are."""
    singles: int = 0
    """Of them, those tried."""
    pairs: int = 0
    """Pairs tried."""
    all_pairs: bool = False
    """There is no other pair."""
    found: list[Lived] = field(default_factory=list[Lived])
    """Runs that failed; without a crash the one that fails is the only one."""


def crash_points(
    program: Program,
    *,
    singles: int | None = None,
    pairs: int = PAIRS,
    patterns: Sequence[Pattern] = (),
    seed: int = 0,
    stop_at: int | None = None,
) -> CrashPoints:
    """Run it once for each single point (`singles` of them at most), then for pairs, as many as `pairs`; until `stop_at` of the runs have failed."""
    points = CrashPoints()

    def crashed_at(effects: Sequence[int]) -> Lived:
        run = live(program, Recipe(seed, crashes(effects)), patterns=patterns)
        if run.error is not None:
            points.found.append(run)
        return run

    first = crashed_at(())
    points.points = first.effects if first.error is None else 0
    seconds: list[tuple[int, int]] = []
    for effect in range(1, points.points + 1):
        if len(points.found) == stop_at or points.singles == singles:
            return points
        run = crashed_at([effect])
        points.singles += 1
        if run.error is None and len(run.lives) > 1:
            seconds.append((effect, run.lives[1].steps))
    for pair in _pairs(seconds):
        if points.pairs == pairs or len(points.found) == stop_at:
            return points
        crashed_at(pair)
        points.pairs += 1
    points.all_pairs = first.error is None
    return points


def _pairs(seconds: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Early effects of every second life first: that is where a recovery stands."""
    for second in range(1, max((steps for _, steps in seconds), default=0) + 1):
        yield from ((first, second) for first, steps in seconds if second <= steps)
