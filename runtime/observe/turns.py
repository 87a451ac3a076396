"""Turn times: which handlers are slow and which actors are hot, from the turns that were measured (`sampling.py`).

A turn lasts from the moment its message is taken to its end; what it waits for in between counts, since the actor
does nothing else meanwhile. Rates are estimates: a measured turn stands for those that were not.
"""

from bisect import bisect_left
from collections import deque
from typing import Any

from actors.address import Address

BOUNDS = (0.000_01, 0.000_1, 0.001, 0.01, 0.1, 1.0, 10.0)
"""Upper bounds of the histogram's buckets, in seconds."""
WINDOW = 5.0
"""Seconds. Rates are of the last one to two windows."""
RECENT = 256
"""Turns of one handler that its percentiles are of: the newest."""
ACTORS_MAX = 10_000
"""Actors that are told apart in one window; who comes later waits for the next one."""
SHOWN = 20
"""Rows of each list."""

Kind = tuple[str, str]
"""The names of an actor's class and of a message's."""


class Times:
    """The turns of one handler that were measured: all of them in buckets, the newest as they are."""

    __slots__ = ("buckets", "recent", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.total = 0.0
        self.recent: deque[float] = deque(maxlen=RECENT)

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds
        self.recent.append(seconds)


class Load:
    """Turns and the seconds they took, as estimated."""

    __slots__ = ("seconds", "turns")

    def __init__(self) -> None:
        self.turns = 0
        self.seconds = 0.0

    def add(self, turns: int, seconds: float) -> None:
        self.turns += turns
        self.seconds += seconds


class Window:
    """What was measured since a moment."""

    __slots__ = ("actors", "kinds", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.kinds: dict[Kind, Load] = {}
        self.actors: dict[Address, Load] = {}


class Turns:
    """All that was measured in a system, `times` since its start."""

    def __init__(self) -> None:
        self.times: dict[Kind, Times] = {}
        self._before = self._present = Window(0.0)

    @property
    def windows(self) -> list[Window]:
        """The last one or two."""
        return [self._present] if self._before is self._present else [self._before, self._present]

    def begin(self, now: float) -> None:
        """Measuring begins, maybe anew: what was before says nothing of the present."""
        self._before = self._present = Window(now)

    def add(self, address: Address, kind: Kind, seconds: float, now: float, *, stands_for: int) -> None:
        """One turn was measured, and `stands_for` so many, itself included."""
        self._turn_window(now)
        times = self.times.get(kind)
        if times is None:
            times = self.times[kind] = Times()
        times.add(seconds)
        window = self._present
        window.kinds.setdefault(kind, Load()).add(stands_for, seconds * stands_for)
        load = window.actors.get(address)
        if load is None:
            if len(window.actors) >= ACTORS_MAX:
                return
            load = window.actors[address] = Load()
        load.add(stands_for, seconds * stands_for)

    def _turn_window(self, now: float) -> None:
        age = now - self._present.since
        if age >= 2 * WINDOW:
            self.begin(now - WINDOW)
        elif age >= WINDOW:
            self._before, self._present = self._present, Window(now)

    def look(self, now: float) -> dict[str, Any]:
        """The slowest handlers and the hottest actors of the last seconds, JSON-ready; times in seconds."""
        self._turn_window(now)
        windows = self.windows
        seconds = max(now - self._before.since, 1.0)
        kinds = _sum([window.kinds for window in windows])
        actors = _sum([window.actors for window in windows])
        slowest = sorted((self._handler(kind, kinds[kind], seconds) for kind in kinds), key=_slowest_first)
        hottest = sorted(actors.items(), key=lambda item: (-item[1].seconds, -item[1].turns, item[0]))
        return {
            "seconds": seconds,
            "handlers": slowest[:SHOWN],
            "actors": [_actor(address, load, seconds) for address, load in hottest[:SHOWN]],
        }

    def _handler(self, kind: Kind, load: Load, seconds: float) -> dict[str, Any]:
        newest = sorted(self.times[kind].recent)
        return {
            "actor": kind[0],
            "message": kind[1],
            "turns_per_second": load.turns / seconds,
            "p50": newest[len(newest) // 2],
            "p99": newest[len(newest) * 99 // 100],
            "max": newest[-1],
        }


def _sum(parts: list[dict[Any, Load]]) -> dict[Any, Load]:
    found: dict[Any, Load] = {}
    for part in parts:
        for key, load in part.items():
            found.setdefault(key, Load()).add(load.turns, load.seconds)
    return found


def _slowest_first(handler: dict[str, Any]) -> tuple[float, str, str]:
    return -handler["p99"], handler["actor"], handler["message"]


def _actor(address: Address, load: Load, seconds: float) -> dict[str, Any]:
    return {
        "path": address,
        "turns_per_second": load.turns / seconds,
        "busy": min(load.seconds / seconds, 1.0),  # it has one turn at a time: more is the estimate's error
    }
