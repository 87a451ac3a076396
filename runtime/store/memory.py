"""The store in memory, and the disk that a simulation keeps when its node crashes.

`MemoryStore(disk)` is one node's view; the `Disk` outlives it. Its faults are plain settings: whoever tests
decides, nothing here draws chance. A commit takes no time unless `commit_time` or a fault gives it one.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

import trio
from sortedcontainers import SortedDict

from actors.address import Address
from actors.durable import Append, Delete, DeletePrefix, Put, Trim, WakeAt, Write
from actors.errors import StoreFull
from runtime.store.checks import fault_of
from runtime.store.port import Batch, Durable, Outcome, Refused, StoreBroken, StoreFigures, Unknown


@dataclass(slots=True)
class DiskFaults:
    """What is wrong with the disk, while it is set."""

    full: bool = False
    read_only: bool = False
    slow: float = 0.0
    """Seconds that each commit takes besides."""
    lost_fsync: bool = False
    """What is acknowledged from now on is gone at the next crash."""
    torn: int = 0
    """Batches of the commit under way that a crash leaves on the disk; each of them whole."""
    answer_lost: Literal["kept", "gone"] | None = None
    """Commits end unknown: the writes are on the disk, or are not."""


@dataclass(slots=True)
class _Log:
    first: int = 0
    end: int = 0
    records: dict[int, bytes] = field(default_factory=dict[int, bytes])


@dataclass(slots=True)
class _Kept:
    """One actor's part of the disk."""

    version: int = 0
    # Python orders text by code points, which is the order of the UTF-8 bytes
    rows: "SortedDict[str, bytes]" = field(default_factory=SortedDict)
    logs: dict[str, _Log] = field(default_factory=dict[str, _Log])
    wake_at: float | None = None

    def end_of(self, log: str) -> int:
        return self.logs[log].end if log in self.logs else 0

    def below(self, prefix: str, after: str = "") -> Iterator[str]:
        for key in self.rows.irange(max(prefix, after)):
            if not key.startswith(prefix):
                return
            if key > after or not after:
                yield key

    def write(self, write: Write) -> None:
        match write:
            case Put(key, value):
                self.rows[key] = value
            case Delete(key):
                self.rows.pop(key, None)
            case DeletePrefix(prefix):
                for key in list(self.below(prefix)):
                    del self.rows[key]
            case Append(log, offset, value):
                kept = self.logs.setdefault(log, _Log())
                kept.records[offset] = value
                kept.end = offset + 1
            case Trim(log, before):
                self._trim(log, before)
            case WakeAt(time):
                self.wake_at = time

    def _trim(self, name: str, before: int) -> None:
        log = self.logs.get(name)
        if log is None:
            return
        for offset in range(log.first, min(before, log.end)):
            del log.records[offset]
        log.first = max(log.first, min(before, log.end))


class Disk:
    """What a crash leaves over."""

    def __init__(self) -> None:
        self.faults = DiskFaults()
        self.latest = 0.0
        self.kept: dict[Address, _Kept] = {}
        self.under_way: Sequence[Batch] = ()
        self._synced: dict[Address, _Kept] | None = None

    def crash(self) -> None:
        """Cut the power: what was never synced is gone, of a commit under way `torn` batches stay."""
        if self._synced is not None:
            self.kept, self._synced = self._synced, None
        for batch in self.under_way[: self.faults.torn]:
            self.write(batch)
        self.under_way = ()

    def before_writing(self) -> None:
        if self.faults.lost_fsync and self._synced is None:
            self._synced = deepcopy(self.kept)

    def write(self, batch: Batch) -> None:
        kept = self.kept.get(batch.actor)
        if kept is None:
            kept = self.kept[batch.actor] = _Kept()
        for write in batch.writes:
            kept.write(write)
        kept.version = batch.expected + 1

    def of(self, actor: Address) -> _Kept:
        kept = self.kept.get(actor)
        return _Kept() if kept is None else kept


class MemoryStore:
    """The port over a `Disk`. `commit_time` gives the seconds of one commit, `clock` the time that it is made at."""

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
        return self._commit_time is None and not self.disk.faults.slow

    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        disk, faults = self.disk, self.disk.faults
        if not self.immediate:
            disk.under_way = batches
            await trio.sleep(faults.slow + (self._commit_time() if self._commit_time else 0.0))
            disk.under_way = ()
        if faults.full or faults.read_only:
            self.figures.refused += len(batches)
            full = StoreFull("the disk is full" if faults.full else "the disk is read-only")
            return [Refused(full) for _ in batches]
        disk.before_writing()
        outcomes = [self._commit_one(batch) for batch in batches]
        if self._clock is not None:
            disk.latest = max(disk.latest, self._clock())
        self.figures.commits += 1
        return outcomes

    def _commit_one(self, batch: Batch) -> Outcome:
        kept = self.disk.of(batch.actor)
        fault = fault_of(batch, kept.version, kept.end_of)
        if fault is not None:
            self.figures.refused += 1
            return Refused(fault)
        lost = self.disk.faults.answer_lost
        if lost != "gone":
            self.disk.write(batch)
        if lost is not None:
            self.figures.unknown += 1
            return Unknown(StoreBroken("the answer of the disk was lost"))
        self.figures.batches += 1
        self.figures.writes += len(batch.writes)
        return Durable(batch.expected + 1)

    async def version(self, actor: Address) -> int:
        return self.disk.of(actor).version

    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]:
        rows = self.disk.of(actor).rows
        return [rows.get(key) for key in keys]

    async def scan(
        self, actor: Address, prefix: str, after: str = "", limit: int = 1_000
    ) -> list[tuple[str, bytes]]:
        kept = self.disk.of(actor)
        page: list[tuple[str, bytes]] = []
        for key in kept.below(prefix, after):
            if len(page) == limit:
                break
            page.append((key, kept.rows[key]))
        return page

    async def records(
        self, actor: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        kept = self.disk.of(actor).logs.get(log, _Log())
        begin = max(first, kept.first)
        return [(offset, kept.records[offset]) for offset in range(begin, min(kept.end, begin + limit))]

    async def bounds(self, actor: Address, log: str) -> tuple[int, int]:
        kept = self.disk.of(actor).logs.get(log, _Log())
        return kept.first, kept.end

    async def due(self, until: float, limit: int = 1_000) -> list[tuple[float, Address]]:
        waking = [(kept.wake_at, actor) for actor, kept in self.disk.kept.items() if kept.wake_at is not None]
        return sorted(one for one in waking if one[0] <= until)[:limit]

    async def writable(self) -> bool:
        return not (self.disk.faults.full or self.disk.faults.read_only)

    async def latest(self) -> float:
        return self.disk.latest

    async def reset(self) -> None:
        self.disk.kept.clear()

    async def aclose(self) -> None:
        """Nothing to close; the disk stays."""
