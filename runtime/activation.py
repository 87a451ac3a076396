"""Failed activations: an address whose actor cannot be started is not tried again before its backoff is over.

Nothing is tried without a message: a failed activation tells every asker, and the address is passive again. The
next message tries once more, but not before the backoff of the address's spec; beyond its restart intensity that
is `most` at once.
"""

from dataclasses import dataclass, field

from actors.actor import Spec
from actors.address import Address
from actors.errors import StartFailed
from actors.supervision import Failures, Restarts

KEPT = 10_000
"""Addresses that are remembered; of more, those that failed longest ago are tried as if they were new."""


@dataclass(slots=True)
class _Failed:
    restarts: Restarts
    failures: Failures = field(default_factory=Failures)
    not_before: float = 0.0
    forget_at: float = 0.0


class FailedActivations:
    """Addresses that have failed, and when each may be tried again; those of longest ago first."""

    __slots__ = ("_failed",)

    def __init__(self) -> None:
        self._failed: dict[Address, _Failed] = {}

    def __len__(self) -> int:
        return len(self._failed)

    def check(self, address: Address, now: float) -> None:
        """Raises StartFailed while the address backs off."""
        if self._failed and (one := self._failed.get(address)) is not None and one.not_before > now:
            raise StartFailed(f"{address} has failed; it is tried again in {one.not_before - now:.3g} s")

    def failed(self, address: Address, spec: Spec[object], now: float, fraction: float) -> None:
        """An activation has failed. `fraction` is the chance drawn for the jitter."""
        one = self._of(address, spec)
        in_a_row = one.failures.another(now, spec.backoff.reset_after)
        allowed = one.restarts.another(now)
        # one more than a restart's: the first restart comes at once, but a message that comes at once is no reason
        delay = spec.backoff.delay(in_a_row + 1, fraction) if allowed else spec.backoff.most
        self._keep(address, one, spec, now, now + delay)

    def gave_up(self, address: Address, spec: Spec[object], now: float) -> None:
        """It ran, and failed more often than its intensity allows."""
        self._keep(address, self._of(address, spec), spec, now, now + spec.backoff.most)

    def _of(self, address: Address, spec: Spec[object]) -> _Failed:
        return self._failed.pop(address, None) or _Failed(Restarts(spec.intensity))

    def _keep(
        self, address: Address, one: _Failed, spec: Spec[object], now: float, not_before: float
    ) -> None:
        one.not_before = not_before
        one.forget_at = max(not_before, now + spec.backoff.reset_after)
        while self._failed:
            oldest = next(iter(self._failed))
            if self._failed[oldest].forget_at > now and len(self._failed) < KEPT:
                break
            del self._failed[oldest]
        self._failed[address] = one
