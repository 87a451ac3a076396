"""Each fault of the memory store's disk does what it says."""

import trio

from actors.address import Address
from actors.durable import Put, WakeAt
from actors.errors import StoreFull
from runtime.clock import VirtualClock
from runtime.store import Batch, Disk, Durable, MemoryStore, Refused, Unknown

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
