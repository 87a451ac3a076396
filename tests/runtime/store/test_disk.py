"""Each fault of the memory store's disk does what it says."""

from typing import Literal

import pytest
import trio

from actors.address import Address
from actors.durable import Append, Put, WakeAt
from actors.errors import StoreFull
from runtime.clock import VirtualClock
from runtime.store import Batch, Disk, Durable, MemoryStore, Refused, StoreBroken, Unknown

A, B = Address("/a"), Address("/b")


def put(expected: int, value: bytes = b"v", actor: Address = A) -> list[Batch]:
    return [Batch(actor, expected, [Put("k", value), WakeAt(float(expected))])]


async def test_a_full_disk_refuses_and_writes_again_when_there_is_room() -> None:
    store = MemoryStore()
    store.disk.faults.full = True
    [refused] = await store.commit(put(0))
    assert isinstance(refused, Refused)
    assert isinstance(refused.cause, StoreFull)
    assert not await store.writable()
    store.disk.faults.full = False
    assert await store.writable()
    assert await store.commit(put(0)) == [Durable(1)]


async def test_a_lost_fsync_loses_what_it_acknowledged_at_the_crash() -> None:
    store = MemoryStore()
    await store.commit(put(0, b"synced"))
    store.disk.faults.lost_fsync = True
    assert await store.commit(put(1, b"lost")) == [Durable(2)]
    assert await store.get(A, ["k"]) == [b"lost"]
    store.disk.crash()
    assert (await store.version(A), await store.get(A, ["k"])) == (1, [b"synced"])
    assert await store.due(9.0) == [(0.0, A)]


async def test_an_honest_fsync_saves_what_a_lying_one_before_it_did_not() -> None:
    store = MemoryStore()
    store.disk.faults.lost_fsync = True
    await store.commit(put(0, b"1"))
    store.disk.faults.lost_fsync = False
    await store.commit(put(0, b"b", B))
    store.disk.crash()
    assert await store.get(A, ["k"]) == [b"1"]


async def test_an_unknown_outcome_is_told_by_the_version() -> None:
    store = MemoryStore()
    store.disk.faults.answer_lost = "gone"
    [gone] = await store.commit(put(0))
    assert isinstance(gone, Unknown)
    assert await store.version(A) == 0
    store.disk.faults.answer_lost = "kept"
    [kept] = await store.commit(put(0))
    assert isinstance(kept, Unknown)
    assert await store.version(A) == 1


def test_a_slow_disk_takes_its_seconds_and_is_not_immediate() -> None:
    disk = Disk()
    clock = VirtualClock(autojump=True)
    start = clock.now()

    async def main() -> None:
        store = MemoryStore(disk, clock=clock.now)
        assert store.immediate
        disk.faults.slow = 2.5
        assert not store.immediate
        assert await store.commit(put(0)) == [Durable(1)]

    trio.run(main, clock=clock)
    assert clock.now() - start == 2.5
    assert disk.latest == start + 2.5


def test_a_crash_while_a_slow_commit_is_under_way_leaves_the_torn_batches_alone() -> None:
    disk = Disk()
    disk.faults.slow, disk.faults.torn = 5.0, 1

    async def main() -> None:
        with trio.move_on_after(1.0):
            await MemoryStore(disk).commit([*put(0), *put(0, actor=B)])

    trio.run(main, clock=VirtualClock(autojump=True))
    disk.crash()
    assert (disk.of(A).version, disk.of(B).version) == (1, 0)


@pytest.mark.parametrize(("left", "version"), [(0, 1), (1, 2), (2, 3), (9, 4)])
async def test_what_a_lying_fsync_leaves_is_a_beginning_of_what_it_acknowledged(
    left: int, version: int
) -> None:
    store = MemoryStore()
    await store.commit(put(0))
    store.disk.faults.lost_fsync, store.disk.faults.left_unsynced = True, left
    for expected in (1, 2, 3):
        await store.commit(put(expected, str(expected).encode()))
    assert isinstance((await store.commit(put(1)))[0], Refused)
    store.disk.crash()
    assert await store.version(A) == version
    assert await store.due(9.0) == [(version - 1.0, A)]
    store.disk.crash()
    assert await store.version(A) == version, "what is left is on the disk, and stays"


@pytest.mark.parametrize(("truth", "version"), [("kept", 2), ("gone", 1)])
async def test_after_a_failed_fsync_nothing_is_written_or_told_until_the_file_is_open_again(
    truth: Literal["kept", "gone"], version: int
) -> None:
    store = MemoryStore()
    await store.commit(put(0))
    store.disk.faults.fsync_error = truth
    assert isinstance((await store.commit(put(1)))[0], Unknown)
    [refused] = await store.commit(put(0, actor=B))
    assert isinstance(refused, Refused)
    assert isinstance(refused.cause, StoreFull)
    assert not await store.writable()
    with pytest.raises(StoreBroken):
        await store.version(A)
    store.disk.faults.fsync_error = None
    assert await store.writable()
    assert await store.version(A) == version
    assert await store.commit(put(version)) == [Durable(version + 1)]


async def test_a_power_cut_settles_what_a_failed_fsync_has_left() -> None:
    store = MemoryStore()
    store.disk.faults.fsync_error = "gone"
    await store.commit(put(0))
    store.disk.faults.fsync_error = None
    store.disk.crash()
    assert await store.version(A) == 0
    assert await store.commit(put(0)) == [Durable(1)]


async def test_what_cannot_be_read_raises_and_is_there_when_it_can() -> None:
    store = MemoryStore()
    await store.commit([Batch(A, 0, [Put("k", b"v"), Append("log", 0, b"r")])])
    store.disk.faults.read_error = True
    for read in (store.get(A, ["k"]), store.scan(A, ""), store.records(A, "log", 0), store.bounds(A, "log")):
        with pytest.raises(OSError, match="cannot read"):
            await read
    store.disk.faults.read_error = False
    assert await store.get(A, ["k"]) == [b"v"]
    assert await store.records(A, "log", 0) == [(0, b"r")]


def test_a_stalled_disk_answers_when_it_goes_on() -> None:
    disk = Disk()
    clock = VirtualClock(autojump=True)
    start = clock.now()
    found: list[tuple[float, object]] = []

    async def commit() -> None:
        assert not MemoryStore(disk).immediate
        found.extend((clock.now() - start, one) for one in await MemoryStore(disk).commit(put(0)))

    async def main() -> None:
        stalled = disk.faults.stalled = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(commit)
            await trio.sleep(40)
            assert not found
            stalled.set()

    trio.run(main, clock=clock)
    assert found == [(40.0, Durable(1))]
