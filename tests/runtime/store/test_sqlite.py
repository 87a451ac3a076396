"""What only the embedded store has: a folder, a file, a schema, a disk that fails for real, a process that is killed."""

import sqlite3  # noqa: TID251 -- faults are put between the store and its file
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE  # noqa: TID251 -- a real process is killed here
from typing import Any

import pytest
import structlog.testing
import trio
from typing_extensions import override

from actors.address import Address
from actors.durable import Put
from runtime.store import (
    Batch,
    Durable,
    Refused,
    SqliteStore,
    StoreBroken,
    StoreFull,
    StoreInUse,
    StoreTooNew,
    Unknown,
)
from runtime.store.sqlite_file import FILE, connect

A, B = Address("/a"), Address("/b")
ROOT = Path(__file__).parents[3]


def opened(folder: Path, open_file: Callable[[Path], sqlite3.Connection] = connect) -> SqliteStore:
    return SqliteStore(folder, lambda: 5.0, open_file=open_file)


def put(expected: int, size: int = 1) -> list[Batch]:
    return [Batch(A, expected, [Put(f"{expected}", bytes(size))])]


def kept_in(files: list[sqlite3.Connection], path: Path) -> sqlite3.Connection:
    """A connection that the test can reach, to set a limit of SQLite's own."""
    files.append(connect(path))
    return files[-1]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


class Faulty(sqlite3.Connection):
    """A connection whose COMMIT fails in the disk's way, before it or behind it, and which may not be opened anew."""

    fail: str | None = None
    shut = False

    @override
    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if Faulty.shut and sql.startswith("pragma"):
            raise _io_error()
        if sql != "commit" or Faulty.fail is None:
            return super().execute(sql, parameters)
        if Faulty.fail == "behind":
            super().execute(sql)
        raise _io_error()


def _io_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    return error


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], sqlite3.Connection]:
    monkeypatch.setattr(Faulty, "fail", None)
    monkeypatch.setattr(Faulty, "shut", False)
    return lambda path: sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Faulty)


