"""Order, locks and deduplication of a FIFO queue."""

import json

import pytest

from patterns.queue.dead_letters import bring_back, settle
from patterns.queue.errors import InvalidParameterValue, MissingParameter
from patterns.queue.messages import DeleteEntry, SendEntry
from patterns.queue.receiving import change_visibility, delete, delete_batch
from patterns.queue.sending import send_batch
from tests.patterns.queue.kept import FIFO, Kept


def test_a_group_gives_nothing_while_its_first_message_is_in_flight() -> None:
    kept = Kept(FIFO)
    for body in ("a1", "a2", "a3"):
        kept.send(body, "a")
    assert kept.bodies(1) == ["a1"]
    kept.send("a4", "a")
    kept.send("b1", "b")
    assert kept.bodies() == ["b1"]


def test_a_receive_is_filled_from_one_group_first_and_then_from_the_next_oldest() -> None:
    kept = Kept(FIFO)
    for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")):
        kept.send(body, group)
    assert kept.bodies(3) == ["a1", "a2", "b1"]


def test_deleting_one_of_several_in_flight_opens_nothing_behind_the_others() -> None:
    kept = Kept(FIFO)
    for body in ("1", "2", "3"):
        kept.send(body, "a")
    first, second = kept.receive(2)
    kept.keep(delete(kept.queue, second.receipt_handle))
    assert kept.bodies() == []
    kept.keep(delete(kept.queue, first.receipt_handle))
    assert kept.bodies() == ["3"]


def test_a_run_stops_at_the_first_message_in_flight() -> None:
    kept = Kept(FIFO)
    for body in ("1", "2", "3"):
        kept.send(body, "a")
    first, _, third = kept.receive()
    for one in (first, third):
        kept.keep(change_visibility(kept.queue, one.receipt_handle, 0, kept.now))
    assert kept.bodies() == ["1"]


def test_a_message_that_comes_back_stands_before_later_ones() -> None:
    kept = Kept(FIFO)
    kept.send("1", "a")
    kept.send("2", "a")
    (first,) = kept.receive(1)
    kept.keep(change_visibility(kept.queue, first.receipt_handle, 0, kept.now))
    assert kept.bodies() == ["1", "2"]


def test_a_group_works_again_after_its_last_message_was_deleted() -> None:
    kept = Kept(FIFO)
    kept.send("1", "a")
    kept.keep(delete(kept.queue, kept.receive()[0].receipt_handle))
    kept.send("2", "a")
    assert kept.bodies() == ["2"]


def test_a_duplicate_answers_as_the_first_even_after_that_was_deleted_and_a_restart() -> None:
    kept = Kept(FIFO)
    first = kept.send("1", "a", dedup_id="x")
    kept.keep(delete(kept.queue, kept.receive()[0].receipt_handle))
    kept.restart()
    kept.advance(299.9)
    again = kept.send("other", "a", dedup_id="x")
    assert (again.message_id, again.sequence) == (first.message_id, first.sequence)
    assert again.md5_of_body != first.md5_of_body
    assert kept.bodies() == []
    kept.advance(0.1)  # 300 s from the first, which the duplicate did not prolong
    assert kept.send("other", "a", dedup_id="x").message_id != first.message_id


def test_an_explicit_id_equal_to_the_hash_of_a_body_is_the_same_id() -> None:
    kept = Kept(FIFO)
    kept.send("a", "g")
    sha256_of_a = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    kept.send("b", "g", dedup_id=sha256_of_a)
    assert kept.bodies() == ["a"]


def test_the_scope_of_deduplication_is_the_queue_or_the_group() -> None:
    whole, grouped = Kept(FIFO), Kept({**FIFO, "DeduplicationScope": "messageGroup"})
    for kept in (whole, grouped):
        kept.send("1", "a", dedup_id="x")
        kept.send("2", "b", dedup_id="x")
    assert whole.bodies() == ["1"]
    assert grouped.bodies() == ["1", "2"]
    grouped.restart()
    grouped.send("3", "b", dedup_id="x")
    grouped.advance(30.0)
    assert grouped.bodies() == ["1", "2"]


def test_a_duplicate_inside_one_batch_is_stored_once() -> None:
    kept = Kept(FIFO)
    entries = [SendEntry("a", entry_id=name, group="g") for name in ("one", "two")]
    change = send_batch(kept.queue, entries, "me", kept.now, kept.draw)
    kept.keep(change)
    assert len({sent.message_id for sent in change.result.sent}) == 1
    assert kept.bodies() == ["a"]


def test_a_batch_with_a_message_without_group_fails_as_a_whole() -> None:
    kept = Kept(FIFO)
    entries = [SendEntry("a", entry_id="one", group="g"), SendEntry("b", entry_id="two")]
    with pytest.raises(MissingParameter, match="The request must contain the parameter MessageGroupId"):
        send_batch(kept.queue, entries, "me", kept.now, kept.draw)


def test_an_expired_handle_deletes_nothing() -> None:
    kept = Kept(FIFO)
    kept.send("1", "a")
    (first,) = kept.receive()
    kept.advance(30.0)
    with pytest.raises(InvalidParameterValue) as refused:
        delete(kept.queue, first.receipt_handle)
    assert refused.value.text == (
        f"Value {first.receipt_handle} for parameter ReceiptHandle is invalid. "
        "Reason: The receipt handle has expired."
    )
    (failed,) = delete_batch(kept.queue, [DeleteEntry(first.receipt_handle, "one")]).result.failed
    assert (failed.code, failed.text) == ("ReceiptHandleIsInvalid", "The receipt handle has expired")
    assert kept.bodies() == ["1"]


