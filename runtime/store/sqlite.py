"""The embedded store: SQLite in WAL mode with synchronous=FULL, one writer thread, many actors' batches a commit.

Measured before it was chosen (300-byte records, fsync): a rowid table with an index takes 93,000 records a second
in batches of 100, a table clustered by (actor, key) 12,500, since random actors scatter over its pages.
Reads go by a connection of their own, which in WAL mode never waits for the writer. Point reads run on the loop's
thread (about 20 us; a trip to a thread costs 104), pages of a scan in a thread.

A commit that fails before COMMIT is rolled back: refused. One whose COMMIT fails in the disk's own way is
unknown: SQLite has forgotten it, but its frames may lie whole in the WAL, where a start after a crash would find
them. So nothing else is written before the file has been opened anew and the WAL moved into it and cut off: only
then is it settled what happened, and only then does `version` answer.
"""

import math
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import structlog
import trio

from actors.address import Address
from actors.errors import StoreFull
from runtime.store.pages import page_of
from runtime.store.port import Batch, Outcome, Refused, StoreBroken, StoreFigures, StoreUnusable, Unknown
from runtime.store.sqlite_file import (
    FILE,
    connect,
    damage_of,
    end_of,
    is_full,
    lock_folder,
    set_up,
    takes_no_writes,
)
from runtime.store.sqlite_writer import Writer

IDS_MAX = 100_000
"""Actors whose row number is kept in memory for reads."""
KEYS_MAX = 500
"""Keys in one statement; SQLite allows 32,766 values."""
UNSETTLED = "the data folder takes no writes since an fsync failed"
T = TypeVar("T")
Ts = TypeVarTuple("Ts")
log = structlog.get_logger("callboard.store")


