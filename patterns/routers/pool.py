"""Pools: routees that are the router's own children, as many as there is work for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from typing_extensions import override

from actors.actor import Spec, StartReason
from actors.errors import BadSpec
from actors.handlers import receive
from actors.signals import Terminated
from actors.supervision import Strategy
from patterns.routers.actor import Begins, RouterActor
from patterns.routers.messages import Resize

M = TypeVar("M")

RESIZE_EVERY = 10.0
"""Seconds between two steps."""


@dataclass(frozen=True, slots=True)
class Size:
    """A pool of `least` to `most` routees; every `RESIZE_EVERY` seconds it may change by one.

    It grows while every routee has mail waiting, and shrinks while none has and half are idle. Raises BadSpec.
    """

    least: int
    most: int

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise BadSpec(f"Size: 1 <= least <= most, not {self.least} and {self.most}")

    def step(self, backlogs: Sequence[int]) -> int:
        """By how many to grow: 1, 0 or -1. A backlog counts the message that is being handled."""
        count = len(backlogs)
        if count < self.least or (count < self.most and all(one > 1 for one in backlogs)):
            return 1
        quiet = all(one <= 1 for one in backlogs) and 2 * backlogs.count(0) >= count
        return -1 if count > self.least and quiet else 0


class PoolRouter(RouterActor[M]):
    """The children come from the template of the class that `pool` derives."""

    def __init__(self, policy: Begins, args: tuple[Any, ...], size: Size) -> None:
        super().__init__(policy)
        self._args = args
        self._size = size

    @override
    async def started(self, reason: StartReason) -> None:
        await super().started(reason)
        self._grow(self._size.least)
        if self._size.least < self._size.most:
            self.ctx.timer("resize", RESIZE_EVERY, Resize(), every=RESIZE_EVERY)

    def _grow(self, count: int) -> None:
        came = [self.ctx.start_child(*self._args) for _ in range(count)]
        for child in came:
            self.ctx.watch(child)
        self.keep([*self.routees.values(), *came])

    @receive(Resize)
    def on_resize(self, message: Resize) -> None:
        del message
        backlogs = {routee: self.ctx.backlog(routee) for routee in self.routees.values()}
        step = self._size.step(list(backlogs.values()))
        if step > 0:
            self._grow(1)
        elif step < 0:
            # the youngest that is idle: nothing waits in its mailbox, and nothing comes from here any more
            idle = [routee for routee, backlog in backlogs.items() if backlog == 0][-1]
            self.lose(idle.address)
            self.ctx.stop(idle)

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        self.lose(message.address)


def pool_class(template: Spec[M]) -> type[PoolRouter[M]]:
    """A router whose dynamic children are built by `template`. Raises BadSpec for one that names its children."""
    return type("Pool", (PoolRouter,), {"strategy": Strategy.DYNAMIC, "template": template})
