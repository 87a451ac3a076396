"""The last ids that an actor has done something for: a ring of rows, read back whole."""

from actors.durable import Put, Stored
from actors.errors import BadSpec
from actors.records import BadRecord, dumped, loaded

PREFIX = "~once/"
PAGE = 1_000
"""Rows that are read back at once."""


class Ring:
    """The newest `most` ids; the next one's row takes the place of the oldest."""

    __slots__ = ("_ids", "_most", "_next")

    def __init__(self, most: int) -> None:
        if most < 1:
            raise BadSpec(f"once_max is at least 1, not {most}")
        self._most = most
        self._next = 0
        self._ids: dict[str, None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def write(self, name: str) -> Put:
        """The row that keeps it."""
        return Put(f"{PREFIX}{self._next % self._most:08}", dumped({"number": self._next, "id": name}))

    def add(self, name: str) -> None:
        """Its row is staged."""
        self._next += 1
        self._ids[name] = None
        if len(self._ids) > self._most:
            del self._ids[next(iter(self._ids))]

    async def load(self, stored: Stored) -> None:
        """Read back; a ring that has become smaller forgets the oldest. Raises BadRecord."""
        found: list[tuple[int, str]] = []
        after = ""
        while page := await stored.scan(PREFIX, after, PAGE):
            found += [_kept(value) for _, value in page]
            after = page[-1][0]
        for number, name in sorted(found)[-self._most :]:
            self._next = number
            self.add(name)


def _kept(value: bytes) -> tuple[int, str]:
    match loaded(value):
        case {"number": int() as number, "id": str() as name}:
            return number, name
        case _:
            raise BadRecord(f"{PREFIX}: a kept id is a number and a text")
