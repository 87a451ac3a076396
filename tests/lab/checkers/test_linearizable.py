"""Linearizability: planted histories, unknown ends, the budget, and a naive checker of permutations beside it."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.lab.checkers import (
    Cas,
    FencedLock,
    FifoQueue,
    KeyValue,
    Model,
    Queue,
    Register,
    SetOf,
    linearizable,
)
from runtime.lab.history import End, History, Operation
from runtime.lab.verdict import Ok, Unknown, Violation

OK = Ok("linearizable")
OPEN = object()
"""The end is not known."""


def serial(*calls: tuple[str, Any, Any]) -> list[Operation]:
    """One after the other, by one client."""
    history = History(lambda: 0.0)
    for op, args, result in calls:
        call = history.begin("c", op, args)
        if result is not OPEN:
            history.answered(call, result)
    return history.operations


def overlapping(*calls: tuple[str, Any, Any]) -> list[Operation]:
    """All at the same time, each by a client of its own."""
    history = History(lambda: 0.0)
    begun = [history.begin(f"c{number}", op, args) for number, (op, args, _) in enumerate(calls)]
    for call, (_, _, result) in zip(begun, calls, strict=True):
        if result is not OPEN:
            history.answered(call, result)
    return history.operations


GOOD: list[tuple[Model[Any], list[Operation]]] = [
    (Register(0), serial(("read", None, 0), ("write", 1, None), ("read", None, 1))),
    (Register(0), overlapping(("read", None, 1), ("write", 1, None), ("read", None, 0))),
    (Cas(0), serial(("cas", (0, 1), True), ("cas", (0, 2), False), ("read", None, 1))),
    (
        KeyValue(),
        serial(
            ("put", ("a", 1), None),
            ("get", "b", None),
            ("get", "a", 1),
            ("delete", "a", None),
            ("get", "a", None),
            ("cas", ("a", None, 3), True),
            ("get", "a", 3),
        ),
    ),
    (
        SetOf(),
        serial(
            ("add", 1, True),
            ("add", 1, False),
            ("contains", 2, False),
            ("remove", 1, True),
            ("remove", 1, False),
        ),
    ),
    (
        Queue(),
        serial(
            ("enqueue", 1, None),
            ("enqueue", 2, None),
            ("dequeue", None, 2),
            ("dequeue", None, 1),
            ("dequeue", None, None),
        ),
    ),
    (
        FifoQueue(),
        serial(
            ("enqueue", 1, None),
            ("enqueue", 2, None),
            ("dequeue", None, 1),
            ("dequeue", None, 2),
            ("dequeue", None, None),
        ),
    ),
    (
        FencedLock(),
        serial(
            ("acquire", None, 1),
            ("acquire", None, None),
            ("write", 1, True),
            ("expire", 1, OPEN),
            ("acquire", None, 2),
            ("write", 1, True),
            ("write", 2, True),
            ("write", 1, False),
            ("release", 1, False),
            ("release", 2, True),
        ),
    ),
]
BAD: list[tuple[Model[Any], list[Operation]]] = [
    (Register(0), serial(("write", 1, None), ("read", None, 0))),
    (Register(0), overlapping(("read", None, 2), ("write", 1, None))),
    (Cas(0), serial(("cas", (0, 1), True), ("cas", (0, 2), True))),
    (Cas(0), overlapping(("cas", (0, 1), True), ("cas", (0, 2), True))),
    (KeyValue(), serial(("put", ("a", 1), None), ("put", ("b", 2), None), ("get", "a", 2))),
    (KeyValue(), serial(("put", ("a", 1), None), ("delete", "a", None), ("get", "a", 1))),
    (SetOf(), serial(("add", 1, True), ("contains", 1, False))),
    (SetOf(), overlapping(("add", 1, True), ("add", 1, True))),
    (Queue(), serial(("enqueue", 1, None), ("dequeue", None, 1), ("dequeue", None, 1))),
    (Queue(), serial(("enqueue", 1, None), ("dequeue", None, None))),
    (FifoQueue(), serial(("enqueue", 1, None), ("enqueue", 2, None), ("dequeue", None, 2))),
    (FencedLock(), overlapping(("acquire", None, 1), ("acquire", None, 2))),
    (FencedLock(), serial(("acquire", None, 2), ("release", 2, True), ("acquire", None, 1))),
    (
        FencedLock(),
        serial(
            ("acquire", None, 1),
            ("expire", 1, OPEN),
            ("acquire", None, 2),
            ("write", 2, True),
            ("write", 1, True),
        ),
    ),
]


def named(case: object) -> str:
    return case.__class__.__name__


@pytest.mark.parametrize(("model", "calls"), GOOD, ids=named)
def test_a_history_with_an_order_is_accepted(model: Model[Any], calls: list[Operation]) -> None:
    assert linearizable(calls, model) == OK


@pytest.mark.parametrize(("model", "calls"), BAD, ids=named)
def test_a_history_without_an_order_is_refused(model: Model[Any], calls: list[Operation]) -> None:
    assert isinstance(linearizable(calls, model), Violation)


def test_a_violation_names_the_key_and_the_operation_that_fits_nowhere() -> None:
    verdict = linearizable(
        serial(("put", ("a", 1), None), ("put", ("b", 5), None), ("get", "b", 6)), KeyValue()
    )
    assert isinstance(verdict, Violation)
    assert (verdict.property, verdict.steps) == ("b", (2,))
    assert "c: get 'b' -> 6" in verdict.detail


@pytest.mark.parametrize("reads", [(0, 0, 0), (0, 1, 1), (1, 1, 1)])
def test_a_write_of_unknown_end_may_happen_at_any_later_time_or_never(reads: tuple[int, ...]) -> None:
    calls = serial(("write", 1, OPEN), *(("read", None, value) for value in reads))
    assert linearizable(calls, Register(0)) == OK


def test_a_write_of_unknown_end_is_not_taken_back() -> None:
    calls = serial(("write", 1, OPEN), ("read", None, 1), ("read", None, 0))
    assert isinstance(linearizable(calls, Register(0)), Violation)


def test_a_dequeue_of_unknown_end_may_have_taken_any_item() -> None:
    calls = serial(("enqueue", 1, None), ("enqueue", 2, None), ("dequeue", None, OPEN), ("dequeue", None, 1))
    empty = ("dequeue", None, None)
    assert linearizable([*calls, *_later(calls, empty)], Queue()) == OK
    assert isinstance(linearizable([*calls, *_later(calls, empty, ("dequeue", None, 2))], Queue()), Violation)


def _later(calls: list[Operation], *more: tuple[str, Any, Any]) -> list[Operation]:
    after = serial(*more)
    for call in after:
        call.begun += 100
        call.ended += 100
        call.number += len(calls)
    return after


def test_a_refused_write_has_not_happened() -> None:
    history = History(lambda: 0.0)
    history.refused(history.begin("c", "write", 1), ValueError("no"))
    history.answered(history.begin("c", "read", None), 0)
    assert linearizable(history.operations, Register(0)) == OK
    history.answered(history.begin("c", "read", None), 1)
    assert isinstance(linearizable(history.operations, Register(0)), Violation)


def test_beyond_its_budget_the_checker_gives_no_answer() -> None:
    calls = overlapping(*(("write", number, None) for number in range(12)), ("read", None, 99))
    assert isinstance(linearizable(calls, Register(0), limit=1_000), Unknown)
    assert isinstance(linearizable(calls, Register(0)), Violation)


def test_one_key_that_is_beyond_the_budget_hides_no_violation_of_another() -> None:
    many = [("put", ("a", number), None) for number in range(12)]
    calls = overlapping(*many, ("get", "a", 99), ("get", "b", 1))
    assert isinstance(linearizable(calls[:-1], KeyValue(), limit=1_000), Unknown)
    verdict = linearizable(calls, KeyValue(), limit=1_000)
    assert isinstance(verdict, Violation)
    assert verdict.property == "b"


def test_an_operation_that_the_model_does_not_know_is_an_error_of_the_test() -> None:
    with pytest.raises(ValueError, match="Register knows no operation 'push'"):
        linearizable(serial(("push", 1, None)), Register())


# --- beside a naive one ------------------------------------------------------------------------------------

CALLS: dict[str, tuple[Model[Any], Sequence[tuple[str, Any, Any]]]] = {
    "register": (
        Register(0),
        [("write", 1, None), ("write", 2, None), *(("read", None, value) for value in (0, 1, 2))],
    ),
    "cas": (
        Cas(0),
        [("write", 1, None), *(("read", None, value) for value in (0, 1, 2))]
        + [("cas", (old, 2), done) for old in (0, 1) for done in (True, False)],
    ),
    "queue": (
        Queue(),
        [("enqueue", 1, None), ("enqueue", 2, None), *(("dequeue", None, one) for one in (1, 2, None))],
    ),
    "fifo": (
        FifoQueue(),
        [("enqueue", 1, None), ("enqueue", 2, None), *(("dequeue", None, one) for one in (1, 2, None))],
    ),
    "lock": (
        FencedLock(),
        [("acquire", None, token) for token in (1, 2, None)]
        + [
            ("release", 1, True),
            ("release", 1, False),
            ("write", 1, True),
            ("write", 2, True),
            ("write", 1, False),
        ],
    ),
}


@st.composite
def histories(draw: st.DrawFn, name: str) -> list[Operation]:
    """Up to five operations, with calls and returns in any order."""
    count = draw(st.integers(1, 5))
    ends = draw(st.permutations([number for number in range(count) for _ in range(2)]))
    calls: dict[int, Operation] = {}
    history = History(lambda: 0.0)
    for number in ends:
        if number not in calls:
            op, args, result = draw(st.sampled_from(CALLS[name][1]))
            calls[number] = history.begin(f"c{number}", op, args)
            calls[number].result = result
        elif draw(st.integers(0, 4)):
            history.answered(calls[number], calls[number].result)
    return history.operations


def naive(calls: list[Operation], model: Model[Any]) -> bool:
    """Try each order of each subset that holds all known operations."""
    sure = [call for call in calls if call.end is End.ANSWERED]
    maybe = [call for call in calls if call.end is End.UNKNOWN]
    subsets = [
        [*sure, *(call for place, call in enumerate(maybe) if chosen >> place & 1)]
        for chosen in range(1 << len(maybe))
    ]
    return any(legal(order, model) for subset in subsets for order in permutations(subset))


def legal(order: tuple[Operation, ...], model: Model[Any]) -> bool:
    if any(later.ended < earlier.begun for place, earlier in enumerate(order) for later in order[place:]):
        return False
    states = {model.initial()}
    for call in order:
        states = {after for state in states for after in model.step(state, call)}
    return bool(states)


@pytest.mark.parametrize("name", CALLS)
def test_it_answers_as_a_checker_that_tries_all_orders(name: str) -> None:
    model = CALLS[name][0]
    answers: set[bool] = set()

    @given(calls=histories(name))
    def compare(calls: list[Operation]) -> None:
        accepted = linearizable(calls, model) == OK
        assert accepted == naive(calls, model)
        answers.add(accepted)

    compare()
    assert answers == {True, False}
