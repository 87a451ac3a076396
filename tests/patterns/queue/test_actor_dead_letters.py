"""Dead letters between two queues: in one of them at any moment, whatever fails between."""

from collections.abc import AsyncIterator
from copy import deepcopy

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from patterns.queue import receiving
from patterns.queue.errors import OverLimit
from patterns.queue.messages import DeleteQueue, InvalidParameterValue, ListDeadLetterSourceQueues, PurgeQueue
from runtime.clock import VirtualClock
from runtime.store import Disk, MemoryStore
from tests.patterns.queue.theatre import Theatre, arn, redrive, theatre


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def stage(clock: VirtualClock) -> AsyncIterator[Theatre]:
    async with theatre(clock) as opened:
        yield opened


async def test_a_message_is_given_out_as_often_as_the_policy_says_and_then_moves(
    stage: Theatre, clock: VirtualClock
) -> None:
    dead = await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead", 3))
    sent = await stage.send(queue, "poison")
    for _ in range(3):
        assert await stage.bodies(queue, visibility=0) == ["poison"]
    assert await stage.bodies(queue) == []
    (letter,) = await stage.receive(dead)
    assert letter.message_id == sent.message_id
    assert letter.system_attributes["ApproximateReceiveCount"] == "4"
    assert letter.system_attributes["DeadLetterQueueSourceArn"] == arn("orders")


async def test_the_counts_of_both_queues_change_before_the_receive_is_answered(
    stage: Theatre, clock: VirtualClock
) -> None:
    dead = await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.send(queue, "poison")
    await stage.bodies(queue, visibility=0)
    await stage.send(queue, "good")
    assert await stage.bodies(queue) == ["good"], "the same receive goes on with the next message"
    assert await stage.counts(queue) == (0, 1, 0)
    assert await stage.counts(dead) == (1, 0, 0)


async def test_one_short_poll_sends_off_all_dead_letters_a_few_at_a_time(
    stage: Theatre, clock: VirtualClock
) -> None:
    dead = await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    bodies = [f"poison {n}" for n in range(3 * receiving.MOVES_MAX)]
    await stage.send(queue, *bodies)
    for _ in range(len(bodies)):
        await stage.bodies(queue, count=1, visibility=5)
    await clock.advance(5.1)
    assert await stage.bodies(queue) == []
    assert await stage.counts(queue) == (0, 0, 0)
    assert await stage.counts(dead) == (len(bodies), 0, 0)


async def test_nothing_moves_while_nobody_receives(stage: Theatre, clock: VirtualClock) -> None:
    dead = await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.send(queue, "poison")
    await stage.bodies(queue, visibility=1)
    await clock.advance(100.0)
    assert await stage.counts(queue) == (1, 0, 0)
    assert await stage.counts(dead) == (0, 0, 0)


async def test_a_long_poll_that_finds_only_a_dead_letter_goes_on_waiting(
    stage: Theatre, clock: VirtualClock
) -> None:
    await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.send(queue, "poison")
    await stage.bodies(queue, visibility=0)
    poll = await stage.poll(queue)
    assert poll.bodies is None
    await stage.send(queue, "good")
    await wait_all_tasks_blocked()
    assert poll.bodies == ["good"]


async def test_a_long_poll_moves_a_message_whose_last_timeout_ends_while_it_waits(
    stage: Theatre, clock: VirtualClock
) -> None:
    dead = await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.send(queue, "poison")
    await stage.bodies(queue, visibility=5)
    poll = await stage.poll(queue)
    await clock.advance(5.1)
    assert poll.bodies is None
    assert await stage.counts(dead) == (1, 0, 0)
    await clock.advance(15.0)
    assert poll.bodies == []


async def test_a_message_stays_in_its_queue_while_the_dead_letter_queue_is_missing(
    stage: Theatre, clock: VirtualClock
) -> None:
    await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.send(queue, "poison")
    await stage.bodies(queue, visibility=0)
    await stage.names.ask(DeleteQueue(name="dead"))
    await stage.bodies(queue)
    assert await stage.counts(queue) == (1, 0, 0)
    dead = await stage.create("dead")
    await stage.bodies(queue)
    assert await stage.counts(queue) == (0, 0, 0)
    assert await stage.bodies(dead) == ["poison"]


