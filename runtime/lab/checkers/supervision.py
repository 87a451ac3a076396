"""Do actors live as supervision promises: ended once and after their children, restarted within limits, mourned once.

Actors under test say what happens to them in `Lives`, in the order in which it happens; the checker reads it.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from actors.supervision import Intensity
from runtime.lab.verdict import Verdict, Violation, first


class Said(Enum):
    """What an actor has said."""

    STARTED = auto()
    """Its `started` has begun."""
    STOPPED = auto()
    """Its `stopped` has run."""
    WATCHED = auto()
    """It watches `other`, and did not."""
    UNWATCHED = auto()
    """It does not any more."""
    HEARD = auto()
    """It has handled a message from `other`."""
    TERMINATED = auto()
    """It has handled the Terminated of `other`."""
    QUIET = auto()
    """The test says: nothing is under way, and no restart is waited for."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that was said."""

    said: Said
    address: str
    at: float
    incarnation: int = 0
    other: str = ""


class Lives:
    """What was said in a run, oldest first."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []

    def say(self, said: Said, address: str, at: float, *, incarnation: int = 0, other: str = "") -> None:
        """`incarnation` of who started or stopped, `other` of who watches or hears."""
        self.moments.append(Moment(said, address, at, incarnation, other))

    def quiet(self, at: float) -> None:
        """Nothing is under way, and no restart is waited for: each Terminated that is owed has come."""
        self.say(Said.QUIET, "", at)


def supervision(lives: Lives, intensity: Intensity | None = None) -> Verdict:
    """Laws of supervision, at the end of a run, when every actor that lives there has ended.

    Each incarnation that started has stopped once, behind all below it. With an `intensity`, no
    family of one parent began anew more often than that allows. Of each watch that held there was one Terminated, behind the
    watched one's `stopped` and its last message, and of none that did not; one that is missing is seen where the test
    says `quiet`.
    """
    return first("supervision", _violations(lives, intensity))


def _violations(lives: Lives, intensity: Intensity | None) -> Iterator[Violation]:
    yield from _stops(lives)
    if intensity is not None:
        yield from _restarts(lives, intensity)
    yield from _watches(lives)


def _stops(lives: Lives) -> Iterator[Violation]:
    up: dict[tuple[str, int], int] = {}
    for place, moment in enumerate(lives.moments):
        who = moment.address, moment.incarnation
        if moment.said is Said.STARTED:
            up[who] = place
        elif moment.said is Said.STOPPED:
            if up.pop(who, None) is None:
                detail = f"incarnation {moment.incarnation} has stopped, and was not up"
                yield Violation("supervision", moment.address, detail, (place,))
            below = next((other for other, _ in up if other.startswith(f"{moment.address}/")), None)
            if below is not None:
                yield Violation("supervision", moment.address, f"has stopped before {below}", (place,))
    for (address, incarnation), place in up.items():
        yield Violation("supervision", address, f"incarnation {incarnation} never stopped", (place,))


def _restarts(lives: Lives, intensity: Intensity) -> Iterator[Violation]:
    """Of a family: its parent counts the restarts of all its children together."""
    recent: defaultdict[str, deque[float]] = defaultdict(deque)
    for place, moment in enumerate(lives.moments):
        if moment.said is not Said.STARTED or moment.incarnation <= 1:
            continue
        parent = moment.address.rpartition("/")[0] or "/"
        times = recent[parent]
        times.append(moment.at)
        while times[0] <= moment.at - intensity.within:
            times.popleft()
        if len(times) > intensity.restarts:
            detail = f"{len(times)} restarts within {intensity.within:g} s, where {intensity.restarts} may be"
            yield Violation("supervision", parent, detail, (place,))


class _Watches:
    """Who watches whom, and for whom the news has come."""

    def __init__(self) -> None:
        self._watching: set[tuple[str, str]] = set()
        self._up: Counter[str] = Counter()

    def hear(self, moment: Moment) -> str | None:
        """What is wrong with it."""
        pair = moment.address, moment.other
        if moment.said is Said.STARTED or moment.said is Said.STOPPED:
            self._up[moment.address] += 1 if moment.said is Said.STARTED else -1
        elif moment.said is Said.WATCHED:
            self._watching.add(pair)
        elif moment.said is Said.UNWATCHED:
            self._watching.discard(pair)
        elif moment.said is Said.TERMINATED:
            return self._terminated(pair)
        return None

    def _terminated(self, pair: tuple[str, str]) -> str | None:
        if pair not in self._watching:
            return f"a Terminated of {pair[1]}, which it does not watch, or not any more"
        self._watching.discard(pair)
        return f"the Terminated of {pair[1]}, which is still up" if self._up[pair[1]] > 0 else None

    def owed(self) -> Iterator[tuple[str, str]]:
        """Who is up, and watches somebody who has lived and is not."""
        for watcher, subject in sorted(self._watching):
            if self._up[watcher] > 0 and subject in self._up and self._up[subject] == 0:
                yield watcher, f"no Terminated came of {subject}"


def _watches(lives: Lives) -> Iterator[Violation]:
    watches, last = _Watches(), dict[tuple[str, str], int]()
    for place, moment in enumerate(lives.moments):
        if (wrong := watches.hear(moment)) is not None:
            yield Violation("supervision", moment.address, wrong, (place,))
        if moment.said is Said.TERMINATED:
            last[moment.address, moment.other] = place
        elif moment.said is Said.WATCHED or moment.said is Said.STARTED:
            last.pop((moment.address, moment.other), None)
        elif moment.said is Said.HEARD and (moment.address, moment.other) in last:
            detail = f"a message of {moment.other} behind its Terminated"
            yield Violation(
                "supervision", moment.address, detail, (last[moment.address, moment.other], place)
            )
        elif moment.said is Said.QUIET:
            for watcher, detail in watches.owed():
                yield Violation("supervision", watcher, detail, (place,))
