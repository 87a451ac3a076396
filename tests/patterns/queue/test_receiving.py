"""What consumers of a standard queue see: visibility, handles, delays, retention, limits."""

import pytest

from patterns.queue.errors import (
    EmptyBatchRequest,
    InvalidParameterValue,
    OverLimit,
    PurgeQueueInProgress,
    ReceiptHandleIsInvalid,
)
from patterns.queue.handles import handle_of
from patterns.queue.limits import IN_FLIGHT_MAX
from patterns.queue.messages import DeleteEntry, ReceiveMessage, SendEntry, VisibilityEntry
from patterns.queue.receiving import (
    change_visibility,
    change_visibility_batch,
    delete,
    delete_batch,
    receive,
    wait_of,
)
from patterns.queue.sending import send_batch
from patterns.queue.state import Queue
from tests.patterns.queue.kept import FIFO, Kept


def test_a_receive_hides_a_message_for_the_queues_own_timeout() -> None:
    kept = Kept({"VisibilityTimeout": "7"})
    kept.send("a")
    assert kept.bodies() == ["a"]
    kept.advance(6.9)
    assert kept.bodies() == []
    kept.advance(0.1)
    assert kept.bodies() == ["a"]


def test_with_a_timeout_of_zero_the_message_stays_visible_and_counts() -> None:
    kept = Kept()
    kept.send("a")
    first = kept.receive(visibility=0)[0]
    second = kept.receive(visibility=0)[0]
    assert first.receipt_handle != second.receipt_handle
    assert second.system_attributes["ApproximateReceiveCount"] == "2"
    assert kept.queue.counts().visible == 1


def test_any_handle_ever_issued_deletes_the_message() -> None:
    kept = Kept()
    kept.send("a")
    old = kept.receive(visibility=1)[0].receipt_handle
    kept.advance(1.0)
    kept.receive()
    kept.keep(delete(kept.queue, old))
    kept.advance(60.0)
    assert kept.bodies() == []
    assert delete(kept.queue, old).seqs == [], "it is gone already, which is no error"
    assert [key for key in kept.table if key.startswith(("msg/", "st/"))] == []


def test_a_visibility_change_holds_from_now_and_zero_shows_at_once() -> None:
    kept = Kept()
    kept.send("a")
    handle = kept.receive()[0].receipt_handle
    kept.advance(20.0)
    kept.keep(change_visibility(kept.queue, handle, 50, kept.now))
    assert kept.queue.next_event() == kept.now + 50
    kept.advance(49.0)
    assert kept.bodies() == []
    kept.keep(change_visibility(kept.queue, handle, 0, kept.now))
    assert kept.bodies() == ["a"]


def test_a_visible_message_is_never_hidden_by_an_old_handle() -> None:
    kept = Kept()
    kept.send("a")
    handle = kept.receive()[0].receipt_handle
    kept.advance(30.0)
    with pytest.raises(InvalidParameterValue) as refused:
        change_visibility(kept.queue, handle, 10, kept.now)
    assert refused.value.text == (
        f"Value {handle} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change."
    )
    assert kept.bodies() == ["a"]


def test_any_handle_of_a_message_in_flight_changes_its_timeout() -> None:
    kept = Kept()
    kept.send("a")
    old = kept.receive(visibility=0)[0].receipt_handle
    kept.receive()
    kept.keep(change_visibility(kept.queue, old, 60, kept.now))
    kept.advance(59.0)
    assert kept.bodies() == []
    kept.keep(change_visibility(kept.queue, old, 0, kept.now))
    assert kept.bodies() == ["a"]


def test_a_handle_that_was_never_issued_changes_no_timeout() -> None:
    kept = Kept()
    kept.send("a")
    kept.receive()
    unknown = handle_of(kept.queue.id, 1, 2)
    with pytest.raises(InvalidParameterValue, match="not available for visibility timeout change"):
        change_visibility(kept.queue, unknown, 60, kept.now)


