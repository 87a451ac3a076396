"""A page of a scan or a log: as many rows as were asked for, or as fit into a few MiB, whichever ends it first."""

from collections.abc import Iterable
from typing import TypeVar

PAGE_SIZE = 4 * 1_048_576
"""Bytes of values after which a page ends. A thousand messages of 1 MiB at once would be a gigabyte."""
K = TypeVar("K")


def page_of(rows: Iterable[tuple[K, bytes]]) -> list[tuple[K, bytes]]:
    """The first of `rows`, which are not empty if there are any: only an empty page is the end."""
    page: list[tuple[K, bytes]] = []
    size = 0
    for row in rows:
        page.append(row)
        size += len(row[1])
        if size >= PAGE_SIZE:
            break
    return page
