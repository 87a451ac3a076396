"""What a decision of the queue returns: the change, as plain values; `state.py` applies it, `rows.py` writes it.

What the asker is told stands in the change too (`results`), so that a decision is taken once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from patterns.queue.index import Delivery
from patterns.queue.messages import BatchResult, Failed, Parcel, Sent
from patterns.queue.stored import StoredMessage

DedupKey = tuple[str, str]
"""(scope, deduplication id); the scope is the group, or empty for the whole queue."""


@dataclass(slots=True)
class Meta:
    """A queue's own row. `queue_id` is a UUID: two queues of one name, one after the other, have different ones."""

    queue_id: str
    name: str
    arn: str
    attributes: Mapping[str, str]
    tags: Mapping[str, str]
    created_at: float
    modified_at: float
    purged_at: float = 0.0
    delays: tuple[tuple[float, int], ...] = ()
    """FIFO: (when, seconds) of the changes of DelaySeconds in the last 900 s; they hold for what was delayed then."""


@dataclass(slots=True)
class Dedup:
    """The accepted send that later ones of the same id repeat, until `until`."""

    message_id: str
    seq: int
    until: float


@dataclass(slots=True)
class Attempt:
    """What a receive with an attempt id gave out: numbers and handles, all hidden until `visible_at`."""

    until: float
    visible_at: float
    seqs: tuple[int, ...]
    receives: tuple[int, ...]


@dataclass(slots=True)
class Configured:
    """The queue's own row is `meta`."""

    meta: Meta


@dataclass(slots=True)
class Sends:
    """Messages arrive. `reserved`: numbers below it may be given out before it is written again."""

    messages: list[StoredMessage] = field(default_factory=list[StoredMessage])
    dedups: dict[DedupKey, Dedup] = field(default_factory=dict[DedupKey, Dedup])
    reserved: int | None = None
    sent: list[Sent] = field(default_factory=list[Sent])
    failed: list[Failed] = field(default_factory=list[Failed])

    @property
    def result(self) -> BatchResult:
        return BatchResult(sent=self.sent, failed=self.failed)


@dataclass(slots=True)
class Move:
    """A message that was received too often leaves for the dead-letter queue."""

    seq: int
    delivery: Delivery
    target: str


@dataclass(slots=True)
class Taken:
    """A receive: what it hands out with its new standing, and what it sends to the dead-letter queue instead."""

    hands: list[tuple[int, Delivery]] = field(default_factory=list[tuple[int, Delivery]])
    moves: list[Move] = field(default_factory=list[Move])
    attempt: tuple[str, Attempt] | None = None


@dataclass(slots=True)
class Deleted:
    """Messages that a consumer deleted."""

    seqs: list[int] = field(default_factory=list[int])
    done: list[str] = field(default_factory=list[str])
    failed: list[Failed] = field(default_factory=list[Failed])

    @property
    def result(self) -> BatchResult:
        return BatchResult(done=self.done, failed=self.failed)


@dataclass(slots=True)
class Redated:
    """Visibility timeouts that a consumer changed."""

    deliveries: list[tuple[int, Delivery]] = field(default_factory=list[tuple[int, Delivery]])
    done: list[str] = field(default_factory=list[str])
    failed: list[Failed] = field(default_factory=list[Failed])

    @property
    def result(self) -> BatchResult:
        return BatchResult(done=self.done, failed=self.failed)


@dataclass(slots=True)
class Purged:
    """All messages are gone, and deduplication with them; what is on its way to a dead-letter queue stays."""

    meta: Meta


@dataclass(slots=True)
class Expired:
    """What time has ended: retention, deduplication, attempts, and the memory of adopted parcels."""

    seqs: list[int]
    everything: bool
    """No message is left: the rows go by their prefix, not one by one."""
    dedups: list[DedupKey]
    attempts: list[str]
    adopted: list[tuple[str, int]]


@dataclass(slots=True)
class Adopted:
    """Dead letters of another queue arrive, each with its number there."""

    source: str
    arrivals: list[tuple[int, StoredMessage]]
    settled: list[int]
    reserved: int | None
    at: float


@dataclass(slots=True)
class Settled:
    """The dead-letter queue has these: they are forgotten here."""

    seqs: list[int]


@dataclass(slots=True)
class BroughtBack:
    """The dead-letter queue was not there: the message has its old place again."""

    parcel: Parcel


Change = Configured | Sends | Taken | Deleted | Redated | Purged | Expired | Adopted | Settled | BroughtBack
