"""How a queue is kept: a change as the rows that it writes; `loading.py` reads them back.

    meta                    the queue's own row, JSON
    seq                     sequence numbers below it may have been given out
    msg/<seq>               a message's unchanging part (`stored.py`)
    st/<seq>                what receives made of it; absent: never received
    dedup/<n>:<scope><id>   an accepted send of a FIFO queue; n is the length of the scope
    attempt/<id>            what a receive with an attempt id gave out
    out/<seq>               a dead letter on its way
    moved/<seq>/<arn>       a dead letter that came in, by its number and queue there

Numbers are padded, so that the order of the rows is the order of the messages.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from struct import Struct
from typing import assert_never

from actors.durable import Delete, DeletePrefix, Put, Write
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
    Move,
    Purged,
    Redated,
    Sends,
    Settled,
    Taken,
)
from patterns.queue.index import Delivery
from patterns.queue.messages import Parcel
from patterns.queue.state import returned
from patterns.queue.stored import StoredMessage, pack, unpack

META = "meta"
SEQ = "seq"
MESSAGES = "msg/"
STATES = "st/"
DEDUPS = "dedup/"
ATTEMPTS = "attempt/"
OUTGOING = "out/"
MOVED = "moved/"

VERSION = 1
_STATE = Struct(">BddId")  # version, visible_at, received_at, receives, first_received_at
# version, receives, first_received_at, size of the target; then target and message row
_OUT = Struct(">BIdH")


# --- keys -------------------------------------------------------------------------------------------------


def message_key(seq: int) -> str:
    """The row of a message's unchanging part."""
    return f"msg/{seq:016d}"


def _state_key(seq: int) -> str:
    return f"st/{seq:016d}"


def out_key(seq: int) -> str:
    """The row of a dead letter on its way: `parcel_of` reads it."""
    return f"out/{seq:016d}"


def _moved_key(source: str, seq: int) -> str:
    return f"moved/{seq:016d}/{source}"


def _dedup_key(key: DedupKey) -> str:
    scope, name = key
    return f"dedup/{len(scope)}:{scope}{name}"


def _attempt_key(name: str) -> str:
    return f"attempt/{name}"


# --- values -----------------------------------------------------------------------------------------------


def _meta_value(meta: Meta) -> bytes:
    return json.dumps({"version": VERSION, **asdict(meta)}).encode()


def _state_value(delivery: Delivery) -> bytes:
    return _STATE.pack(
        VERSION,
        delivery.visible_at,
        delivery.received_at,
        delivery.receives,
        delivery.first_received_at,
    )


def delivery_of(value: bytes) -> Delivery:
    """Still hidden, even if its time is over: `Queue.advance` shows it."""
    version, visible_at, received_at, receives, first = _STATE.unpack(value)
    assert version == VERSION, f"a state row of version {version}"
    return Delivery(visible_at, receives, received_at, first, visible_at > received_at)


def _dedup_value(dedup: Dedup) -> bytes:
    return json.dumps([VERSION, dedup.message_id, dedup.seq, dedup.until]).encode()


def _attempt_value(attempt: Attempt) -> bytes:
    return json.dumps(
        [
            VERSION,
            attempt.until,
            attempt.visible_at,
            attempt.seqs,
            attempt.receives,
        ]
    ).encode()


def parcels_of(taken: Taken, rows: Sequence[bytes | None]) -> list[Parcel]:
    """What a receive sends off to the dead-letter queue; `rows` are those of `keys_of`."""
    return [
        parcel_of(write.key, write.value)
        for write in writes_of(taken, rows)
        if isinstance(write, Put) and write.key.startswith(OUTGOING)
    ]


def parcel_of(key: str, value: bytes) -> Parcel:
    """The dead letter that a row `out/<seq>` keeps."""
    version, receives, first, size = _OUT.unpack_from(value)
    assert version == VERSION, f"an outgoing row of version {version}"
    end = _OUT.size + size
    return Parcel(
        seq=int(key[len(OUTGOING) :]),
        row=value[end:],
        receives=receives,
        first_received_at=first,
        target=value[_OUT.size : end].decode(),
    )


def _out_value(move: Move, row: bytes) -> bytes:
    target = move.target.encode()
    delivery = move.delivery
    head = _OUT.pack(VERSION, delivery.receives, delivery.first_received_at, len(target))
    return b"".join((head, target, row))


