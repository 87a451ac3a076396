"""Who waits at a queue: when they are answered, in which order, and what one who has left leaves behind."""

from collections.abc import AsyncIterator, Sequence

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from typing_extensions import override

from actors import Address
from actors.errors import CommitFailed, StoreFull
from patterns.queue import actor, receiving
from patterns.queue.changes import Taken
from patterns.queue.messages import (
    ChangeMessageVisibility,
    CloseQueue,
    DeleteQueue,
    PurgeQueue,
    ReceiveMessage,
    SendEntry,
    SendMessage,
)
from patterns.queue.state import Queue
from runtime.clock import VirtualClock
from runtime.store import Disk, MemoryStore
from tests.patterns.queue.theatre import ACCOUNT, Theatre, redrive, theatre


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def stage(clock: VirtualClock) -> AsyncIterator[Theatre]:
    async with theatre(clock) as opened:
        yield opened


async def test_a_send_answers_a_long_poll_at_once(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    poll = await stage.poll(queue)
    assert poll.bodies is None
    await stage.send(queue, "a")
    await wait_all_tasks_blocked()
    assert poll.bodies == ["a"]


async def test_a_long_poll_ends_empty_at_its_deadline_and_not_before(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    poll = await stage.poll(queue, wait=20)
    await clock.advance(19.9)
    assert poll.bodies is None
    await clock.advance(0.2)
    assert poll.bodies == []


async def test_the_queues_own_wait_holds_where_the_receive_names_none(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create(ReceiveMessageWaitTimeSeconds="5")
    poll = await stage.poll(queue, wait=None)
    assert poll.bodies is None
    await clock.advance(5.1)
    assert poll.bodies == []


async def test_a_wait_of_zero_is_a_short_poll_whatever_the_queue_says(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create(ReceiveMessageWaitTimeSeconds="5")
    poll = await stage.poll(queue, wait=0)
    assert poll.bodies == []


async def test_the_end_of_a_delay_answers_a_long_poll(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    await stage.send(queue, "later", delay=7)
    poll = await stage.poll(queue)
    await clock.advance(6.9)
    assert poll.bodies is None
    await clock.advance(0.2)
    assert poll.bodies == ["later"]


async def test_a_delayed_message_that_is_sent_while_somebody_waits_is_given_when_its_delay_ends(
    stage: Theatre,
    clock: VirtualClock,
) -> None:
    queue = await stage.create()
    poll = await stage.poll(queue)
    await stage.send(queue, "later", delay=7)
    await clock.advance(6.9)
    assert poll.bodies is None
    await clock.advance(0.2)
    assert poll.bodies == ["later"]


async def test_the_end_of_a_visibility_timeout_answers_a_long_poll(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    await stage.send(queue, "again")
    assert await stage.bodies(queue, visibility=5) == ["again"]
    poll = await stage.poll(queue)
    await clock.advance(4.9)
    assert poll.bodies is None
    await clock.advance(0.2)
    assert poll.bodies == ["again"]


async def test_a_change_of_visibility_to_zero_answers_a_long_poll(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    await stage.send(queue, "again")
    (taken,) = await stage.receive(queue)
    poll = await stage.poll(queue)
    await queue.ask(ChangeMessageVisibility(receipt_handle=taken.receipt_handle, timeout=0))
    await wait_all_tasks_blocked()
    assert poll.bodies == ["again"]


async def test_a_shortened_visibility_moves_the_moment_at_which_a_long_poll_is_answered(
    stage: Theatre,
    clock: VirtualClock,
) -> None:
    queue = await stage.create()
    await stage.send(queue, "again")
    (taken,) = await stage.receive(queue, visibility=30)
    poll = await stage.poll(queue)
    await queue.ask(ChangeMessageVisibility(receipt_handle=taken.receipt_handle, timeout=3))
    await clock.advance(3.1)
    assert poll.bodies == ["again"]


async def test_the_delete_that_frees_a_fifo_group_answers_a_long_poll(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create_fifo()
    await stage.send(queue, "first", "second", group="g")
    (first,) = await stage.receive(queue, count=1)
    poll = await stage.poll(queue)
    assert poll.bodies is None, "the group is locked"
    await stage.delete(queue, first)
    await wait_all_tasks_blocked()
    assert poll.bodies == ["second"]


async def test_a_dead_letter_answers_a_long_poll_at_the_dead_letter_queue(
    stage: Theatre, clock: VirtualClock
) -> None:
    dead = await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.send(queue, "poison")
    assert await stage.bodies(queue, visibility=0) == ["poison"]
    poll = await stage.poll(dead)
    assert await stage.bodies(queue) == []
    await wait_all_tasks_blocked()
    assert poll.bodies == ["poison"]


async def test_who_has_waited_longest_is_answered_first_and_each_message_goes_to_one(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    polls = [await stage.poll(queue) for _ in range(3)]
    await stage.send(queue, "a")
    await wait_all_tasks_blocked()
    assert [poll.bodies for poll in polls] == [["a"], None, None]
    await stage.send(queue, "b", "c")
    await wait_all_tasks_blocked()
    assert [poll.bodies for poll in polls] == [["a"], ["b"], ["c"]]
    assert await stage.counts(queue) == (0, 3, 0)


async def test_a_long_poll_takes_what_is_there_and_does_not_wait_to_fill(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    await stage.send(queue, "a", "b")
    poll = await stage.poll(queue, count=10)
    assert poll.bodies == ["a", "b"]


async def test_who_has_hung_up_takes_no_message(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    gone, there = await stage.poll(queue), await stage.poll(queue)
    gone.scope.cancel()
    await wait_all_tasks_blocked()
    await stage.send(queue, "a", "b")
    await wait_all_tasks_blocked()
    assert gone.bodies is None
    assert there.bodies == ["a"]
    assert await stage.bodies(queue) == ["b"]


class SlowStore(MemoryStore):
    """Reads take a second: whoever asks may leave in the middle of one."""

    @override
    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]:
        await trio.sleep(1.0)
        return await super().get(actor, keys)


async def test_who_hangs_up_while_a_message_is_read_for_him_takes_none(clock: VirtualClock) -> None:
    async with theatre(clock, store=SlowStore(clock=clock.now)) as stage:
        stage.nursery.start_soon(stage.create)
        await clock.advance(5.0)
        queue = stage.queue()
        gone, there = await stage.poll(queue), await stage.poll(queue, wait=20)
        await stage.send(queue, "a")
        await clock.advance(0.5)
        gone.scope.cancel()
        await clock.advance(3.0)
        assert gone.bodies is None
        assert there.bodies == ["a"]


async def test_a_message_that_comes_into_sight_while_the_disk_is_full_is_given_once_there_is_room(
    clock: VirtualClock,
) -> None:
    disk = Disk()
    async with theatre(clock, disk) as stage:
        queue, other = await stage.create(), await stage.create("other")
        await stage.send(queue, "late", delay=3)
        poll = await stage.poll(queue)
        disk.faults.full = True
        with pytest.raises(CommitFailed, match="full"):
            await stage.send(other, "finds out that it is full")
        await clock.advance(5.0)
        assert poll.bodies is None
        disk.faults.full = False
        await clock.advance(3.0)
        assert poll.bodies == ["late"]


async def test_who_waits_at_a_queue_that_cannot_be_closed_yet_waits_on(clock: VirtualClock) -> None:
    disk = Disk()
    async with theatre(clock, disk) as stage:
        queue, other = await stage.create(), await stage.create("other")
        poll = await stage.poll(queue)
        disk.faults.full = True
        with pytest.raises(CommitFailed, match="full"):
            await stage.send(other, "finds out that it is full")
        with pytest.raises(StoreFull):
            await queue.ask(CloseQueue())
        disk.faults.full = False
        await clock.advance(3.0)
        await stage.send(queue, "a")
        await wait_all_tasks_blocked()
        assert poll.bodies == ["a"]


async def test_deleting_the_queue_ends_waiting_receives_empty(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create()
    polls = [await stage.poll(queue) for _ in range(2)]
    await stage.names.ask(DeleteQueue(name="orders"))
    await wait_all_tasks_blocked()
    assert [poll.bodies for poll in polls] == [[], []]


async def test_a_purge_leaves_who_waits_waiting_for_the_next_message(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    await stage.send(queue, "never seen", delay=5)
    poll = await stage.poll(queue)
    await queue.ask(PurgeQueue())
    await clock.advance(6.0)
    assert poll.bodies is None
    await stage.send(queue, "after")
    await wait_all_tasks_blocked()
    assert poll.bodies == ["after"]


async def test_a_thousand_long_polls_wait_without_a_timer_each_and_one_send_wakes_one(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    polls = [await stage.poll(queue) for _ in range(1_000)]
    await stage.send(queue, "a")
    await wait_all_tasks_blocked()
    assert [place for place, poll in enumerate(polls) if poll.bodies is not None] == [0]
    await clock.advance(21.0)
    assert all(poll.bodies == [] for poll in polls[1:])


async def test_a_send_looks_for_one_of_a_thousand_who_wait_and_for_no_more(
    stage: Theatre, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = await stage.create()
    polls = [await stage.poll(queue) for _ in range(1_000)]
    looks = 0

    def counted(queue: Queue, message: ReceiveMessage, now: float) -> Taken:
        nonlocal looks
        looks += 1
        return receiving.receive(queue, message, now)

    monkeypatch.setattr(actor, "take", counted)
    await stage.send(queue, "later", delay=7)
    await wait_all_tasks_blocked()
    assert looks == 0, "what is delayed shows nothing"
    await stage.send(queue, "a")
    await wait_all_tasks_blocked()
    assert polls[0].bodies == ["a"]
    assert looks == 2, "the one who gets it, and the first of the rest, who gets nothing"
    await clock.advance(7.1)
    assert polls[1].bodies == ["later"]
    assert looks == 4


async def test_a_delayed_message_behind_a_visible_one_does_not_put_off_who_waits(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    poll = await stage.poll(queue)
    await queue.tell(SendMessage(entry=SendEntry("a"), sender=ACCOUNT))
    await queue.tell(SendMessage(entry=SendEntry("later", delay=7), sender=ACCOUNT))
    await wait_all_tasks_blocked()
    assert poll.bodies == ["a"]


async def test_a_repeated_fifo_receive_is_served_though_there_is_nothing_for_who_waits_before_it(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create_fifo()
    first = await stage.poll(queue, attempt="first")
    plain = await stage.poll(queue)
    again = await stage.poll(queue, attempt="first")
    await stage.send(queue, "a", group="g")
    await wait_all_tasks_blocked()
    assert (first.bodies, plain.bodies) == (["a"], None)
    assert again.bodies == ["a"]


async def test_a_poll_begun_as_a_long_one_waits_on_though_too_many_are_in_flight(
    stage: Theatre, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "IN_FLIGHT_MAX", 1)
    queue = await stage.create(ReceiveMessageWaitTimeSeconds="20")
    first = await stage.poll(queue, wait=None)
    second = await stage.poll(queue, wait=None)
    await stage.set(queue, ReceiveMessageWaitTimeSeconds="0")
    await stage.send(queue, "a", "b")
    await wait_all_tasks_blocked()
    assert (first.bodies, second.bodies) == (["a"], None)
    assert first.answer is not None
    await stage.delete(queue, first.answer.messages[0])
    await wait_all_tasks_blocked()
    assert second.bodies == ["b"]


async def test_an_orderly_stop_answers_who_waits(clock: VirtualClock) -> None:
    async with theatre(clock) as stage:
        poll = await stage.poll(await stage.create())
        stage.system.answer_waiting()
        await wait_all_tasks_blocked()
        assert poll.bodies == []
