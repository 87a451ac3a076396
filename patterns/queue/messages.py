"""What can be said to a queue and to the names of an account's queues, and what they answer.

Values are typed but not judged here: "the queue exists" comes before any value (`limits.py` and
`attributes.py` hold the checks, the decisions of `state.py` and `names.py` call them). Why they refuse stands
in `errors.py`, whose names are this module's too. Source: SQS API reference.

Two actors: `/queue/<account>/<region>` knows which queues there are; `/queue/<account>/<region>/<name>` is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from actors.message import Message
from patterns.queue.errors import (
    BatchEntryIdsNotDistinct,
    BatchRequestTooLong,
    EmptyBatchRequest,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidBatchEntryId,
    InvalidMessageContents,
    InvalidParameterValue,
    MissingParameter,
    OverLimit,
    PurgeQueueInProgress,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueError,
    QueueNameExists,
    ReceiptHandleExpired,
    ReceiptHandleIsInvalid,
    TooManyEntriesInBatchRequest,
    UnsupportedOperation,
)

__all__ = [
    "Adopt",
    "AttributeValue",
    "BatchEntryIdsNotDistinct",
    "BatchRequestTooLong",
    "BatchResult",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CloseQueue",
    "CreateQueue",
    "DeleteEntry",
    "DeleteMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
    "EmptyBatchRequest",
    "Failed",
    "FindQueue",
    "GetQueueAttributes",
    "InvalidAttributeName",
    "InvalidAttributeValue",
    "InvalidBatchEntryId",
    "InvalidMessageContents",
    "InvalidParameterValue",
    "ListDeadLetterSourceQueues",
    "ListQueueTags",
    "ListQueues",
    "MissingParameter",
    "NamesMessage",
    "OpenQueue",
    "OverLimit",
    "Parcel",
    "PurgeQueue",
    "PurgeQueueInProgress",
    "QueueDeletedRecently",
    "QueueDoesNotExist",
    "QueueError",
    "QueueMessage",
    "QueueNameExists",
    "QueuePage",
    "ReaffirmQueue",
    "ReceiptHandleExpired",
    "ReceiptHandleIsInvalid",
    "ReceiveMessage",
    "Received",
    "ReceivedMessages",
    "SendEntry",
    "SendMessage",
    "SendMessageBatch",
    "Sent",
    "SetQueueAttributes",
    "SetRedrive",
    "TagQueue",
    "TooManyEntriesInBatchRequest",
    "UnsupportedOperation",
    "UntagQueue",
    "VisibilityEntry",
]


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """A message attribute's value: `string` or `binary`, never both; `lists` if the client sent a list, which SQS refuses."""

    data_type: str
    string: str | None = None
    binary: bytes | None = None
    lists: bool = False


@dataclass(frozen=True, slots=True)
class SendEntry:
    """One message to send. `entry_id` names it within a batch."""

    body: str
    entry_id: str = ""
    delay: int | None = None
    """Seconds; None: the queue's."""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    system_attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    dedup_id: str | None = None
    group: str | None = None
    trace: str | None = None
    """The request's X-Amzn-Trace-Id; the system attribute AWSTraceHeader goes before it."""


@dataclass(frozen=True, slots=True)
class DeleteEntry:
    """One message to delete."""

    receipt_handle: str
    entry_id: str = ""


@dataclass(frozen=True, slots=True)
class VisibilityEntry:
    """One message to show again after `timeout` seconds. In a batch the timeout may be missing."""

    receipt_handle: str
    timeout: int | None
    entry_id: str = ""


@dataclass(slots=True)
class Sent:
    """An accepted message. `sequence` is its place in the queue: SequenceNumber is `f"{sequence:020d}"`, FIFO only."""

    message_id: str
    md5_of_body: str
    md5_of_attributes: str | None = None
    md5_of_system_attributes: str | None = None
    sequence: int | None = None
    entry_id: str = ""


@dataclass(slots=True)
class Failed:
    """An entry of a batch that was refused; it is always the sender's fault."""

    entry_id: str
    code: str
    text: str


