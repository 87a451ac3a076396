"""Whether a context is used in its own turn: in the lab, what changes something anywhere else is WrongTask, and ends the run.

What a turn does is let out, or undone, with it: an effect from a pipe's task or from another actor's turn would be
counted as the work of whichever turn is suspended just then, or be lost. Tasks of nurseries that a handler has opened
are the turn's own. What only reads, and `thread` and `process`, may be used anywhere. A thread, and a task that a handler
has started in a nursery of somebody else's, carry the turn's contextvars: they are seen only between the turns.
"""

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from actors.errors import WrongTask
from runtime.cell import BLOCKED, IDLE, QUEUED, RESTARTING, Cell
from runtime.context import TurnContext
from runtime.router import INSIDE, SPEAKER

CHANGING = frozenset(
    {
        "answer",
        "become",
        "cancel",
        "defer",
        "deregister",
        "forward",
        "join",
        "leave",
        "pipe",
        "publish",
        "read",
        "receive_timeout",
        "records",
        "refuse",
        "register",
        "resolve",
        "spawn",
        "stage",
        "start_child",
        "stash",
        "state_timeout",
        "stop",
        "subscribe",
        "tell",
        "timer",
        "unstash",
        "unwatch",
        "watch",
    }
)
"""What belongs to one turn."""


class OwnTurn:
    """A context as its actor sees it; the runtime goes on with the plain one."""

    __slots__ = ("_ctx", "_fail")

    def __init__(self, fail: Callable[[Exception], None], ctx: TurnContext) -> None:
        """`fail` ends the system: an actor, or its pipe, could swallow what is raised."""
        self._ctx = ctx
        self._fail = fail

    def __getattr__(self, name: str) -> Any:
        """Raises WrongTask."""
        ctx = self._ctx
        if name in CHANGING and not ctx.fenced and not _in_turn(ctx):
            error = WrongTask(f"{ctx.cell.address}: ctx.{name} outside its own turn; {_instead()}")
            self._fail(error)
            raise error
        return getattr(ctx, name)

    @override
    def __repr__(self) -> str:
        return f"<context of {self._ctx.cell.address}>"


def _instead() -> str:
    if INSIDE.get() and SPEAKER.get() is None:
        return "what the pipe returns becomes a message, and that message's turn may do it"
    return "tell the actor, or use a pipe"


def _in_turn(ctx: TurnContext) -> bool:
    return SPEAKER.get() is ctx and not _between_turns(ctx.cell)


def _between_turns(cell: Cell) -> bool:
    return cell.status in (IDLE, QUEUED, BLOCKED, RESTARTING) and not cell.suspended
