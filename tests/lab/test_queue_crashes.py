"""A node that loses power at each numbered effect of a run, and what its queue has left when it is back."""

import pytest
import trio

from actors import Ref
from patterns.queue.messages import (
    CreateQueue,
    GetQueueAttributes,
    ListDeadLetterSourceQueues,
    NamesMessage,
    QueueDoesNotExist,
    QueueMessage,
    SetQueueAttributes,
)
from patterns.queue.pattern import pattern
from runtime import System
from runtime.lab.simulation import simulate
from runtime.store import Disk
from tests.lab.queue_world import NAMES, Seen, drain, produce_and_consume, queue_address

pytestmark = pytest.mark.lab


async def what_is_left(system: System, name: str) -> list[str]:
    try:
        return await drain(system, name)
    except QueueDoesNotExist:
        return []


def effects_of_a_run(name: str, seed: int) -> int:
    async def program(system: System) -> None:
        await produce_and_consume(system, Seen(), name=name)

    return simulate(program, seed=seed, patterns=[pattern]).steps


@pytest.mark.parametrize("name", ["orders", "orders.fifo"])
@pytest.mark.parametrize("torn", [0, 1])
def test_nothing_that_was_answered_is_lost_or_taken_back_whichever_effect_the_power_fails_at(
    name: str, torn: int
) -> None:
    steps = effects_of_a_run(name, seed=1)
    assert steps > 50
    for crash_at in range(1, steps + 1):
        disk, seen = Disk(), Seen()
        disk.faults.torn = torn

        async def program(system: System, seen: Seen = seen) -> None:
            await produce_and_consume(system, seen, name=name)

        async def after(system: System) -> list[str]:
            return await what_is_left(system, name)

        crashed = simulate(program, seed=1, patterns=[pattern], disk=disk, crash_at=crash_at)
        assert crashed.crashed
        left = simulate(after, seed=2, patterns=[pattern], disk=disk).result

        where = f"at effect {crash_at} of {steps}, torn {torn}"
        assert seen.sent - seen.deleting <= set(left), f"lost {where}"
        assert not set(left) & seen.deleted, f"a deleted message came back {where}"
        assert set(left) <= seen.tried, f"a message that nobody sent {where}"
        assert len(left) == len(set(left)), f"one message twice {where}"


async def set_redrive(system: System, policies: list[str]) -> None:
    """A queue whose redrive policy changes again and again, and two queues that it names."""
    names: Ref[NamesMessage] = system.ref(NAMES)
    orders: Ref[QueueMessage] = system.ref(queue_address("orders"))
    for name in ("dead", "late"):
        await names.ask(CreateQueue(name=name))
    await names.ask(CreateQueue(name="orders", attributes={"RedrivePolicy": policies[0]}))
    for policy in policies[1:]:
        await orders.ask(SetQueueAttributes(attributes={"RedrivePolicy": policy}))


async def policy_and_sources(system: System) -> tuple[str, dict[str, list[str]]]:
    """What the queue says, and for whom the names list it; ("", {}) before it was there."""
    names: Ref[NamesMessage] = system.ref(NAMES)
    orders: Ref[QueueMessage] = system.ref(queue_address("orders"))
    try:
        await names.ask(ListDeadLetterSourceQueues(name="dead"))
        await trio.sleep(
            5
        )  # a creation that was cut is taken up as the names come up, and takes turns of its own
        policy = (await orders.ask(GetQueueAttributes(names=("RedrivePolicy",)))).get("RedrivePolicy", "")
        listed = {
            name: list((await names.ask(ListDeadLetterSourceQueues(name=name))).names)
            for name in ("dead", "late")
        }
    except QueueDoesNotExist:
        return "", {}
    return policy, listed


@pytest.mark.parametrize("torn", [0, 1])
def test_the_sources_of_a_dead_letter_queue_are_what_the_queues_say_whichever_effect_the_power_fails_at(
    torn: int,
) -> None:
    arn = "arn:aws:sqs:us-east-1:000000000000:"
    to_dead, to_late = (
        f'{{"deadLetterTargetArn":"{arn}{name}","maxReceiveCount":1}}' for name in ("dead", "late")
    )

    async def program(system: System) -> None:
        await set_redrive(system, [to_dead, to_late, "", to_dead])

    steps = simulate(program, seed=1, patterns=[pattern]).steps
    found: set[str] = set()
    for crash_at in range(1, steps + 1):
        disk = Disk()
        disk.faults.torn = torn
        assert simulate(program, seed=1, patterns=[pattern], disk=disk, crash_at=crash_at).crashed
        policy, listed = simulate(policy_and_sources, seed=2, patterns=[pattern], disk=disk).result
        for name, sources in listed.items():
            where = f"of {name} at effect {crash_at} of {steps}, torn {torn}: {policy}"
            assert sources == (["orders"] if f'{arn}{name}"' in policy else []), f"sources {where}"
        found.add(policy)
    assert found == {"", to_dead, to_late}, "the crashes have seen each policy"


@pytest.mark.parametrize("seed", range(10))
def test_a_node_that_crashes_again_and_again_goes_on_with_what_it_had(seed: int) -> None:
    disk, seen = Disk(), Seen()
    for round_ in range(4):

        async def program(system: System, round_: int = round_) -> None:
            await produce_and_consume(system, seen, round_=round_)

        simulate(
            program, seed=seed * 10 + round_, patterns=[pattern], disk=disk, crash_at=20 + 11 * round_ + seed
        )

    async def after(system: System) -> list[str]:
        return await what_is_left(system, "orders")

    left = simulate(after, seed=seed, patterns=[pattern], disk=disk).result
    assert seen.sent - seen.deleting <= set(left)
    assert not set(left) & seen.deleted


@pytest.mark.parametrize("seed", range(20))
def test_a_fifo_queue_hands_out_each_group_in_order_in_any_schedule(seed: int) -> None:
    seen = Seen()

    async def program(system: System) -> None:
        await produce_and_consume(system, seen, name="orders.fifo")

    simulate(program, seed=seed, patterns=[pattern])
    for number in range(2):
        group = [body for body in seen.received if body.startswith(f"0.{number}.")]
        assert group == sorted(group)
