"""Drives a handler's coroutine: each of its steps runs in its cell's own contextvars, and its first wait is noticed.

Without this a contextvar that one handler sets would be seen by the next one of the same pump.
"""

import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context as Vars
from typing import Any, cast

import outcome
import trio

from runtime.cell import Turn
from runtime.clock import loop_time


@trio.lowlevel.enable_ki_protection
@types.coroutine
def drive(
    variables: Vars, turn: Turn, coro: Coroutine[Any, Any, Any], suspended: Callable[[], None] | None
) -> Generator[Any, Any, Any]:
    """Run a handler's coroutine, its steps in the cell's own contextvars; call `suspended` when it first waits.

    `turn`, `variables`, `coro` and `_since` are read from this frame, by these names, by `runtime.observe.suspended`.
    """
    open_to_ctrl_c = _interruptible(coro)
    try:
        trap = variables.run(open_to_ctrl_c.send, None)
    except StopIteration as stop:
        return stop.value
    if turn.staged is not None:
        turn.dirty = True
    if suspended is not None:
        suspended()
    while True:
        _since = loop_time()  # 0.35 us for each wait
        sent: outcome.Maybe[Any] = yield from _resumed(trap)
        turn.resumed()
        try:
            trap = variables.run(sent.send, cast("Generator[Any, Any, Any]", open_to_ctrl_c))
        except StopIteration as stop:
            return stop.value
        if turn.staged is not None:
            turn.dirty = True


@trio.lowlevel.disable_ki_protection
async def _interruptible(coro: Coroutine[Any, Any, Any]) -> Any:
    """The handler's own code, which Ctrl-C may interrupt; one between two of its steps would leave it in the midst of a wait."""
    return await coro


def _resumed(trap: Any) -> Generator[Any, Any, outcome.Maybe[Any]]:
    """Let the task wait, and bring back how it went on; what is thrown belongs to the handler, a Cancelled too."""
    try:
        return outcome.Value((yield trap))
    except BaseException as error:  # noqa: BLE001 -- handed to the handler, never kept
        return outcome.Error(error)
