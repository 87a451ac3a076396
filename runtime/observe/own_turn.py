"""Whether a context is used in its own turn: in the lab, what changes something anywhere else is WrongTask.

What a turn does is let out, or undone, with it: an effect from a pipe's task or from another actor's turn would be
counted as the work of whichever turn is suspended just then, or be lost. Tasks of nurseries that a handler has opened
are the turn's own. What only reads, and `thread` and `process`, may be used anywhere. A thread, and a task that a handler
has started in a nursery of somebody else's, carry the turn's contextvars: they are seen only between the turns.
"""

from typing import Any

from typing_extensions import override

from actors.errors import WrongTask
from runtime.cell import BLOCKED, IDLE, QUEUED, RESTARTING, Cell
from runtime.context import TurnContext
from runtime.router import SPEAKER

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

    __slots__ = ("_ctx",)

    def __init__(self, ctx: TurnContext) -> None:
        self._ctx = ctx

    def __getattr__(self, name: str) -> Any:
        """Raises WrongTask."""
        ctx = self._ctx
        if name in CHANGING and not ctx.fenced and not _in_turn(ctx):
            cell = ctx.cell
            raise WrongTask(f"{cell.address}: ctx.{name} outside its own turn; tell the actor, or use a pipe")
        return getattr(ctx, name)

    @override
    def __repr__(self) -> str:
        return f"<context of {self._ctx.cell.address}>"


def _in_turn(ctx: TurnContext) -> bool:
    return SPEAKER.get() is ctx and not _between_turns(ctx.cell)


def _between_turns(cell: Cell) -> bool:
    return cell.status in (IDLE, QUEUED, BLOCKED, RESTARTING) and not cell.suspended
