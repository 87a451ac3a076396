"""The user lane of a mailbox by priority: a heap instead of a queue, in which nobody starves."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

E = TypeVar("E")

OVERTAKEN_MAX = 64
"""Messages in a row that overtake the oldest; then it goes first."""
SPARE = 64
"""Places in the heap of what is not there any more, beside as many as there are messages."""


class PriorityLane(Generic[E]):
    """What a deque is to a mailbox: `popleft` answers the item of the smallest rank, the oldest of equal ones."""

    __slots__ = ("_count", "_front", "_heap", "_overtaken", "_rank", "_waiting")

    def __init__(self, rank: Callable[[E], float]) -> None:
        self._rank = rank
        self._front: deque[E] = deque()
        """Put back at the head."""
        self._waiting: dict[int, tuple[float, E]] = {}
        """By arrival."""
        self._heap: list[tuple[float, int]] = []
        self._count = 0
        self._overtaken = 0

    def __len__(self) -> int:
        return len(self._front) + len(self._waiting)

    def __iter__(self) -> Iterator[E]:
        yield from self._front
        for _, number in sorted((rank, number) for number, (rank, _) in self._waiting.items()):
            yield self._waiting[number][1]

    def append(self, item: E) -> None:
        self._count += 1
        place = self._rank(item), self._count
        self._waiting[self._count] = place[0], item
        heapq.heappush(self._heap, place)

    def appendleft(self, item: E) -> None:
        self._front.appendleft(item)

    def popleft(self) -> E:
        """The next one. Raises IndexError."""
        if self._front:
            return self._front.popleft()
        if self._overtaken >= OVERTAKEN_MAX:
            return self.pop_oldest()
        while True:
            number = heapq.heappop(self._heap)[1]
            if number in self._waiting:
                break
        self._overtaken = 0 if number == self._oldest() else self._overtaken + 1
        return self._waiting.pop(number)[1]

    def pop_oldest(self) -> E:
        """The one that came first. Raises IndexError."""
        if self._front:
            return self._front.popleft()
        if not self._waiting:
            raise IndexError("the lane is empty")
        return self._take_out(self._oldest())

    def remove(self, item: E) -> None:
        """Raises ValueError."""
        if item in self._front:
            self._front.remove(item)
            return
        for number, (_, one) in self._waiting.items():
            if one == item:
                self._take_out(number)
                return
        raise ValueError("not in the lane")

    def clear(self) -> None:
        self._front.clear()
        self._waiting.clear()
        self._heap.clear()
        self._overtaken = 0

    def _oldest(self) -> int:
        return next(iter(self._waiting))

    def _take_out(self, number: int) -> E:
        """Not by the heap, which forgets its place when it comes upon it, or has too many of such."""
        if number == self._oldest():
            self._overtaken = 0
        item = self._waiting.pop(number)[1]
        if len(self._heap) > 2 * len(self._waiting) + SPARE:
            self._heap = [place for place in self._heap if place[1] in self._waiting]
            heapq.heapify(self._heap)
        return item
