"""The commit point: no output leaves before everything its actor has staged is durable.

Known in the literature as output commit. A handler stages and returns; while one commit is under way, what
other turns stage gathers for the next, so that many askers of one queue share an fsync (8,160 asks a second at
16 askers, where waiting inside the handler gives 492). What was traded away: a handler cannot look at the
outcome of its own commit, and a failed commit costs the incarnation, whose memory is ahead of the disk.

At most two commits concern a cell: one under way, one gathering. `cell.entry` is the newest of them, and a turn
that staged nothing still waits behind it: nobody sees a state that a crash could take back.
"""

import math
from collections.abc import Callable, Sequence

import structlog
import trio

from actors.address import Address
from actors.durable import Append, Delete, DeletePrefix, Put, WakeAt, Write
from actors.errors import CommitFailed, NotOwner, OutcomeUnknown, StoreFull
from runtime.cell import Cell
from runtime.outputs import Output
from runtime.store.port import Batch, Durable, FenceLost, Outcome, Refused, Store, Unknown
from runtime.trace import Trace

STAGED_MAX = 64 * 1_048_576
"""Bytes staged above which durable cells take no message until the disk has caught up."""
RETRY_AFTER = 1.0
"""Seconds between two looks whether a full disk can be written again."""

log = structlog.get_logger("callboard.store")


OVERHEAD = 64
"""Bytes that a write holds in memory besides its key and value, about."""


class Entry:
    """What one cell has staged for one commit, and the outputs that wait for it."""

    __slots__ = ("before", "cell", "expected", "gone", "outputs", "rows", "size", "wakes", "writes")

    def __init__(self, cell: Cell, before: "Entry | None") -> None:
        self.cell = cell
        self.before = before
        self.expected: int = before.expected + 1 if before else cell.version
        self.writes: list[Write] = []
        self.rows: dict[str, bytes | None] = {}
        """What the table's rows will be: `ctx.read` looks here first."""
        self.gone: list[str] = []
        """Prefixes below which the rows on the disk are gone."""
        self.outputs: list[Output] = []
        self.size = 0
        self.wakes: WakeAt | None = None

    def add(self, writes: Sequence[Write]) -> None:
        for write in writes:
            match write:
                case Put(key, value):
                    self.rows[key] = value
                    self.size += len(key) + len(value)
                case Delete(key):
                    self.rows[key] = None
                case DeletePrefix(prefix):
                    self._forget(prefix)
                case WakeAt():
                    self.wakes = write
                case Append():
                    self.size += len(write.value)
                case _:
                    pass
        self.size += OVERHEAD * len(writes)
        self.writes += writes

    def _forget(self, prefix: str) -> None:
        for key in self.rows:
            if key.startswith(prefix):
                self.rows[key] = None
        self.gone.append(prefix)

    def look(self, key: str) -> tuple[bool, bytes | None]:
        """Whether this entry says anything of the row, and what."""
        if key in self.rows:
            return True, self.rows[key]
        return any(key.startswith(prefix) for prefix in self.gone), None


