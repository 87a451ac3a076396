"""Which messages a queue holds and which can be given out next: numbers and times alone, no body, no id.

A message that was never received costs its sequence number, its birth and a place in two lists (about 150
bytes); what a receive adds is a `Delivery`. The heaps are pruned lazily: an entry counts only if it is still
true (`_is_ready`, `_is_due`), and of equal neighbours only the first, so nothing is ever searched for in a heap.

Standard queue: every visible message is ready. FIFO: the first remaining message of each group, if it is
visible; it stands for the longest run of visible messages behind it.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeVar

T = TypeVar("T", int, tuple[float, int])
_SLACK = 64
"""Dead entries that a list may hold beside as many as there are messages, before it is built anew."""


@dataclass(slots=True)
class Delivery:
    """What receives have made of a message, or its delay (`receives` 0)."""

    visible_at: float
    receives: int = 0
    """In this queue; also the number of the newest receipt handle."""
    received_at: float = 0.0
    first_received_at: float = 0.0
    hidden: bool = False
    """Delayed or in flight. Ends when `Index.reveal` passes `visible_at`."""


class Index:
    """The messages of one queue. Restored from the same rows, it gives the same answers."""

    __slots__ = (
        "_arrivals",
        "_due",
        "_elders",
        "_group_of",
        "_groups",
        "_newest",
        "_ready",
        "born",
        "delayed",
        "deliveries",
        "fifo",
        "in_flight",
    )

    def __init__(self, *, fifo: bool) -> None:
        self.fifo = fifo
        self.born: dict[int, float] = {}
        """Sequence number -> when its retention period began: exactly the messages there are."""
        self.deliveries: dict[int, Delivery] = {}
        self.in_flight = 0
        self.delayed = 0
        self._ready: list[int] = []
        self._due: list[tuple[float, int]] = []
        # by age, for retention: nearly all arrive in order, a dead letter brings its age along
        self._arrivals: deque[int] = deque()
        self._elders: list[tuple[float, int]] = []
        self._newest = 0.0
        self._groups: dict[str, deque[int]] = {}
        self._group_of: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.born)

    @property
    def visible(self) -> int:
        return len(self.born) - self.in_flight - self.delayed

    @property
    def list_entries(self) -> int:
        """Entries of all lists, dead ones too: bounded by a few times the number of messages."""
        return len(self._ready) + len(self._due) + len(self._arrivals) + len(self._elders)

    # --- changes ------------------------------------------------------------------------------------------

    def add(self, seq: int, born: float, group: str | None, delivery: Delivery | None) -> None:
        """A message appears; `delivery` if it is not fresh."""
        assert seq not in self.born, f"message {seq} is there already"
        self.born[seq] = born
        if born >= self._newest:
            self._newest = born
            self._arrivals.append(seq)
        else:
            heappush(self._elders, (born, seq))
        if self.fifo:
            assert group is not None, f"message {seq} of a FIFO queue has no group"
            self._join(seq, group)
        if delivery is not None:
            self._hold(seq, delivery)
        else:
            self._offer(seq)

    def hold(self, deliveries: Iterable[tuple[int, Delivery]]) -> None:
        """From now on each delivery says when its message can be had."""
        for seq, delivery in deliveries:
            self._hold(seq, delivery)
        self._tidy(self._ready, self._is_ready)
        self._tidy(self._due, self._is_due)

    def remove(self, seqs: Iterable[int]) -> None:
        """The messages are gone, whatever they were."""
        for seq in seqs:
            del self.born[seq]
            delivery = self.deliveries.pop(seq, None)
            if delivery is not None:
                self._count(delivery, -1)
            if self.fifo:
                self._leave(seq)
        self._forget_arrivals()
        self._tidy(self._ready, self._is_ready)
        self._tidy(self._due, self._is_due)
        self._tidy(self._elders, self._is_elder)

    def clear(self) -> None:
        """All messages are gone."""
        self.in_flight = self.delayed = 0
        for held in (self.born, self.deliveries, self._ready, self._due, self._arrivals, self._elders):
            held.clear()
        self._groups.clear()
        self._group_of.clear()

    def reveal(self, now: float) -> None:
        """What was hidden until now is visible: a delay or a visibility timeout has ended."""
        due = self._due
        while due and due[0][0] <= now:
            entry = heappop(due)
            if self._is_due(entry):
                self._show(entry[1])

    def delay_anew(self, seconds: float, now: float) -> None:
        """FIFO: the queue's DelaySeconds has changed, for those that are delayed too."""
        for seq, delivery in self.deliveries.items():
            if delivery.hidden and not delivery.receives and self.born[seq] < now:
                delivery.visible_at = self.born[seq] + seconds
                heappush(self._due, (delivery.visible_at, seq))

    # --- questions ----------------------------------------------------------------------------------------

    def candidates(self, locked: Collection[str] = ()) -> Iterator[int]:
        """What a receive may give out, in order, and nothing of the `locked` groups; the index must not change meanwhile."""
        for seq in _ascending(self._ready):
            if not self._is_ready(seq):
                continue
            if not self.fifo:
                yield seq
                continue
            group = self._group_of[seq]
            if group in locked:
                continue
            for member in self._groups[group]:
                if self._is_hidden(member):
                    break
                yield member

    def group_of(self, seq: int) -> str | None:
        """None: a standard queue, which has no order to keep."""
        return self._group_of.get(seq)

    def expired(self, now: float, retention: float) -> list[int]:
        """Messages whose retention period is over."""
        gone: list[int] = []
        for seq in self._arrivals:
            born = self.born.get(seq)
            if born is None:
                continue
            if born + retention > now:
                break
            gone.append(seq)
        for born, seq in _ascending(self._elders):
            if born + retention > now:
                break
            if seq in self.born:
                gone.append(seq)
        return list(dict.fromkeys(gone))  # one that was brought back may stand in both

    def next_due(self) -> float | None:
        """When the next hidden message becomes visible."""
        due = self._due
        while due and not self._is_due(due[0]):
            heappop(due)
        return due[0][0] if due else None

    # --- inside -------------------------------------------------------------------------------------------

    def _hold(self, seq: int, delivery: Delivery) -> None:
        assert seq in self.born, f"message {seq} is not there"
        before = self.deliveries.get(seq)
        if before is not None:
            self._count(before, -1)
        self.deliveries[seq] = delivery
        self._count(delivery, 1)
        if delivery.hidden:
            heappush(self._due, (delivery.visible_at, seq))
        else:
            self._offer(seq)

    def _count(self, delivery: Delivery, step: int) -> None:
        if delivery.hidden and delivery.receives:
            self.in_flight += step
        elif delivery.hidden:
            self.delayed += step

    def _show(self, seq: int) -> None:
        delivery = self.deliveries[seq]
        self._count(delivery, -1)
        delivery.hidden = False
        if not delivery.receives:
            del self.deliveries[seq]  # a delay that is over leaves nothing to remember
        self._offer(seq)

    def _offer(self, seq: int) -> None:
        if self._is_ready(seq):
            heappush(self._ready, seq)

    def _join(self, seq: int, group: str) -> None:
        members = self._groups.setdefault(group, deque())
        later: list[int] = []
        while members and members[-1] > seq:  # it comes back from its way to a dead-letter queue
            later.append(members.pop())
        members.append(seq)
        members.extend(reversed(later))
        self._group_of[seq] = self._group_of.get(members[0], group)  # one text object for all of a group

    def _leave(self, seq: int) -> None:
        group = self._group_of.pop(seq)
        members = self._groups[group]
        members.remove(seq)  # near the head: what is deleted was given out, and that begins there
        if members:
            self._offer(members[0])
        else:
            del self._groups[group]

    def _is_hidden(self, seq: int) -> bool:
        delivery = self.deliveries.get(seq)
        return delivery is not None and delivery.hidden

    def _is_ready(self, seq: int) -> bool:
        if seq not in self.born or self._is_hidden(seq):
            return False
        return not self.fifo or self._groups[self._group_of[seq]][0] == seq

    def _is_due(self, entry: tuple[float, int]) -> bool:
        delivery = self.deliveries.get(entry[1])
        return delivery is not None and delivery.hidden and delivery.visible_at == entry[0]

    def _is_elder(self, entry: tuple[float, int]) -> bool:
        return entry[1] in self.born

    def _forget_arrivals(self) -> None:
        arrivals, born = self._arrivals, self.born
        while arrivals and arrivals[0] not in born:
            arrivals.popleft()
        if len(arrivals) > 2 * len(born) + _SLACK:
            self._arrivals = deque(seq for seq in arrivals if seq in born)

    def _tidy(self, heap: list[T], holds: Callable[[T], bool]) -> None:
        """Drop what no longer holds: at the head at once, inside when it is the larger part."""
        while heap and not holds(heap[0]):
            heappop(heap)
        if len(heap) > 2 * len(self.born) + _SLACK:
            heap[:] = sorted({entry for entry in heap if holds(entry)})


def _ascending(heap: list[T]) -> Iterator[T]:
    """The heap's entries in order, each once, without taking one out: its children are looked at when it is passed."""
    frontier = [(heap[0], 0)] if heap else []
    last: T | None = None
    while frontier:
        entry, at = heappop(frontier)
        if entry != last:
            yield entry
        last = entry
        for child in (2 * at + 1, 2 * at + 2):
            if child < len(heap):
                heappush(frontier, (heap[child], child))
