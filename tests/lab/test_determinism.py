"""The same seed, the same run: in one process, in another one, under another hash seed; another seed, another order."""

import subprocess
import sys
from os import environ
from pathlib import Path

import pytest
import trio

from patterns.queue.pattern import pattern
from runtime import System
from runtime.lab.simulation import simulate
from runtime.lab.stuck import Stuck
from runtime.observe.tracing import TraceSample
from tests.lab.queue_world import Seen, produce_and_consume

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]


async def program(system: System) -> list[str]:
    seen = Seen()
    await produce_and_consume(system, seen)
    return seen.received


def digests(seeds: range) -> list[str]:
    return [simulate(program, seed=seed, patterns=[pattern]).digest for seed in seeds]


def test_the_same_seed_gives_the_same_digest_in_another_process_with_another_hash_seed() -> None:
    code = "from tests.lab.test_determinism import digests; print(*digests(range(5)))"
    found: list[list[str]] = []
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        found.append(run.stdout.splitlines()[-1].split())
    assert found[0] == found[1] == digests(range(5))


def test_another_seed_gives_another_order() -> None:
    assert len(set(digests(range(10)))) == 10


def test_the_same_seed_gives_the_same_trace_line_by_line() -> None:
    one, two = (simulate(program, seed=3, patterns=[pattern], keep_trace=True) for _ in range(2))
    assert one.trace == two.trace
    assert one.result == two.result


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_the_same_seed_gives_the_same_run_with_tracing_on(rate: float) -> None:
    followed = [
        simulate(program, seed=seed, patterns=[pattern], tracing=TraceSample(rate)) for seed in range(5)
    ]
    assert [run.digest for run in followed] == digests(range(5))


def test_a_program_that_waits_for_ever_is_stuck_and_does_not_hang() -> None:
    async def forever(_system: System) -> None:
        await trio.sleep_forever()

    with pytest.raises(Stuck):
        simulate(forever, seed=0)
