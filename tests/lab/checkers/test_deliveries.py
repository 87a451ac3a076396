"""Checkers of deliveries: each says yes to what may happen, and no to a planted fault, naming it."""

import pytest

from runtime.lab.checkers import Delivered, Sent, at_least_once, exactly_once, fifo, no_duplicates, no_loss
from runtime.lab.verdict import Ok, PropertyFailed, Unknown, Violation, require

A, B = Sent("a", "k", begun=1, ended=2), Sent("b", "k", begun=3, ended=4)


def delivered(ids: str) -> list[Delivered]:
    return [Delivered(one) for one in ids]


def property_of(verdict: object) -> str:
    assert isinstance(verdict, Violation)
    return verdict.property


def test_a_message_that_is_nowhere_is_a_loss_and_one_that_is_left_somewhere_is_none() -> None:
    assert no_loss("abc", {"a"}, {"b", "c"}) == Ok("no_loss")
    assert property_of(no_loss("abc", {"a"}, {"b"})) == "c"


def test_a_message_that_is_only_left_was_not_delivered_at_least_once() -> None:
    assert at_least_once("ab", {"a", "b"}) == Ok("at_least_once")
    assert property_of(at_least_once("ab", {"a"})) == "b"


def test_a_message_delivered_twice_is_a_duplicate_within_the_window_only() -> None:
    twice = [Delivered("a", 1.0), Delivered("b", 2.0), Delivered("a", 6.0)]
    assert no_duplicates(twice, window=4.9) == Ok("no_duplicates")
    verdict = no_duplicates(twice, window=5.0)
    assert property_of(verdict) == "a"
    assert isinstance(verdict, Violation)
    assert verdict.steps == (0, 2)


def test_a_message_whose_end_is_not_known_may_come_twice() -> None:
    assert no_duplicates(delivered("aba"), unknown={"a"}) == Ok("no_duplicates")
    assert property_of(no_duplicates(delivered("aba"), unknown={"b"})) == "a"


@pytest.mark.parametrize("order", ["ab", "aab", "abb"])
def test_what_was_sent_first_is_delivered_first(order: str) -> None:
    assert fifo([A, B], delivered(order)) == Ok("fifo")


@pytest.mark.parametrize("order", ["ba", "aba", "b", "bab"])
def test_a_message_that_overtakes_or_passes_one_that_is_delivered_again_breaks_the_order(order: str) -> None:
    assert property_of(fifo([A, B], delivered(order))) == "k"


def test_sends_that_overlap_or_have_other_keys_have_no_order() -> None:
    beside = Sent("b", "k", begun=1.5, ended=4)
    elsewhere = Sent("b", "other", begun=3, ended=4)
    unknown = Sent("a", "k", begun=1)
    assert fifo([A, beside], delivered("ba")) == Ok("fifo")
    assert fifo([A, elsewhere], delivered("ba")) == Ok("fifo")
    assert fifo([unknown, B], delivered("ba")) == Ok("fifo")


def test_a_message_that_was_set_aside_is_not_waited_for() -> None:
    assert fifo([A, B], delivered("b"), set_aside={"a"}) == Ok("fifo")


def test_an_overtaking_is_found_behind_messages_that_keep_their_order() -> None:
    sent = [Sent(number, "k", begun=2 * number, ended=2 * number + 1) for number in range(50)]
    order = [*range(20), 21, 20, *range(22, 50)]
    assert fifo(sent, [Delivered(number) for number in range(50)]) == Ok("fifo")
    verdict = fifo(sent, [Delivered(number) for number in order])
    assert isinstance(verdict, Violation)
    assert verdict.steps == (20, 21)


def test_an_effect_is_there_once_and_neither_never_nor_twice() -> None:
    assert exactly_once(["a1", "b1"], lambda effect: effect[0], wanted="ab") == Ok("exactly_once")
    assert property_of(exactly_once(["a1"], lambda effect: effect[0], wanted="ab")) == "b"
    assert property_of(exactly_once(["a1", "b1", "a2"], lambda effect: effect[0], wanted="b")) == "a"


def test_a_failure_names_checker_and_property_and_tells_the_other_violations() -> None:
    with pytest.raises(PropertyFailed, match="no_loss: c: was acknowledged") as failed:
        require(Ok("fifo"), no_loss("c"), at_least_once("c", ""))
    assert (failed.value.checker, failed.value.property) == ("no_loss", "c")
    assert failed.value.__notes__ == ["at_least_once: c: was acknowledged and never delivered"]


def test_what_is_unknown_is_neither_a_failure_nor_forgotten() -> None:
    unknown = Unknown("linearizable", "too many states")
    assert require(Ok("fifo"), unknown) == [unknown]
