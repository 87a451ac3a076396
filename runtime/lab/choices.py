"""Choices: where a run could have gone on in several ways, which of them it took, and how it takes them again.

A choice knows its alternatives by causal name, never by index: `/stock : Take 2 of /buyer` (a message's turn),
`/stock : Take 2 of /buyer resume 1` (a turn that had waited), `client : resume 3` (a task), `/lamp : timer off`.
What comes before ` : ` is who acts. So a plan, which is a list of such names, still means something when a
bystander has been taken out of the program; a list of indices would not.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

STEP, TIMER = "step", "timer"
"""Kinds of choices: who goes next, and which of the timers that are due at one instant fires next.

Whether a fault happens is none of them: a run meets thousands of places where nothing does, and as wishes they would push
each other out of step. A plan says it by the names of those that happen (`Choices.happens`)."""


class Alternative(NamedTuple):
    """One way to go on."""

    name: str
    kin: str
    """What it has in common with the like of it, in this run and in others: the actor and the kind of message, or the task."""
    actor: str
    """Who acts."""


class Point(NamedTuple):
    """A place where the run can go on in several ways, as a strategy sees it."""

    step: int
    """Steps until here, those without a choice too."""
    kind: str
    enabled: tuple[Alternative, ...]
    """At least two, by name."""
    current: str
    """Who acted last."""


class Strategy(Protocol):
    """How one run chooses. It may keep what it has seen of this run; it is made anew for the next."""

    def choose(self, point: Point) -> str:
        """The name of one of the enabled alternatives. It must not raise: it is called from inside Trio's loop."""
        ...

    def ran(self, step: Alternative, touched: Collection[str]) -> None:
        """A step is over, chosen or not: which actors it has touched, by acting or by sending to them."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a run, as it was made."""

    step: int
    kind: str
    enabled: tuple[Alternative, ...]
    current: str
    """Who had acted last."""
    taken: str
    free: bool
    """The strategy made it; False: the reduction did, since it commutes with all others."""

    @property
    def default(self) -> str:
        """What the default policy would have taken."""
        return default(Point(self.step, self.kind, self.enabled, self.current))

    @property
    def stays(self) -> bool:
        """Whoever acted last could go on."""
        return any(one.actor == self.current for one in self.enabled)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run, and which actors it has touched."""

    name: str
    touched: frozenset[str]
    enabled: tuple[Alternative, ...]
    """What it was chosen from; itself alone where there was no choice."""
    effects: int
    """How many effects the run had when it was over."""
    time: float
    """When it began, where the trace is kept; else 0."""


def actor_of(name: str) -> str:
    """Who acts in the alternative of this name."""
    return name.partition(" : ")[0]


def default(point: Point) -> str:
    """The policy where nothing is wished: whoever acted last goes on, else the lowest name does."""
    return next((one.name for one in point.enabled if one.actor == point.current), point.enabled[0].name)


def plan_of(choices: Sequence[Choice]) -> list[str]:
    """The wishes that lead a run through these choices again; from the last one on the default policy knows the way."""
    wishes = [choice.taken for choice in choices]
    for choice in reversed(choices):
        if choice.taken != choice.default:
            break
        wishes.pop()
    return wishes


class Default:
    """The default policy alone."""

    def choose(self, point: Point) -> str:
        return default(point)

    def ran(self, step: Alternative, touched: Collection[str]) -> None:
        pass


class Plan:
    """A plan's wishes, in their order; one that is not enabled when its turn comes is skipped. Then the default policy, or `then`.

    It is the tape of a property-based tester too: any list of names is a plan.
    """

    def __init__(self, wishes: Iterable[str], then: Strategy | None = None) -> None:
        self._wishes = iter(wishes)
        self._then = then or Default()
        self.followed = 0
        """Wishes that were granted."""
        self.skipped = 0
        self.left_at: int | None = None
        """The step at which the first one was skipped."""

    def choose(self, point: Point) -> str:
        names = {one.name for one in point.enabled}
        for wish in self._wishes:
            if wish in names:
                self.followed += 1
                return wish
            self.skipped += 1
            if self.left_at is None:
                self.left_at = point.step
        return self._then.choose(point)

    def ran(self, step: Alternative, touched: Collection[str]) -> None:
        self._then.ran(step, touched)


class Choices:
    """The book of one run: asks the strategy where there is a choice, and writes down what was taken.

    `local`: kins whose steps commute with all others, as far as earlier runs have shown; such a step is taken at once.
    `looks`: note the state of all actors after each step, which costs more than the step.
    `faults`: the names of those that happen, and no others do; None: as their rules have it.
    """

    def __init__(
        self,
        strategy: Strategy,
        local: Collection[str] = (),
        *,
        looks: bool = False,
        faults: Collection[str] | None = None,
    ) -> None:
        self.faults: list[str] = []
        """Those that have happened, by name."""
        self._wished = None if faults is None else frozenset(faults)
        self.made: list[Choice] = []
        self.steps: list[Step] = []
        self.kins: dict[str, set[str]] = {}
        """Which actors the steps of a kin have touched."""
        self.effects = 0
        """Numbered effects so far."""
        self.now: Callable[[], float] | None = None
        """The run's time, where the trace is kept."""
        self.states: set[str] = set()
        """What all actors were like after each step, as far as `look` tells."""
        self.look: Callable[[], str] | None = None
        """Tells what all actors are like at this moment."""
        self._strategy = strategy
        self._local = local
        self.looks = looks
        self._now: Alternative | None = None
        self._time = 0.0
        self._enabled: tuple[Alternative, ...] = ()
        self._touched: set[str] = set()
        self._cut = False

    @property
    def plan(self) -> list[str]:
        return plan_of(self.made)

    def touch(self, actor: str) -> None:
        """The step that is under way sends to an actor, or changes it in another way."""
        self._touched.add(actor)

    def cut(self) -> None:
        """The power has failed: what the tasks of the run still do as they end is not written down."""
        self.over()
        self._cut = True

    def happens(self, fault: str, *, drawn: bool) -> bool:
        """Whether this fault happens within the step that is under way: `drawn` is what its rule says."""
        if not (drawn if self._wished is None else fault in self._wished):
            return False
        self.faults.append(fault)
        self.touch("*fault")
        return True

    def next(self, kind: str, alternatives: Iterable[Alternative]) -> Alternative:
        """Which one is taken; at least one must be given."""
        current = "" if self._now is None else self._now.actor
        self.over()
        enabled = tuple(sorted(alternatives))
        taken = (
            enabled[0] if len(enabled) == 1 else self._choose(Point(len(self.steps), kind, enabled, current))
        )
        self._now = taken
        self._time = 0.0 if self.now is None else self.now()
        self._enabled = enabled
        self._touched = {taken.actor}
        return taken

    def over(self) -> None:
        """The step that was under way is over."""
        if self._now is None or self._cut:
            return
        touched = frozenset(self._touched)
        self.steps.append(Step(self._now.name, touched, self._enabled, self.effects, self._time))
        self.kins.setdefault(self._now.kin, set()).update(touched)
        self._strategy.ran(self._now, touched)
        if self.look is not None:
            self.states.add(self.look())
        self._now = None

    def _choose(self, point: Point) -> Alternative:
        local = next((one for one in point.enabled if one.kin in self._local), None) if self._local else None
        name = self._strategy.choose(point) if local is None else local.name
        if self._cut:
            return next(one for one in point.enabled if one.name == name)
        self.made.append(
            Choice(
                point.step,
                point.kind,
                point.enabled,
                point.current,
                name,
                free=local is None,
            )
        )
        return local or next(one for one in point.enabled if one.name == name)
