"""One queue: what is in it, what time does to it, and how a change alters it.

Decisions refuse, or return the change, and alter nothing (`sending.py`, `receiving.py`, `dead_letters.py`, and those
on the queue itself here); `apply` alters and never refuses. Before each decision stands `advance(now)`: it shows
what was hidden until now, and returns what time has ended as a change of its own. Bodies are not here: a
receive names the messages, and their rows are read before it is applied.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TypeVar, assert_never

from patterns.queue.attributes import (
    TAGS_MAX,
    Counts,
    Settings,
    check_same,
    merged,
    shown,
    with_tags,
    without_tags,
)
from patterns.queue.changes import (
    Adopted,
    Attempt,
    BroughtBack,
    Change,
    Configured,
    Dedup,
    DedupKey,
    Deleted,
    Expired,
    Meta,
    Purged,
    Redated,
    Sends,
    Settled,
    Taken,
)
from patterns.queue.errors import InvalidParameterValue, PurgeQueueInProgress
from patterns.queue.index import Delivery, Index
from patterns.queue.limits import DELAY_MAX
from patterns.queue.messages import OpenQueue, Parcel
from patterns.queue.stored import StoredMessage, index_of

K = TypeVar("K")
V = TypeVar("V")

ADOPTED_WINDOW = 14 * 86_400.0
"""Seconds for which an adopted parcel is known again if its source never says that it is settled."""
PURGE_INTERVAL = 60.0
"""Seconds between two purges, where the rule is switched on."""
RESERVE = 1_000
"""Sequence numbers that one row reserves; a restart skips what is left of them."""


def opened(message: OpenQueue, name: str, arn: str) -> Configured:
    """A queue begins to exist: the change that its first row keeps; `Queue(change.meta)` is its state."""
    return Configured(
        Meta(
            message.queue_id,
            name,
            arn,
            message.attributes,
            message.tags,
            created_at=message.created_at,
            modified_at=message.created_at,
        )
    )


class Queue:
    """The state of one queue. `purge_rule`: a purge must wait 60 s for the one before, as at AWS."""

    def __init__(self, meta: Meta, *, purge_rule: bool = False) -> None:
        self.meta = meta
        self.settings = Settings.of(meta.attributes)
        self.purge_rule = purge_rule
        self.index = Index(fifo=self.settings.fifo)
        self.next_seq = 1
        self.reserved = 1
        """Numbers below it may be given out; `RESERVE` more are staged with the first that is not."""
        self.dedups: dict[DedupKey, Dedup] = {}
        self.attempts: dict[str, Attempt] = {}
        self.adopted: dict[tuple[str, int], float] = {}
        self.outgoing: dict[int, str | None] = {}
        """Numbers on their way to the dead-letter queue; FIFO: and their groups, which give out nothing meanwhile."""
        self.id = bytes.fromhex(meta.queue_id.replace("-", ""))

    # --- time ---------------------------------------------------------------------------------------------

    def advance(self, now: float) -> Expired | None:
        """Show what was hidden until now; what is over by now is the change to keep, None: nothing is."""
        self.index.reveal(now)
        seqs = self.index.expired(now, self.settings.retention)
        dedups = _leading(self.dedups, lambda dedup: dedup.until <= now)
        attempts = _leading(self.attempts, lambda attempt: attempt.until <= now)
        adopted = _leading(self.adopted, lambda at: at + ADOPTED_WINDOW <= now)
        if not (seqs or dedups or attempts or adopted):
            return None
        everything = bool(seqs) and len(seqs) == len(self.index)
        return Expired(seqs, everything, dedups, attempts, adopted)

    def next_event(self) -> float | None:
        """When a delay or a visibility timeout ends next: what somebody who waits is waiting for."""
        return self.index.next_due()

    # --- the queue itself ---------------------------------------------------------------------------------

    def counts(self) -> Counts:
        return Counts(self.index.visible, self.index.in_flight, self.index.delayed)

    def shown(self, names: Sequence[str]) -> dict[str, str]:
        """What GetQueueAttributes answers. Raises InvalidAttributeName."""
        meta = self.meta
        return shown(
            names,
            meta.attributes,
            self.counts(),
            arn=meta.arn,
            created_at=meta.created_at,
            modified_at=meta.modified_at,
        )

    def reaffirm(self, attributes: Mapping[str, str]) -> None:
        """CreateQueue again. Raises QueueNameExists."""
        check_same(self.meta.attributes, attributes)

    def set_attributes(self, given: Mapping[str, str], now: float) -> Configured:
        attributes = merged(self.meta.attributes, given)
        delays = self.meta.delays
        delay = Settings.of(attributes).delay
        if self.settings.fifo and delay != self.settings.delay:
            delays = (*(one for one in delays if one[0] + DELAY_MAX > now), (now, delay))
        return Configured(replace(self.meta, attributes=attributes, modified_at=now, delays=delays))

    def tag(self, tags: Mapping[str, str]) -> Configured:
        if len(tags) > TAGS_MAX:
            raise InvalidParameterValue(f"Too many tags added for queue {self.meta.name}.")
        return Configured(replace(self.meta, tags=with_tags(self.meta.tags, tags)))

    def untag(self, keys: Sequence[str]) -> Configured:
        return Configured(replace(self.meta, tags=without_tags(self.meta.tags, keys)))

    def purge(self, now: float) -> Purged:
        if self.purge_rule and now < self.meta.purged_at + PURGE_INTERVAL:
            raise PurgeQueueInProgress(self.meta.name)
        return Purged(replace(self.meta, purged_at=now))

    # --- numbers ------------------------------------------------------------------------------------------

    def reserve_for(self, count: int) -> int | None:
        """The end of the reserved numbers once `count` more are given out; None: as it is."""
        needed = self.next_seq + count
        return None if needed <= self.reserved else needed + RESERVE

    def delay_end(self, born: float, visible_at: float) -> float:
        """When the delay of a stored message ends, after all changes of DelaySeconds that held for it too."""
        for at, seconds in self.meta.delays:
            if born < at < visible_at:
                visible_at = born + seconds
        return visible_at

    # --- what a change does -------------------------------------------------------------------------------

    def apply(self, change: Change) -> None:
        match change:
            case Sends():
                self._apply_sends(change)
            case Taken():
                self._apply_taken(change)
            case Deleted():
                self.index.remove(change.seqs)
            case Redated():
                self.index.hold(change.deliveries)
            case Expired():
                self._apply_expired(change)
            case Configured():
                self._configure(change.meta)
            case Purged():
                self._purge(change.meta)
            case _:
                self._apply_hand_over(change)

    def _apply_sends(self, change: Sends) -> None:
        self._arrive(change.messages, change.reserved)
        self.dedups.update(change.dedups)  # `advance` has dropped older ones: the order is that of `until`

    def _arrive(self, messages: Sequence[StoredMessage], reserved: int | None) -> None:
        if reserved is not None:
            self.reserved = reserved
        for message in messages:
            assert message.seq == self.next_seq, f"message {message.seq} where {self.next_seq} is next"
            self.next_seq += 1
            self.index.add(message.seq, message.born, message.group, _delay(message.born, message.visible_at))
        assert self.next_seq <= self.reserved, f"{self.next_seq} is beyond the reserved {self.reserved}"

    def _apply_taken(self, change: Taken) -> None:
        self.index.hold(change.hands)
        moved = [move.seq for move in change.moves]
        self.outgoing.update((seq, self.index.group_of(seq)) for seq in moved)
        self.index.remove(moved)
        if change.attempt is not None:
            name, attempt = change.attempt
            before = self.attempts.get(name)
            if before is not None and before.until != attempt.until:
                del self.attempts[name]  # the dictionary's order is the order of `until`
            self.attempts[name] = attempt

    def _apply_expired(self, change: Expired) -> None:
        self.index.remove(change.seqs)
        assert not (change.everything and len(self.index)), "everything expired, and something is left"
        for key in change.dedups:
            del self.dedups[key]
        for name in change.attempts:
            del self.attempts[name]
        for parcel in change.adopted:
            del self.adopted[parcel]

    def _configure(self, meta: Meta) -> None:
        settings = Settings.of(meta.attributes)
        assert settings.fifo == self.settings.fifo, "the type of a queue never changes"
        if meta.delays != self.meta.delays:
            at, seconds = meta.delays[-1]
            self.index.delay_anew(seconds, at)
        self.meta, self.settings = meta, settings

    def _purge(self, meta: Meta) -> None:
        self.meta = meta
        self.index.clear()
        self.dedups.clear()
        self.attempts.clear()

    def _apply_hand_over(self, change: Adopted | Settled | BroughtBack) -> None:
        match change:
            case Adopted():
                self._arrive([message for _, message in change.arrivals], change.reserved)
                for seq, _ in change.arrivals:
                    self.adopted[change.source, seq] = change.at
                for seq in change.settled:
                    self.adopted.pop((change.source, seq), None)
            case Settled():
                for seq in change.seqs:
                    self.outgoing.pop(seq, None)
            case BroughtBack(parcel):
                del self.outgoing[parcel.seq]
                born, _, group = index_of(parcel.row)
                self.index.add(parcel.seq, born, group, returned(parcel))
            case _:
                assert_never(change)


def returned(parcel: Parcel) -> Delivery:
    """How a dead letter stands that nobody has adopted: visible, with all its receives."""
    at = parcel.first_received_at
    return Delivery(at, parcel.receives, at, at)


def _leading(table: Mapping[K, V], over: Callable[[V], bool]) -> list[K]:
    """Keys of the first entries that are over; the table is in the order of their ends."""
    if not table:
        return []
    return [key for key, _ in takewhile(lambda item: over(item[1]), table.items())]


def _delay(born: float, visible_at: float) -> Delivery | None:
    return Delivery(visible_at, hidden=True) if visible_at > born else None
