"""Dead letters: what reached nobody, with its reason. Bodies are not kept.

Logged with a limit for each (address, reason), the first ten and then nothing but the counts: a flood of them
would hide its own cause.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import outcome
import structlog

from actors.address import Address
from actors.errors import ActorCrashed, ActorStopped, DeadLettered
from runtime.envelope import Envelope

KEPT = 1_000
"""Records that are kept for a look; the counts go on."""
LOGGED = 10

log = structlog.get_logger("callboard.letters")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that reached nobody. `reason`: no_such_address, stopped, overflow, crashed, unhandled, stale, start_failed."""

    to: str
    sender: str | None
    message: str
    reason: str
    at: float


class DeadLetters:
    """The newest of them, and how many of each reason."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.newest: deque[DeadLetter] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self._now = now
        self._logged: Counter[tuple[str, str]] = Counter()

    def add(self, to: Address, envelope: Envelope, reason: str) -> None:
        """Record it, and tell its asker, if it has one."""
        kind = type(envelope.message).__name__
        self.newest.append(DeadLetter(to, envelope.sender, kind, reason, self._now()))
        self.counts[reason] += 1
        key = (to, reason)
        if self._logged[key] < LOGGED and len(self._logged) < KEPT:
            self._logged[key] += 1
            log.warning("dead_letter", to=to, sender=envelope.sender, message=kind, reason=reason)
        if envelope.pending is not None:
            envelope.pending.settle(outcome.Error(_told(to, reason)))


def _told(to: Address, reason: str) -> Exception:
    if reason == "stopped":
        return ActorStopped(f"{to} ended before it answered")
    if reason == "crashed":
        return ActorCrashed(f"{to} crashed")
    return DeadLettered(to, reason)
