"""Consistent hashing (Karger et al., STOC 1997): who serves a key, so that a change of the servers moves few keys."""

from bisect import bisect_right
from collections.abc import Iterable
from hashlib import blake2b

POINTS = 100
"""Virtual nodes of each member: shares then differ by some 10 %."""


class Ring:
    """Members on a circle; a key belongs to the next point clockwise. One that goes leaves its keys to the others."""

    __slots__ = ("_owners", "_points")

    def __init__(self, members: Iterable[str]) -> None:
        points = {place(f"{member}#{number}"): member for member in members for number in range(POINTS)}
        self._points = sorted(points)
        self._owners = [points[point] for point in self._points]

    def owner(self, key: str) -> str:
        """Raises IndexError for an empty ring."""
        return self._owners[bisect_right(self._points, place(key)) % len(self._points or "-")]


def place(text: str) -> int:
    """A point on the circle: the same in every process, which Python's own `hash` is not."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
