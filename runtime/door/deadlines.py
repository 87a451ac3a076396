"""Timeouts of many connections with one task, and no cancel scope for each wait.

A connection writes its `due` time before it waits and `math.inf` after; that is all it pays. The sweeper looks at
them all when the earliest one known is due. Nobody who starts to wait after a look can be due before the shortest
timeout has passed, so it need not be told of new ones, unless it found nobody waiting and has gone to sleep.
"""

import math
from typing import Protocol

import trio

from runtime.clock import Clock

RESOLUTION = 0.25
"""Seconds by which a timeout may be late: ten thousand connections are looked at four times a second at most."""


class Waiting(Protocol):
    """Something that waits for somebody outside until `due`, in `Clock.now`'s time."""

    due: float

    def expire(self) -> None:
        """`due` has come. Called in the sweeper's task; must not raise."""
        ...


class Sweeper:
    """Calls `expire` of each member whose time has come. `shortest` is the smallest timeout that is ever set, in seconds."""

    def __init__(self, clock: Clock, shortest: float) -> None:
        self._clock = clock
        self._shortest = shortest
        self._members: dict[Waiting, None] = {}  # in order of arrival, so that a simulation can be repeated
        self._asleep: trio.Event | None = None

    def add(self, member: Waiting) -> None:
        self._members[member] = None

    def remove(self, member: Waiting) -> None:
        del self._members[member]

    def begin(self, member: Waiting, timeout: float) -> None:
        """`member` waits from now on, for at most `timeout` seconds."""
        member.due = self._clock.now() + timeout
        if self._asleep is not None:
            self._asleep.set()
            self._asleep = None

    async def run(self) -> None:
        """Never returns."""
        while True:
            pause = self._sweep()
            if pause == math.inf:
                self._asleep = trio.Event()
                await self._asleep.wait()
            else:
                await trio.sleep(pause)

    def _sweep(self) -> float:
        now = self._clock.now()
        earliest = math.inf
        for member in list(self._members):
            if member.due <= now:
                member.due = math.inf
                member.expire()
            elif member.due < earliest:
                earliest = member.due
        if earliest == math.inf:
            return math.inf
        return max(min(earliest - now, self._shortest), RESOLUTION)
