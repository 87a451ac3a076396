"""The embedded store: SQLite in WAL mode with synchronous=FULL, one writer thread, many actors' batches a commit.

Measured before it was chosen (300-byte records, fsync): a rowid table with an index takes 93,000 records a second
in batches of 100, a table clustered by (actor, key) 12,500, since random actors scatter over its pages.
Reads go by a connection of their own, which in WAL mode never waits for the writer. Point reads run on the loop's
thread (about 20 us; a trip to a thread costs 104), pages of a scan in a thread.

A commit that fails before COMMIT is rolled back: refused. One whose COMMIT fails in the disk's own way is
unknown: the file is opened anew before anything else, and the versions in it say what happened.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import structlog
import trio

from actors.address import Address
from actors.errors import StoreFull
from runtime.store.port import (
    Batch,
    Outcome,
    Refused,
    StoreBroken,
    StoreFigures,
    StoreInUse,
    StoreTooNew,
    Unknown,
)
from runtime.store.sqlite_writer import Writer

SCHEMA_VERSION = 1
FILE = "callboard.db"
LOCK = "callboard.lock"
_SCHEMA = """
create table actors (id integer primary key, address text not null unique, version integer not null, wake_at real);
create index actors_wake on actors (wake_at) where wake_at is not null;
create table rows (id integer primary key, actor integer not null, key text not null, value blob not null);
create unique index rows_key on rows (actor, key);
create table logs (actor integer not null, log text not null, first integer not null, "end" integer not null,
                   primary key (actor, log)) without rowid;
create table records (id integer primary key, actor integer not null, log text not null,
                      pos integer not null, value blob not null);
