"""A message as a queue keeps it: the part that never changes, and its row.

The row is a fixed head and then the texts and the body, so that a queue is read back by its heads alone: a
million rows cost a struct each and no decoding. A later release reads what this one wrote by the version byte.
"""

from dataclasses import dataclass
from struct import Struct

VERSION = 1
# version, message id, born, sent, visible_at, first_received_at, carried, and the sizes of: group, dedup id,
# sender, trace header, source's ARN, attributes. No text that is there is empty.
_HEAD = Struct(">B16sddddI5HI")
_INDEX = Struct(">17xd8xd12xH")  # of the same head: born, visible_at, size of the group


@dataclass(slots=True)
class StoredMessage:
    """Times in seconds since 1970; `born` begins the retention period, `visible_at` ends the delay (`born`: none)."""

    seq: int
    message_id: str
    born: float
    sent: float
    visible_at: float
    body: bytes
    attributes: bytes
    """As `message_attributes.encoded` writes them."""
    sender: str
    group: str | None = None
    dedup_id: str | None = None
    trace: str | None = None
    source: str | None = None
    """ARN of the queue whose redrive policy moved it here."""
    carried: int = 0
    """Receives in earlier queues."""
    first_received_at: float = 0.0
    """In an earlier queue; 0: not yet."""


def pack(message: StoredMessage) -> bytes:
    """The row's value."""
    texts = [
        b"" if text is None else text.encode()
        for text in (message.group, message.dedup_id, message.sender, message.trace, message.source)
    ]
    head = _HEAD.pack(
        VERSION,
        bytes.fromhex(message.message_id.replace("-", "")),
        message.born,
        message.sent,
        message.visible_at,
        message.first_received_at,
        message.carried,
        *map(len, texts),
        len(message.attributes),
    )
    return b"".join((head, *texts, message.attributes, message.body))


def unpack(seq: int, row: bytes) -> StoredMessage:
    """What `pack` wrote."""
    version, uuid, born, sent, visible_at, first, carried, *sizes, attributes = _HEAD.unpack_from(row)
    assert version == VERSION, f"a message row of version {version}"
    texts: list[str | None] = []
    at = _HEAD.size
    for size in sizes:
        texts.append(row[at : at + size].decode() if size else None)
        at += size
    group, dedup_id, sender, trace, source = texts
    return StoredMessage(
        seq=seq,
        message_id=_as_uuid(uuid.hex()),
        born=born,
        sent=sent,
        visible_at=visible_at,
        body=row[at + attributes :],
        attributes=row[at : at + attributes],
        sender=sender or "",
        group=group,
        dedup_id=dedup_id,
        trace=trace,
        source=source,
        carried=carried,
        first_received_at=first,
    )


def index_of(row: bytes) -> tuple[float, float, str | None]:
    """(born, visible_at, group) of a row: all that the index needs."""
    assert row[0] == VERSION, f"a message row of version {row[0]}"
    born, visible_at, group = _INDEX.unpack_from(row)
    return born, visible_at, row[_HEAD.size : _HEAD.size + group].decode() if group else None


def _as_uuid(digits: str) -> str:
    # as str(UUID(...)) says it, in a quarter of its time
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
