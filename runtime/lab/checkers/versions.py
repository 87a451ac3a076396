"""What readers see of something that has versions: it never goes back, and shows what they have written themselves.

Each takes the history, and of an operation what it read or wrote: a key, and a version that can be compared.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from runtime.lab.history import Operation, answered
from runtime.lab.verdict import Ok, Verdict, Violation

Versioned = Callable[[Operation], tuple[Hashable, Any] | None]
"""The key and the version that an answered operation read, or wrote; None: it did not."""


def monotonic_reads(operations: Iterable[Operation], reads: Versioned) -> Verdict:
    """No client reads of a key an older version than it has read before."""
    return _never_older("monotonic_reads", operations, reads, reads)


def read_your_writes(operations: Iterable[Operation], *, writes: Versioned, reads: Versioned) -> Verdict:
    """No client reads of a key an older version than it has written: a write that has ended before the read was begun."""
    return _never_older("read_your_writes", operations, writes, reads)


def _never_older(
    checker: str, operations: Iterable[Operation], known_by: Versioned, reads: Versioned
) -> Verdict:
    """Events by place: an operation's version counts for its client when it has returned, and is asked of reads begun later."""
    events: list[tuple[float, bool, Operation]] = []
    for one in answered(operations):
        events += [(one.begun, True, one), (one.ended, False, one)]
    events.sort(key=lambda event: event[0])
    newest: dict[tuple[str, Hashable], tuple[Any, Operation]] = {}
    owed: dict[int, tuple[Any, Operation] | None] = {}
    for _, begins, one in events:
        read = reads(one)
        if begins:
            owed[one.number] = None if read is None else newest.get((one.client, read[0]))
            continue
        least = owed.pop(one.number)
        if read is not None and least is not None and read[1] < least[0]:
            detail = f"{one.client} saw version {read[1]} after {least[0]}"
            return Violation(checker, f"{read[0]}", detail, (least[1].number, one.number))
        seen = known_by(one)
        if seen is not None:
            place = one.client, seen[0]
            if place not in newest or newest[place][0] < seen[1]:
                newest[place] = seen[1], one
    return Ok(checker)


def output_commit(operations: Iterable[Operation], explains: Callable[[Operation], bool]) -> Verdict:
    """What was answered is explained by what the store holds: after a crash, `explains` looks at the node as it came back."""
    for one in answered(operations):
        if not explains(one):
            detail = (
                f"{one.client} was answered {one.result!r} to {one.args!r}, which the store does not explain"
            )
            return Violation("output_commit", one.op, detail, (one.number,))
    return Ok("output_commit")
