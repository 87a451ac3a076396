"""Threads for what blocks, processes for what computes; neither outlives its welcome."""

import os
import sys
import threading  # noqa: TID251 -- what a thread waits for here must be a thread's
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from actors.errors import WorkerDied, WorkerFailed
from runtime.workers import InlineWorkers, MachineWorkers, Workers


@asynccontextmanager
async def machine(processes: int = 1) -> AsyncGenerator[MachineWorkers]:
    workers = MachineWorkers(processes)
    try:
        yield workers
    finally:
        await workers.aclose()


def add(left: int, right: int) -> int:
    return left + right


def reverse(data: bytes) -> bytes:
    return data[::-1]


def fail(text: str) -> None:
    raise LookupError(text)


def leave(code: int) -> None:
    os._exit(code)


def shout(text: str) -> int:
    sys.stdout.write(text)
    return len(text)


def pid() -> int:
    return os.getpid()


def for_ever() -> None:
    while True:
        pass


def an_object() -> object:
    return object()


@pytest.mark.parametrize("workers", [InlineWorkers(), MachineWorkers(1)], ids=["inline", "machine"])
async def test_work_in_a_process_takes_and_answers_json_or_bytes(workers: Workers) -> None:
    try:
        assert await workers.process(add, 2, 3) == 5
        assert await workers.process(reverse, b"abc\x00") == b"\x00cba"
        with pytest.raises(WorkerFailed, match="LookupError: no") as failed:
            await workers.process(fail, "no")
        assert "in fail" in failed.value.__notes__[0]
        with pytest.raises(WorkerFailed, match="not JSON serializable"):
            await workers.process(an_object)
        with pytest.raises(TypeError, match="not JSON serializable"):
            await workers.process(add, object(), 1)
        with pytest.raises(ValueError, match="no lambda and no inner one"):
            await workers.process(lambda: 1)
    finally:
        await workers.aclose()


async def test_what_the_work_prints_does_not_come_between_the_answers() -> None:
    async with machine() as workers:
        assert await workers.process(shout, "x" * 100_000) == 100_000
        assert await workers.process(add, 1, 1) == 2


async def test_a_process_is_used_again_and_is_not_this_one() -> None:
    async with machine() as workers:
        first = await workers.process(pid)
        assert first == await workers.process(pid)
        assert first != os.getpid()


async def test_a_process_that_dies_fails_its_work_and_not_the_next() -> None:
    async with machine() as workers:
        with pytest.raises(WorkerDied, match="exit code 3"):
            await workers.process(leave, 3)
        assert await workers.process(add, 1, 1) == 2


async def test_work_that_nobody_waits_for_any_more_is_killed() -> None:
    async with machine() as workers:
        before = await workers.process(pid)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(workers.process, for_ever)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert await workers.process(pid) != before
        with pytest.raises(ProcessLookupError):
            os.kill(before, 0)


async def test_a_thread_runs_beside_the_loop_and_at_most_so_many_of_a_group() -> None:
    workers, gate = MachineWorkers(), threading.Event()
    at_work: list[int] = []
    answers: list[Any] = []

    def work(number: int) -> int:
        at_work.append(number)
        gate.wait(10)
        return number

    async def ask(number: int) -> None:
        answers.append(await workers.thread("group", 2, work, number))

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(ask, number)
        while len(at_work) < 2:
            await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        assert len(at_work) == 2
        assert await workers.thread("another", 2, threading.get_ident) != threading.get_ident()
        gate.set()
    assert sorted(answers) == [0, 1, 2, 3]


async def test_an_abandoned_thread_is_counted_until_it_ends() -> None:
    workers, gate, ended = MachineWorkers(), threading.Event(), threading.Event()

    def work() -> None:
        gate.wait(10)
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(workers.thread, "group", 1, work)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert workers.abandoned == 1
    gate.set()
    while workers.abandoned:
        await trio.lowlevel.checkpoint()
    assert ended.is_set()
