"""The file of the embedded store: its folder's lock, its tables, its settings, its errors."""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import IO

from runtime.store.port import StoreInUse, StoreTooNew

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
    "pragma wal_autocheckpoint = 4000",  # pages: 16 MB
)
_NO_WRITES = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
}


def connect(path: Path) -> sqlite3.Connection:
    """A connection in which `begin` and `commit` are said aloud; any one thread at a time may use it."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)


def set_up(db: sqlite3.Connection, path: Path) -> None:
    """Set the writer's connection up, and make the tables if the file is new. Raises StoreTooNew."""
    (found,) = db.execute("pragma user_version").fetchone()
    if found > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{path} was written by a newer Callboard (schema version {found}, this one knows {SCHEMA_VERSION}); "
            "nothing was changed"
        )
    for pragma in _PRAGMAS:
        db.execute(pragma)
    if found == 0:
        db.executescript(f"begin; {_SCHEMA} pragma user_version = {SCHEMA_VERSION}; commit;")


def damage_of(db: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the file, a line each; it reads every page, but not each index against its table."""
    try:
        found = [str(line) for (line,) in db.execute("pragma quick_check")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def lock_folder(folder: Path) -> IO[str]:
    """Hold the folder for this process; the kernel lets go of it, even after kill -9. Raises StoreInUse, OSError."""
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


def is_full(error: sqlite3.Error) -> bool:
    """The write never reached the file: no room, or read-only."""
    return _code(error) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}


def takes_no_writes(error: sqlite3.Error) -> bool:
    """The disk's trouble, which may pass; not a damaged file."""
    return _code(error) in _NO_WRITES


def _code(error: sqlite3.Error) -> int:
    """The primary result code: the low byte of an extended one."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def end_of(prefix: str) -> bytes:
    """Greater than every key with the prefix, to be cast to text: no UTF-8 holds the byte 0xff."""
    return prefix.encode() + b"\xff"
