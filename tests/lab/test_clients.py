"""Unmodified boto3 in a simulation: virtual time, its own retries, power cuts of the node and crashes of the client."""

import socket
import subprocess
import sys
import time
from contextlib import suppress
from os import environ
from pathlib import Path
from typing import Any

import pytest
import trio

from patterns.queue.pattern import pattern
from runtime.lab.door_faults import DoorFault
from runtime.lab.greenlets import CannotEnd, ClientCrashed
from runtime.lab.node_simulation import Program, SimulatedNode, simulate_node
from runtime.lab.simulation import Run
from runtime.lab.stuck import Stuck
from tests.lab.boto_world import consume, left, make, produce
from tests.wire.aws_sdk import BotoCoreError, ClientError, boto3

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]


def run(program: Program, seed: int = 1, **options: Any) -> Run:
    return simulate_node(program, seed=seed, patterns=[pattern], **options)


# --- virtual time -----------------------------------------------------------------------------------------


def test_a_long_poll_of_boto3_ends_when_a_message_comes_in_virtual_time() -> None:
    def poll(url: str) -> tuple[str, float]:
        began = time.time()
        found = boto3.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
        return found["Messages"][0]["Body"], time.time() - began

    async def program(node: SimulatedNode) -> tuple[str, float]:
        url = await node.client(make)
        found: list[tuple[str, float]] = []

        async def polling() -> None:
            found.append(await node.client(poll, url))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(polling)
            await trio.sleep(12)
            await node.client(produce, url, ["late"], [])
        return found[0]

    body, took = run(program).result
    assert body == "late"
    assert 12 <= took < 12.2


def test_an_empty_long_poll_takes_its_twenty_virtual_seconds() -> None:
    async def program(node: SimulatedNode) -> list[str]:
        return await node.client(left, await node.client(make))

    done = run(program)
    assert done.result == []
    assert 60 <= done.elapsed < 61


def test_resources_paginators_and_waiting_clients_work_as_they_are() -> None:
    def listing() -> list[str]:
        for number in range(5):
            make(f"q{number}")
        pages = boto3.client("sqs").get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2})
        return [url.rpartition("/")[2] for page in pages for url in page["QueueUrls"]]

    async def program(node: SimulatedNode) -> list[str]:
        return await node.client(listing)

    assert run(program).result == ["q0", "q1", "q2", "q3", "q4"]


# --- faults between client and node -----------------------------------------------------------------------


def sent_under(fault: DoorFault, name: str = "orders", **options: Any) -> tuple[list[str], list[str], float]:
    """(acknowledged, found in the queue, virtual seconds of sending) of one message sent under the fault."""

    async def program(node: SimulatedNode) -> tuple[list[str], list[str], float]:
        url = await node.client(make_fifo if name.endswith(".fifo") else make, name)
        node.door.append(fault)
        acknowledged: list[str] = []
        began = node.clock.now()
        await node.client(produce_with, options, url, ["one"], acknowledged)
        took = node.clock.now() - began
        assert fault.met
        return acknowledged, await node.client(left, url), took

    found: tuple[list[str], list[str], float] = run(program).result
    return found


def make_fifo(name: str) -> str:
    return make(name, FifoQueue="true")


def produce_with(options: dict[str, Any], url: str, bodies: list[str], sent: list[str]) -> None:
    produce(url, bodies, sent, **options)


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_a_throttled_client_backs_off_in_virtual_time_and_succeeds(mode: str) -> None:
    fault = DoorFault("error", "SendMessage", times=3)
    retries = {"mode": mode, "max_attempts": 5}
    acknowledged, found, took = sent_under(fault, retries=retries)
    assert (acknowledged, found, fault.met) == (["one"], ["one"], 3)
    assert took > 0.1


def test_a_client_that_is_throttled_more_often_than_it_tries_is_told_so() -> None:
    fault = DoorFault("error", "SendMessage", times=9)
    with pytest.raises(ClientError, match="ThrottlingException"):
        sent_under(fault, retries={"total_max_attempts": 4})
    assert fault.met == 4


def test_a_reset_before_the_effect_costs_a_retry_and_nothing_else() -> None:
    assert sent_under(DoorFault("reset", "SendMessage"))[:2] == (["one"], ["one"])


def test_a_reset_after_the_effect_makes_the_clients_retry_a_duplicate() -> None:
    assert sent_under(DoorFault("reset", "SendMessage", after=True))[:2] == (["one"], ["one", "one"])


def test_a_fifo_queue_takes_the_retry_after_a_reset_for_what_it_is() -> None:
    assert sent_under(DoorFault("reset", "SendMessage", after=True), "orders.fifo")[:2] == (["one"], ["one"])


def test_an_answer_that_never_comes_is_waited_for_until_the_clients_read_timeout() -> None:
    acknowledged, found, took = sent_under(DoorFault("silence", "SendMessage", after=True))
    assert (acknowledged, found) == (["one"], ["one", "one"])
    assert 60 <= took < 65