def test_no_message_is_hidden_longer_than_twelve_hours_from_its_receive() -> None:
    kept = Kept()
    kept.send("a")
    handle = kept.receive(visibility=43_200)[0].receipt_handle
    kept.advance(1.0)
    with pytest.raises(InvalidParameterValue) as refused:
        change_visibility(kept.queue, handle, 43_200, kept.now)
    assert refused.value.text == (
        "Value 43200 for parameter VisibilityTimeout is invalid. "
        "Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
    )
    assert change_visibility(kept.queue, handle, 43_199, kept.now).deliveries


def test_garbage_and_the_handle_of_another_queue_are_refused() -> None:
    kept, other = Kept(), Kept(number=2)
    other.send("a")
    foreign = other.receive()[0].receipt_handle
    for garbage in ("", "x", "\N{PARTY POPPER}" * 48, "A" * 48, "A" * 2_000, foreign[:-1] + "!", foreign):
        with pytest.raises(ReceiptHandleIsInvalid) as refused:
            delete(kept.queue, garbage)
        if len(garbage) < 100:
            assert (
                refused.value.text == f'The input receipt handle "{garbage}" is not a valid receipt handle.'
            )


def test_a_batch_says_of_the_handle_of_another_queue_whose_it_is_not() -> None:
    kept, other = Kept(), Kept(number=2)
    other.send("a")
    foreign = other.receive()[0].receipt_handle
    (deleted,) = delete_batch(kept.queue, [DeleteEntry(foreign, "x")]).result.failed
    (changed,) = change_visibility_batch(
        kept.queue, [VisibilityEntry(foreign, 1, "x")], kept.now
    ).result.failed
    assert (deleted.code, deleted.text) == (
        "ReceiptHandleIsInvalid",
        f'The receipt handle "{foreign}" is not valid for this queue.',
    )
    assert changed == deleted


def test_a_bad_handle_fails_its_entry_and_not_the_batch() -> None:
    kept = Kept()
    kept.send("a")
    kept.send("b")
    first, second = (one.receipt_handle for one in kept.receive())
    change = change_visibility_batch(
        kept.queue,
        [VisibilityEntry("bad", 1, "x"), VisibilityEntry(first, 0, "y"), VisibilityEntry(second, None, "z")],
        kept.now,
    )
    assert change.result.done == ["y"]
    assert [(one.entry_id, one.code) for one in change.result.failed] == [
        ("x", "ReceiptHandleIsInvalid"),
        ("z", "MissingParameter"),
    ]
    kept.keep(change)
    deleted = delete_batch(
        kept.queue, [DeleteEntry("bad", "x"), DeleteEntry(first, "y"), DeleteEntry(first, "z")]
    )
    assert (deleted.result.done, [one.entry_id for one in deleted.result.failed]) == (["y", "z"], ["x"])
    kept.keep(deleted)
    assert kept.queue.counts().in_flight == 1


def test_an_empty_delete_batch_is_refused() -> None:
    with pytest.raises(EmptyBatchRequest, match="at least one DeleteMessageBatchRequestEntry in the request"):
        delete_batch(Kept().queue, [])


def test_a_delay_of_the_message_goes_before_the_queues() -> None:
    kept = Kept({"DelaySeconds": "10"})
    kept.send("later")
    kept.send("now", delay=0)
    assert kept.bodies() == ["now"]
    assert kept.queue.counts().delayed == 1
    kept.advance(10.0)
    assert kept.bodies() == ["later"]


def test_what_is_too_old_is_gone_from_every_state_and_from_the_table() -> None:
    kept = Kept({"MessageRetentionPeriod": "60"})
    kept.send("in flight")
    kept.receive(visibility=43_200)
    kept.send("visible", delay=0)
    kept.send("delayed", delay=900)
    kept.advance(59.9)
    kept.send("young")
    assert kept.queue.counts().visible == 2
    kept.advance(0.1)
    assert kept.bodies() == ["young"]
    assert len([key for key in kept.table if key.startswith("msg/")]) == 1


