"""The store in memory: for `--memory`, for tests, and for simulations, whose `Disk` outlives a crashed node.

A commit takes no time unless `commit_time` or a fault of the disk gives it one: then it is `immediate`.
"""

import errno
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import islice, takewhile
from math import inf

import trio

from actors.address import Address
from actors.errors import StoreFull
from runtime.store.disk import Disk, Kept, Log
from runtime.store.pages import page_of
from runtime.store.port import Batch, Durable, Outcome, Refused, StoreBroken, StoreFigures, Unknown


class MemoryStore:
    """The port over a `Disk`. `commit_time` gives the seconds of one commit, `clock` the time that it is made at.

    A commit that takes time and is cancelled has not happened, as at a crash: the commit point never cancels one.
    Reads raise OSError and `version` StoreBroken under the disk's faults of these names alone; `reset` StoreFull.
    """

    def __init__(
        self,
        disk: Disk | None = None,
        *,
        clock: Callable[[], float] | None = None,
        commit_time: Callable[[], float] | None = None,
    ) -> None:
        self.disk = disk if disk is not None else Disk()
        self.figures = StoreFigures()
        self._clock = clock
        self._commit_time = commit_time

    @property
    def immediate(self) -> bool:
        faults = self.disk.faults
        return self._commit_time is None and not faults.slow and faults.stalled is None

    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        disk = self.disk
        disk.under_way = batches
        if not self.immediate:
            await trio.sleep(disk.faults.slow + (self._commit_time() if self._commit_time else 0.0))
        if disk.faults.stalled is not None:
            await disk.faults.stalled.wait()
        disk.pass_place()
        outcomes = self._refuse(batches) if disk.closed else self._write(batches)
        disk.under_way = ()
        disk.pass_place()
        return outcomes

    def _refuse(self, batches: Sequence[Batch]) -> list[Outcome]:
        self.figures.refused += len(batches)
        full = self._full()
        return [Refused(full) for _ in batches]

    def _full(self) -> StoreFull:
        if self.disk.in_doubt:
            return StoreFull("the disk takes no writes since an fsync failed")
        return StoreFull("the disk is full" if self.disk.faults.full else "the disk is read-only")

    def _write(self, batches: Sequence[Batch]) -> list[Outcome]:
        self.disk.sync(batches)
        self.disk.in_doubt = self.disk.faults.fsync_error is not None
        outcomes = [self._commit_one(batch) for batch in batches]
        if self._clock is not None:
            self.disk.latest = max(self.disk.latest, self._clock())
        self.figures.commits += 1
        return outcomes

    def _commit_one(self, batch: Batch) -> Outcome:
        fault = self.disk.fault_of(batch)
        if fault is not None:
            self.figures.refused += 1
            return Refused(fault)
        lost = self.disk.faults.fsync_error or self.disk.faults.answer_lost
        if lost != "gone":
            self.disk.write(batch)
        if lost is not None:
            self.figures.unknown += 1
            return Unknown(
                StoreBroken("an fsync failed" if self.disk.in_doubt else "the answer of the disk was lost")
            )
        self.figures.batches += 1
        self.figures.writes += len(batch.writes)
        return Durable(batch.expected + 1)

    def _of(self, actor: Address) -> Kept:
        """What can be read of it. Raises OSError."""
        if self.disk.faults.read_error:
            raise OSError(errno.EIO, "the disk cannot read it")
        return self.disk.of(actor)

    async def version(self, actor: Address) -> int:
        if not self.disk.settled():
            raise StoreBroken("an fsync failed, and the disk cannot be opened anew yet")
        return self.disk.of(actor).version

    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]:
        rows = self._of(actor).rows
        return [rows.get(key) for key in keys]

    async def scan(
        self, actor: Address, prefix: str, after: str = "", limit: int = 1_000
    ) -> list[tuple[str, bytes]]:
        kept = self._of(actor)
        return page_of((key, kept.rows[key]) for key in islice(kept.below(prefix, after), limit))

    async def records(
        self, actor: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        kept = self._of(actor).logs.get(log, Log())
        begin = max(first, kept.first)
        return page_of(
            (offset, kept.records[offset]) for offset in range(begin, min(kept.end, begin + limit))
        )

    async def bounds(self, actor: Address, log: str) -> tuple[int, int]:
        kept = self._of(actor).logs.get(log, Log())
        return kept.first, kept.end

    async def due(
        self, until: float, limit: int = 1_000, after: tuple[float, Address] | None = None
    ) -> list[tuple[float, Address]]:
        waking = self.disk.waking
        rest = islice(waking, 0 if after is None else bisect_right(waking, after), None)
        return list(islice(takewhile(lambda one: one[0] <= until, rest), limit))

    async def actors(self, after: str = "", limit: int = 1_000) -> list[Address]:
        kept = self.disk.kept.items()
        return sorted(actor for actor, of in kept if actor > after and (of.rows or of.logs))[:limit]

    async def logs(self, actor: Address) -> list[str]:
        return sorted(self.disk.of(actor).logs)

    async def damage(self, size_max: float = inf) -> list[str]:  # noqa: ARG002 -- the port's
        return []  # a simulated disk loses writes, no bits of them

    async def writable(self) -> bool:
        return not self.disk.closed

    async def latest(self) -> float:
        return self.disk.latest

    async def reset(self) -> None:
        if self.disk.closed:
            raise self._full()
        self.disk.clear()

    async def aclose(self) -> None:
        """Nothing to close; the disk stays."""
