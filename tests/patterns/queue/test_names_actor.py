"""The names of an account at work: a queue begins and ends whole, whatever comes between."""

import math
from collections.abc import AsyncIterator, Callable, Sequence
from copy import deepcopy

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from typing_extensions import override

from actors import Address
from patterns.queue.messages import (
    CreateQueue,
    DeleteQueue,
    FindQueue,
    GetQueueAttributes,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidParameterValue,
    ListQueues,
    ListQueueTags,
    QueueDeletedRecently,
    QueueDoesNotExist,
    QueueNameExists,
)
from patterns.queue.pattern import queue_pattern
from patterns.queue.rules import Rules
from runtime.clock import VirtualClock
from runtime.lab.simulation import simulate
from runtime.store import Disk, MemoryStore
from runtime.store.port import Batch, Outcome
from runtime.system import System
from tests.patterns.queue.theatre import ACCOUNT, REGION, Theatre, redrive, theatre


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


def as_now(disk: Disk) -> Disk:
    """What a crash at this moment would leave."""
    left = Disk()
    left.kept = deepcopy(disk.kept)
    return left


async def test_a_created_queue_is_found_listed_and_open(stage: Theatre, clock: VirtualClock) -> None:
    queue = await stage.create(VisibilityTimeout="5")
    assert await stage.names.ask(FindQueue(name="orders")) == "orders"
    assert list((await stage.names.ask(ListQueues())).names) == ["orders"]
    assert await queue.ask(GetQueueAttributes(names=("VisibilityTimeout",))) == {"VisibilityTimeout": "5"}