def test_a_refused_connection_is_tried_again_by_the_client() -> None:
    async def program(node: SimulatedNode) -> str:
        node.network.faults.refuse = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heal, node)
            return await node.client(make)

    async def heal(node: SimulatedNode) -> None:
        await trio.sleep(0.5)
        node.network.faults.refuse = False

    assert run(program).result.endswith("/orders")


# --- power cuts of the node -------------------------------------------------------------------------------


async def order_by_order(node: SimulatedNode) -> tuple[list[str], list[str]]:
    """A producer, a consumer and a node: (acknowledged, done)."""
    sent: list[str] = []
    done: list[str] = []
    url = await node.client(make)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.client, consume, url, 3, done)
        nursery.start_soon(node.client, produce, url, ["0", "1", "2"], sent)
    return sent, done


def test_two_clients_and_a_node_share_one_simulation() -> None:
    done = run(order_by_order)
    assert done.result == (["0", "1", "2"], ["0", "1", "2"])
    assert not done.crashed


def test_a_client_goes_on_against_the_node_that_comes_back_after_a_power_cut_at_any_effect() -> None:
    cut = 0
    for step in range(3, run(order_by_order).steps, 9):
        done = run(order_by_order, crash_at=step)
        assert done.crashed
        assert done.result[0] == ["0", "1", "2"]
        assert sorted(done.result[1]) == ["0", "1", "2"]
        cut += 1
    assert cut > 8


def test_what_was_acknowledged_before_the_power_cut_is_there_after_it() -> None:
    async def program(node: SimulatedNode) -> list[str]:
        url = await node.client(make)
        await node.client(produce, url, ["kept"], [])
        node.kill()
        return await node.client(left, url)

    done = run(program)
    assert done.crashed
    assert done.result == ["kept"]


def test_a_power_cut_resets_the_clients_connections() -> None:
    def reads() -> str:
        with socket.create_connection(("localhost", 4566)) as connection:
            try:
                return f"read {connection.recv(1)!r}"
            except ConnectionResetError:
                return "reset"

    async def program(node: SimulatedNode) -> str:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cut, node)
            return await node.client(reads)

    async def cut(node: SimulatedNode) -> None:
        await trio.sleep(1)
        node.kill()

    assert run(program).result == "reset"


def test_a_node_that_does_not_come_back_is_an_error_that_the_client_sees() -> None:
    def gives_up() -> str:
        try:
            boto3.client("sqs").list_queues()
        except BotoCoreError as error:
            return type(error).__name__
        return "made"

    async def program(node: SimulatedNode) -> str:
        node.restart_after = None
        node.kill()
        return await node.client(gives_up)

    assert run(program).result == "EndpointConnectionError"


# --- crashes and cancellations of the client --------------------------------------------------------------


def test_a_consumer_that_crashes_at_any_of_its_effects_loses_nothing() -> None:
    crash_at = 0
    ended = False
    while not ended:
        crash_at += 3

        async def program(node: SimulatedNode, crash_at: int = crash_at) -> tuple[bool, list[str]]:
            url = await node.client(make)
            await node.client(produce, url, ["a", "b"], [])
            done: list[str] = []
            try:
                await node.client(consume, url, 2, done, name="consumer", crash_at=crash_at)
            except ClientCrashed:
                assert node.effects["consumer"] == crash_at
            else:
                return True, done
            return False, [*done, *await node.client(left, url)]

        ended, bodies = run(program).result
        assert {"a", "b"} == set(bodies)
    assert crash_at > 15


def test_a_cancelled_client_leaves_at_its_blocking_call() -> None:
    left_by: list[str] = []

    def waits(url: str) -> None:
        try:
            boto3.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)
        except BaseException as error:
            left_by.append(type(error).__name__)
            raise

    async def program(node: SimulatedNode) -> float:
        url = await node.client(make)
        began = node.clock.now()
        with trio.move_on_after(5):
            await node.client(waits, url)
        return node.clock.now() - began

    assert run(program).result == pytest.approx(5)
    assert left_by == ["Cancelled"]


def test_a_client_that_catches_its_own_end_is_left_behind_and_said_so() -> None:
    def stubborn() -> None:
        while True:
            with suppress(BaseException):
                time.sleep(1)

    async def program(node: SimulatedNode) -> None:
        await node.client(stubborn, crash_at=3)

    with pytest.raises(CannotEnd, match="stubborn-1 catches what ends it"):
        run(program)


def test_a_client_that_waits_for_nobody_is_stuck() -> None:
    async def program(node: SimulatedNode) -> None:
        node.network.faults.half_open = True
        await node.client(make_patiently)

    with pytest.raises(Stuck):
        run(program)


def make_patiently() -> None:
    socket.create_connection(("localhost", 4566))


# --- the same again ---------------------------------------------------------------------------------------


def digests(seeds: range) -> list[str]:
    return [run(order_by_order, seed, crash_at=60).digest for seed in seeds]


def test_the_same_seed_gives_the_same_run_of_clients_in_another_process_with_another_hash_seed() -> None:
    code = "from tests.lab.test_clients import digests; print(*digests(range(3)))"
    found: list[list[str]] = []
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        found.append(done.stdout.splitlines()[-1].split())
    assert found[0] == found[1] == digests(range(3))
    assert len(set(found[0])) == 3
