"""Clocks that are wrong, and a node that stands still while they go on.

Only the wall clock is ever wrong: what the kernel calls monotonic is slowed and hastened by it, never set. So `now` and
all deadlines stay right, and what reads `wall` for more than a calendar is found out.
"""

from typing_extensions import override

from runtime.clock import VirtualClock


class WrongClock(VirtualClock):
    """A run's clock. Right until told otherwise."""

    def __init__(self, start: float = 1_700_000_000.0, *, autojump: bool = False) -> None:
        super().__init__(start, autojump=autojump)
        self._ahead = 0.0
        self._drift = 0.0
        self._drifts_from = start

    @override
    def wall(self) -> float:
        return super().wall() + self._ahead + self._drift * (self.now() - self._drifts_from)

    def jump(self, seconds: float) -> None:
        """Somebody, or a time server, sets the wall clock forward, or back."""
        self._ahead += seconds

    def drift(self, ppm: float) -> None:
        """From now on a bad crystal gains `ppm` microseconds in each second; what it has gained stays."""
        self._ahead = self.wall() - self.now()
        self._drift, self._drifts_from = ppm / 1_000_000, self.now()

    def right(self) -> None:
        """It is set to the truth, and keeps it."""
        self._ahead = self._drift = 0.0

    def pause(self, seconds: float) -> None:
        """Time goes on and nothing of the node makes a step: what fell due meanwhile is late. Raises ValueError for less than 0."""
        if seconds < 0:
            raise ValueError(f"time never goes back: pause({seconds})")
        self._elapsed += seconds
