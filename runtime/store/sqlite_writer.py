"""What one commit does to the tables; it runs in the writer's thread.

Versions and log ends are kept in memory between commits, so that a batch is checked without a read. Of a row that
several writes of one commit touch only the last counts; a prefix is emptied at once, together with what the
commit had gathered below it.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.address import Address
from actors.durable import Append, Delete, DeletePrefix, Put, Trim, WakeAt, Write
from runtime.store.checks import fault_of
from runtime.store.port import Batch, Durable, Outcome, Refused

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
        self._rows: dict[tuple[int, str], bytes | None] = {}
        self._records: list[tuple[int, str, int, bytes]] = []
        self._latest = 0.0

    def forget(self) -> None:
        """Nothing is known for certain any more."""
        self._known.clear()
        self._rows.clear()
        self._records.clear()
        self._latest = 0.0

    def write(self, batches: Sequence[Batch], now: float) -> list[Outcome]:
        """All that may be written, in a new transaction; an outcome for each, true once `commit` has returned."""
        if len(self._known) > KNOWN_MAX:
            self._known.clear()
        self._db.execute("begin immediate")
        outcomes = [self._write(batch) for batch in batches]
        self._flush()
        if now - self._latest >= STAMP_EVERY:
            self._db.execute("insert or replace into meta values ('latest', ?)", (now,))
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
            self._db.execute("update actors set version = ? where id = ?", (version, known.id))
            known.version = version
        for write in batch.writes:
            if isinstance(write, Put):
                self._rows[known.id, write.key] = write.value
            elif isinstance(write, Delete):
                self._rows[known.id, write.key] = None
            else:
                self._rare(known, write)
        return Durable(version)

    def _rare(self, known: _Known, write: Write) -> None:
        match write:
            case DeletePrefix(prefix):
                self._empty(known.id, prefix)
            case Append(log, offset, value):
                self._records.append((known.id, log, offset, value))
                known.ends[log] = offset + 1
                query = (
                    'insert into logs values (?, ?, 0, ?) on conflict do update set "end" = excluded."end"'
                )
                self._db.execute(query, (known.id, log, offset + 1))
            case Trim(log, before):
                self._trim(known, log, before)
            case WakeAt(time):
                self._db.execute("update actors set wake_at = ? where id = ?", (time, known.id))
            case Put() | Delete():
                raise AssertionError("written by the caller")

    def _empty(self, owner: int, prefix: str) -> None:
        for place in [place for place in self._rows if place[0] == owner and place[1].startswith(prefix)]:
            del self._rows[place]
        if prefix:
            end = f"{prefix}\U0010ffff\U0010ffff"
            query = "delete from rows where actor = ? and key >= ? and key < ?"
            self._db.execute(query, (owner, prefix, end))
        else:
            self._db.execute("delete from rows where actor = ?", (owner,))

    def _trim(self, known: _Known, log: str, before: int) -> None:
        kept = min(before, self._end_of(known, log))
        self._records = [
            one for one in self._records if one[0] != known.id or one[1] != log or one[2] >= kept
        ]
        self._db.execute("delete from records where actor = ? and log = ? and pos < ?", (known.id, log, kept))
        query = "update logs set first = max(first, ?) where actor = ? and log = ?"
        self._db.execute(query, (kept, known.id, log))

    def _flush(self) -> None:
        rows, records = self._rows, self._records
        if rows:
            puts = [(owner, key, value) for (owner, key), value in rows.items() if value is not None]
            gone = [place for place, value in rows.items() if value is None]
            query = "insert into rows values (null, ?, ?, ?) on conflict (actor, key) do update set value = excluded.value"
            self._db.executemany(query, puts)
            self._db.executemany("delete from rows where actor = ? and key = ?", gone)
            rows.clear()
        if records:
            self._db.executemany("insert into records values (null, ?, ?, ?, ?)", records)
            records.clear()

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
