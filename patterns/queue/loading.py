"""A queue read back from its rows, page by page.

loader = Loader(meta_of(value), purge_rule=...)
for prefix in Loader.PREFIXES:              # in this order: what receives did stands before the messages
    for key, value in page of rows: loader.add(key, value)
queue = loader.queue()                       # then `advance(now)` as before each decision
"""

import json
from typing import ClassVar

from patterns.queue.changes import Attempt, Dedup, DedupKey, Meta
from patterns.queue.index import Delivery
from patterns.queue.rows import (
    ATTEMPTS,
    DEDUPS,
    MESSAGES,
    MOVED,
    OUTGOING,
    SEQ,
    STATES,
    VERSION,
    delivery_of,
    parcel_of,
)
from patterns.queue.state import Queue
from patterns.queue.stored import index_of


def meta_of(value: bytes) -> Meta:
    """What the row `meta` keeps."""
    fields = json.loads(value)
    version = fields.pop("version")
    assert version == VERSION, f"a meta row of version {version}"
    delays = tuple((at, seconds) for at, seconds in fields.pop("delays"))
    return Meta(**fields, delays=delays)


class Loader:
    """Builds a queue from rows in the order of `PREFIXES`."""

    PREFIXES: ClassVar = (SEQ, STATES, MESSAGES, DEDUPS, ATTEMPTS, OUTGOING, MOVED)

    def __init__(self, meta: Meta, *, purge_rule: bool = False) -> None:
        self._queue = Queue(meta, purge_rule=purge_rule)
        self._states: dict[int, Delivery] = {}
        self._dedups: list[tuple[DedupKey, Dedup]] = []
        self._attempts: list[tuple[str, Attempt]] = []
        self._adopted: list[tuple[tuple[str, int], float]] = []

    def add(self, key: str, value: bytes) -> None:
        """One row."""
        table, _, rest = key.partition("/")
        match table:
            case "seq":
                self._queue.next_seq = self._queue.reserved = int(value)
            case "st":
                self._states[int(rest)] = delivery_of(value)
            case "msg":
                self._add_message(int(rest), value)
            case "out":
                _, _, group = index_of(parcel_of(key, value).row)
                self._queue.outgoing[int(rest)] = group if self._queue.settings.fifo else None
            case _:
                self._add_memory(table, rest, value)

    def queue(self) -> Queue:
        """The queue as it was, with the rest of its reserved numbers skipped."""
        queue = self._queue
        assert not self._states, f"states without a message: {sorted(self._states)[:3]}"
        queue.dedups.update(sorted(self._dedups, key=lambda item: item[1].until))
        queue.attempts.update(sorted(self._attempts, key=lambda item: item[1].until))
        queue.adopted.update(sorted(self._adopted, key=lambda item: item[1]))
        return queue

    def _add_message(self, seq: int, row: bytes) -> None:
        born, visible_at, group = index_of(row)
        delivery = self._states.pop(seq, None)
        if delivery is None and visible_at > born:
            visible_at = self._queue.delay_end(born, visible_at)
            delivery = Delivery(visible_at, hidden=True)
        self._queue.index.add(seq, born, group, delivery)

    def _add_memory(self, table: str, rest: str, value: bytes) -> None:
        version, *fields = json.loads(value)
        assert version == VERSION, f"a row {table}/ of version {version}"
        if table == "dedup":
            size, _, text = rest.partition(":")
            self._dedups.append(((text[: int(size)], text[int(size) :]), Dedup(*fields)))
        elif table == "attempt":
            until, visible_at, seqs, receives = fields
            self._attempts.append((rest, Attempt(until, visible_at, tuple(seqs), tuple(receives))))
        else:
            assert table == "moved", f"an unknown row {table}/"
            seq, _, source = rest.partition("/")
            self._adopted.append(((source, int(seq)), fields[0]))
