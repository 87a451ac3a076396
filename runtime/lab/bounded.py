"""Systematic searches: each schedule within a bound, the cheapest first; and each schedule there is, but for equivalent ones.

A bound gives a certificate: no schedule with at most so many deviations from the default policy fails, in this
workload. Two runs are equivalent if they differ only in the order of neighbours that have touched no actor in common.
"""

import heapq
import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from runtime.lab.choices import Alternative, Choice, Choices, Plan, Point, Strategy, actor_of, default

Cost = Callable[[Choice, str], int]
"""What it costs to take this alternative at this choice; the default is free."""


def delays(choice: Choice, name: str) -> int:
    """How many alternatives are passed over, counted round from the default (Emmi, Qadeer and Rakamaric, POPL 2011)."""
    names = [one.name for one in choice.enabled]
    return (names.index(name) - names.index(choice.default)) % len(names)


def preemptions(choice: Choice, name: str) -> int:
    """One, if who acted last could go on and does not (Musuvathi and Qadeer, PLDI 2007)."""
    return int(choice.stays and actor_of(name) != actor_of(choice.default))


class Bounded:
    """Plans in the order of their cost, up to `limit`; each run shows which others there are."""

    reduces = True

    def __init__(self, seed: int, cost: Cost, limit: int) -> None:
        self.seed = seed
        self._cost = cost
        self._limit = limit
        self._count = itertools.count()
        self._open: list[tuple[int, int, tuple[str, ...]]] = [(0, 0, ())]
        self._now: tuple[int, tuple[str, ...]] = 0, ()
        self._local: set[str] = set()

    def next(self) -> Strategy | None:
        """The strategy of the next run; None when all have been made."""
        if not self._open:
            return None
        cost, _, plan = heapq.heappop(self._open)
        self._now = cost, plan
        return Plan(plan)

    def learn(self, choices: Choices, local: Collection[str]) -> None:
        """The run is over: where could it have deviated behind the deviation that it was made for?"""
        if self._local != set(local):  # from the start: there are other choices than it was thought
            self._open = [(0, 0, ())]
            self._local = set(local)
            return
        spent, plan = self._now
        taken = tuple(choice.taken for choice in choices.made)
        for at in range(_behind(plan, taken), len(taken)):
            choice = choices.made[at]
            others = [one.name for one in choice.enabled if one.name != choice.taken]
            for name in others if choice.free else ():
                cost = spent + self._cost(choice, name)
                if cost <= self._limit:
                    heapq.heappush(self._open, (cost, next(self._count), (*taken[:at], name)))


def _behind(plan: Sequence[str], taken: Sequence[str]) -> int:
    """The place behind the plan's last wish among what was taken; what was taken at once may not have been wished."""
    if not plan:
        return 0
    return next((at + 1 for at in reversed(range(len(taken))) if taken[at] == plan[-1]), len(taken))


@dataclass(slots=True)
class _Fork:
    """A choice of an earlier run, whose other ways are still to be gone."""

    wishes: tuple[str, ...]
    asleep: dict[str, Collection[str]]
    """What has been gone elsewhere, with what it touches: going it here first would be an equivalent run."""
    left: list[str]
    done: dict[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])


class Exhaustive:
    """Depth first with sleep sets (Godefroid 1996). Sound for programs that share actors alone, not Python objects."""

    reduces = False
    """Nothing is left out by what earlier runs have shown: sleep sets leave out what this one shows."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._forks: list[_Fork] = []
        self._run: _Awake | None = None
        self.equivalent = 0
        """Runs that turned out to be equivalent to earlier ones."""

    def next(self) -> Strategy | None:
        """The strategy of the next run; None when all have been made."""
        if self._run is None:
            self._run = _Awake((), {}, None)
            return self._run
        while self._forks and not self._forks[-1].left:
            self._forks.pop()
        if not self._forks:
            return None
        fork = self._forks[-1]
        name = fork.left.pop(0)
        self._run = _Awake((*fork.wishes, name), {**fork.asleep, **fork.done}, fork)
        return self._run

    def learn(self, choices: Choices, local: Collection[str]) -> None:  # noqa: ARG002 -- as the other searches do
        """The run is over."""
        assert self._run is not None
        self.equivalent += self._run.equivalent
        self._forks += self._run.forks


class _Awake:
    """One run of it: follows its wishes, then goes the default way among what does not sleep."""

    def __init__(
        self, wishes: tuple[str, ...], asleep: dict[str, Collection[str]], fork: _Fork | None
    ) -> None:
        self.forks: list[_Fork] = []
        self.equivalent = False
        self._wishes = wishes
        self._asleep = asleep
        self._fork = fork
        self._taken: list[str] = []

    def choose(self, point: Point) -> str:
        at = len(self._taken)
        if at < len(self._wishes):
            name = self._wishes[at]
        else:
            awake = tuple(one for one in point.enabled if one.name not in self._asleep)
            name = default(point._replace(enabled=awake or point.enabled))
            self.equivalent |= not awake
            self._fork = None
            if not self.equivalent:
                left = [one.name for one in awake if one.name != name]
                self._fork = _Fork(tuple(self._taken), dict(self._asleep), left)
                self.forks.append(self._fork)
        self._taken.append(name)
        return name

    def ran(self, step: Alternative, touched: Collection[str]) -> None:
        if len(self._taken) < len(self._wishes):
            return
        if self._fork is not None and self._taken[-1] == step.name:
            self._fork.done.setdefault(step.name, touched)
        elif step.name in self._asleep:
            self.equivalent = True
        self._asleep = {
            name: others for name, others in self._asleep.items() if set(others).isdisjoint(touched)
        }
