"""Demand, as pure bookkeeping: what an inlet has granted and holds, what an outlet may still send.

Demand is cumulative: a total since the beginning. So a grant that comes late or twice does no harm, and a producer
that has nothing yet simply keeps it. There is one number to choose, the `window`: an inlet never holds more, and
grants anew when half of it has been taken (GenStage's two numbers, min and max demand, confused its users).
"""

from collections import deque
from typing import Any


class Inlet:
    """What comes from one upstream stage, in order."""

    __slots__ = ("buffer", "ended", "granted", "received", "taken", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self.buffer: deque[Any] = deque()
        self.granted = 0
        self.received = 0
        self.taken = 0
        self.ended = False

    def give(self, items: tuple[Any, ...]) -> None:
        self.received += len(items)
        assert self.received <= self.granted, "more items than were asked for"
        self.buffer.extend(items)

    def take(self) -> Any:
        self.taken += 1
        return self.buffer.popleft()

    @property
    def owed(self) -> int:
        """Items that it has asked for and not had."""
        return 0 if self.ended else self.granted - self.received

    def refill(self) -> int | None:
        """The new total to ask for; None while more than half of the window is still granted."""
        if self.ended or self.granted - self.taken > self.window // 2:
            return None
        self.granted = self.taken + self.window
        return self.granted

    @property
    def dry(self) -> bool:
        """Nothing is there, and nothing will come."""
        return self.ended and not self.buffer


class Outlet:
    """What goes to one downstream stage."""

    __slots__ = ("_demanded", "_turn", "sent")

    def __init__(self) -> None:
        self._demanded = 0
        self.sent = 0
        self._turn: list[Any] = []

    def demand(self, total: int) -> None:
        self._demanded = max(self._demanded, total)

    @property
    def room(self) -> int:
        """How many more items downstream takes now."""
        return self._demanded - self.sent

    def put(self, item: Any) -> None:
        assert self.room > 0, "an item that nobody has asked for"
        self.sent += 1
        self._turn.append(item)

    def drain(self) -> tuple[Any, ...]:
        """What this turn has put."""
        items = tuple(self._turn)
        self._turn.clear()
        return items