async def test_a_second_store_on_one_folder_is_refused_until_the_first_is_closed(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(StoreInUse, match=str(tmp_path)):
        opened(tmp_path)
    await first.aclose()
    await opened(tmp_path).aclose()


async def test_a_newer_schema_is_refused_by_name_and_left_alone(tmp_path: Path) -> None:
    await opened(tmp_path).aclose()
    db = sqlite3.connect(tmp_path / FILE)
    db.execute("pragma user_version = 7")
    db.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreTooNew, match=r"callboard\.db .*version 7, this one knows 1"):
        opened(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


async def test_a_full_disk_refuses_keeps_what_was_acknowledged_and_recovers(tmp_path: Path) -> None:
    files: list[sqlite3.Connection] = []
    store = opened(tmp_path, lambda path: kept_in(files, path))
    await store.commit(put(0))
    [file] = files
    (pages,) = file.execute("pragma page_count").fetchone()
    file.execute(f"pragma max_page_count = {pages + 2}")
    [refused] = await store.commit(put(1, 100_000))
    assert isinstance(refused, Refused)
    assert isinstance(refused.cause, StoreFull)
    file.execute(f"pragma max_page_count = {pages}")
    assert not await store.writable()
    assert await store.get(A, ["0", "1"]) == [b"\0", None]
    file.execute("pragma max_page_count = 100000")
    assert await store.writable()
    assert await store.commit([Batch(A, 1, [Put("2", b"after")])]) == [Durable(2)]
    await store.aclose()
    store = opened(tmp_path)
    assert [key for key, _ in await store.scan(A, "")] == ["0", "2"]
    await store.aclose()


async def test_a_read_only_disk_refuses_as_a_full_one(tmp_path: Path) -> None:
    files: list[sqlite3.Connection] = []
    store = opened(tmp_path, lambda path: kept_in(files, path))
    files[0].execute("pragma query_only = on")
    [refused] = await store.commit(put(0))
    assert isinstance(refused, Refused)
    assert isinstance(refused.cause, StoreFull)
    assert not await store.writable()
    await store.aclose()


async def test_a_disk_without_room_refuses_a_reset_and_everything_stays(tmp_path: Path) -> None:
    files: list[sqlite3.Connection] = []
    store = opened(tmp_path, lambda path: kept_in(files, path))
    await store.commit(put(0))
    files[0].execute("pragma query_only = on")
    with pytest.raises(StoreFull):
        await store.reset()
    assert await store.get(A, ["0"]) == [b"\0"]
    files[0].execute("pragma query_only = off")
    assert await store.commit(put(1)) == [Durable(2)]
    await store.reset()
    assert await store.scan(A, "") == []
    await store.aclose()


@pytest.mark.parametrize(("fault", "version"), [("before", 0), ("behind", 1)])
async def test_a_failed_fsync_is_unknown_and_the_version_tells_what_happened(
    tmp_path: Path, faulty: Callable[[Path], sqlite3.Connection], fault: str, version: int
) -> None:
    store = opened(tmp_path, faulty)
    Faulty.fail = fault
    [unknown] = await store.commit(put(0))
    assert isinstance(unknown, Unknown)
    Faulty.fail = None
    assert await store.version(A) == version
    assert await store.commit(put(version)) == [Durable(version + 1)]
    await store.aclose()


async def test_while_a_failed_fsync_is_in_doubt_nothing_is_written_and_no_version_told(
    tmp_path: Path, faulty: Callable[[Path], sqlite3.Connection]
) -> None:
    store = opened(tmp_path, faulty)
    Faulty.fail, Faulty.shut = "behind", True
    [unknown] = await store.commit(put(0))
    assert isinstance(unknown, Unknown)
    with pytest.raises(StoreBroken):
        await store.version(A)
    [refused] = await store.commit(put(0))
    assert isinstance(refused, Refused)
    assert isinstance(refused.cause, StoreFull)
    Faulty.fail, Faulty.shut = None, False
    assert await store.version(A) == 1
    assert (tmp_path / f"{FILE}-wal").stat().st_size == 0
    await store.aclose()


async def test_a_commit_under_way_is_not_abandoned_by_a_cancelled_caller(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.commit(put(0))
    assert await store.version(A) == 1
    await store.aclose()


async def test_the_latest_time_is_stamped_and_never_goes_back(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert await store.latest() == 0.0
    await store.commit(put(0))
    await store.aclose()
    store = SqliteStore(tmp_path, lambda: 3.0)
    await store.commit(put(1))
    assert await store.latest() == 5.0
    await store.aclose()


@pytest.mark.slow
async def test_what_a_killed_process_acknowledged_is_there_after_the_kill(tmp_path: Path) -> None:
    for _ in range(3):
        said = await _commit_until_killed(tmp_path)
        store = opened(tmp_path)
        kept = await store.version(A)
        assert said <= kept <= said + 1
        for actor in (A, B):
            assert await store.version(actor) == kept
            assert await store.bounds(actor, "log") == (0, kept)
            assert len(await store.scan(actor, "", limit=100_000)) == kept
        await store.aclose()


async def _commit_until_killed(folder: Path) -> int:
    """The last acknowledged count of a process that was killed after at least 50 lines."""
    command = [sys.executable, str(Path(__file__).with_name("committer.py")), str(folder)]
    said = b""
    process = await trio.lowlevel.open_process(command, stdout=PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    assert process.stdout is not None
    async with process.stdout:
        async for some in process.stdout:
            said += some
            if said.count(b"\n") >= 50:
                process.kill()
    await process.wait()
    return int(said[: said.rindex(b"\n")].split(b"\n")[-1])


async def test_a_damaged_file_says_so_unless_it_is_larger_than_what_shall_be_looked_through(
    tmp_path: Path,
) -> None:
    store = opened(tmp_path)
    await store.commit([Batch(A, 0, [Put(f"{n}", bytes(1_000)) for n in range(40)])])
    await store.aclose()
    file = tmp_path / FILE
    kept = file.read_bytes()
    file.write_bytes(kept[: -6 * 4096] + bytes(6 * 4096))
    store = opened(tmp_path)
    try:
        assert await store.damage(size_max=len(kept)) != []
        assert await store.damage(size_max=len(kept) - 1) == []
    finally:
        await store.aclose()
