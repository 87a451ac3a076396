"""Where Callboard's actors stand: a system of its own, whose log goes to standard error."""

from collections.abc import Awaitable, Callable

import trio

from runtime.config import LogFormat
from runtime.observe import logs
from runtime.system import System
from tests.bench.savina.harness import Stopwatch


def callboard(act: Callable[..., Awaitable[object]], watch: Stopwatch, size: tuple[int, ...]) -> object:
    """A volatile node; a program that keeps something brings its own stores."""

    async def node() -> object:
        async with System() as system:
            return await act(system, watch, *size)

    logs.configure(LogFormat.TEXT)
    return trio.run(node)
