"""The pace: how long the dispatcher stays with one cell, and how long before it lets other tasks run.

By count while turns are short: a clock that is read now and then says whether they are. When they are not, a cell
has its turn for one message, and other tasks run as often as they would beside short turns.
"""

from collections.abc import Callable

VISIT_MAX = 16
"""Messages that a cell handles before the next cell has its turn."""
CHECKPOINT_EVERY = 256
"""Visits after which the pump lets other tasks run."""
LOOK_EVERY = 16
"""Visits after which the clock is read."""
STRETCH_MAX = 0.010
"""Seconds after which other tasks run, however few the visits; turns are long then."""
SHORT = 0.002
"""Seconds of a whole stretch of visits, of one message each, below which turns are short again."""


class Pace:
    """`most` messages a visit, a look at the clock after `every` visits. In virtual time turns take none: all are short."""

    __slots__ = ("_began", "_now", "every", "most")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._began = now()
        self.most = VISIT_MAX
        self.every = LOOK_EVERY

    def begin(self) -> None:
        """Other tasks have just run."""
        self._began = self._now()

    def over(self, visits: int) -> bool:
        """Whether other tasks have waited for long enough, `visits` after they have run."""
        took = self._now() - self._began
        if took > STRETCH_MAX:
            self.most = self.every = 1
            return True
        if visits < CHECKPOINT_EVERY:
            return False
        if took < SHORT:
            self.most, self.every = VISIT_MAX, LOOK_EVERY
        return True
