"""The only place that asks for the time.

`now` is seconds since 1970 UTC that never go back: the wall clock at start, carried on by the monotonic one.
All deadlines are kept in it, stored ones too. `wall` is the wall clock, for calendars and signatures alone.
"""

import math
import time
from collections.abc import Callable
from typing import Protocol

import trio
from trio.abc import Clock as TrioClock
from typing_extensions import override


class Clock(Protocol):
    """Two readings of time, both in seconds since 1970 UTC."""

    def now(self) -> float: ...
    def wall(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def not_before(self, latest: float) -> None:
        """`latest` is the last time a store has seen: `now` does not go back over a restart, whatever the wall clock says."""
        self._offset = max(self._offset, latest - time.monotonic())

    def now(self) -> float:
        return time.monotonic() + self._offset

    def wall(self) -> float:
        return time.time()


def loop_time() -> float:
    """Seconds on the running loop's own clock, virtual where that is: for how long a task has waited."""
    return trio.current_time()


def stopwatch(clock: Clock) -> Callable[[], float]:
    """Seconds for durations, as fine as the machine has them, or a virtual clock's own; `now` has steps of 0.2 us."""
    return time.perf_counter if isinstance(clock, SystemClock) else clock.now


class NeverTrue(AssertionError):
    """What `until` waits for did not come; the text says how long it waited, and whether anything is still due."""


class VirtualClock(TrioClock):
    """Time that passes only when nothing can run: pass it to `trio.run(clock=...)` and to `System(clock=...)`.

    Without `autojump` it stands still until `advance` or `until` moves it. With it, the run loop jumps to the next
    deadline whenever no task is runnable; not so while `advance`, `until` or `settle` hold it. When there is no
    deadline either, nothing will ever run again: then `stuck` is called, if it is set, and may cancel a scope.

    What a thread or a socket is at is not due: none of the three waits for it.
    """

    IDLE_WAIT = 0.05
    """Real seconds between two looks while nothing can run: a thread may come back, `advance` may be called."""
    SLACK = 2.0**-20
    """A timer of exactly the seconds advanced is due in them: since 1970 a float has steps of 2**-22, and two are rounded."""

    def __init__(self, start: float = 1_700_000_000.0, *, autojump: bool = False) -> None:
        self.stuck: Callable[[], None] | None = None
        self._start = start
        self._elapsed = 0.0
        self._autojump = autojump
        self._targets: list[float] = []
        """Up to where each `advance` that is under way lets time pass."""
        self._arrived = 0.0
        """The last target that was reached."""
        self._holds = 0
        """How many settle at this moment: nothing jumps."""

    @override
    def start_clock(self) -> None:
        pass

    @override
    def current_time(self) -> float:
        return self._elapsed

    @override
    def deadline_to_sleep_time(self, deadline: float) -> float:
        # Trio asks only when no task is runnable: the one moment at which virtual time may pass.
        if deadline <= self._elapsed:
            return 0
        if deadline < math.inf and deadline <= self._limit():
            self._elapsed = deadline
            return 0
        if self.stuck is not None and deadline == math.inf and not self._holds:
            self.stuck()
            return 0
        return self.IDLE_WAIT

    def _limit(self) -> float:
        if self._holds:
            return self._stands() + self.SLACK
        return math.inf if self._autojump else max(self._targets, default=-math.inf)

    def _stands(self) -> float:
        """Where time stands, without what rounding has added to the last target: it would sum up."""
        return self._arrived if 0 <= self._elapsed - self._arrived <= self.SLACK / 2 else self._elapsed

    def now(self) -> float:
        """Seconds since 1970 UTC, as `Clock.now`."""
        return self._start + self._elapsed

    def wall(self) -> float:
        """The same: the wall clock of virtual time never jumps."""
        return self._start + self._elapsed

    # --- for tests -------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Run all that can run now, and let no time pass."""
        # here, and not above: it draws pytest in where that is installed, 80 ms and 10 MB of every node
        from trio.testing import wait_all_tasks_blocked  # noqa: PLC0415

        self._holds += 1
        try:
            await wait_all_tasks_blocked()
        finally:
            self._holds -= 1

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, each thing that is due in them at its time; returns when all of it has run.

        Raises ValueError for less than 0.
        """
        if seconds < 0:
            raise ValueError(f"time never goes back: advance({seconds})")
        await self._pass_to(self._stands() + seconds)

    async def until(self, condition: Callable[[], object], *, within: float = 60.0) -> None:
        """Let time pass from one due thing to the next until `condition()` is true; it is tried first at once.

        Raises NeverTrue when it has not become true `within` virtual seconds, which have passed then.
        """
        end = self._stands() + within
        while True:
            await self.settle()
            if condition():
                return
            due = self._elapsed + trio.lowlevel.current_statistics().seconds_to_next_deadline
            if due > end or due == math.inf:
                break
            await self._pass_to(due)
        if end < math.inf:
            await self._pass_to(end)
        if not condition():
            raise NeverTrue(_never(within, due))

    async def _pass_to(self, time: float) -> None:
        self._targets.append(time)
        try:
            await trio.sleep_until(time)
        finally:
            self._targets.remove(time)
        self._arrived = time
        await self.settle()


def _never(within: float, due: float) -> str:
    text = f"not true within {within:g} virtual seconds"
    return text if due < math.inf else f"{text}: nothing is due any more, so it never will be"
