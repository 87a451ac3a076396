"""The only file that reaches into Trio: its run loop's own shuffle, seeded for the time of a simulation.

Trio shuffles each batch of runnable tasks so that nobody relies on their order. Seeding that generator and
asking for batches in a fixed order first gives the same schedule in every process, whatever the hash seed and
the heap. Both names are private and have been stable since 2019; a test runs one program in several processes
and compares, so a Trio that moves them is noticed.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import trio._core._run as run_loop


@contextmanager
def fixed_task_order(seed: int) -> Generator[None]:
    """Within the block, `trio.run` schedules by `seed` alone. Not reentrant."""
    loop: Any = run_loop
    before = loop._r.getstate(), loop._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001 -- see the module
    loop._r.seed(seed)  # noqa: SLF001
    loop._ALLOW_DETERMINISTIC_SCHEDULING = True  # noqa: SLF001
    try:
        yield
    finally:
        loop._r.setstate(before[0])  # noqa: SLF001
        loop._ALLOW_DETERMINISTIC_SCHEDULING = before[1]  # noqa: SLF001
