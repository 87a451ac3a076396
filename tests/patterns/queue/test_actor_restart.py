"""A restart changes no answer: what a queue was, it is again, read back from its rows."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from patterns.queue.messages import (
    ChangeMessageVisibility,
    GetQueueAttributes,
    InvalidParameterValue,
    ListQueueTags,
    PurgeQueue,
    ReceiptHandleExpired,
    TagQueue,
)
from runtime.clock import VirtualClock
from runtime.store import Disk
from tests.patterns.queue.theatre import Theatre, theatre

IDLE = 700.0
"""Seconds after which a queue that nobody uses is passivated."""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@asynccontextmanager
async def again(clock: VirtualClock, disk: Disk) -> AsyncGenerator[Theatre]:
    """The next run, whose chance is another."""
    async with theatre(clock, disk, seed=2) as stage:
        yield stage


async def test_what_is_in_flight_at_a_restart_comes_back_at_its_own_deadline(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create()
        await stage.send(queue, "soon", "late")
        await stage.bodies(queue, count=1, visibility=10)
        await stage.bodies(queue, count=1, visibility=20)
    async with again(clock, disk) as stage:
        queue = stage.queue()
        assert await stage.counts(queue) == (0, 2, 0)
        poll = await stage.poll(queue)
        await clock.advance(9.9)
        assert poll.bodies is None
        await clock.advance(0.2)
        assert poll.bodies == ["soon"]
        await clock.advance(9.8)
        assert await stage.counts(queue) == (0, 2, 0)
        await clock.advance(0.2)
        assert await stage.bodies(queue) == ["late"]


async def test_a_handle_from_before_a_restart_still_deletes_and_changes(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create()
        await stage.send(queue, "a", "b")
        first, second = await stage.receive(queue)
    async with again(clock, disk) as stage:
        queue = stage.queue()
        await stage.delete(queue, first)
        await queue.ask(ChangeMessageVisibility(receipt_handle=second.receipt_handle, timeout=0))
        (back,) = await stage.receive(queue)
        assert back.body == "b"
        assert back.system_attributes["ApproximateReceiveCount"] == "2"


async def test_a_fifo_handle_that_expired_while_the_node_was_down_is_refused(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create_fifo()
        await stage.send(queue, "a", group="g")
        (taken,) = await stage.receive(queue, visibility=5)
    await clock.advance(6.0)
    async with again(clock, disk) as stage:
        with pytest.raises(ReceiptHandleExpired):
            await stage.delete(stage.queue("orders.fifo"), taken)


async def test_a_duplicate_is_known_after_a_restart_until_its_window_ends(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create_fifo()
        first = await stage.send(queue, "a", group="g")
        (taken,) = await stage.receive(queue)
        await stage.delete(queue, taken)
    await clock.advance(200.0)
    async with again(clock, disk) as stage:
        queue = stage.queue("orders.fifo")
        assert (await stage.send(queue, "a", group="g")).message_id == first.message_id
        assert await stage.counts(queue) == (0, 0, 0)
        await clock.advance(101.0)
        assert (await stage.send(queue, "a", group="g")).message_id != first.message_id


async def test_a_group_stays_locked_over_a_restart_and_sequence_numbers_go_on_rising(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create_fifo()
        before = await stage.send(queue, "a", "b", group="g")
        (taken,) = await stage.receive(queue, count=1)
    async with again(clock, disk) as stage:
        queue = stage.queue("orders.fifo")
        after = await stage.send(queue, "c", group="g")
        assert before.sequence is not None
        assert after.sequence is not None
        assert after.sequence > before.sequence
        assert await stage.bodies(queue) == []
        await stage.delete(queue, taken)
        assert await stage.bodies(queue) == ["b", "c"]


async def test_an_attempt_can_be_repeated_after_a_restart(clock: VirtualClock, disk: Disk) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create_fifo()
        await stage.send(queue, "a", group="g")
        (first,) = await stage.receive(queue, attempt="once")
    async with again(clock, disk) as stage:
        (second,) = await stage.receive(stage.queue("orders.fifo"), attempt="once")
        assert second.receipt_handle == first.receipt_handle


async def test_delays_attributes_and_tags_are_as_before(clock: VirtualClock, disk: Disk) -> None:
    everything = GetQueueAttributes(names=("All",))
    async with theatre(clock, disk) as stage:
        queue = await stage.create(VisibilityTimeout="7", Policy='{"Version":"2012-10-17","Statement":[]}')
        await queue.ask(TagQueue(tags={"team": "a"}))
        await stage.send(queue, "later", delay=100)
        await clock.advance(50.0)
        shown = await queue.ask(everything)
    async with again(clock, disk) as stage:
        queue = stage.queue()
        assert await queue.ask(everything) == shown
        assert await queue.ask(ListQueueTags()) == {"team": "a"}
        await clock.advance(49.9)
        assert await stage.bodies(queue) == []
        await clock.advance(0.2)
        assert await stage.bodies(queue) == ["later"]


async def test_what_was_purged_or_deleted_stays_gone(clock: VirtualClock, disk: Disk) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create()
        await stage.send(queue, "purged")
        await queue.ask(PurgeQueue())
        await stage.send(queue, "deleted", "kept")
        await stage.delete(queue, (await stage.receive(queue, count=1, visibility=0))[0])
    async with again(clock, disk) as stage:
        assert await stage.bodies(stage.queue()) == ["kept"]


async def test_a_change_beyond_twelve_hours_is_counted_from_the_receive_over_a_restart(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create()
        await stage.send(queue, "a")
        (taken,) = await stage.receive(queue, visibility=43_200)
        await clock.advance(100.0)
    async with again(clock, disk) as stage:
        with pytest.raises(InvalidParameterValue, match="beyond the limit"):
            await stage.queue().ask(
                ChangeMessageVisibility(receipt_handle=taken.receipt_handle, timeout=43_150)
            )


async def test_an_idle_queue_leaves_memory_and_comes_back_as_it_was(clock: VirtualClock, disk: Disk) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create()
        await stage.send(queue, "a", "b")
        (taken,) = await stage.receive(queue, count=1, visibility=3_600)
        await clock.advance(IDLE * 2)
        assert queue.address not in stage.system.router.cells
        assert await stage.counts(queue) == (1, 1, 0)
        await stage.delete(queue, taken)
        assert await stage.bodies(queue) == ["b"]


async def test_many_messages_are_read_back_page_by_page_in_their_order(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create()
        await stage.send(queue, *map(str, range(2_500)))
        await stage.bodies(queue, count=10)
    async with again(clock, disk) as stage:
        queue = stage.queue()
        assert await stage.counts(queue) == (2_490, 10, 0)
        assert await stage.bodies(queue, count=3) == ["10", "11", "12"]
