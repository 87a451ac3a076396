"""What every store can do: tables and logs of actors, committed together, fenced by a version.

Keys are text, ordered by their UTF-8 bytes; values are bytes; offsets count from 0; times are `Clock.now`'s.
A commit of many batches is one fsync, and each batch has an outcome of its own: one actor's lost fence or
oversized row never fails another's. A batch is all or nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from actors.address import Address
from actors.durable import KEY_MAX, VALUE_MAX, Write
from actors.errors import StoreFull  # what `ctx.stage` raises too

__all__ = [
    "KEY_MAX",
    "VALUE_MAX",
    "BadWrite",
    "Batch",
    "Durable",
    "FenceLost",
    "Outcome",
    "Refused",
    "Store",
    "StoreBroken",
    "StoreFigures",
    "StoreFull",
    "StoreInUse",
    "StoreTooNew",
    "StoreUnusable",
    "Unknown",
]


@dataclass(slots=True)
class Batch:
    """All that `actor` staged since its last commit; once durable, its version is `expected` + 1."""

    actor: Address
    expected: int
    writes: Sequence[Write]


class FenceLost(Exception):
    """The actor's version is not the expected one: somebody else owns it now."""


class BadWrite(Exception):
    """A key, value or offset that cannot be kept: the message names it and its limit."""


class StoreBroken(Exception):
    """The disk failed in a way that says nothing about what was kept."""


class StoreTooNew(Exception):
    """The data was written by a newer release: it is refused, not touched."""


class StoreUnusable(Exception):
    """The data cannot be opened: a damaged file, or a disk that is full or broken when the node starts."""


class StoreInUse(Exception):
    """Another node has this data folder open."""


@dataclass(frozen=True, slots=True)
class Durable:
    """It is on the disk; a crash of the machine does not take it back."""

    version: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing of the batch was written: StoreFull, FenceLost or BadWrite; StoreBroken if the file is damaged."""

    cause: Exception


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not be on the disk: an answer was lost, or an fsync failed. `Store.version` tells, once it answers."""

    cause: Exception


Outcome = Durable | Refused | Unknown


@dataclass(slots=True)
class StoreFigures:
    """Counters since the store was opened, for the metrics page."""

    commits: int = 0
    batches: int = 0
    writes: int = 0
    refused: int = 0
    unknown: int = 0


class Store(Protocol):
    """The port. Reads see committed data only, the newest there is."""

    figures: StoreFigures

    @property
    def immediate(self) -> bool:
        """`commit` never suspends: the commit point may call it within a turn's end."""
        ...

    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Write all `batches` (at most one for each actor) with one fsync; an outcome for each, in order."""
        ...

    async def version(self, actor: Address) -> int:
        """How many batches of `actor` are durable; 0 = never written. Raises StoreBroken while a failed fsync leaves that in doubt."""
        ...

    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]: ...

    async def scan(
        self, actor: Address, prefix: str, after: str = "", limit: int = 1_000
    ) -> list[tuple[str, bytes]]:
        """The rows whose key begins with `prefix` and is greater than `after`, in the keys' order.

        At most `limit`, and about 4 MiB: there may be more until a page is empty.
        """
        ...

    async def records(
        self, actor: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        """The log's records from offset `first` (or the oldest kept) on, bounded as a scan's rows are."""
        ...

    async def bounds(self, actor: Address, log: str) -> tuple[int, int]:
        """First kept offset and end (the next offset to append); (0, 0) of a log never written. Trim does not lower the end."""
        ...

    async def due(
        self, until: float, limit: int = 1_000, after: tuple[float, Address] | None = None
    ) -> list[tuple[float, Address]]:
        """Actors whose WakeAt is at or before `until`, earliest first; `after`: the last one of the page before."""
        ...

    async def actors(self, after: str = "", limit: int = 1_000) -> list[Address]:
        """Actors of which something is kept, in the order of their addresses, those greater than `after`; a log that was trimmed counts."""
        ...

    async def logs(self, actor: Address) -> list[str]:
        """The names of its logs, in order."""
        ...

    async def damage(self, size_max: float = inf) -> list[str]:
        """What the medium itself finds wrong with all that is kept, a line each; it reads the whole of it.

        Of more than `size_max` bytes nothing is read, and nothing found.
        """
        ...

    async def writable(self) -> bool:
        """Try to write (nothing visible): False while the disk is full or read-only."""
        ...

    async def latest(self) -> float:
        """The latest `Clock.now` that a commit was made at, so that time does not go back over a restart; 0.0 = none."""
        ...

    async def reset(self) -> None:
        """Empty everything, durably. Raises StoreFull: nothing is emptied; StoreBroken: that is in doubt."""
        ...

    async def aclose(self) -> None: ...