async def test_creating_it_again_with_equal_attributes_changes_nothing(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create(VisibilityTimeout="5")
    await stage.send(queue, "a")
    await stage.create(VisibilityTimeout="5")
    await stage.create()
    assert await stage.bodies(queue) == ["a"]


async def test_creating_it_again_compares_with_what_the_queue_has_become(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create(VisibilityTimeout="5")
    await stage.set(queue, VisibilityTimeout="6")
    await stage.create(VisibilityTimeout="6")
    with pytest.raises(QueueNameExists, match="VisibilityTimeout"):
        await stage.create(VisibilityTimeout="5")


async def test_the_tags_of_the_create_are_the_queues(stage: Theatre, clock: VirtualClock) -> None:
    await stage.names.ask(CreateQueue(name="orders", tags={"team": "a"}))
    assert await stage.queue().ask(ListQueueTags()) == {"team": "a"}


async def test_of_many_creates_at_once_each_is_answered_and_one_queue_begins(clock: VirtualClock) -> None:
    async with theatre(clock, commit_time=lambda: 0.5) as stage:
        answers: list[str] = []

        async def create() -> None:
            answers.append(await stage.names.ask(CreateQueue(name="orders")))

        for _ in range(5):
            stage.nursery.start_soon(create)
        await clock.advance(10.0)
        assert answers == ["orders"] * 5
        sent = trio.Event()

        async def use() -> None:
            await stage.send(stage.queue(), "a")
            sent.set()

        stage.nursery.start_soon(use)
        await clock.advance(2.0)
        assert sent.is_set()


@pytest.mark.parametrize(
    ("name", "attributes", "error"),
    [
        ("a b", {}, InvalidParameterValue),
        ("x" * 81, {}, InvalidParameterValue),
        ("", {}, InvalidParameterValue),
        ("name.fifo", {}, InvalidParameterValue),
        ("name", {"FifoQueue": "true"}, InvalidParameterValue),
        ("name", {"FifoQueue": "false"}, InvalidAttributeName),
        ("name", {"Nonsense": "1"}, InvalidAttributeName),
        ("name", {"QueueArn": "arn"}, InvalidAttributeName),
        ("name", {"ContentBasedDeduplication": "true"}, InvalidAttributeName),
        ("name", {"VisibilityTimeout": "43201"}, InvalidAttributeValue),
        ("name", {"VisibilityTimeout": "1e3"}, InvalidAttributeValue),
        ("name", {"DelaySeconds": "901"}, InvalidAttributeValue),
        ("name", {"MessageRetentionPeriod": "59"}, InvalidAttributeValue),
        ("name", {"MaximumMessageSize": "1048577"}, InvalidAttributeValue),
        ("name", {"ReceiveMessageWaitTimeSeconds": "21"}, InvalidAttributeValue),
        ("name", {"Policy": "no json"}, InvalidAttributeValue),
        ("name", {"RedrivePolicy": redrive("nobody")}, InvalidParameterValue),
    ],
)
async def test_a_refused_create_leaves_no_queue_behind(
    stage: Theatre, clock: VirtualClock, name: str, attributes: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await stage.names.ask(CreateQueue(name=name, attributes=attributes))
    assert list((await stage.names.ask(ListQueues())).names) == []


async def test_a_create_that_a_crash_cuts_before_the_queue_has_opened_is_ended_at_the_next_start(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk, commit_time=lambda: 1.0) as stage:
        stage.nursery.start_soon(
            stage.names.ask, CreateQueue(name="orders", attributes={"DelaySeconds": "3"})
        )
        await clock.advance(1.5)
        left = as_now(disk)
        await clock.advance(5.0)
    assert [address for address in left.kept if address.endswith("orders")] == []
    assert len(left.kept) == 1, "the name was kept"
    async with theatre(clock, left) as stage:
        await stage.names.ask(ListQueues())
        await wait_all_tasks_blocked()
        assert await stage.names.ask(FindQueue(name="orders")) == "orders"
        shown = await stage.queue().ask(GetQueueAttributes(names=("DelaySeconds",)))
        assert shown == {"DelaySeconds": "3"}


async def test_a_create_after_such_a_crash_is_answered_by_the_same_queue(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk, commit_time=lambda: 1.0) as stage:
        stage.nursery.start_soon(stage.names.ask, CreateQueue(name="orders"))
        await clock.advance(1.5)
        left = as_now(disk)
        await clock.advance(5.0)
    for _ in range(100):  # the opening and the second create race: Trio draws who is first
        async with theatre(clock, as_now(left)) as stage:
            await stage.create()
            await stage.send(stage.queue(), "a")
            assert await stage.bodies(stage.queue()) == ["a"]


def test_a_create_that_a_crash_cuts_anywhere_can_be_repeated() -> None:
    names = Address.of("queue", ACCOUNT, REGION)

    async def create(system: System) -> str:
        answer: str = await system.ref(names).ask(CreateQueue(name="orders"))
        return answer

    steps = simulate(create, seed=0, patterns=[queue_pattern()]).steps
    for crash_at in range(1, steps + 1):
        for seed in range(5):
            disk = Disk()
            simulate(create, seed=seed, patterns=[queue_pattern()], disk=disk, crash_at=crash_at)
            run = simulate(create, seed=seed, patterns=[queue_pattern()], disk=disk)
            assert run.result == "orders", (crash_at, seed)


async def test_a_delete_that_a_crash_cuts_before_the_queue_has_closed_is_ended_at_the_next_start(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        await stage.send(await stage.create(), "a")
        disk.faults.slow = 1.0
        stage.nursery.start_soon(stage.names.ask, DeleteQueue(name="orders"))
        await clock.advance(1.5)
        left = as_now(disk)
        disk.faults.slow = 0.0
        await clock.advance(5.0)
    address = stage.queue().address
    assert await MemoryStore(left).scan(address, "msg/"), "its rows were still there"
    async with theatre(clock, left) as stage:
        assert list((await stage.names.ask(ListQueues())).names) == []
        await wait_all_tasks_blocked()
        assert await MemoryStore(left).scan(address, "") == []
        queue = await stage.create()
        assert await stage.bodies(queue) == []


async def test_a_deleted_queue_is_gone_and_the_name_is_free_at_once(
    stage: Theatre, clock: VirtualClock
) -> None:
    queue = await stage.create()
    await stage.send(queue, "a")
    await stage.names.ask(DeleteQueue(name="orders"))
    with pytest.raises(QueueDoesNotExist):
        await queue.ask(GetQueueAttributes())
    with pytest.raises(QueueDoesNotExist):
        await stage.names.ask(FindQueue(name="orders"))
    with pytest.raises(QueueDoesNotExist):
        await stage.names.ask(DeleteQueue(name="orders"))
    queue = await stage.create()
    assert await stage.bodies(queue) == []


async def test_where_the_rule_is_on_a_deleted_name_is_free_after_a_minute(clock: VirtualClock) -> None:
    async with theatre(clock, rules=Rules(recreate=True)) as stage:
        await stage.create()
        await stage.names.ask(DeleteQueue(name="orders"))
        await clock.advance(59.0)
        with pytest.raises(QueueDeletedRecently):
            await stage.create()
        await clock.advance(1.1)
        await stage.create()


async def test_a_delete_that_a_full_disk_has_cut_is_ended_once_there_is_room(
    clock: VirtualClock, disk: Disk
) -> None:
    async with theatre(clock, disk) as stage:
        queue = await stage.create()
        disk.faults.slow = 1.0
        ended = trio.Event()

        async def remove() -> None:
            with pytest.raises(Exception, match="full"):
                await stage.names.ask(DeleteQueue(name="orders"))
            ended.set()

        stage.nursery.start_soon(remove)
        await clock.advance(1.5)  # the name is kept as one that ends
        disk.faults.full = True
        await clock.advance(5.0)
        assert ended.is_set()
        disk.faults.full, disk.faults.slow = False, 0.0
        await clock.advance(10.0)
        with pytest.raises(QueueDoesNotExist):
            await queue.ask(GetQueueAttributes())
        await stage.create()


class Filling(MemoryStore):
    """Its disk is full when `left` more commits are durable."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock=clock.now, commit_time=lambda: 0.1)
        self.left = math.inf
        self.filled: Callable[[], None] = lambda: None

    @override
    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        outcomes = await super().commit(batches)
        self.left -= 1
        if self.left == 0:
            self.disk.faults.full = True
            self.filled()
        return outcomes


Question = CreateQueue | DeleteQueue | FindQueue


def begun(stage: Theatre, question: Question) -> list[object]:
    """Ask; the list holds the answer, or the refusal, once there is one."""
    answers: list[object] = []

    async def run() -> None:
        try:
            answers.append(await stage.names.ask(question))
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is an answer
            answers.append(error)

    stage.nursery.start_soon(run)
    return answers


async def answer_of(stage: Theatre, question: Question) -> list[object]:
    """The same, when all has come to rest."""
    answers = begun(stage, question)
    await wait_all_tasks_blocked()
    return answers


@pytest.mark.parametrize("later", [0.0, 0.3, 0.5, 0.7, 1.2])
async def test_a_create_while_the_queue_of_that_name_is_deleted_makes_a_new_one(
    clock: VirtualClock, later: float
) -> None:
    async with theatre(clock, commit_time=lambda: 0.5) as stage:
        await answer_of(stage, CreateQueue(name="orders"))
        await clock.advance(5.0)
        deleted = await answer_of(stage, DeleteQueue(name="orders"))
        await clock.advance(later)
        created = [
            await answer_of(stage, CreateQueue(name="orders", attributes={"DelaySeconds": seconds}))
            for seconds in ("5", "5", "6")
        ]
        await clock.advance(5.0)
        assert deleted == [None]
        assert created[:2] == [["orders"], ["orders"]]
        assert isinstance(created[2][0], QueueNameExists), "the new queue judges who comes behind its maker"
        assert await answer_of(stage, FindQueue(name="orders")) == ["orders"]
        shown = await stage.queue().ask(GetQueueAttributes(names=("DelaySeconds",)))
        assert shown == {"DelaySeconds": "5"}


@pytest.mark.parametrize("seed", range(5))
async def test_of_creates_and_deletes_at_once_every_create_is_answered(
    clock: VirtualClock, seed: int
) -> None:
    async with theatre(clock, commit_time=lambda: 0.01, seed=seed) as stage:
        creates: list[list[object]] = []
        for _ in range(50):
            creates.append(begun(stage, CreateQueue(name="orders")))
            begun(stage, DeleteQueue(name="orders"))
            await clock.advance(0.005)
        await clock.advance(5.0)
        assert creates == [["orders"]] * 50


async def test_a_create_while_the_queue_cannot_be_deleted_hears_why(clock: VirtualClock) -> None:
    store = Filling(clock)
    async with theatre(clock, store=store) as stage:
        await answer_of(stage, CreateQueue(name="orders"))
        await clock.advance(5.0)
        store.left = 1
        await answer_of(stage, DeleteQueue(name="orders"))
        created = await answer_of(stage, CreateQueue(name="orders"))
        await clock.advance(5.0)
        assert "full" in str(created[0])


async def test_a_create_of_a_name_whose_queue_cannot_begin_hears_why(clock: VirtualClock) -> None:
    store = Filling(clock)
    async with theatre(clock, store=store) as stage:
        store.left = 1
        first = await answer_of(stage, CreateQueue(name="orders"))
        await clock.advance(0.5)
        assert "full" in str(first[0])
        again = await answer_of(stage, CreateQueue(name="orders"))
        await clock.advance(5.0)
        assert "full" in str(again[0])


@pytest.mark.parametrize("commits", [1, 2, 3])
@pytest.mark.parametrize("question", [CreateQueue(name="orders"), DeleteQueue(name="orders")])
async def test_a_disk_that_fills_between_two_commits_of_a_name_leaves_nothing_unfinished_for_good(
    clock: VirtualClock, question: CreateQueue | DeleteQueue, commits: int
) -> None:
    store = Filling(clock)

    async with theatre(clock, store=store) as stage:

        def known_to_be_full() -> None:  # as when the commit of another actor was refused meanwhile
            stage.system.commit.full = True

        async def ask(question: Question) -> list[object]:
            answers = await answer_of(stage, question)
            await clock.advance(5.0)
            return answers

        if isinstance(question, DeleteQueue):
            assert await ask(CreateQueue(name="orders")) == ["orders"]
        store.left, store.filled = commits, known_to_be_full
        assert len(await ask(question)) == 1
        store.disk.faults.full = False
        await clock.advance(5.0)
        if isinstance(question, CreateQueue):
            assert await ask(FindQueue(name="orders")) == ["orders"]
        else:
            assert await ask(CreateQueue(name="orders")) == ["orders"]
        assert await ask(DeleteQueue(name="orders")) == [None]


async def test_listing_goes_page_by_page_in_the_names_order(stage: Theatre, clock: VirtualClock) -> None:
    for name in ("b", "a2", "a1", "A0"):
        await stage.create(name)
    first = await stage.names.ask(ListQueues(prefix="a", limit=1))
    assert list(first.names) == ["a1"]
    second = await stage.names.ask(ListQueues(prefix="a", limit=1, token=first.next_token))
    assert list(second.names) == ["a2"]
    assert second.next_token is None


@pytest.mark.parametrize("token", ["!!", "x", "ö"])
async def test_a_token_that_no_page_gave_is_refused(stage: Theatre, clock: VirtualClock, token: str) -> None:
    with pytest.raises(InvalidParameterValue):
        await stage.names.ask(ListQueues(limit=1, token=token))


async def test_names_survive_a_restart(clock: VirtualClock, disk: Disk) -> None:
    async with theatre(clock, disk) as stage:
        for name in ("one", "two", "three"):
            await stage.create(name)
        await stage.names.ask(DeleteQueue(name="two"))
    async with theatre(clock, disk) as stage:
        assert list((await stage.names.ask(ListQueues())).names) == ["one", "three"]


async def test_a_name_that_is_no_queue_leaves_nothing_in_the_node(
    stage: Theatre, clock: VirtualClock
) -> None:
    for number in range(3):
        with pytest.raises(QueueDoesNotExist):
            await stage.send(stage.queue(f"none{number}"), "a")
        with pytest.raises(QueueDoesNotExist):
            await stage.names.ask(FindQueue(name=f"none{number}"))
    await wait_all_tasks_blocked()
    assert list(stage.system.router.cells) == []
    queue = await stage.create()
    await stage.names.ask(DeleteQueue(name="orders"))
    with pytest.raises(QueueDoesNotExist):
        await stage.send(queue, "a")
    await wait_all_tasks_blocked()
    assert queue.address not in stage.system.router.cells
