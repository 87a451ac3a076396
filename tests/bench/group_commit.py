"""The store's commit beside SQLite's own `executemany` of the same rows, fsynced both, in alternating rounds.

A batch a queue would make: `SIZE` rows of 300 bytes of one actor, committed together.
"""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import trio

from actors import Address
from actors.durable import Put
from runtime.clock import SystemClock
from runtime.store import Batch, Durable, SqliteStore
from tests.bench.figures import Figure, Options

SIZES = (16, 100, 1_000)
BODY = b"x" * 300
ACTOR = Address.of("queue", "000000000000", "us-east-1", "orders")
TABLE = """
pragma journal_mode = wal; pragma synchronous = full;
create table rows (id integer primary key, actor integer not null, key text not null, value blob not null);
create unique index rows_key on rows (actor, key);
"""


def measure(options: Options) -> Iterator[Figure]:
    for size in SIZES:
        yield trio.run(_measured, options, size)


async def _measured(options: Options, size: int) -> Figure:
    ours: list[float] = []
    plain: list[float] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        store = SqliteStore(Path(folder) / "store", SystemClock().now)
        db = sqlite3.connect(Path(folder) / "plain.db", isolation_level=None, check_same_thread=False)
        db.executescript(TABLE)
        for number in range(options.times(200)):
            keys = [f"msg/{number * size + row:016d}" for row in range(size)]
            start = time.perf_counter()
            (outcome,) = await store.commit([Batch(ACTOR, number, [Put(key, BODY) for key in keys])])
            ours.append(time.perf_counter() - start)
            assert isinstance(outcome, Durable)
            start = time.perf_counter()
            await trio.to_thread.run_sync(_insert, db, keys)
            plain.append(time.perf_counter() - start)
        await store.aclose()
        db.close()
    ratio = median(ours) / median(plain)
    return Figure(
        f"group commit of {size:,}, beside plain SQLite",
        ratio,
        "x its time",
        "< 2",
        {
            "rows/s": size / median(ours),
            "ms": median(ours) * 1_000,
            "SQLite's ms": median(plain) * 1_000,
        },
    )


def _insert(db: sqlite3.Connection, keys: list[str]) -> None:
    db.execute("begin immediate")
    db.executemany("insert into rows values (null, 1, ?, ?)", [(key, BODY) for key in keys])
    db.execute("commit")