def test_extending_the_timeout_extends_the_handle() -> None:
    kept = Kept(FIFO)
    kept.send("1", "a")
    (first,) = kept.receive()
    kept.keep(change_visibility(kept.queue, first.receipt_handle, 100, kept.now))
    kept.advance(99.0)
    kept.keep(delete(kept.queue, first.receipt_handle))
    assert len(kept.queue.index) == 0


def test_a_repeated_receive_gives_the_same_messages_and_handles_and_a_new_timeout() -> None:
    kept = Kept(FIFO)
    kept.send("1", "a")
    kept.send("2", "a")
    first = kept.receive(1, attempt="try")
    kept.advance(20.0)
    kept.restart()
    assert kept.receive(1, attempt="try") == first
    kept.advance(29.0)
    assert kept.receive(1, attempt="other") == []


@pytest.mark.parametrize("what", ["deleted", "changed", "shown again"])
def test_a_receive_is_not_repeated_once_a_message_of_it_was(what: str) -> None:
    kept = Kept(FIFO)
    kept.send("1", "a")
    kept.send("2", "b")
    first = kept.receive(1, attempt="try")
    if what == "deleted":
        kept.keep(delete(kept.queue, first[0].receipt_handle))
    elif what == "changed":
        kept.keep(change_visibility(kept.queue, first[0].receipt_handle, 77, kept.now))
    else:
        kept.advance(30.0)
    again = kept.receive(1, attempt="try")
    assert again[0].receipt_handle != first[0].receipt_handle


def test_a_new_delay_holds_for_messages_that_are_delayed_already_and_over_a_restart() -> None:
    kept = Kept({**FIFO, "DelaySeconds": "100"})
    kept.send("1", "a")
    kept.advance(10.0)
    kept.keep(kept.queue.set_attributes({"DelaySeconds": "40"}, kept.now))
    assert kept.queue.next_event() == 1_040.0
    kept.restart()
    assert kept.queue.next_event() == 1_040.0
    kept.advance(30.0)
    assert kept.bodies() == ["1"]


def test_a_new_delay_does_not_hold_for_what_was_sent_in_the_same_instant() -> None:
    kept = Kept({**FIFO, "DelaySeconds": "100"})
    kept.send("1", "a")
    kept.keep(kept.queue.set_attributes({"DelaySeconds": "40"}, kept.now))
    assert kept.queue.next_event() == kept.restored().next_event() == 1_100.0


def test_a_new_delay_does_not_hide_what_is_visible() -> None:
    kept = Kept(FIFO)
    kept.send("1", "a")
    kept.advance(1.0)
    kept.keep(kept.queue.set_attributes({"DelaySeconds": "900"}, kept.now))
    kept.send("2", "a")
    kept.restart()
    assert kept.bodies() == ["1"]


def test_sequence_numbers_are_twenty_digits_and_never_used_twice() -> None:
    kept = Kept(FIFO)
    first = kept.send("1", "a")
    kept.keep(kept.queue.purge(kept.now))
    kept.restart()
    second = kept.send("2", "a")
    assert second.sequence is not None
    assert first.sequence is not None
    assert second.sequence > first.sequence
    (received,) = kept.receive()
    assert received.system_attributes["SequenceNumber"] == f"{second.sequence:020d}"


def test_a_thousand_sends_reserve_their_numbers_once() -> None:
    kept = Kept()
    changes = 0
    for _ in range(1_000):
        before = kept.table.get("seq")
        kept.send("a")
        changes += kept.table["seq"] != before
    assert changes == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_a_purge_forgets_attempts_and_deduplication(restarted: bool) -> None:  # noqa: FBT001 -- pytest passes
    kept = Kept(FIFO)
    first = kept.send("1", "a")
    kept.receive(attempt="try")
    kept.keep(kept.queue.purge(kept.now))
    if restarted:
        kept.restart()
    assert (kept.queue.attempts, kept.queue.dedups) == ({}, {})
    again = kept.send("1", "a")
    assert again.message_id != first.message_id
    assert kept.bodies() == ["1"]


def with_dead_letters() -> Kept:
    """A message of it is given out once."""
    policy = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead.fifo", "maxReceiveCount": 1}
    return Kept({**FIFO, "RedrivePolicy": json.dumps(policy)})


@pytest.mark.parametrize("restarted", [False, True])
def test_a_dead_letter_opens_its_group_once_it_has_arrived(restarted: bool) -> None:  # noqa: FBT001 -- pytest passes
    kept = with_dead_letters()
    kept.send("1", "a")
    kept.send("2", "a")
    kept.send("3", "b")
    assert kept.bodies(1) == ["1"]
    kept.advance(30.0)
    assert kept.bodies(10) == ["3"], "the other group goes on"
    if restarted:
        kept.restart()
    assert kept.bodies(10) == []
    kept.keep(settle(kept.queue, [1]))
    assert kept.bodies(10) == ["2"]


def test_dead_letters_of_one_group_leave_together_and_in_order() -> None:
    kept = with_dead_letters()
    for body in "123":
        kept.send(body, "a")
    assert kept.bodies(2) == ["1", "2"]
    kept.advance(30.0)
    assert kept.bodies(10) == []
    assert [parcel.seq for parcel in kept.outgoing()] == [1, 2]


def test_a_dead_letter_that_nobody_adopts_keeps_its_group_in_order() -> None:
    kept = with_dead_letters()
    kept.send("1", "a")
    kept.send("2", "a")
    assert kept.bodies(1) == ["1"]
    kept.advance(30.0)
    assert kept.bodies(10) == []
    (parcel,) = kept.outgoing()
    kept.keep(bring_back(kept.queue, parcel))
    kept.keep(kept.queue.set_attributes({"RedrivePolicy": ""}, kept.now))
    assert kept.bodies(10) == ["1", "2"]
