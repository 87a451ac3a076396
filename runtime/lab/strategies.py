"""Strategies that draw: random walk, sticky walk, POS, PCT. Each is one run's; the same entropy, the same choices.

POS is never bad and is the default. The walk is as good where the window of a bug is short, and hopeless where it is
long. PCT suffers from every step that has nothing to do with the bug, and needs the reduction.
"""

from collections.abc import Collection

from runtime.entropy import Entropy
from runtime.lab.choices import Alternative, Point, actor_of, default


class Walk:
    """Any alternative, each as likely; with `stay`, whoever acted last goes on with that probability."""

    def __init__(self, entropy: Entropy, stay: float = 0.0) -> None:
        self._entropy = entropy
        self._stay = stay

    def choose(self, point: Point) -> str:
        if self._stay and self._entropy.fraction() < self._stay:
            return default(point)
        return point.enabled[self._entropy.below(len(point.enabled))].name

    def ran(self, step: Alternative, touched: Collection[str]) -> None:
        pass


class Pos:
    """Partial order sampling (Yuan, Yang and Gu, CAV 2018): a random priority for each event, the highest goes next.

    Priorities of events that race with the one that has just run are drawn anew. Which actors an event touches shows
    when it runs, so two are held to race if the like of the one has touched what the other has; never seen, it may race with all.
    """

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._waiting: dict[Alternative, float] = {}
        self._kins: dict[str, set[str]] = {}

    def choose(self, point: Point) -> str:
        for one in point.enabled:
            if one not in self._waiting:
                self._waiting[one] = self._entropy.fraction()
        return max(point.enabled, key=self._waiting.__getitem__).name

    def ran(self, step: Alternative, touched: Collection[str]) -> None:
        self._waiting.pop(step, None)
        self._kins.setdefault(step.kin, set()).update(touched)
        for other in self._waiting:
            if other.kin not in self._kins or not self._kins[other.kin].isdisjoint(touched):
                self._waiting[other] = self._entropy.fraction()


class Pct:
    """Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): a priority for each actor, the highest goes on.

    At `depth` - 1 of `length` choices, drawn beforehand, whoever would go on falls below all others.
    """

    def __init__(self, entropy: Entropy, depth: int, length: int) -> None:
        self._entropy = entropy
        self._falls = {entropy.below(max(length, 1)): -1.0 - number for number in range(depth - 1)}
        self._priorities: dict[str, float] = {}
        self._count = 0

    def choose(self, point: Point) -> str:
        for one in point.enabled:
            if one.actor not in self._priorities:
                self._priorities[one.actor] = self._entropy.fraction()
        fall = self._falls.get(self._count)
        self._count += 1
        if fall is not None:
            self._priorities[actor_of(self._highest(point))] = fall
        return self._highest(point)

    def _highest(self, point: Point) -> str:
        return max(point.enabled, key=lambda one: self._priorities[one.actor]).name

    def ran(self, step: Alternative, touched: Collection[str]) -> None:
        pass