class CommitPoint:
    """Gathers, commits, releases. `discard` is called for a cell whose commit did not happen, `wake_at` with durable times."""

    def __init__(
        self,
        store: Store,
        trace: Trace | None,
        discard: Callable[[Cell, Exception], None],
        wake_at: Callable[[Address, float | None], None],
    ) -> None:
        self._wake_at = wake_at
        self._store = store
        self._trace = trace
        self._discard = discard
        self._gathering: dict[Cell, Entry] = {}
        self._flying: list[Entry] = []
        self._work = trio.Event()
        self._landed: trio.Event | None = None
        """Set when the next commit has ended; made by who waits for it."""
        self._caught_up: list[Callable[[], None]] = []
        self._staged = 0
        self._steps = 0
        self._at_once = False
        """An immediate store's commit is under way; a power cut in the middle of it leaves this set for good."""
        self.full = False
        """The disk is full or read-only: `stage` refuses."""

    @property
    def saturated(self) -> bool:
        return self._staged > STAGED_MAX

    @property
    def idle(self) -> bool:
        return not self._gathering and not self._flying and not self._at_once

    def when_caught_up(self, act: Callable[[], None]) -> None:
        """Call `act` when durable cells may take messages again."""
        self._caught_up.append(act)

    async def quiet(self) -> None:
        """Wait until nothing is staged and nothing is held."""
        while not self.idle:
            await self._next_landing()

    async def landed(self, cell: Cell) -> None:
        """Wait until nothing that the cell has staged is on its way any more: the barrier before it is loaded anew."""
        while cell.entry is not None:
            await self._next_landing()

    async def _next_landing(self) -> None:
        if self._landed is None:
            self._landed = trio.Event()
        await self._landed.wait()

    def hold(self, cell: Cell, staged: Sequence[Write] | None, outputs: Sequence[Output]) -> None:
        """Take what one turn staged, and hold its outputs behind it, or behind what was staged before."""
        entry: Entry | None = cell.entry
        if staged:
            if self._store.immediate and self.idle:
                self._commit_at_once(cell, staged, outputs)
                return
            entry = self._gathering.get(cell)
            if entry is None:
                entry = self._gathering[cell] = Entry(cell, cell.entry)
                cell.entry = entry
            size = entry.size
            entry.add(staged)
            self._staged += entry.size - size
        assert entry is not None, "nothing staged and nothing to wait behind"
        entry.outputs += outputs
        if staged:
            self._work.set()

    def _commit_at_once(self, cell: Cell, staged: Sequence[Write], outputs: Sequence[Output]) -> None:
        """A store in memory takes no time: its commit is driven to its end here, without a trip through a task."""
        self._at_once = True
        self._number("commit", "/store", "1")
        coro = self._store.commit([Batch(cell.address, cell.version, staged)])
        try:
            coro.send(None)
        except StopIteration as stop:
            (result,) = stop.value
        else:
            raise AssertionError("an immediate store's commit has suspended")
        self._at_once = False
        if not isinstance(result, Durable):
            entry = Entry(cell, None)
            entry.outputs += outputs
            self._failed(entry, result)
            return
        wakes = [write for write in staged if isinstance(write, WakeAt)]
        self._durable(cell, result, wakes[-1] if wakes else None, outputs)

    def _take(self) -> list[Batch]:
        """What has gathered is under way from now on."""
        self._flying = list(self._gathering.values())
        self._gathering = {}
        self._number("commit", "/store", str(len(self._flying)))
        return [Batch(entry.cell.address, entry.expected, entry.writes) for entry in self._flying]

    def staged_rows(self, cell: Cell, key: str) -> tuple[bool, bytes | None]:
        """The row as the cell's own staged writes will leave it: (known, value)."""
        entry: Entry | None = cell.entry
        while entry is not None:
            known, value = entry.look(key)
            if known:
                return True, value
            entry = entry.before
        return False, None

    async def run(self) -> None:
        while True:
            with trio.move_on_after(RETRY_AFTER if self.full else math.inf):
                await self._work.wait()
            if self.full and await self._store.writable():
                self.full = False
                log.warning("store_writable_again")
            self._work = trio.Event()
            if self._gathering:
                self._ended(await self._store.commit(self._take()))

    def _ended(self, outcomes: Sequence[Outcome]) -> None:
        flown, self._flying = self._flying, []
        for entry, result in zip(flown, outcomes, strict=True):
            self._ended_one(entry, result)
        if not self.saturated:
            acts, self._caught_up = self._caught_up, []
            for act in acts:
                act()
        if self._landed is not None:
            self._landed.set()
            self._landed = None

    def _ended_one(self, entry: Entry, result: Outcome) -> None:
        cell = entry.cell
        self._staged -= entry.size
        if cell.entry is entry:
            cell.entry = None
        following = self._gathering.get(cell)
        if following is not None:
            following.before = None
        if not isinstance(result, Durable):
            self._failed(entry, result)
            return
        self._durable(cell, result, entry.wakes, entry.outputs)

    def _durable(self, cell: Cell, result: Durable, wakes: WakeAt | None, outputs: Sequence[Output]) -> None:
        cell.version = result.version
        if wakes is not None:
            self._wake_at(cell.address, wakes.time)
        for output in outputs:
            if self._trace is not None:
                self._number(output.label, cell.address)
            output.release()

    def _failed(self, entry: Entry, result: Refused | Unknown) -> None:
        cell = entry.cell
        error = _error_of(result)
        if isinstance(result.cause, StoreFull):
            self.full = True
            self._work.set()  # whoever waits for work now looks at the disk
        log.error("commit_failed", actor=cell.address, error=type(error).__name__, cause=str(result.cause))
        later = self._gathering.pop(cell, None)
        cell.entry = None
        for output in entry.outputs:
            output.fail(_error_of(result))  # each asker its own: a traceback grows with every raise
        if later is not None:
            # it was made from a memory that is ahead of the disk; not one byte of it was handed to the store
            self._staged -= later.size
            lost = CommitFailed(f"{cell.address}: an earlier commit of this actor failed")
            lost.__cause__ = error
            for output in later.outputs:
                output.fail(lost)
        self._discard(cell, error)

    def _number(self, kind: str, address: str, what: str = "") -> None:
        if self._trace is not None:
            self._steps += 1
            self._trace.record(kind, address, self._steps, what)


def _error_of(result: Refused | Unknown) -> Exception:
    error: Exception
    if isinstance(result, Unknown):
        error = OutcomeUnknown(f"the commit's answer was lost: {result.cause}")
    elif isinstance(result.cause, FenceLost):
        error = NotOwner(f"another owner has written this actor: {result.cause}")
    else:
        error = CommitFailed(f"not written: {result.cause}")
    error.__cause__ = result.cause
    return error