def test_a_shorter_retention_acts_at_once_on_all() -> None:
    kept = Kept()
    kept.send("a")
    kept.advance(100.0)
    kept.keep(kept.queue.set_attributes({"MessageRetentionPeriod": "100"}, kept.now))
    expired = kept.advance()
    assert expired is not None
    assert expired.everything
    assert kept.queue.counts().visible == 0
    assert [key for key in kept.table if key.startswith("msg/")] == []


def test_a_new_visibility_timeout_does_not_touch_what_is_in_flight() -> None:
    kept = Kept()
    kept.send("a")
    kept.receive()
    kept.keep(kept.queue.set_attributes({"VisibilityTimeout": "1000"}, kept.now))
    kept.advance(30.0)
    assert kept.bodies() == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
def test_too_many_in_flight_refuse_a_short_poll_of_a_standard_queue_alone(fifo: bool) -> None:  # noqa: FBT001 -- pytest passes it by name
    kept = Kept(FIFO if fifo else {})
    kept.send("a", "g")
    kept.queue.index.in_flight = IN_FLIGHT_MAX
    if fifo:
        assert receive(kept.queue, ReceiveMessage(wait=0), kept.now).hands == []
    else:
        with pytest.raises(OverLimit):
            receive(kept.queue, ReceiveMessage(), kept.now)
    assert receive(kept.queue, ReceiveMessage(wait=20), kept.now).hands == []
    kept.queue.index.in_flight -= 1
    assert len(receive(kept.queue, ReceiveMessage(), kept.now).hands) == 1


def test_a_receive_waits_as_long_as_it_says_else_as_the_queue_says() -> None:
    queue = Kept({"ReceiveMessageWaitTimeSeconds": "5"}).queue
    assert wait_of(queue, ReceiveMessage()) == 5
    assert wait_of(queue, ReceiveMessage(wait=0)) == 0


def test_a_purge_drops_all_and_under_its_rule_waits_sixty_seconds() -> None:
    kept = Kept()
    for delay in (0, 100):
        kept.send("a", delay=delay)
    kept.receive(1)
    kept.keep(kept.queue.purge(kept.now))
    kept.keep(kept.queue.purge(kept.now))
    assert sum((kept.queue.counts().visible, kept.queue.counts().in_flight, kept.queue.counts().delayed)) == 0
    ruled = Queue(kept.queue.meta, purge_rule=True)
    with pytest.raises(PurgeQueueInProgress) as refused:
        ruled.purge(kept.now + 59.9)
    assert refused.value.text == "Only one PurgeQueue operation on orders is allowed every 60 seconds."
    assert ruled.purge(kept.now + 60.0).meta.purged_at == kept.now + 60.0


def test_entries_of_a_batch_keep_their_order_and_fail_alone() -> None:
    kept = Kept()
    entries = [
        SendEntry("1", "a"),
        SendEntry("\x00", "b"),
        SendEntry("3", "c", delay=901),
        SendEntry("4", "d"),
    ]
    change = send_batch(kept.queue, entries, "me", kept.now, kept.draw)
    kept.keep(change)
    assert [one.entry_id for one in change.result.sent] == ["a", "d"]
    assert [(one.entry_id, one.code) for one in change.result.failed] == [
        ("b", "InvalidMessageContents"),
        ("c", "InvalidParameterValue"),
    ]
    assert kept.bodies() == ["1", "4"]


def test_a_decision_alters_nothing() -> None:
    kept = Kept()
    kept.send("a")
    before = list(kept.queue.index.candidates())
    for _ in range(2):
        assert len(receive(kept.queue, ReceiveMessage(count=10), kept.now).hands) == 1
    assert list(kept.queue.index.candidates()) == before
    assert kept.queue.counts().visible == 1


def test_nothing_dead_piles_up_while_messages_come_and_go() -> None:
    kept = Kept()
    kept.send("old")
    kept.receive(visibility=43_200)
    for _ in range(500):
        kept.send("a")
        (one,) = kept.receive()
        for timeout in (5, 6, 7, 0):
            kept.keep(change_visibility(kept.queue, one.receipt_handle, timeout, kept.now))
        kept.keep(delete(kept.queue, one.receipt_handle))
    assert kept.queue.index.list_entries < 300
    assert len(kept.table) == 4