@dataclass(slots=True)
class BatchResult:
    """What a batch did, in the entries' order. `sent` for SendMessageBatch, `done` (ids) for the other two."""

    sent: Sequence[Sent] = ()
    done: Sequence[str] = ()
    failed: Sequence[Failed] = ()


@dataclass(slots=True)
class Received:
    """A message as a receive hands it out, with the attributes that were asked for."""

    message_id: str
    receipt_handle: str
    body: str
    md5_of_body: str
    system_attributes: Mapping[str, str]
    attributes: Mapping[str, AttributeValue]
    md5_of_attributes: str | None = None


@dataclass(slots=True)
class ReceivedMessages:
    """The answer to a receive; empty if there was nothing in time."""

    messages: Sequence[Received] = ()


@dataclass(slots=True)
class QueuePage:
    """Names of queues in their order; `next_token` if there are more and the page's size was asked for."""

    names: Sequence[str]
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way to its dead-letter queue; `row` is the source's message row (`rows.py`)."""

    seq: int
    """In the source queue: with the source's ARN it names the parcel for ever."""
    row: bytes
    receives: int
    """How often the source gave it out."""
    first_received_at: float
    target: str
    """ARN of the dead-letter queue, as the redrive policy named it when the message was taken out."""


_ENTRIES = (
    QueueDoesNotExist,
    EmptyBatchRequest,
    TooManyEntriesInBatchRequest,
    BatchEntryIdsNotDistinct,
    InvalidBatchEntryId,
)
_SEND = (
    QueueDoesNotExist,
    InvalidParameterValue,
    InvalidMessageContents,
    MissingParameter,
    UnsupportedOperation,
)
_HANDLE = (QueueDoesNotExist, ReceiptHandleIsInvalid, InvalidParameterValue)
_SETTINGS = (QueueDoesNotExist, InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue)


# --- to a queue -------------------------------------------------------------------------------------------


class SendMessage(Message[Sent], raises=_SEND):
    """Put one message into the queue; a FIFO duplicate within 300 s succeeds and stores nothing."""

    entry: SendEntry
    sender: str
    """What SenderId shows: the user's id, or the account's if no identity is known."""


class SendMessageBatch(Message[BatchResult], raises=(*_ENTRIES, *_SEND, BatchRequestTooLong)):
    """Up to 10 messages in order; each succeeds or fails alone."""

    entries: tuple[SendEntry, ...]
    sender: str


class ReceiveMessage(Message[ReceivedMessages], raises=(QueueDoesNotExist, InvalidParameterValue, OverLimit)):
    """Take up to `count` visible messages, waiting up to `wait` seconds for the first (None: the queue's)."""

    count: int = 1
    wait: int | None = None
    visibility: int | None = None
    """Seconds; None: the queue's."""
    system_names: tuple[str, ...] = ()
    """AttributeNames and MessageSystemAttributeNames, joined."""
    attribute_names: tuple[str, ...] = ()
    attempt: str | None = None
    """FIFO: the same id within 300 s gives the same messages and handles again."""


class DeleteMessage(Message[None], raises=_HANDLE):
    """Delete the message that this handle was issued for; one that is gone already is no error."""

    receipt_handle: str


class DeleteMessageBatch(Message[BatchResult], raises=_ENTRIES):
    """Up to 10 deletes; each succeeds or fails alone."""

    entries: tuple[DeleteEntry, ...]


class ChangeMessageVisibility(Message[None], raises=_HANDLE):
    """Show a message in flight again `timeout` seconds from now (0 to 43,200; 0 = now)."""

    receipt_handle: str
    timeout: int


class ChangeMessageVisibilityBatch(Message[BatchResult], raises=_ENTRIES):
    """Up to 10 changes; each succeeds or fails alone."""

    entries: tuple[VisibilityEntry, ...]


class PurgeQueue(Message[None], raises=(QueueDoesNotExist, PurgeQueueInProgress)):
    """Drop all messages: visible, delayed and in flight."""


