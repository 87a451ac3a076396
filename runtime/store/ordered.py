"""Ordered collections, typed: `sortedcontainers` ships no types, and this is the one place that touches it."""

from collections.abc import Iterator
from typing import Protocol, cast

from sortedcontainers import SortedDict, SortedList  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from actors.address import Address


class OrderedRows(Protocol):
    """Keys to values, in the keys' order: code points, which is that of the UTF-8 bytes."""

    def __getitem__(self, key: str, /) -> bytes: ...
    def __setitem__(self, key: str, value: bytes, /) -> None: ...
    def __delitem__(self, key: str, /) -> None: ...
    def get(self, key: str, /) -> bytes | None: ...
    def pop(self, key: str, default: None, /) -> bytes | None: ...
    def irange(self, minimum: str, /) -> Iterator[str]: ...


class OrderedTimes(Protocol):
    """Who is to be woken, earliest first."""

    def __iter__(self) -> Iterator[tuple[float, Address]]: ...
    def add(self, value: tuple[float, Address], /) -> None: ...
    def remove(self, value: tuple[float, Address], /) -> None: ...
    def clear(self) -> None: ...


def ordered_rows() -> OrderedRows:
    """An empty table."""
    return cast("OrderedRows", SortedDict())


def ordered_times() -> OrderedTimes:
    """Nobody to wake."""
    return cast("OrderedTimes", SortedList())
