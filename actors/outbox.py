"""What an actor has still to deliver: a line of messages for each target, and when each line may be tried.

Memory alone: `reliable.py` keeps it in rows. A line is in one of three places: it is ready, its first message is
under way, or it waits for the time of its next try. So no turn looks at more lines than it moves.
"""

import heapq
from collections import deque
from dataclasses import dataclass
from typing import Any

from actors.address import Address
from actors.errors import ActorCrashed, ActorError, DeadLettered, DirtyRefusal, OutboxFull, StoreFull
from actors.message import Message

UNDER_WAY_MAX = 100
"""Deliveries of one actor at a time; more targets wait their turn."""


CRASHES_MAX = 3
"""Crashes of its target, in a row, by which a message is given up."""


class Refused(ActorError):
    """The target has refused the message, which lists `kind`, the refusal's class; it will not be sent again."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = text


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as it is kept: the error's class and text."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The target's commit holds the message, or the refusal that it has answered once and for all."""

    refusal: Refusal | None = None
    handled: bool = True


class Deliver(Message[Delivered]):
    """From an outbox to a ReliableActor, whose handler of `message` runs in the turn of this one."""

    sender: Address
    stream: str
    """Drawn with the sender's first message: one that was deleted and made again begins a stream of its own."""
    sequence: int
    """Counts in the stream, over all targets: what one target sees grows, with gaps."""
    message: Any


class Settled(Message[None]):
    """To oneself: what has become of a delivery."""

    to: Address
    sequence: int
    result: Any


class Due(Message[None]):
    """To oneself: a line's next try is due."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to be delivered."""

    sequence: int
    message: Message[Any]


class Line:
    """The messages to one target, in the order of sending."""

    __slots__ = ("crashes", "failures", "letters", "to", "under_way")

    def __init__(self, to: Address) -> None:
        self.to = to
        self.letters: deque[Letter] = deque()
        self.under_way = False
        self.failures = 0
        """In a row; of the first letter, as the crashes."""
        self.crashes = 0


class Outbox:
    """The lines of one actor."""

    __slots__ = ("_delayed", "_lines", "_order", "_ready", "_under_way", "next", "size", "stream")

    def __init__(self) -> None:
        self.stream = ""
        self.next = 0
        self.size = 0
        self._lines: dict[Address, Line] = {}
        self._ready: deque[Line] = deque()
        self._delayed: list[tuple[float, int, Line]] = []
        self._order = 0
        self._under_way = 0

    def add(self, to: Address, letter: Letter) -> None:
        """One more at the end of its target's line."""
        line = self._lines.get(to)
        if line is None:
            line = self._lines[to] = Line(to)
            self._ready.append(line)
        line.letters.append(letter)
        self.size += 1

    def take(self) -> Line | None:
        """A line whose first letter is to be sent now."""
        if not self._ready or self._under_way >= UNDER_WAY_MAX:
            return None
        line = self._ready.popleft()
        line.under_way = True
        self._under_way += 1
        return line

    def under_way(self, to: Address, sequence: int) -> Line | None:
        """The line whose first letter this is, if it is under way."""
        line = self._lines.get(to)
        found = line is not None and line.under_way and line.letters[0].sequence == sequence
        return line if found else None

    def done(self, line: Line) -> Letter:
        """Its first letter is out of the box; answers it. The next may go."""
        self._landed(line)
        line.failures = line.crashes = 0
        self.size -= 1
        letter = line.letters.popleft()
        if line.letters:
            self._ready.append(line)
        else:
            del self._lines[line.to]
        return letter

    def later(self, line: Line, time: float) -> None:
        """Its first letter is to be tried again at `time`."""
        self._landed(line)
        self._order += 1
        heapq.heappush(self._delayed, (time, self._order, line))

    def due(self, now: float) -> None:
        """What was to be tried by now is ready."""
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])

    @property
    def next_try(self) -> float | None:
        """The earliest time for which a line waits."""
        return self._delayed[0][0] if self._delayed else None

    @property
    def rests_until(self) -> float | None:
        """As `next_try`, if all lines wait: until then nothing of it is sent."""
        return None if self._ready or self._under_way else self.next_try

    def _landed(self, line: Line) -> None:
        line.under_way = False
        self._under_way -= 1


# --- what has become of a delivery ----------------------------------------------------------------------


def is_final(error: Exception, crashes: int) -> bool:
    """Whether a failed delivery is not tried again."""
    if isinstance(error, DeadLettered):
        return error.reason == "unhandled"
    return crashed(error) and crashes >= CRASHES_MAX


def crashed(result: Any) -> bool:
    """Whether the message made its target crash; that a disk or an outbox was full there is no fault of the message's."""
    if not isinstance(result, ActorCrashed):
        return False
    cause = result.__cause__
    return not (isinstance(cause, DirtyRefusal) and isinstance(cause.__cause__, StoreFull | OutboxFull))


def why_given_up(to: Address, result: Any) -> ActorError | None:
    """Why the message is given up; None: it was taken."""
    match result:
        case Delivered(None, handled=True):
            return None
        case Delivered(Refusal(kind, text)):
            return Refused(kind, text)
        case ActorError():
            return result
        case _:  # a handler for the rest has taken the envelope for the letter
            return DeadLettered(to, "unhandled")