create unique index records_pos on records (actor, log, pos);
create table meta (key text primary key, value) without rowid;
"""
_PRAGMAS = (
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "pragma cache_size = -32768",  # KiB
    "pragma temp_store = memory",
    "pragma wal_autocheckpoint = 4000",
)
FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}
log = structlog.get_logger("callboard.store")


class SqliteStore:
    """The port over the file `callboard.db` in `folder`, made if need be; `clock` stamps commits.

    Raises OSError (no rights), StoreInUse, StoreTooNew.
    """

    immediate = False

    def __init__(self, folder: str | Path, clock: Callable[[], float]) -> None:
        self.figures = StoreFigures()
        self._clock = clock
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self._folder)
        try:
            self._open()
        except BaseException:
            self._lock.close()
            raise
        # one thread each: SQLite has one writer, and a page being read shall not hold up a commit
        self._writing = trio.CapacityLimiter(1)
        self._paging = trio.CapacityLimiter(1)
        self._ids: dict[Address, int] = {}

    def _open(self) -> None:
        path = self._folder / FILE
        self._db = _connect(path)
        self._set_up(path)
        self._writer = Writer(self._db)
        self._reader = _connect(path)
        self._pager = _connect(path)

    def _set_up(self, path: Path) -> None:
        (found,) = self._db.execute("pragma user_version").fetchone()
        if found > SCHEMA_VERSION:
            self._db.close()
            raise StoreTooNew(
                f"{path} was written by a newer Callboard (schema version {found}, this one knows {SCHEMA_VERSION}); "
                "nothing was changed"
            )
        for pragma in _PRAGMAS:
            self._db.execute(pragma)
        if found == 0:
            self._db.executescript(f"begin; {_SCHEMA} pragma user_version = {SCHEMA_VERSION}; commit;")

    # --- writing ---------------------------------------------------------------------------------------

    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        # a commit under way is never abandoned: who stops the node waits for it
        with trio.CancelScope(shield=True):
            outcomes = await trio.to_thread.run_sync(self._commit, batches, limiter=self._writing)
        self._count(batches, outcomes)
        return outcomes

    def _commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        writer = self._writer
        try:
            outcomes = writer.write(batches, self._clock())
        except sqlite3.Error as error:
            writer.forget()
            self._roll_back()
            if _code(error) not in FULL:
                log.exception("store_write_failed")
            refusal = StoreFull(f"the data folder takes no writes: {error}")
            return [Refused(refusal) for _ in batches]
        try:
            writer.commit()
        except sqlite3.Error as error:
            writer.forget()
            if _code(error) in FULL and self._roll_back():
                return [Refused(StoreFull(f"the data folder takes no writes: {error}")) for _ in batches]
            log.exception("store_commit_unknown")
            self._reopen()
            return [Unknown(StoreBroken(str(error))) for _ in batches]
        return outcomes

    def _roll_back(self) -> bool:
        try:
            if self._db.in_transaction:
                self._db.execute("rollback")
        except sqlite3.Error as error:
            log.exception("store_rollback_failed")
            self._reopen()
            return False
        return True

    def _reopen(self) -> None:
        self._db.close()
        self._db = _connect(self._folder / FILE)
        for pragma in _PRAGMAS:
            self._db.execute(pragma)
        self._writer = Writer(self._db)

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
        with trio.CancelScope(shield=True):
            return await trio.to_thread.run_sync(self._probe, limiter=self._writing)

    def _probe(self) -> bool:
        try:
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
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._reset, limiter=self._writing)

    def _reset(self) -> None:
        tables = ("rows", "records", "logs", "actors")
        self._db.executescript("begin; " + " ".join(f"delete from {table};" for table in tables) + " commit;")
        self._writer.forget()
        self._ids.clear()

    # --- reading ---------------------------------------------------------------------------------------

    async def version(self, actor: Address) -> int:
        found = self._reader.execute("select version from actors where address = ?", (actor,)).fetchone()
        return int(found[0]) if found else 0

    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]:
        owner = self._id(actor)
        if owner is None or not keys:
            return [None] * len(keys)
        marks = ",".join("?" * len(keys))
        query = f"select key, value from rows where actor = ? and key in ({marks})"  # noqa: S608 -- marks alone
        rows: dict[str, bytes] = dict(self._reader.execute(query, (owner, *keys)))
        return [rows.get(key) for key in keys]

    async def scan(
        self, actor: Address, prefix: str, after: str = "", limit: int = 1_000
    ) -> list[tuple[str, bytes]]:
        owner = self._id(actor)
        if owner is None:
            return []
        first, than = (after, ">") if after >= prefix and after else (prefix, ">=")
        query = f"select key, value from rows where actor = ? and key {than} ? and key < ? order by key limit ?"  # noqa: S608
        bounds = (owner, first, _end_of(prefix), limit)
        return await trio.to_thread.run_sync(self._page, query, bounds, limiter=self._paging)

    async def records(
        self, actor: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        owner = self._id(actor)
        if owner is None:
            return []
        query = "select pos, value from records where actor = ? and log = ? and pos >= ? order by pos limit ?"
        return await trio.to_thread.run_sync(
            self._page, query, (owner, log, first, limit), limiter=self._paging
        )

    def _page(self, query: str, values: tuple[object, ...]) -> list[tuple[object, bytes]]:
        return self._pager.execute(query, values).fetchall()

    async def bounds(self, actor: Address, log: str) -> tuple[int, int]:
        owner = self._id(actor)
        query = 'select first, "end" from logs where actor = ? and log = ?'
        found = self._reader.execute(query, (owner, log)).fetchone()
        return (int(found[0]), int(found[1])) if found else (0, 0)

    async def due(self, until: float, limit: int = 1_000) -> list[tuple[float, Address]]:
        query = "select wake_at, address from actors where wake_at <= ? order by wake_at, address limit ?"
        return [(at, Address(address)) for at, address in self._reader.execute(query, (until, limit))]

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
        if len(self._ids) >= 100_000:
            self._ids.clear()
        self._ids[actor] = int(found[0])
        return int(found[0])

    async def aclose(self) -> None:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self._close, limiter=self._writing)

    def _close(self) -> None:
        for connection in (self._reader, self._pager, self._db):
            connection.close()
        self._lock.close()


def _end_of(prefix: str) -> object:
    """What stands behind all keys with the prefix. A blob is greater than any text to SQLite."""
    return prefix + "\U0010ffff\U0010ffff" if prefix else b""


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)


def _code(error: sqlite3.Error) -> int:
    """The primary result code: the low byte of an extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _locked(folder: Path) -> IO[str]:
    """Hold the folder for this process; the kernel lets go of it, even after kill -9."""
    handle = (folder / LOCK).open("a+", encoding="ascii")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        owner = handle.read().strip() or "unknown"
        handle.close()
        raise StoreInUse(
            f"data folder {folder} is in use by another node (process {owner}): stop that one, or choose another folder"
        ) from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle
