"""Dead letters: what reached nobody, with its reason. Bodies are not kept.

Logged with a limit for each (address, reason), the first ten of a minute and then nothing but the counts: a flood
of them would hide its own cause.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import outcome
import structlog

from actors.address import Address
from actors.errors import ActorCrashed, ActorStopped, DeadLettered, Stale
from actors.event import Event
from runtime.crash_text import CrashText
from runtime.envelope import Envelope

KEPT = 1_000
"""Records that are kept for a look; the counts go on."""
LOGGED = 10
"""Of one (address, reason), in one window."""
WINDOW = 60.0
"""Seconds."""

log = structlog.get_logger("callboard.letters")


@dataclass(frozen=True, slots=True)
class DeadLetter(Event):
    """One message that reached nobody. `reason`: no_such_address, stopped, overflow, mailbox_cycle, crashed, unhandled, refused (by the actor's context), stale, start_failed."""

    to: str
    sender: str | None
    message: str
    reason: str
    at: float
    crash: CrashText | None = field(default=None, repr=False, compare=False)

    @property
    def trace(self) -> str:
        """Of a crash: its traceback."""
        return "" if self.crash is None else str(self.crash)


class DeadLetters:
    """The newest of them, and how many of each reason."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.newest: deque[DeadLetter] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self._now = now
        self._logged: Counter[tuple[str, str]] = Counter()
        self._window_end = 0.0
        self._unlogged = 0
        self.publish: Callable[[DeadLetter], None] | None = None
        """Tells whoever listens; set while somebody does."""

    def add(self, to: Address, envelope: Envelope, reason: str, crash: CrashText | None = None) -> None:
        """Record it, and tell its asker, if it has one."""
        kind = type(envelope.message).__name__
        letter = DeadLetter(to, envelope.sender, kind, reason, self._now(), crash)
        self.newest.append(letter)
        self.counts[reason] += 1
        self._log(letter)
        if self.publish is not None and not isinstance(envelope.message, Event):
            # a dead letter about a dead letter would be told of by one more
            self.publish(letter)
        if envelope.pending is not None:
            envelope.pending.settle(outcome.Error(_told(to, reason)))

    def _log(self, letter: DeadLetter) -> None:
        if letter.at >= self._window_end:
            self._next_window(letter.at)
        key = (letter.to, letter.reason)
        if self._logged[key] >= LOGGED or len(self._logged) > KEPT:
            self._unlogged += 1
            return
        self._logged[key] += 1
        log.warning(
            "dead_letter", to=letter.to, sender=letter.sender, message=letter.message, reason=letter.reason
        )

    def _next_window(self, now: float) -> None:
        if self._unlogged:
            log.warning("dead_letters_not_logged", count=self._unlogged, counts=dict(self.counts))
        self._window_end = now + WINDOW
        self._unlogged = 0
        self._logged.clear()


def _told(to: Address, reason: str) -> Exception:
    if reason == "stopped":
        return ActorStopped(f"{to} ended before it answered")
    if reason == "crashed":
        return ActorCrashed(f"{to} crashed")
    return Stale(to) if reason == "stale" else DeadLettered(to, reason)
