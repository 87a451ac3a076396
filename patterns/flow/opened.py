"""A flow at work, in its consumer's scope: `async with flow.open(system) as items`, and then `async for item in items`."""

from collections import deque
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

import trio

from actors.actor import Spec
from actors.errors import ActorError
from actors.ref import Ref
from actors.supervision import Restart
from patterns.flow.actor import FlowActor
from patterns.flow.messages import Close, FlowBroken, FlowMessage, Next, Open, Report
from patterns.flow.plan import FlowMisused, Plan
from runtime.system import System

T = TypeVar("T")
M = TypeVar("M")

GRACE = 5.0
"""Seconds that functions have to end after their flow has been left."""


class Owner(Protocol):
    """Below whom a flow lives: a system, or the context of a volatile actor in its turn."""

    def spawn(self, spec: Spec[M]) -> Ref[M]: ...


class Opened(Generic[T]):
    """The items, for one task; leaving the block ends every stage, whatever the reason.

    A failure of the flow is raised as an ExceptionGroup: by the loop, or, if it was left before it came to that, by
    the block's end. `report` is there afterwards. Raises FlowMisused for a `window` below 1, or a second task.
    """

    def __init__(self, plan: Plan, owner: Owner, window: int) -> None:
        if window < 1:
            raise FlowMisused("window: at least 1")
        self._spec: Spec[FlowMessage] = Spec(FlowActor, (plan, window), restart=Restart.TEMPORARY)
        self._owner = owner
        self._flow: Ref[FlowMessage]
        self._exit: Ref[Next]
        self._items: deque[T] = deque()
        self._seen = 0
        self._ended = False
        self._asking = False
        self.report = Report()

    async def __aenter__(self) -> Self:
        # not to be cut: a flow that is there and has no scope would be left to itself
        with trio.fail_after(GRACE, shield=True):
            self._flow = self._owner.spawn(self._spec)
            self._exit = await self._flow.ask(Open())
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if not self._items and not self._ended:
            await self._more()
        if not self._items:
            raise StopAsyncIteration
        self._seen += 1
        return self._items.popleft()

    async def _more(self) -> None:
        if self._asking:
            raise FlowMisused("two tasks take from one flow: let it go `by_key`, or `to` a sink with at_once")
        self._asking = True
        try:
            chunk = await self._exit.ask(Next(seen=self._seen))
        except FlowBroken as broken:
            raise ExceptionGroup("the flow has failed", broken.errors) from None
        except ActorError as error:
            raise ExceptionGroup("the flow has failed", [error]) from None
        finally:
            self._asking = False
        self._items.extend(chunk.items)
        self._ended = chunk.ended

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with trio.move_on_after(GRACE, shield=True):
            try:
                self.report = await self._flow.ask(Close(seen=self._seen))
            except ActorError as gone:
                self.report = Report(delivered=self._seen, failures=(gone,))
        await self._end()
        if error is None and self.report.failures:
            raise ExceptionGroup("the flow has failed", self.report.failures)

    async def _end(self) -> None:
        if isinstance(self._owner, System):
            with trio.move_on_after(GRACE, shield=True):
                await self._owner.stop(self._flow)
        # else: it has stopped itself, and ends as a child at the latest
