"""The only file that reaches into Trio: its run loop's own shuffle, seeded or replaced for the time of a simulation.

Trio shuffles each batch of runnable tasks so that nobody relies on their order. Seeding that generator and
asking for batches in a fixed order first gives the same schedule in every process, whatever the hash seed and
the heap. In a run whose choices are made by name, one task is chosen in the shuffle's place and the rest put back, so
that after each step all that can run is there to choose from. These names are private and have been stable since 2019; a test
runs one program in several processes and compares, so a Trio that moves them is noticed.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import trio._core._run as run_loop
from trio.lowlevel import Task

NextTask = Callable[[Sequence[Task]], Task]
"""Which of the runnable tasks steps next; at least one, in the order in which they were started. It must not raise."""


class _Order:
    """What stands in the place of the loop's own generator."""

    def __init__(self, choose: NextTask) -> None:
        self._choose = choose

    def shuffle(self, batch: list[Task]) -> None:
        if not batch:
            return  # a deadline has passed that nobody waits for
        chosen = self._choose(batch)
        if len(batch) > 1:
            loop: Any = run_loop
            loop.GLOBAL_RUN_CONTEXT.runner.runq.extend(task for task in batch if task is not chosen)
            batch[:] = [chosen]


@contextmanager
def fixed_task_order(seed: int) -> Generator[None]:
    """Within the block, `trio.run` schedules by `seed` alone, whole batches at a time. Not reentrant."""
    loop: Any = run_loop
    before = loop._r.getstate(), loop._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001 -- see the module
    loop._r.seed(seed)  # noqa: SLF001
    loop._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001
    try:
        yield
    finally:
        loop._r.setstate(before[0])  # noqa: SLF001
        loop._ALLOW_DETERMINISTIC_SCHEDULING = before[1]  # noqa: SLF001


@contextmanager
def chosen_task_order(choose: NextTask) -> Generator[None]:
    """Within the block, `trio.run` takes its next task by `choose` alone. Not reentrant."""
    loop: Any = run_loop
    before = loop._r, loop._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001 -- see the module
    loop._r = _Order(choose)  # noqa: SLF001
    loop._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001
    try:
        yield
    finally:
        loop._r, loop._ALLOW_DETERMINISTIC_SCHEDULING = before  # noqa: SLF001


def others_can_run() -> bool:
    """Whether any task but the one that asks is runnable now."""
    loop: Any = run_loop
    return bool(loop.GLOBAL_RUN_CONTEXT.runner.runq)
