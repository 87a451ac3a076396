"""In a run the world is the run's: clients get its time, chance and network, and what cannot be had is refused by name."""

import datetime as dt
import gc
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from queue import Empty, Queue
from time import monotonic, sleep
from typing import Any

import boto3.s3.transfer as untyped_transfer  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import pytest
import trio

from actors import Actor, Message, Spec, receive
from patterns.queue.pattern import pattern
from runtime.lab.node_simulation import SimulatedNode, simulate_node
from runtime.lab.uncontrolled import Uncontrolled
from tests.lab.boto_world import make
from tests.wire.aws_sdk import boto3

pytestmark = pytest.mark.lab
START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
transfer: Any = untyped_transfer


def in_client(function: Callable[..., Any], *arguments: Any, seed: int = 1) -> Any:
    async def program(node: SimulatedNode) -> Any:
        return await node.client(function, *arguments)

    return simulate_node(program, seed=seed, patterns=[pattern], start=START.timestamp()).result


# --- what clients get -------------------------------------------------------------------------------------


def test_a_client_sleeps_and_reads_virtual_time_by_whatever_name_it_has_taken() -> None:
    def times() -> list[float]:
        began = time.time(), time.monotonic(), time.perf_counter(), monotonic(), time.time_ns() / 1e9
        time.sleep(3_600)
        sleep(3_600)
        ended = time.time(), time.monotonic(), time.perf_counter(), monotonic(), time.time_ns() / 1e9
        return [after - before for before, after in zip(began, ended, strict=True)]

    assert in_client(times) == pytest.approx([7_200] * 5)


def test_a_clients_calendar_is_the_runs() -> None:
    def calendar() -> list[datetime]:
        broken_down = datetime(*time.gmtime()[:6], tzinfo=UTC)
        return [datetime.now(UTC), dt.datetime.now(UTC), broken_down, datetime.now().astimezone(UTC)]

    assert in_client(calendar) == [START] * 4


def is_of(kind: type[object], thing: object) -> bool:
    return isinstance(thing, kind)


def test_what_a_client_makes_of_datetime_is_of_the_real_class() -> None:
    def made() -> tuple[Any, ...]:
        made: list[object] = [datetime.now(UTC), datetime(2030, 1, 1, tzinfo=UTC), 1]
        return *map(type, made), *map(partial(is_of, datetime), made)

    assert in_client(made) == (datetime, datetime, int, True, True, False)


def test_a_clients_chance_is_the_seeds() -> None:
    def draws() -> list[Any]:
        return [random.random(), uuid.uuid4(), os.urandom(8), secrets.token_hex(), random.Random().random()]

    assert in_client(draws, seed=1) == in_client(draws, seed=1)
    assert not set(in_client(draws, seed=1)) & set(in_client(draws, seed=2))


def test_two_clients_hand_each_other_work_by_a_queue_of_the_standard_library() -> None:
    work: Queue[str] = Queue()

    def waits() -> tuple[str, float]:
        return work.get(timeout=60), time.time() - START.timestamp()

    def gives() -> None:
        time.sleep(5)
        work.put("done")

    async def program(node: SimulatedNode) -> Any:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.client, gives)
            return await node.client(waits)

    assert simulate_node(program, seed=1, start=START.timestamp()).result == ("done", pytest.approx(5))


def test_a_wait_on_a_condition_ends_with_its_timeout() -> None:
    def waits() -> float:
        with pytest.raises(Empty):
            Queue[int]().get(timeout=60)
        return time.time() - START.timestamp()

    assert in_client(waits) == pytest.approx(60)


def test_the_machines_own_aws_settings_do_not_reach_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://example.invalid")
    monkeypatch.setenv("AWS_PROFILE", "production")
    assert in_client(make) == "http://localhost:4566/000000000000/orders"
    assert os.environ["AWS_PROFILE"] == "production"


