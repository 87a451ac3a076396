"""All timers of a system: one heap, one sleeping task. A task for each would cost kilobytes and be slow to cancel."""

import heapq
import itertools
from collections.abc import Callable

import trio

from runtime.clock import Clock

COMPACT_ABOVE = 1_000
"""Timers in the heap below which nobody minds the cancelled ones."""


class Timer:
    """One call in the future. `cancelled` stays readable: a message that already waits in a mailbox looks at it."""

    __slots__ = ("at", "cancelled", "fire", "runs")

    def __init__(self, at: float, fire: Callable[["Timer"], None]) -> None:
        self.at = at
        self.fire = fire
        self.cancelled = False
        self.runs = False
        """It has been added."""


class Timers:
    """`Clock.now`'s deadlines, earliest first; those due at the same instant in the order they were set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()
        self._sooner = trio.Event()
        self._sleeps_until = 0.0
        self._live = 0
        """How many were live when the heap was last compacted."""
        self.order: Callable[[list[Timer]], list[Timer]] | None = None
        """The lab's: in which order those fire that are due at the same instant."""

    def at(self, time: float, fire: Callable[[Timer], None]) -> Timer:
        """Call `fire` at `time`; it runs in the timers' task and must not wait."""
        timer = Timer(time, fire)
        self.add(timer)
        return timer

    def add(self, timer: Timer) -> None:
        """Let a timer run that was made before."""
        timer.runs = True
        if len(self._heap) > COMPACT_ABOVE and len(self._heap) > 2 * self._live:
            self._compact()
        heapq.heappush(self._heap, (timer.at, next(self._count), timer))
        if timer.at < self._sleeps_until:
            self._sooner.set()

    def after(self, seconds: float, fire: Callable[[Timer], None]) -> Timer:
        return self.at(self._clock.now() + seconds, fire)

    def __len__(self) -> int:
        return sum(not timer.cancelled for _, _, timer in self._heap)

    def _compact(self) -> None:
        """Leave out what was cancelled: a key that is set again and again would fill the heap with its past."""
        self._heap = [one for one in self._heap if not one[2].cancelled]
        heapq.heapify(self._heap)
        self._live = len(self._heap)

    async def run(self) -> None:
        while True:
            self._fire_due()
            self._sleeps_until = self._heap[0][0] if self._heap else float("inf")
            self._sooner = trio.Event()
            with trio.move_on_after(max(0.0, self._sleeps_until - self._clock.now())):
                await self._sooner.wait()

    def _fire_due(self) -> None:
        # `fire` may set timers that are due at once; they wait for the next round, so that a loop of them starves nobody
        now = self._clock.now()
        due: list[Timer] = []
        while self._heap and (self._heap[0][0] <= now or self._heap[0][2].cancelled):
            due.append(heapq.heappop(self._heap)[2])
        if self.order is not None and len(due) > 1:
            due = self.order(due)
        for timer in due:
            if not timer.cancelled:
                timer.fire(timer)