# --- a receive reads before it writes ---------------------------------------------------------------------


def keys_of(taken: Taken) -> list[str]:
    """The rows to read before `taken` is kept: first those handed out, then those that move."""
    seqs = [seq for seq, _ in taken.hands] + [move.seq for move in taken.moves]
    return [message_key(seq) for seq in seqs]


def messages_of(taken: Taken, read: Sequence[bytes | None]) -> list[StoredMessage]:
    """What is handed out; `read` are the values of `keys_of(taken)`."""
    return [unpack(seq, _there(row)) for (seq, _), row in zip(taken.hands, read, strict=False)]


def _there(row: bytes | None) -> bytes:
    assert row is not None, "a message of the index has no row"
    return row


# --- writes -----------------------------------------------------------------------------------------------


def writes_of(change: Change, read: Sequence[bytes | None] = ()) -> list[Write]:
    """All that `change` writes. Of a `Taken` with moves, `read` are the values of `keys_of(change)`."""
    match change:
        case Sends():
            return _arrivals(change.messages, change.reserved) + [
                Put(_dedup_key(key), _dedup_value(dedup)) for key, dedup in change.dedups.items()
            ]
        case Taken():
            return list(_taken(change, read))
        case Deleted():
            return [Delete(key) for seq in change.seqs for key in (message_key(seq), _state_key(seq))]
        case Redated():
            return [Put(_state_key(seq), _state_value(delivery)) for seq, delivery in change.deliveries]
        case _:
            return list(_rare(change))


def _arrivals(messages: Sequence[StoredMessage], reserved: int | None) -> list[Write]:
    writes: list[Write] = [Put(message_key(message.seq), pack(message)) for message in messages]
    if reserved is not None:
        writes.append(Put(SEQ, str(reserved).encode()))
    return writes


def _taken(change: Taken, read: Sequence[bytes | None]) -> Iterator[Write]:
    for seq, delivery in change.hands:
        yield Put(_state_key(seq), _state_value(delivery))
    for move, row in zip(change.moves, read[len(change.hands) :], strict=True):
        yield Put(out_key(move.seq), _out_value(move, _there(row)))
        yield Delete(message_key(move.seq))
        yield Delete(_state_key(move.seq))
    if change.attempt is not None:
        name, attempt = change.attempt
        yield Put(_attempt_key(name), _attempt_value(attempt))


def _rare(
    change: Configured | Purged | Expired | Adopted | Settled | BroughtBack,
) -> Iterator[Write]:
    match change:
        case Configured(meta):
            yield Put(META, _meta_value(meta))
        case Purged(meta):
            yield Put(META, _meta_value(meta))
            yield from map(DeletePrefix, (MESSAGES, STATES, DEDUPS, ATTEMPTS))
        case Expired():
            yield from _expired(change)
        case Adopted():
            yield from _adopted(change)
        case Settled(seqs):
            yield from (Delete(out_key(seq)) for seq in seqs)
        case BroughtBack(parcel):
            yield from _brought_back(parcel)
        case _:
            assert_never(change)


def _expired(change: Expired) -> Iterator[Write]:
    if change.everything:
        yield DeletePrefix(MESSAGES)
        yield DeletePrefix(STATES)
    else:
        for seq in change.seqs:
            yield Delete(message_key(seq))
            yield Delete(_state_key(seq))
    yield from (Delete(_dedup_key(key)) for key in change.dedups)
    yield from (Delete(_attempt_key(name)) for name in change.attempts)
    yield from (Delete(_moved_key(source, seq)) for source, seq in change.adopted)


def _adopted(change: Adopted) -> Iterator[Write]:
    yield from _arrivals([message for _, message in change.arrivals], change.reserved)
    at = json.dumps([VERSION, change.at]).encode()
    yield from (Put(_moved_key(change.source, seq), at) for seq, _ in change.arrivals)
    yield from (Delete(_moved_key(change.source, seq)) for seq in change.settled)


def _brought_back(parcel: Parcel) -> Iterator[Write]:
    yield Put(message_key(parcel.seq), parcel.row)
    yield Put(_state_key(parcel.seq), _state_value(returned(parcel)))
    yield Delete(out_key(parcel.seq))