async def test_a_fifo_group_gives_nothing_before_a_letter_that_has_no_queue_to_go_to(
    stage: Theatre, clock: VirtualClock
) -> None:
    await stage.create_fifo("dead.fifo")
    queue = await stage.create_fifo(VisibilityTimeout="10", RedrivePolicy=redrive("dead.fifo"))
    await stage.send(queue, "1", "2", group="g")
    assert await stage.bodies(queue, 1) == ["1"]
    await clock.advance(10.1)
    await stage.names.ask(DeleteQueue(name="dead.fifo"))
    assert await stage.bodies(queue) == []
    assert await stage.counts(queue) == (2, 0, 0)
    dead = await stage.create_fifo("dead.fifo")
    assert await stage.bodies(queue) == ["2"]
    assert await stage.bodies(dead) == ["1"]


async def test_a_short_poll_behind_a_dead_letter_is_refused_when_too_many_are_in_flight_by_then(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    async with theatre(clock, disk) as stage:
        dead = await stage.create("dead")
        queue = await stage.create(RedrivePolicy=redrive("dead"))
        await stage.send(queue, "poison")
        await stage.bodies(queue, visibility=0)
        refused = trio.Event()

        async def short_poll() -> None:
            with pytest.raises(OverLimit):
                await stage.bodies(queue)
            refused.set()

        disk.faults.slow = 1.0
        stage.nursery.start_soon(short_poll)
        await clock.advance(1.5)  # the letter is out, and not adopted yet
        monkeypatch.setattr(receiving, "IN_FLIGHT_MAX", 0)
        assert not refused.is_set()
        await clock.advance(10.0)
        assert refused.is_set()
        monkeypatch.undo()
        disk.faults.slow = 0.0
        assert await stage.bodies(dead) == ["poison"]
        assert stage.system.router.cells[queue.address].restarts == 0


async def test_who_waits_beside_a_letter_without_a_queue_costs_a_look_a_second_and_no_loop(
    stage: Theatre, clock: VirtualClock
) -> None:
    await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.send(queue, "poison")
    await stage.bodies(queue, visibility=0)
    await stage.names.ask(DeleteQueue(name="dead"))
    poll = await stage.poll(queue, wait=10)
    await clock.advance(9.0)
    assert stage.system.router.cells[queue.address].handled < 100
    await stage.send(queue, "good")
    await wait_all_tasks_blocked()
    assert poll.bodies == ["good"]


async def test_a_dead_letter_of_a_dead_letter_queue_does_not_move_on_at_once(
    stage: Theatre, clock: VirtualClock
) -> None:
    grave = await stage.create("grave")
    dead = await stage.create("dead", RedrivePolicy=redrive("grave", 2))
    queue = await stage.create(RedrivePolicy=redrive("dead", 2))
    await stage.send(queue, "poison")
    for place in (queue, dead):
        for _ in range(2):
            assert await stage.bodies(place, visibility=0) == ["poison"]
        assert await stage.bodies(place) == []
    assert await stage.bodies(grave) == ["poison"]


async def test_two_fifo_dead_letters_of_one_body_do_not_collapse(stage: Theatre, clock: VirtualClock) -> None:
    dead = await stage.create_fifo("dead.fifo")
    queue = await stage.create_fifo(RedrivePolicy=redrive("dead.fifo"))
    for dedup_id in ("1", "2"):
        await stage.send(queue, "same", group="g", dedup_id=dedup_id)
    assert await stage.bodies(queue, visibility=0) == ["same", "same"]
    assert await stage.bodies(queue) == []
    assert [one.system_attributes["MessageGroupId"] for one in await stage.receive(dead)] == ["g", "g"]


async def test_a_queue_of_the_same_name_made_anew_still_moves_its_first_message(
    stage: Theatre, clock: VirtualClock
) -> None:
    dead = await stage.create("dead")
    for body in ("before", "after"):
        queue = await stage.create(RedrivePolicy=redrive("dead"))
        await stage.send(queue, body)
        await stage.bodies(queue, visibility=0)
        assert await stage.bodies(queue) == []
        await stage.names.ask(DeleteQueue(name="orders"))
    assert await stage.bodies(dead) == ["before", "after"]


async def test_a_letter_that_a_full_disk_keeps_back_arrives_once_there_is_room(clock: VirtualClock) -> None:
    disk = Disk()
    async with theatre(clock, disk) as stage:
        dead = await stage.create("dead")
        queue = await stage.create(RedrivePolicy=redrive("dead"))
        await stage.send(queue, "poison")
        await stage.bodies(queue, visibility=0)
        disk.faults.slow = 1.0
        poll = await stage.poll(queue, wait=5)
        await clock.advance(1.5)
        disk.faults.full = True  # the source has let it go; the dead-letter queue cannot keep it
        await clock.advance(2.0)
        disk.faults.full = False
        disk.faults.slow = 0.0
        await clock.advance(20.0)
        assert poll.bodies == []
        assert await stage.bodies(dead) == ["poison"]
        assert await stage.counts(queue) == (0, 0, 0)


async def test_a_letter_on_its_way_at_a_restart_arrives_exactly_once(clock: VirtualClock) -> None:
    disk = Disk()
    async with theatre(clock, disk) as stage:
        await stage.create("dead")
        queue = await stage.create(RedrivePolicy=redrive("dead"))
        await stage.send(queue, "poison")
        await stage.bodies(queue, visibility=0)
        disk.faults.slow = 1.0
        await stage.poll(queue, wait=5)
        await clock.advance(1.5)  # its row says that it is on its way, and nobody has adopted it
        between = Disk()
        between.kept = deepcopy(disk.kept)
        disk.faults.slow = 0.0
        await clock.advance(5.0)
    async with theatre(clock, between) as stage:
        await stage.counts(stage.queue())
        await wait_all_tasks_blocked()
        assert await stage.bodies(stage.queue("dead")) == ["poison"]
        assert await stage.counts(stage.queue()) == (0, 0, 0)
        assert await MemoryStore(between).scan(stage.queue().address, "out/") == []


async def test_a_policy_is_judged_when_it_is_set_and_the_old_one_stays_if_it_is_refused(
    stage: Theatre, clock: VirtualClock
) -> None:
    await stage.create("dead")
    await stage.create_fifo("dead.fifo")
    queue = await stage.create(RedrivePolicy=redrive("dead", 7))
    for wrong in (redrive("nobody"), redrive("dead.fifo"), redrive("dead", 0), "[]"):
        with pytest.raises(InvalidParameterValue):
            await stage.set(queue, RedrivePolicy=wrong)
    sources = await stage.names.ask(ListDeadLetterSourceQueues(name="dead"))
    assert list(sources.names) == ["orders"]


async def test_a_policy_that_is_set_later_holds_for_what_is_already_there(
    stage: Theatre, clock: VirtualClock
) -> None:
    dead = await stage.create("dead")
    queue = await stage.create()
    await stage.send(queue, "poison")
    for _ in range(2):
        await stage.bodies(queue, visibility=0)
    await stage.set(queue, RedrivePolicy=redrive("dead", 2))
    assert await stage.bodies(queue) == []
    assert await stage.bodies(dead) == ["poison"]


async def test_a_removed_policy_names_no_source_any_more(stage: Theatre, clock: VirtualClock) -> None:
    await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.set(queue, RedrivePolicy="")
    assert list((await stage.names.ask(ListDeadLetterSourceQueues(name="dead"))).names) == []


async def test_a_queue_that_denies_all_is_no_target(stage: Theatre, clock: VirtualClock) -> None:
    dead = await stage.create("dead")
    await stage.set(dead, RedriveAllowPolicy='{"redrivePermission":"denyAll"}')
    queue = await stage.create()
    with pytest.raises(InvalidParameterValue):
        await stage.set(queue, RedrivePolicy=redrive("dead"))


async def test_a_purge_of_the_source_leaves_the_dead_letters(stage: Theatre, clock: VirtualClock) -> None:
    dead = await stage.create("dead")
    queue = await stage.create(RedrivePolicy=redrive("dead"))
    await stage.send(queue, "poison")
    await stage.bodies(queue, visibility=0)
    await stage.bodies(queue)
    await queue.ask(PurgeQueue())
    assert await stage.bodies(dead) == ["poison"]
