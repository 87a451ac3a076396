"""The last ids that an actor has done something for: a ring of rows, read back whole."""

from collections import deque

from actors.durable import Put, Stored
from actors.errors import BadSpec
from actors.records import BadRecord, dumped, loaded

PREFIX = "~once/"
PAGE = 1_000
"""Rows that are read back at once."""


class Ring:
    """The newest `most` ids; the next one's row takes the place of the oldest.

    Rows are named by their place, which says nothing about their age: with another `most` the ring goes on in the rows
    that it finds. So each id remembers its own.
    """

    __slots__ = ("_end", "_free", "_ids", "_most", "_next")

    def __init__(self, most: int) -> None:
        if most < 1:
            raise BadSpec(f"once_max is at least 1, not {most}")
        self._most = most
        self._next = 0
        self._end = 0
        """The first place behind all rows there are."""
        self._ids: dict[str, int] = {}
        """Id -> its place, oldest first."""
        self._free: deque[int] = deque()
        """Of rows that hold nothing any more, since the ring was larger once; they are written over first."""

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def write(self, name: str) -> Put:
        """The row that keeps it."""
        return Put(f"{PREFIX}{self._place():08}", dumped({"number": self._next, "id": name}))

    def add(self, name: str) -> None:
        """Its row is staged."""
        place = self._place()
        if len(self._ids) >= self._most:
            self._free.append(self._ids.pop(next(iter(self._ids))))
        if self._free:
            self._free.popleft()
        self._ids[name] = place
        self._next += 1
        self._end = max(self._end, place + 1)

    def _place(self) -> int:
        """Of the next row: never that of an id which stays."""
        if self._free:
            return self._free[0]
        return self._end if len(self._ids) < self._most else next(iter(self._ids.values()))

    async def load(self, stored: Stored) -> None:
        """Read back; a ring that has become smaller forgets the oldest. Raises BadRecord."""
        found: list[tuple[int, str, int]] = []
        after = ""
        while page := await stored.scan(PREFIX, after, PAGE):
            found += [(*_kept(value), int(key.removeprefix(PREFIX))) for key, value in page]
            after = page[-1][0]
        for number, name, place in sorted(found):
            if name in self._ids:  # it had been forgotten, and has come again
                self._free.append(self._ids.pop(name))
            self._ids[name] = place
            self._next = number + 1
            self._end = max(self._end, place + 1)
        for name in list(self._ids)[: -self._most]:
            self._free.append(self._ids.pop(name))


def _kept(value: bytes) -> tuple[int, str]:
    match loaded(value):
        case {"number": int() as number, "id": str() as name}:
            return number, name
        case _:
            raise BadRecord(f"{PREFIX}: a kept id is a number and a text")
