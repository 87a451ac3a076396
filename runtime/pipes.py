"""Pipes: the work that an incarnation has begun outside its turns, each a task that ends with it at the latest."""

from collections.abc import Awaitable, Callable

import trio

from runtime.context import TurnContext
from runtime.router import INSIDE, SPEAKER

Work = Callable[[], Awaitable[None]]


class Pipes:
    """How many are under way, of one supervisor's children."""

    __slots__ = ("under_way",)

    def __init__(self) -> None:
        self.under_way = 0

    async def run(self, ctx: TurnContext, work: Work) -> None:
        """The task of one of them, counted in when it was begun; cancelled when the incarnation is fenced."""
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
                self.under_way -= 1
                del pipes[scope]
