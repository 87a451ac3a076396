"""Checkers of what readers see, and of replies that the store explains."""

from collections.abc import Callable
from typing import Any

from runtime.lab.checkers import monotonic_reads, output_commit, read_your_writes
from runtime.lab.history import History, Operation
from runtime.lab.verdict import Ok, Violation


def of(op: str) -> Callable[[Operation], tuple[Any, int] | None]:
    return lambda call: (call.args, call.result) if call.op == op else None


def history(*calls: tuple[str, str, str, int]) -> list[Operation]:
    """Client, read or write, key, version: one after the other."""
    kept = History(lambda: 0.0)
    for client, op, key, version in calls:
        kept.answered(kept.begin(client, op, key), version)
    return kept.operations


def test_a_client_whose_reads_go_forward_reads_monotonically() -> None:
    calls = history(
        ("a", "read", "k", 1), ("b", "read", "k", 2), ("a", "read", "k", 1), ("a", "read", "j", 0)
    )
    assert monotonic_reads(calls, of("read")) == Ok("monotonic_reads")


def test_a_client_that_reads_an_older_version_than_before_is_found() -> None:
    verdict = monotonic_reads(
        history(("a", "read", "k", 2), ("a", "read", "k", 3), ("a", "read", "k", 1)), of("read")
    )
    assert isinstance(verdict, Violation)
    assert (verdict.property, verdict.steps) == ("k", (1, 2))


def test_reads_that_overlap_have_no_order() -> None:
    kept = History(lambda: 0.0)
    slow, fast = kept.begin("a", "read", "k"), kept.begin("a", "read", "k")
    kept.answered(fast, 2)
    kept.answered(slow, 1)
    assert monotonic_reads(kept.operations, of("read")) == Ok("monotonic_reads")


def test_a_client_that_does_not_see_its_own_write_is_found_and_another_need_not_see_it() -> None:
    calls = history(("a", "write", "k", 2), ("b", "read", "k", 1), ("a", "read", "k", 2))
    assert read_your_writes(calls, writes=of("write"), reads=of("read")) == Ok("read_your_writes")
    stale = history(("a", "write", "k", 2), ("a", "read", "k", 1))
    verdict = read_your_writes(stale, writes=of("write"), reads=of("read"))
    assert isinstance(verdict, Violation)
    assert verdict.steps == (0, 1)


def test_a_reply_that_the_store_does_not_explain_is_found_and_one_that_never_came_is_not_asked_for() -> None:
    kept = History(lambda: 0.0)
    kept.answered(kept.begin("a", "put", "x"), "done")
    kept.begin("a", "put", "y")
    assert output_commit(kept.operations, lambda call: call.args == "x") == Ok("output_commit")
    verdict = output_commit(kept.operations, lambda call: call.args == "y")
    assert isinstance(verdict, Violation)
    assert verdict.property == "put"
