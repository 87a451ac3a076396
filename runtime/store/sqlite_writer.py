"""What one commit does to the tables; it runs in the writer's thread.

Versions and log ends are kept in memory between commits, so that a batch is checked without a read. Of a row that
several writes of one commit touch only the last counts; a prefix is emptied and a log trimmed at once, together
with what the commit had gathered for it.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from actors.address import Address
from actors.durable import Append, Delete, DeletePrefix, Put, Trim, WakeAt, Write
from runtime.store.checks import fault_of
from runtime.store.port import Batch, Durable, Outcome, Refused
from runtime.store.sqlite_file import end_of

T = TypeVar("T")

KNOWN_MAX = 100_000
"""Actors whose version is kept in memory."""
STAMP_EVERY = 1.0
"""Seconds that the time of the latest commit may lag."""


@dataclass(slots=True)
class _Known:
    """What the disk says of one actor."""

    id: int
    version: int
    ends: dict[str, int] = field(default_factory=dict[str, int])


class Writer:
    """Writes batches in a transaction that `commit` ends. After an error the caller rolls back and calls `forget`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[Address, _Known] = {}
        self._latest = 0.0
        # what the transaction has gathered, by the actor's number
        self._versions: dict[int, int] = {}
        self._times: dict[int, float | None] = {}
        self._rows: dict[int, dict[str, bytes | None]] = {}
        self._records: dict[tuple[int, str], list[tuple[int, bytes]]] = {}

    def forget(self) -> None:
        """Nothing is known for certain any more."""
        self._known.clear()
        self._latest = 0.0
        for gathered in (self._versions, self._times, self._rows, self._records):
            gathered.clear()

    def write(self, batches: Sequence[Batch], now: float) -> list[Outcome]:
        """All that may be written, in a new transaction; an outcome for each, true once `commit` has returned."""
        if len(self._known) > KNOWN_MAX:
            self._known.clear()
        self._db.execute("begin immediate")
        outcomes = [self._write(batch) for batch in batches]
        self._flush()
        if now - self._latest >= STAMP_EVERY:
            query = "insert into meta values ('latest', ?) on conflict do update set value = max(value, excluded.value)"
            self._db.execute(query, (now,))
            self._latest = now
        return outcomes

    def commit(self) -> None:
        self._db.execute("commit")

    def _write(self, batch: Batch) -> Outcome:
        known = self._look_up(batch.actor)
        fault = fault_of(
            batch, known.version if known else 0, lambda log: self._end_of(known, log) if known else 0
        )
        if fault is not None:
            return Refused(fault)
        version = batch.expected + 1
        if known is None:
            cursor = self._db.execute("insert into actors values (null, ?, ?, null)", (batch.actor, version))
            assert cursor.lastrowid is not None
            known = self._known[batch.actor] = _Known(cursor.lastrowid, version)
        else:
            self._versions[known.id] = known.version = version
        rows = self._rows.setdefault(known.id, {})
        for write in batch.writes:
            if isinstance(write, Put):
                rows[write.key] = write.value
            elif isinstance(write, Delete):
                rows[write.key] = None
            else:
                self._rare(known, write)
        return Durable(version)

    def _rare(self, known: _Known, write: Write) -> None:
        match write:
            case DeletePrefix(prefix):
                self._empty(known.id, prefix)
            case Append(log, offset, value):
                self._records.setdefault((known.id, log), []).append((offset, value))
                known.ends[log] = offset + 1
            case Trim(log, before):
                self._trim(known, log, before)
            case WakeAt(time):
                self._times[known.id] = time
            case Put() | Delete():
                raise AssertionError("written by the caller")

    def _empty(self, owner: int, prefix: str) -> None:
        rows = self._rows[owner]
        for key in [key for key in rows if key.startswith(prefix)]:
            del rows[key]
        query = "delete from rows where actor = ? and key >= ? and key < cast(? as text)"
        self._db.execute(query, (owner, prefix, end_of(prefix)))

    def _trim(self, known: _Known, log: str, before: int) -> None:
        kept = min(before, self._end_of(known, log))
        gathered = self._records.pop((known.id, log), None)
        if gathered is not None:
            self._append(known.id, log, gathered)
        self._db.execute("delete from records where actor = ? and log = ? and pos < ?", (known.id, log, kept))
        query = "update logs set first = max(first, ?) where actor = ? and log = ?"
        self._db.execute(query, (kept, known.id, log))

    def _append(self, owner: int, log: str, records: Sequence[tuple[int, bytes]]) -> None:
        query = "insert into records values (null, ?, ?, ?, ?)"
        self._db.executemany(query, [(owner, log, offset, value) for offset, value in records])
        query = 'insert into logs values (?, ?, 0, ?) on conflict do update set "end" = excluded."end"'
        self._db.execute(query, (owner, log, records[-1][0] + 1))

    def _flush(self) -> None:
        db = self._db
        db.executemany("update actors set version = ? where id = ?", _swapped(self._versions))
        db.executemany("update actors set wake_at = ? where id = ?", _swapped(self._times))
        places = [(owner, key, value) for owner, rows in self._rows.items() for key, value in rows.items()]
        query = "insert into rows values (null, ?, ?, ?) on conflict (actor, key) do update set value = excluded.value"
        db.executemany(query, [place for place in places if place[2] is not None])
        gone = [place[:2] for place in places if place[2] is None]
        db.executemany("delete from rows where actor = ? and key = ?", gone)
        for (owner, log), records in self._records.items():
            self._append(owner, log, records)
        for gathered in (self._versions, self._times, self._rows, self._records):
            gathered.clear()

    def _look_up(self, actor: Address) -> _Known | None:
        known = self._known.get(actor)
        if known is None:
            query = "select id, version from actors where address = ?"
            found = self._db.execute(query, (actor,)).fetchone()
            if found is not None:
                known = self._known[actor] = _Known(int(found[0]), int(found[1]))
        return known

    def _end_of(self, known: _Known, log: str) -> int:
        end = known.ends.get(log)
        if end is None:
            query = 'select "end" from logs where actor = ? and log = ?'
            found = self._db.execute(query, (known.id, log)).fetchone()
            end = known.ends[log] = int(found[0]) if found else 0
        return end


def _swapped(values: dict[int, T]) -> list[tuple[T, int]]:
    return [(value, owner) for owner, value in values.items()]
