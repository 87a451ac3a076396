"""Supervision as data and decisions: a spec says how a child is built and what its failures mean.

Nothing here runs. The runtime's supervisor performs what `Restarts.failed` decides, as OTP's `supervisor.erl`
splits deciding from acting.

Choosing intensity and window: a burst of `restarts` failures is forgiven at once, a steady rate of
`restarts / within` for ever. Nested supervisors multiply: three levels of 3 restarts are up to 27 starts of
the leaf before the top gives up (OTP design principles, "Tuning the intensity and period").
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol, TypeVar

from actors.errors import BadSpec

C = TypeVar("C")
CAUSE_MAX = 200
"""Characters of a restart's cause that are remembered while it counts."""


class Strategy(Enum):
    """Who is started anew when a child has failed."""

    ONE_FOR_ONE = auto()
    """It alone."""
    ONE_FOR_ALL = auto()
    """All children: they are stopped in reverse start order, and started in order."""
    REST_FOR_ONE = auto()
    """It, and those that were spawned after it."""
    DYNAMIC = auto()
    """It alone; any number of children, all of one template, in no order (OTP's simple_one_for_one)."""

    def group(self, children: Sequence[C], failed: C) -> list[C]:
        """Of the children in start order, those that a restart of the failed one is a restart of."""
        if self is Strategy.ONE_FOR_ALL:
            return list(children)
        if self is Strategy.REST_FOR_ONE and failed in children:
            return list(children[children.index(failed) :])
        return [failed]


class AutoShutdown(Enum):
    """When a supervisor ends because children that its spec calls significant have ended by themselves."""

    NEVER = auto()
    """Whoever has ended."""
    ANY = auto()
    """With the first of them."""
    ALL = auto()
    """With the last of them."""


class Restart(Enum):
    """When a child that has failed is started again."""

    PERMANENT = auto()
    """Always."""
    TRANSIENT = auto()
    """After a failure; a normal end is an end."""
    TEMPORARY = auto()
    """Never."""


class Directive(Enum):
    """What one kind of failure means; the more severe, the further down."""

    RESUME = auto()
    """The turn is given up, the incarnation goes on with what its memory holds. Not for durable actors."""
    RESTART = auto()
    """A new incarnation, within the restart type and the intensity."""
    STOP = auto()
    """The child ends; its siblings go on."""
    ESCALATE = auto()
    """The supervisor itself fails of it."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The message that crashed its actor is given up: its asker gets ActorCrashed at once, a tell is a dead letter."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The message that crashed its actor is tried again, `times` times, before all other mail; then it is dropped.

    Raises BadSpec for less than once.
    """

    times: int

    def __post_init__(self) -> None:
        if self.times < 1:
            raise BadSpec("poison: Retry(times) is at least 1")


DROP = Drop()


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a restart waits: the first comes at once, then `first`, `first * factor` ... up to `most` seconds.

    Each wait is spread by `jitter` (0.2 = up to 20 % either way) and the series begins anew after
    `reset_after` seconds without a failure. The defaults wait 0, 0.1, 0.2, 0.4 ... 30 seconds. Raises BadSpec.
    """

    first: float = 0.1
    factor: float = 2.0
    most: float = 30.0
    jitter: float = 0.2
    reset_after: float = 60.0

    def __post_init__(self) -> None:
        if self.first < 0 or self.most < self.first or self.factor < 1:
            raise BadSpec("backoff: 0 <= first <= most and factor >= 1")
        if not 0 <= self.jitter < 1:
            raise BadSpec("backoff: jitter is at least 0 and below 1")

    def delay(self, failures: int, fraction: float) -> float:
        """Seconds to wait after the `failures`-th failure in a row; `fraction` of 0 to 1 is the chance drawn."""
        if failures <= 1:
            return 0.0
        # a long row of failures must not overflow the power before `most` cuts it
        plain = min(self.most, self.first * self.factor ** min(failures - 2, 64))
        return plain * (1 + self.jitter * (2 * fraction - 1))


@dataclass(frozen=True, slots=True)
class Intensity:
    """At most `restarts` within any `within` seconds; one more, and the supervisor gives up. Raises BadSpec."""

    restarts: int = 3
    within: float = 30.0

    def __post_init__(self) -> None:
        if self.restarts < 0 or self.within <= 0:
            raise BadSpec("intensity: restarts >= 0 and within > 0")


@dataclass(frozen=True, slots=True)
class RestartIn:
    """Start it again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class StopIt:
    """End it; its siblings go on."""


@dataclass(frozen=True, slots=True)
class Escalate:
    """The supervisor fails. `limit`: because of the restart intensity, not of a directive."""

    limit: bool


Decision = RestartIn | StopIt | Escalate


class Failures:
    """How often one child has failed in a row; after a quiet time the row begins anew."""

    __slots__ = ("_in_a_row", "_last")

    def __init__(self) -> None:
        self._in_a_row = 0
        self._last = 0.0

    def another(self, now: float, reset_after: float) -> int:
        if now - self._last > reset_after:
            self._in_a_row = 0
        self._in_a_row += 1
        self._last = now
        return self._in_a_row


class Restarts:
    """The restarts that a supervisor, or one activated address, has made within the window."""

    __slots__ = ("_made", "intensity")

    def __init__(self, intensity: Intensity) -> None:
        self.intensity = intensity
        self._made: deque[tuple[float, str]] = deque()

    @property
    def causes(self) -> list[str]:
        """Of the restarts within the window, oldest first."""
        return [cause for _, cause in self._made]

    def another(self, now: float, cause: str = "") -> bool:
        """Count one more; False: it is one more than the intensity allows."""
        self._made.append((now, cause))
        while self._made[0][0] <= now - self.intensity.within:
            self._made.popleft()
        return len(self._made) <= self.intensity.restarts


@dataclass(slots=True)
class History:
    """What is remembered of one child's failures, and of the restarts it is counted with."""

    restarts: Restarts
    failures: Failures

    def decide(
        self, policy: "Policy", error: BaseException, now: float, fraction: float, *, joined: bool = False
    ) -> Decision:
        """What one failure leads to. `fraction` is the chance drawn for the jitter; `joined`: a group restart is under way, which has been counted."""
        directive = policy.directive(error)
        if directive is Directive.ESCALATE:
            return Escalate(limit=False)
        if directive is Directive.STOP or policy.restart is Restart.TEMPORARY:
            return StopIt()
        if not joined and not self.restarts.another(now, f"{type(error).__name__}: {error}"[:CAUSE_MAX]):
            return Escalate(limit=True)
        return RestartIn(
            policy.backoff.delay(self.failures.another(now, policy.backoff.reset_after), fraction)
        )


class Policy(Protocol):
    """What a child's spec says of its failures."""

    @property
    def restart(self) -> Restart: ...
    @property
    def backoff(self) -> Backoff: ...
    def directive(self, error: BaseException) -> Directive: ...