def test_a_default_session_of_before_the_run_is_put_aside_and_comes_back() -> None:
    def region() -> str:
        return str(boto3.client("sqs").meta.region_name)

    boto3.setup_default_session(region_name="eu-west-1")
    before = boto3.DEFAULT_SESSION
    try:
        assert in_client(region) == "us-east-1"
        assert boto3.DEFAULT_SESSION is before
    finally:
        boto3.DEFAULT_SESSION = None


def test_no_garbage_is_collected_during_a_run() -> None:
    assert in_client(gc.isenabled) is False
    assert gc.isenabled()


def test_after_a_run_everything_is_the_machines_again() -> None:
    chance = random.getstate()
    real = [time.time, time.sleep, socket.socket, os.urandom, threading.Thread.start, sleep, datetime, dt]
    in_client(make)
    assert [
        time.time,
        time.sleep,
        socket.socket,
        os.urandom,
        threading.Thread.start,
        sleep,
        datetime,
        dt,
    ] == real
    assert random.getstate() == chance
    assert boto3.DEFAULT_SESSION is None


def test_other_threads_of_the_process_keep_the_machines_time() -> None:
    stop, looked = threading.Event(), threading.Event()
    seen: list[float] = []

    def looks() -> None:
        while not stop.wait(0.001):
            seen.append(time.time())
            looked.set()

    def waits() -> None:
        looked.clear()
        while not looked.is_set():
            os.getpid()

    thread = threading.Thread(target=looks)
    thread.start()
    in_client(waits)
    stop.set()
    thread.join()
    assert max(seen) < START.timestamp()


# --- what is refused --------------------------------------------------------------------------------------


def in_pool() -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(print).result()


def in_transfer_manager() -> None:
    transfer.create_transfer_manager(boto3.client("s3"), transfer.TransferConfig()).download(
        "b", "k", "/dev/null"
    )


def in_another_process() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def elsewhere() -> None:
    boto3.client("sqs", endpoint_url="http://sqs.example.com").list_queues()


def encrypted() -> None:
    boto3.client("sqs", endpoint_url="https://localhost:4566").list_queues()


def over_udp() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def spinning() -> None:
    end = time.time() + 1
    while time.time() < end:
        pass


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (in_pool, "threading.Thread.start: a thread"),
        (in_transfer_manager, "threading.Thread.start: a thread"),
        (in_another_process, "subprocess.Popen.__init__: another process"),
        (elsewhere, "a connection to sqs.example.com:80, which is not in the simulation"),
        (encrypted, "TLS"),
        (over_udp, "a socket that is not TCP"),
        (spinning, "a loop around time.time"),
    ],
)
def test_what_cannot_join_a_run_says_so(function: Callable[[], None], what: str) -> None:
    with pytest.raises(Uncontrolled, match=what) as refused:
        in_client(function)
    assert function.__name__ in refused.value.stack


def test_a_refusal_that_a_client_swallows_fails_the_run_all_the_same() -> None:
    def swallows() -> None:
        with suppress(BaseException):
            in_another_process()

    with pytest.raises(Uncontrolled, match="another process"):
        in_client(swallows)


class Act(Message[None]):
    pass


class Careless(Actor[Act]):
    def __init__(self, does: Callable[[], object]) -> None:
        self.does = does

    @receive(Act)
    def on_act(self, message: Act) -> None:
        self.does()


@pytest.mark.parametrize(
    ("does", "what"),
    [
        (lambda: time.sleep(1), "time.sleep outside a client"),
        (lambda: time.time() + 1, "time.time outside a client"),
        (lambda: socket.create_connection(("localhost", 4566)), "a socket outside a client"),
        (lambda: os.urandom(4), "os.urandom outside a client"),
    ],
)
def test_an_actor_that_takes_time_or_chance_past_its_context_fails_the_run(
    does: Callable[[], object], what: str
) -> None:
    async def program(node: SimulatedNode) -> None:
        await node.system.spawn(Spec(Careless, (does,))).ask(Act())

    with pytest.raises(Uncontrolled, match=what):
        simulate_node(program, seed=1)
