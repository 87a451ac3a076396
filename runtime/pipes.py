"""A pipe's task: work that an incarnation has begun outside its turns; it ends with it at the latest."""

from collections.abc import Awaitable, Callable

import trio

from runtime.context import TurnContext
from runtime.router import INSIDE, SPEAKER

Work = Callable[[], Awaitable[None]]


async def piped(ctx: TurnContext, work: Work, ended: Callable[[], None]) -> None:
    """Run the work; cancelled when the incarnation is fenced."""
    INSIDE.set(True)
    SPEAKER.set(None)  # it may have begun in the turn of another, who asked this actor inline
    with trio.CancelScope() as scope:
        pipes = ctx.pipes
        if pipes is None:
            pipes = ctx.pipes = {}
        pipes[scope] = None
        try:
            if not ctx.fenced:
                await work()
        finally:
            ended()
            del pipes[scope]
