"""What a store keeps of one actor, as plain data: rows and logs that a harness commits to and loads from."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from actors.durable import Append, Delete, DeletePrefix, Put, Trim, WakeAt, Write


class Table:
    """Rows and logs. `Table({"n": b"5"}, logs={"events": [b"a", b"b"]})`; it is what `load` sees, too."""

    def __init__(
        self,
        rows: Mapping[str, bytes] | None = None,
        *,
        logs: Mapping[str, Sequence[bytes]] | None = None,
        wake_at: float | None = None,
    ) -> None:
        self.rows: dict[str, bytes] = dict(rows or {})
        self.logs: dict[str, dict[int, bytes]] = {
            log: dict(enumerate(records)) for log, records in (logs or {}).items()
        }
        self.wake_at = wake_at
        self.version = 0
        """Commits so far."""
        self._ends = {log: len(records) for log, records in self.logs.items()}

    def copy(self) -> "Table":
        """Another one with the same content."""
        other = Table(self.rows, wake_at=self.wake_at)
        other.logs = {log: dict(records) for log, records in self.logs.items()}
        other.version = self.version
        other._ends = dict(self._ends)
        return other

    def commit(self, writes: Sequence[Write]) -> None:
        """All of them or none. Raises ValueError where a store would refuse the commit."""
        ends = dict(self._ends)
        for write in writes:
            if isinstance(write, Append):
                end = ends.get(write.log, 0)
                if write.offset != end:
                    raise ValueError(f"{write!r}: the log ends at {end}; a store refuses this commit")
                ends[write.log] = end + 1
        for write in writes:
            self._write(write)
        self.version += 1

    def _write(self, write: Write) -> None:
        match write:
            case Put(key, value):
                self.rows[key] = value
            case Delete(key):
                self.rows.pop(key, None)
            case DeletePrefix(prefix):
                self.rows = {key: row for key, row in self.rows.items() if not key.startswith(prefix)}
            case Append(log, offset, value):
                self.logs.setdefault(log, {})[offset] = value
                self._ends[log] = offset + 1
            case Trim(log, before):
                kept = self.logs.get(log, {})
                self.logs[log] = {offset: value for offset, value in kept.items() if offset >= before}
            case WakeAt(time):
                self.wake_at = time

    # --- as `load` sees it -----------------------------------------------------------------------------

    async def scan(self, prefix: str, after: str = "", limit: int = 1_000) -> list[tuple[str, bytes]]:
        """The rows whose key begins with `prefix` and is greater than `after`, in the order of their bytes."""
        low = after.encode()
        found = sorted(
            (key.encode(), key) for key in self.rows if key.startswith(prefix) and key.encode() > low
        )
        return [(key, self.rows[key]) for _, key in found[:limit]]

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.rows.get(key) for key in keys]

    async def records(self, log: str, first: int, limit: int = 1_000) -> list[tuple[int, bytes]]:
        return self.records_now(log, first, limit)

    async def end(self, log: str) -> int:
        """The offset that the log's next record will have."""
        return self._ends.get(log, 0)

    def records_now(self, log: str, first: int, limit: int = 1_000) -> list[tuple[int, bytes]]:
        """As `records`, without a wait."""
        kept = sorted(self.logs.get(log, {}).items())
        return [(offset, value) for offset, value in kept if offset >= first][:limit]

    # ---------------------------------------------------------------------------------------------------

    @override
    def __eq__(self, other: object) -> bool:
        """The same content, however it came to be."""
        return isinstance(other, Table) and self._content() == other._content()

    @override
    def __hash__(self) -> int:
        raise TypeError("a table changes: it has no hash")

    def _content(self) -> tuple[object, ...]:
        return self.rows, {log: kept for log, kept in self.logs.items() if kept}, self._ends, self.wake_at

    @override
    def __repr__(self) -> str:
        logs = "".join(f", {log}: {kept}" for log, kept in self.logs.items())
        wake = "" if self.wake_at is None else f", wake_at={self.wake_at}"
        return f"Table({self.rows}{logs}{wake})"
