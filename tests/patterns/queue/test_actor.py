"""One queue as an actor: what its messages do, in time, and what a refusal leaves as it was."""

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors.errors import StoreFull
from patterns.queue.messages import (
    ChangeMessageVisibility,
    DeleteMessage,
    DeleteMessageBatch,
    GetQueueAttributes,
    InvalidAttributeValue,
    InvalidParameterValue,
    ListQueueTags,
    PurgeQueue,
    PurgeQueueInProgress,
    QueueDoesNotExist,
    ReceiptHandleExpired,
    ReceiptHandleIsInvalid,
    SendEntry,
    SendMessage,
    SendMessageBatch,
    TagQueue,
    TooManyEntriesInBatchRequest,
    UntagQueue,
)
from patterns.queue.rules import Rules
from runtime.clock import VirtualClock
from runtime.store import Disk, MemoryStore
from tests.patterns.queue.theatre import ACCOUNT, Theatre, theatre

GARBAGE = "no handle at all"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def stage(clock: VirtualClock, disk: Disk) -> AsyncIterator[Theatre]:
    async with theatre(clock, disk) as opened:
        yield opened


async def test_a_message_comes_back_when_its_visibility_timeout_ends(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    await stage.send(queue, "a")
    (first,) = await stage.receive(queue, visibility=30)
    await clock.advance(29.9)
    assert await stage.bodies(queue) == []
    await clock.advance(0.2)
    (second,) = await stage.receive(queue)
    assert second.message_id == first.message_id
    assert second.receipt_handle != first.receipt_handle
    assert second.system_attributes["ApproximateReceiveCount"] == "2"


async def test_the_queues_visibility_timeout_holds_where_the_receive_names_none(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create(VisibilityTimeout="3")
    await stage.send(queue, "a")
    assert await stage.bodies(queue) == ["a"]
    await clock.advance(2.9)
    assert await stage.bodies(queue) == []
    await clock.advance(0.2)
    assert await stage.bodies(queue) == ["a"]


async def test_a_new_visibility_timeout_of_the_queue_leaves_what_is_in_flight_alone(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create(VisibilityTimeout="30")
    await stage.send(queue, "a")
    assert await stage.bodies(queue) == ["a"]
    await stage.set(queue, VisibilityTimeout="1")
    await clock.advance(20.0)
    assert await stage.bodies(queue) == []


async def test_what_was_deleted_does_not_come_back(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    await stage.send(queue, "a", "b")
    first, _ = await stage.receive(queue)
    await stage.delete(queue, first)
    await clock.advance(31.0)
    assert await stage.bodies(queue) == ["b"]


async def test_the_three_counts_follow_a_message_through_its_life(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    await stage.send(queue, "a", "b")
    await stage.send(queue, "c", delay=10)
    assert await stage.counts(queue) == (2, 0, 1)
    (taken,) = await stage.receive(queue, count=1)
    assert await stage.counts(queue) == (1, 1, 1)
    await clock.advance(10.1)
    assert await stage.counts(queue) == (2, 1, 0)
    await stage.delete(queue, taken)
    assert await stage.counts(queue) == (2, 0, 0)


async def test_a_purge_drops_what_is_visible_delayed_and_in_flight(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    await stage.send(queue, "a", "b")
    await stage.send(queue, "c", delay=5)
    assert await stage.bodies(queue, count=1, visibility=5) == ["a"]
    await queue.ask(PurgeQueue())
    assert await stage.counts(queue) == (0, 0, 0)
    await clock.advance(6.0)
    assert await stage.bodies(queue) == []


async def test_two_purges_at_once_are_taken_unless_the_rule_is_switched_on(clock: VirtualClock) -> None:
    async with theatre(clock, rules=Rules(purge=True)) as stage:
        queue = await stage.create()
        await queue.ask(PurgeQueue())
        with pytest.raises(PurgeQueueInProgress):
            await queue.ask(PurgeQueue())
        await clock.advance(60.1)
        await queue.ask(PurgeQueue())


async def test_a_message_is_gone_when_its_retention_ends_in_flight_or_not(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create(MessageRetentionPeriod="60")
    await stage.send(queue, "a", "b")
    (taken,) = await stage.receive(queue, count=1, visibility=600)
    await clock.advance(60.1)
    assert await stage.counts(queue) == (0, 0, 0)
    await stage.delete(queue, taken)
    assert await stage.bodies(queue) == []


async def test_a_shorter_retention_drops_at_once_what_is_older(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    await stage.send(queue, "old")
    await clock.advance(100.0)
    await stage.send(queue, "young")
    await stage.set(queue, MessageRetentionPeriod="60")
    assert await stage.bodies(queue) == ["young"]


async def test_a_refusal_that_finds_expired_messages_is_a_refusal_and_no_crash(
    stage: Theatre, clock: VirtualClock, disk: Disk
) -> None:
    queue = await stage.create(MessageRetentionPeriod="60")
    await stage.send(queue, "a", "b")
    await clock.advance(61.0)
    with pytest.raises(ReceiptHandleIsInvalid):
        await queue.ask(DeleteMessage(receipt_handle=GARBAGE))
    with pytest.raises(InvalidParameterValue):
        await stage.receive(queue, count=11)
    await stage.send(queue, "c")
    assert await stage.bodies(queue) == ["c"]
    assert [cell.restarts for cell in stage.system.router.cells.values()] == [0, 0]
    assert len(await MemoryStore(disk).scan(queue.address, "msg/")) == 1, "the rows of the others went along"


async def test_messages_that_expired_before_a_full_disk_stay_gone_after_it(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create(MessageRetentionPeriod="60")
        await stage.send(queue, "expired")
        await clock.advance(61.0)
        disk.faults.full = True
        for _ in range(2):  # the first finds out that it is full, the second knows
            with pytest.raises(Exception, match="full"):
                await stage.send(queue, "refused")
        with pytest.raises(StoreFull):
            await stage.send(queue, "refused")
        disk.faults.full = False
        await clock.advance(2.0)
        await stage.set(queue, MessageRetentionPeriod="1209600")
    async with theatre(clock, disk) as stage:
        assert await stage.bodies(stage.queue()) == []


async def test_a_fifo_handle_ends_with_its_visibility_timeout(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create_fifo()
    await stage.send(queue, "a", group="g")
    (taken,) = await stage.receive(queue, visibility=5)
    await clock.advance(5.1)
    with pytest.raises(ReceiptHandleExpired):
        await stage.delete(queue, taken)


async def test_an_extended_timeout_extends_the_fifo_handle(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create_fifo()
    await stage.send(queue, "a", group="g")
    (taken,) = await stage.receive(queue, visibility=5)
    await queue.ask(ChangeMessageVisibility(receipt_handle=taken.receipt_handle, timeout=60))
    await clock.advance(50.0)
    await stage.delete(queue, taken)
    assert await stage.counts(queue) == (0, 0, 0)


async def test_a_duplicate_within_five_minutes_is_answered_as_the_first_also_after_its_delete(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create_fifo()
    first = await stage.send(queue, "a", group="g", dedup_id="d")
    (taken,) = await stage.receive(queue)
    await stage.delete(queue, taken)
    await clock.advance(299.0)
    again = await stage.send(queue, "other", group="g", dedup_id="d")
    assert again.message_id == first.message_id
    assert await stage.bodies(queue) == []
    await clock.advance(2.0)
    assert (await stage.send(queue, "new", group="g", dedup_id="d")).message_id != first.message_id
    assert await stage.bodies(queue) == ["new"]


async def test_the_same_attempt_gives_the_same_handles(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create_fifo()
    await stage.send(queue, "a", "b", group="g")
    first = await stage.receive(queue, attempt="once")
    again = await stage.receive(queue, attempt="once")
    assert [one.receipt_handle for one in again] == [one.receipt_handle for one in first]
    assert await stage.bodies(queue, attempt="another") == []


async def test_a_batch_keeps_its_order_and_its_failures_apart(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    entries = (SendEntry("a", "1"), SendEntry("", "2"), SendEntry("c", "3"))
    result = await queue.ask(SendMessageBatch(entries=entries, sender=ACCOUNT))
    assert [one.entry_id for one in result.sent] == ["1", "3"]
    assert [one.entry_id for one in result.failed] == ["2"]
    assert await stage.bodies(queue) == ["a", "c"]


async def test_a_batch_of_eleven_is_refused_whole(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    entries = tuple(SendEntry("a", str(n)) for n in range(11))
    with pytest.raises(TooManyEntriesInBatchRequest):
        await queue.ask(SendMessageBatch(entries=entries, sender=ACCOUNT))
    assert await stage.counts(queue) == (0, 0, 0)


async def test_tags_are_kept_and_taken_away(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    await queue.ask(TagQueue(tags={"team": "a", "cost": "1"}))
    await queue.ask(TagQueue(tags={"team": "b"}))
    await queue.ask(UntagQueue(keys=("cost", "never there")))
    assert await queue.ask(ListQueueTags()) == {"team": "b"}


async def test_nothing_is_at_an_address_that_no_create_has_opened(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = stage.queue("nobody")
    for message in (
        GetQueueAttributes(names=("All",)),
        PurgeQueue(),
        ListQueueTags(),
        SendMessage(entry=SendEntry("a"), sender=ACCOUNT),
        DeleteMessage(receipt_handle=GARBAGE),
        DeleteMessageBatch(entries=()),  # that the queue exists comes before any value
    ):
        with pytest.raises(QueueDoesNotExist):
            await queue.ask(message)


async def test_a_handle_of_another_queue_is_refused(stage: Theatre, clock: VirtualClock) -> None:
    one, other = await stage.create("one"), await stage.create("other")
    await stage.send(one, "a")
    (taken,) = await stage.receive(one)
    with pytest.raises(ReceiptHandleIsInvalid):
        await stage.delete(other, taken)
    assert await stage.counts(one) == (0, 1, 0)


async def test_two_consumers_at_once_never_get_the_same_message(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    await stage.send(queue, *map(str, range(100)))
    got: list[str] = []

    async def consume() -> None:
        while bodies := await stage.bodies(queue, count=3):
            got.extend(bodies)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(consume)
    assert sorted(got, key=int) == [str(n) for n in range(100)]


async def test_attributes_that_another_call_has_made_impossible_meanwhile_are_refused(
    stage: Theatre, clock: VirtualClock, disk: Disk
) -> None:
    queue = await stage.create_fifo(DeduplicationScope="messageGroup")
    disk.faults.slow = 1.0
    refused = trio.Event()

    async def first() -> None:
        with pytest.raises(InvalidAttributeValue):
            await stage.set(queue, RedrivePolicy="", FifoThroughputLimit="perMessageGroupId")
        refused.set()

    stage.nursery.start_soon(first)  # asks the names, whose commit takes its time
    await wait_all_tasks_blocked()
    stage.nursery.start_soon(lambda: stage.set(queue, DeduplicationScope="queue"))
    await clock.advance(5.0)
    disk.faults.slow = 0.0
    assert refused.is_set()
    assert stage.system.router.cells[queue.address].restarts == 0


async def test_who_asks_while_a_commit_is_under_way_sees_only_what_is_durable(clock: VirtualClock) -> None:
    async with theatre(clock, commit_time=lambda: 1.0) as stage:
        stage.nursery.start_soon(stage.create)
        await clock.advance(10.0)
        queue = stage.queue()
        seen: list[tuple[int, int, int]] = []

        async def look() -> None:
            seen.append(await stage.counts(queue))

        stage.nursery.start_soon(stage.send, queue, "a")
        await wait_all_tasks_blocked()
        stage.nursery.start_soon(look)
        await clock.advance(0.9)
        assert seen == [], "the answer waits for the send's commit"
        await clock.advance(0.2)
        assert seen == [(1, 0, 0)]