class SqliteStore:
    """The port over the file `callboard.db` in `folder`, made if need be; `clock` stamps commits.

    `open_file` is a test's way to put a fault between the store and SQLite.
    Raises OSError (no rights), StoreInUse, StoreTooNew.
    """

    immediate = False

    def __init__(
        self,
        folder: str | Path,
        clock: Callable[[], float],
        *,
        open_file: Callable[[Path], sqlite3.Connection] = connect,
    ) -> None:
        self.figures = StoreFigures()
        self._clock = clock
        self._open_file = open_file
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / FILE
        self._lock = lock_folder(folder)
        self._unsettled = False
        self._ids: dict[Address, int] = {}
        try:
            self._open_or_say_why()
        except BaseException:
            self._lock.close()
            raise
        # one thread each: SQLite has one writer, and a page being read shall not hold up a commit
        self._writing = trio.CapacityLimiter(1)
        self._paging = trio.CapacityLimiter(1)

    def _open_or_say_why(self) -> None:
        try:
            self._open()
        except sqlite3.Error as error:
            raise StoreUnusable(f"{self._path}: {error}") from error

    def _open(self) -> None:
        self._open_writer()
        self._reader = connect(self._path)
        self._pager = connect(self._path)

    def _open_writer(self) -> None:
        self._db = self._open_file(self._path)
        try:
            set_up(self._db, self._path)
        except BaseException:
            self._db.close()
            raise
        self._writer = Writer(self._db)

    # --- writing ---------------------------------------------------------------------------------------

    async def _in_writer(self, act: Callable[[*Ts], T], *args: *Ts) -> T:
        # what is under way is never abandoned: who stops the node waits for it
        with trio.CancelScope(shield=True):
            return await trio.to_thread.run_sync(act, *args, limiter=self._writing)
        raise AssertionError("nobody cancels this scope")

    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        outcomes = await self._in_writer(self._commit, batches)
        self._count(batches, outcomes)
        return outcomes

    def _commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        if not self._settled():
            refusal = StoreFull(UNSETTLED)
            return [Refused(refusal) for _ in batches]
        try:
            outcomes = self._writer.write(batches, self._clock())
        except sqlite3.Error as error:
            return self._undone(batches, error)
        try:
            self._writer.commit()
        except sqlite3.Error as error:
            if is_full(error):
                return self._undone(batches, error)
            self._unsettled = True  # before the log, whose own disk may be the full one
            log.exception("store_commit_unknown")
            self._settled()
            return [Unknown(StoreBroken(str(error))) for _ in batches]
        return outcomes

    def _undone(self, batches: Sequence[Batch], error: sqlite3.Error) -> list[Outcome]:
        self._roll_back()
        cause: Exception = StoreFull(f"the data folder takes no writes: {error}")
        if not takes_no_writes(error):
            log.error("store_write_failed", error=str(error))
            cause = StoreBroken(f"{self._path}: {error}")
        return [Refused(cause) for _ in batches]

    def _roll_back(self) -> None:
        self._writer.forget()
        try:
            if self._db.in_transaction:
                self._db.execute("rollback")
        except sqlite3.Error:
            log.exception("store_rollback_failed")
            self._unsettled = True

    def _settled(self) -> bool:
        """Whether the file says what has happened; if in doubt, make it say so."""
        if not self._unsettled:
            return True
        try:
            self._db.close()
            self._open_writer()
            busy, _, _ = self._db.execute("pragma wal_checkpoint(truncate)").fetchone()
        except sqlite3.Error:
            log.exception("store_unsettled")
            return False
        self._unsettled = bool(busy)
        return not self._unsettled

    def _count(self, batches: Sequence[Batch], outcomes: Sequence[Outcome]) -> None:
        self.figures.commits += 1
        for batch, outcome in zip(batches, outcomes, strict=True):
            if isinstance(outcome, Refused):
                self.figures.refused += 1
            elif isinstance(outcome, Unknown):
                self.figures.unknown += 1
            else:
                self.figures.batches += 1
                self.figures.writes += len(batch.writes)

    async def writable(self) -> bool:
        return await self._in_writer(self._probe)

    def _probe(self) -> bool:
        try:
            if not self._settled():
                return False
            self._db.execute("begin immediate")
            # two pages' worth: a row that fits where an old one was would prove nothing
            self._db.execute("insert or replace into meta values ('probe', randomblob(8192))")
            self._db.execute("commit")
            self._db.execute("delete from meta where key = 'probe'")
        except sqlite3.Error:
            self._roll_back()
            return False
        return True

    async def reset(self) -> None:
        await self._in_writer(self._reset)
        # here, not in the thread: a read on the loop could put an old number back; numbers are given again
        self._ids.clear()

    def _reset(self) -> None:
        if not self._settled():
            raise StoreFull(UNSETTLED)
        try:
            self._db.executescript(
                "begin; delete from rows; delete from records; delete from logs; delete from actors; commit;"
            )
        except sqlite3.Error as error:
            if is_full(error):
                raise StoreFull(f"the data folder takes no writes: {error}") from error
            self._unsettled = True
            raise StoreBroken(f"{self._path}: {error}") from error
        finally:
            self._roll_back()  # nothing to undo but after an error; what the writer knows is void in any case

    # --- reading ---------------------------------------------------------------------------------------

    async def version(self, actor: Address) -> int:
        """Raises StoreBroken while it is in doubt what a failed fsync has left."""
        if self._unsettled and not await self._in_writer(self._settled):
            raise StoreBroken(f"{self._path}: an fsync failed, and the file cannot be opened anew yet")
        found = self._reader.execute("select version from actors where address = ?", (actor,)).fetchone()
        return int(found[0]) if found else 0

    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]:
        owner = self._id(actor)
        rows: dict[str, bytes] = {}
        if owner is not None:
            for at in range(0, len(keys), KEYS_MAX):
                some = keys[at : at + KEYS_MAX]
                marks = ",".join("?" * len(some))
                query = f"select key, value from rows where actor = ? and key in ({marks})"  # noqa: S608 -- marks alone
                rows.update(self._reader.execute(query, (owner, *some)))
        return [rows.get(key) for key in keys]

    async def scan(
        self, actor: Address, prefix: str, after: str = "", limit: int = 1_000
    ) -> list[tuple[str, bytes]]:
        owner = self._id(actor)
        if owner is None:
            return []
        first, than = (after, ">") if after >= prefix and after else (prefix, ">=")
        query = (
            f"select key, value from rows where actor = ? and key {than} ? "  # noqa: S608 -- one of two signs
            "and key < cast(? as text) order by key limit ?"
        )
        values = (owner, first, end_of(prefix), limit)
        return await trio.to_thread.run_sync(self._page, query, values, limiter=self._paging)

    async def records(
        self, actor: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        owner = self._id(actor)
        if owner is None:
            return []
        query = "select pos, value from records where actor = ? and log = ? and pos >= ? order by pos limit ?"
        values = (owner, log, first, limit)
        return await trio.to_thread.run_sync(self._page, query, values, limiter=self._paging)

    def _page(self, query: str, values: tuple[object, ...]) -> list[Any]:
        with closing(self._pager.execute(query, values)) as rows:  # one left open would hold on to the WAL
            return page_of(rows)

    async def bounds(self, actor: Address, log: str) -> tuple[int, int]:
        owner = self._id(actor)
        query = 'select first, "end" from logs where actor = ? and log = ?'
        found = self._reader.execute(query, (owner, log)).fetchone()
        return (int(found[0]), int(found[1])) if found else (0, 0)

    async def due(
        self, until: float, limit: int = 1_000, after: tuple[float, Address] | None = None
    ) -> list[tuple[float, Address]]:
        query = "select wake_at, address from actors where wake_at <= ? and (wake_at, address) > (?, ?) order by wake_at, address limit ?"
        rows = self._reader.execute(query, (until, *(after or (-math.inf, "")), limit))
        return [(at, Address(address)) for at, address in rows]

    async def actors(self, after: str = "", limit: int = 1_000) -> list[Address]:
        query = (
            "select address from actors where address > ? and (exists (select 1 from rows where actor = actors.id) "
            "or exists (select 1 from logs where actor = actors.id)) order by address limit ?"
        )
        found = await trio.to_thread.run_sync(self._all, query, (after, limit), limiter=self._paging)
        return [Address(address) for (address,) in found]

    def _all(self, query: str, values: tuple[object, ...]) -> list[Any]:
        return self._pager.execute(query, values).fetchall()

    async def logs(self, actor: Address) -> list[str]:
        query = "select log from logs where actor = ? order by log"
        return [log for (log,) in self._reader.execute(query, (self._id(actor),))]

    async def damage(self, size_max: float = math.inf) -> list[str]:
        if self._path.stat().st_size > size_max:
            return []
        return await trio.to_thread.run_sync(damage_of, self._pager, limiter=self._paging)

    async def latest(self) -> float:
        found = self._reader.execute("select value from meta where key = 'latest'").fetchone()
        return float(found[0]) if found else 0.0

    def _id(self, actor: Address) -> int | None:
        known = self._ids.get(actor)
        if known is not None:
            return known
        found = self._reader.execute("select id from actors where address = ?", (actor,)).fetchone()
        if found is None:
            return None
        if len(self._ids) >= IDS_MAX:
            self._ids.clear()
        self._ids[actor] = int(found[0])
        return int(found[0])

    async def aclose(self) -> None:
        await self._in_writer(self._close)

    def _close(self) -> None:
        for connection in (self._reader, self._pager, self._db):
            connection.close()
        self._lock.close()
