"""The disk of a simulation: what one node's memory store leaves to the next, and the ways in which it can fail.

Its faults are plain settings: whoever tests decides, nothing here draws chance. A commit passes two numbered
places, before its write and behind it (before the answer); `crash_at` cuts the power at one of them.

Each fault has a cause that a real disk under SQLite's write-ahead log has. What no setting asks for cannot happen there: a
batch cut within (frames count only behind their transaction's last one, each with a checksum over all before it), and
unsynced commits of which a later one is there and an earlier one not (the chain of checksums ends at the gap).
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import trio

from actors.address import Address
from actors.durable import Append, Delete, DeletePrefix, Put, Trim, WakeAt, Write
from runtime.store.checks import fault_of
from runtime.store.port import BadWrite, Batch, FenceLost


class PowerCut(BaseException):
    """The node is gone in the middle of a commit. Whoever catches it calls `Disk.crash` and opens a new store."""


def cut_power() -> NoReturn:
    """What `DiskFaults.on_crash` does unless told otherwise."""
    raise PowerCut


@dataclass(slots=True)
class DiskFaults:
    """What is wrong with the disk, while it is set."""

    full: bool = False
    """No room: a quota, or another program's files."""
    read_only: bool = False
    """A kernel mounts a file system so once it has met an error in it."""
    slow: float = 0.0
    """Seconds that each commit takes besides: a neighbour's load, a disk that tries a bad sector again and again."""
    stalled: trio.Event | None = None
    """No commit comes back before it is set: a controller that resets, a file server that is away."""
    lost_fsync: bool = False
    """What is acknowledged from now on is gone at the next crash, unless an honest fsync comes before it.

    A drive that answers from a cache without a battery. No node can be safe from it: it is there to see what it costs.
    """
    left_unsynced: int = 0
    """Of the commits that a lying fsync acknowledged, the first so many outlive the crash: the cache had got so far."""
    torn: int = 0
    """Batches of the commit under way that a crash leaves on the disk; each of them whole. SQLite leaves all or none."""
    answer_lost: Literal["kept", "gone"] | None = None
    """Commits end unknown: the writes are on the disk, or are not. A replicated log's answer got lost on its way."""
    fsync_error: Literal["kept", "gone"] | None = None
    """The next commit's fsync fails, and the kernel drops its pages: they had reached the disk, or had not.

    While it is set the file cannot be opened anew: nothing more is written, no version told. Then the truth comes out; the
    fsync is never tried again, for it would succeed without having written anything.
    """
    read_error: bool = False
    """A sector cannot be read: reads raise OSError."""
    crash_at: int | None = None
    """The number of the place (see `Disk.places`) where `on_crash` is called."""
    on_crash: Callable[[], object] = cut_power


@dataclass(slots=True)
class Log:
    """The records `first` to `end` - 1."""

    first: int = 0
    end: int = 0
    records: dict[int, bytes] = field(default_factory=dict[int, bytes])


@dataclass(slots=True)
class Kept:
    """One actor's part of the disk."""

    version: int = 0
    rows: dict[str, bytes] = field(default_factory=dict[str, bytes])
    logs: dict[str, Log] = field(default_factory=dict[str, Log])
    wake_at: float | None = None
    keys: list[str] | None = None
    """The rows' keys in order; None: not known. Scans come when an actor is loaded, writes all the time."""

    def end_of(self, log: str) -> int:
        return self.logs[log].end if log in self.logs else 0

    def below(self, prefix: str, after: str = "") -> Iterator[str]:
        """The keys that begin with `prefix` and are greater than `after`."""
        keys = self.keys
        if keys is None:
            keys = self.keys = sorted(self.rows)
        for at in range(bisect_left(keys, max(prefix, after)), len(keys)):
            key = keys[at]
            if not key.startswith(prefix):
                return
            if key > after or not after:
                yield key

    def write(self, write: Write) -> None:
        match write:
            case Put(key, value):
                self.rows[key] = value
                self.keys = None
            case Delete(key):
                self.rows.pop(key, None)
                self.keys = None
            case DeletePrefix(prefix):
                self.rows = {key: value for key, value in self.rows.items() if not key.startswith(prefix)}
                self.keys = None
            case Append(log, offset, value):
                kept = self.logs.setdefault(log, Log())
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
        self.kept: dict[Address, Kept] = {}
        self.waking: list[tuple[float, Address]] = []
        """Who is to be woken, earliest first."""
        self.under_way: Sequence[Batch] = ()
        """What a crash at this moment may leave a part of."""
        self.places = 0
        """Numbered places passed so far: two for each commit."""
        self.in_doubt = False
        """An fsync has failed, and the file has not been opened anew since."""
        self._synced: dict[Address, Kept] | None = None
        """What the last honest fsync covered, when a later one lied."""
        self._unsynced: list[Sequence[Batch]] = []
        """What has been written since."""

    @property
    def closed(self) -> bool:
        """Takes no writes for now."""
        return self.faults.full or self.faults.read_only or not self.settled()

    def settled(self) -> bool:
        """Whether it says what has happened; after a failed fsync it tries to."""
        if self.in_doubt and self.faults.fsync_error is None:
            self.in_doubt = False
        return not self.in_doubt

    def crash(self) -> None:
        """Cut the power: what was never synced is gone, of a commit under way `torn` batches stay."""
        self.in_doubt = False  # a start opens the file anew
        if self._synced is not None:
            self._lose_unsynced(self._synced)
        left = 0 if self.closed else self.faults.torn
        for batch in self.under_way:
            if left > 0 and self.fault_of(batch) is None:
                self.write(batch)
                left -= 1
        self.under_way = ()

    def _lose_unsynced(self, synced: dict[Address, Kept]) -> None:
        left, self._unsynced = self._unsynced[: self.faults.left_unsynced], []
        self.kept, self._synced = synced, None
        self.waking.clear()
        for actor, kept in self.kept.items():
            self._wake(actor, None, kept.wake_at)
        for batches in left:
            for batch in batches:
                self.write(batch)

    def pass_place(self) -> None:
        """One numbered place further; the crash, if it is set for this one."""
        self.places += 1
        if self.places == self.faults.crash_at:
            self.faults.on_crash()

    def sync(self, batches: Sequence[Batch]) -> None:
        """What the commit of `batches`, which begins now, will be worth at a crash."""
        if not self.faults.lost_fsync:
            self._synced = None
            self._unsynced.clear()
            return
        if self._synced is None:
            self._synced = deepcopy(self.kept)
        self._unsynced.append([batch for batch in batches if self.fault_of(batch) is None])

    def fault_of(self, batch: Batch) -> FenceLost | BadWrite | None:
        kept = self.of(batch.actor)
        return fault_of(batch, kept.version, kept.end_of)

    def write(self, batch: Batch) -> None:
        kept = self.kept.get(batch.actor)
        if kept is None:
            kept = self.kept[batch.actor] = Kept()
        before = kept.wake_at
        for write in batch.writes:
            kept.write(write)
        kept.version = batch.expected + 1
        if kept.wake_at != before:
            self._wake(batch.actor, before, kept.wake_at)

    def _wake(self, actor: Address, before: float | None, at: float | None) -> None:
        if before is not None:
            self.waking.remove((before, actor))
        if at is not None:
            insort(self.waking, (at, actor))

    def of(self, actor: Address) -> Kept:
        kept = self.kept.get(actor)
        return Kept() if kept is None else kept

    def clear(self) -> None:
        self.kept.clear()
        self.waking.clear()
        self._synced = None
        self._unsynced.clear()