class GetQueueAttributes(Message[dict[str, str]], raises=(QueueDoesNotExist, InvalidAttributeName)):
    """The named attributes that are set; `All` names every one; no name, none."""

    names: tuple[str, ...] = ()


class SetQueueAttributes(Message[None], raises=_SETTINGS):
    """Change the given attributes, all or none; the empty text removes those that can be absent."""

    attributes: Mapping[str, str]


class TagQueue(Message[None], raises=(QueueDoesNotExist, MissingParameter, InvalidParameterValue)):
    """Add tags; the last write of a key wins."""

    tags: Mapping[str, str]


class UntagQueue(Message[None], raises=(QueueDoesNotExist, InvalidParameterValue)):
    """Remove tags; an absent key is no error."""

    keys: tuple[str, ...]


class ListQueueTags(Message[dict[str, str]], raises=(QueueDoesNotExist,)):
    """All tags."""


class OpenQueue(Message[None]):
    """From the names: the queue begins to exist, with attributes that were judged there. Again: no change."""

    queue_id: str
    attributes: Mapping[str, str]
    tags: Mapping[str, str]
    created_at: float


class ReaffirmQueue(Message[None], raises=(QueueDoesNotExist, QueueNameExists)):
    """From the names: CreateQueue for a queue that exists; every given attribute must equal the queue's."""

    attributes: Mapping[str, str]


class CloseQueue(Message[None]):
    """From the names: the queue ends; waiting receives are answered empty, everything is dropped. Again: no change."""


class Adopt(Message[None], raises=(QueueDoesNotExist,)):
    """From a source queue: keep these messages; a parcel that was adopted before is skipped.

    `settled` are seqs of parcels that the source has forgotten, so that this queue may forget them too.
    """

    source: str
    """ARN."""
    parcels: tuple[Parcel, ...]
    settled: tuple[int, ...] = ()
    source_id: str = ""
    """The source's queue id: a queue made anew under the same ARN is another source."""


QueueMessage = (
    SendMessage
    | SendMessageBatch
    | ReceiveMessage
    | DeleteMessage
    | DeleteMessageBatch
    | ChangeMessageVisibility
    | ChangeMessageVisibilityBatch
    | PurgeQueue
    | GetQueueAttributes
    | SetQueueAttributes
    | TagQueue
    | UntagQueue
    | ListQueueTags
    | OpenQueue
    | ReaffirmQueue
    | CloseQueue
    | Adopt
)


# --- to the names of an account and region ----------------------------------------------------------------


class CreateQueue(Message[str], raises=(*_SETTINGS[1:], QueueNameExists, QueueDeletedRecently)):
    """Make the queue, or find it if it exists and no given attribute differs. Answers its name."""

    name: str
    attributes: Mapping[str, str] = Field(default_factory=dict)
    tags: Mapping[str, str] = Field(default_factory=dict)


class FindQueue(Message[str], raises=(QueueDoesNotExist,)):
    """GetQueueUrl: answers the name of a queue that exists."""

    name: str


class ListQueues(Message[QueuePage], raises=(InvalidParameterValue,)):
    """Names that begin with `prefix`, at most 1,000 or `limit`; a token only if `limit` was given."""

    prefix: str = ""
    limit: int | None = None
    token: str | None = None


class DeleteQueue(Message[None], raises=(QueueDoesNotExist,)):
    """Answered when the queue has dropped everything."""

    name: str


class ListDeadLetterSourceQueues(Message[QueuePage], raises=(QueueDoesNotExist, InvalidParameterValue)):
    """Names of the queues whose redrive policy names this one."""

    name: str
    limit: int | None = None
    token: str | None = None


class SetRedrive(Message[None], raises=(QueueDoesNotExist, InvalidParameterValue)):
    """From a queue, before it keeps a RedrivePolicy or RedriveAllowPolicy: may it, and remember it.

    None: not given; empty text: removed.
    """

    name: str
    redrive_policy: str | None = None
    redrive_allow_policy: str | None = None


NamesMessage = CreateQueue | FindQueue | ListQueues | DeleteQueue | ListDeadLetterSourceQueues | SetRedrive
