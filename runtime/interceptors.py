"""A rate limiter and a circuit breaker on the router: for one address, or for all below a prefix.

Both refuse: an ask raises RateLimited or CircuitOpen, a tell becomes a dead letter (`refused_by_policy`). With none
installed a message pays one test. A breaker judges asks alone, by how they end: a tell has no end to judge by.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from actors.address import Address
from actors.errors import (
    ActorCrashed,
    ActorRestarted,
    ActorRestarting,
    ActorStopped,
    AskTimeout,
    BadSpec,
    CircuitOpen,
    CommitFailed,
    OutcomeUnknown,
    RateLimited,
    StartFailed,
)
from runtime.router import Router

Now = Callable[[], float]
FAILURES = (
    ActorCrashed,
    ActorRestarted,
    ActorRestarting,
    ActorStopped,
    AskTimeout,
    CommitFailed,
    OutcomeUnknown,
    StartFailed,
)
"""What a breaker counts; a message's own refusal is an answer."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One address, or with `below` all addresses under it too."""

    address: Address
    below: bool = False

    def __contains__(self, to: Address) -> bool:
        return to == self.address or (self.below and to.startswith(f"{self.address}/"))


class RateLimiter:
    """A token bucket: `rate` messages a second, `burst` of them at once. All in its scope share it."""

    __slots__ = ("_at", "_now", "_scope", "_tokens", "burst", "rate")

    def __init__(self, scope: Scope, now: Now, *, rate: float, burst: int) -> None:
        if rate <= 0 or burst < 1:
            raise BadSpec("rate limiter: rate > 0 and burst >= 1")
        self._scope = scope
        self._now = now
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at = now()

    def __call__(self, to: Address, message: Any) -> RateLimited | None:  # noqa: ARG002 -- the seam passes it
        if to not in self._scope:
            return None
        now = self._now()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        # a bucket filled by many small steps may lack the last bit of a whole token
        if self._tokens >= 1 - 1e-9:
            self._tokens = max(0.0, self._tokens - 1)
            return None
        return RateLimited(to, (1 - self._tokens) / self.rate)

    def install(self, router: Router) -> None:
        """From now on; the last installed is asked first, and what it refuses takes no token of another's."""
        router.interceptors = (self, *router.interceptors)


class State(Enum):
    """Of a circuit."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()


class CircuitBreaker:
    """Opens after `failures` asks in a row have failed; after `reset_after` seconds one message may try.

    The trial's answer closes it, its failure opens it anew. A trial that has no verdict, told or cancelled, holds
    the next one off for `reset_after` at most. Each breaker counts its scope as a whole.
    """

    __slots__ = ("_now", "_open_until", "_row", "_scope", "failures", "reset_after", "state")

    def __init__(self, scope: Scope, now: Now, *, failures: int = 5, reset_after: float = 30.0) -> None:
        if failures < 1 or reset_after <= 0:
            raise BadSpec("circuit breaker: failures >= 1 and reset_after > 0")
        self._scope = scope
        self._now = now
        self.failures = failures
        self.reset_after = reset_after
        self.state = State.CLOSED
        self._row = 0
        self._open_until = 0.0

    def __call__(self, to: Address, message: Any) -> CircuitOpen | None:  # noqa: ARG002 -- the seam passes it
        if self.state is State.CLOSED or to not in self._scope:
            return None
        now = self._now()
        if now < self._open_until:
            return CircuitOpen(to, self._open_until - now)
        self.state = State.HALF_OPEN
        self._open_until = now + self.reset_after
        return None

    def judge(self, to: Address, error: BaseException | None) -> None:
        """An ask has ended."""
        if to not in self._scope or isinstance(error, CircuitOpen | RateLimited):
            return
        if isinstance(error, FAILURES):
            self._failed()
        elif self.state is not State.OPEN and (error is None or isinstance(error, Exception)):
            # asked before it opened, and answered after: no trial, and no reason to close
            self.state = State.CLOSED
            self._row = 0

    def _failed(self) -> None:
        self._row += 1
        if self.state is State.HALF_OPEN or (self.state is State.CLOSED and self._row >= self.failures):
            self.state = State.OPEN
            self._open_until = self._now() + self.reset_after

    def install(self, router: Router) -> None:
        """From now on; the last installed is asked first."""
        router.interceptors = (self, *router.interceptors)
        router.judges = (*router.judges, self.judge)
