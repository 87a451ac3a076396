"""The only place that asks for the time.

`now` is seconds since 1970 UTC that never go back: the wall clock at start, carried on by the monotonic one.
All deadlines are kept in it, stored ones too. `wall` is the wall clock, for calendars and signatures alone.
"""

import math
import time
from collections.abc import Callable
from typing import Protocol

import trio
import trio.testing
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


class VirtualClock(TrioClock):
    """Time that passes only when nothing can run: pass it to `trio.run(clock=...)` and to `System(clock=...)`.

    Without `autojump` it stands still until `advance` moves it. With it, the run loop jumps to the next
    deadline whenever no task is runnable. When there is no deadline either, nothing will ever run again: then
    `stuck` is called, if it is set, and may cancel a scope.
    """

    IDLE_WAIT = 0.05
    """Real seconds between two looks while nothing can run: a thread may come back, `advance` may be called."""

    def __init__(self, start: float = 1_700_000_000.0, *, autojump: bool = False) -> None:
        self.stuck: Callable[[], None] | None = None
        self._start = start
        self._elapsed = 0.0
        self._autojump = autojump
        self._target = 0.0

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
        limit = math.inf if self._autojump else self._target
        if deadline <= limit and deadline < math.inf:
            self._elapsed = deadline
            return 0
        if self._elapsed < self._target:
            self._elapsed = self._target
            return 0
        if self.stuck is not None and deadline == math.inf:
            self.stuck()
            return 0
        return self.IDLE_WAIT

    def now(self) -> float:
        return self._start + self._elapsed

    def wall(self) -> float:
        return self._start + self._elapsed

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass; returns when all that was due in them has run. Not with `autojump`, which never stands still."""
        assert not self._autojump, "advance moves a clock that stands still"
        self._target = self._elapsed + seconds
        await trio.sleep(seconds)
        await trio.testing.wait_all_tasks_blocked()
