"""A stage of a flow: an actor that passes items on as fast as downstream asks for them, and holds a window at most.

A stage is never restarted: its memory is the items that are under way, and a new one would lose them unnoticed.
What one of the flow's functions raises fails the whole flow, in order, and every stage says what it still held.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio
from typing_extensions import override

from actors.actor import Actor, StartReason
from actors.address import Address
from actors.awaiting import Awaiting
from actors.handlers import receive
from actors.message import Deferred
from patterns.flow.demand import Inlet, Outlet
from patterns.flow.messages import Demand, End, Halt, Held, Items, StageFailed, StageMessage, Tick, Worked
from runtime.boundary import Boundary

HALT = "halt"


class Cut:
    """The result of work that was cancelled, since its flow has been left."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Where a stage stands: the other end of each of its inlets and outlets, and the number of it there."""

    flow: Address
    name: str
    window: int
    upstream: tuple[tuple[Address, int], ...]
    downstream: tuple[tuple[Address, int], ...]

    @property
    def mail_max(self) -> int:
        """Messages that can wait for the stage: one for each item granted at most, and a few for each neighbour."""
        return len(self.upstream) * (self.window + 1) + len(self.downstream) * (self.window + 1) + 16


class Stage(Actor[StageMessage], Awaiting):
    """Derive with `work`, which passes on what can be passed on, and `held`."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.inlets: list[Inlet] = [Inlet(wiring.window) for _ in wiring.upstream]
        self.outlets: list[Outlet] = [Outlet() for _ in wiring.downstream]
        self.drawn = 0
        self.delivered = 0
        self.dropped = 0
        self.still = False
        """It has failed, or is halted: it passes nothing on."""
        self._errors: list[Exception] = []
        self._ended = False
        self._scopes: dict[int, trio.CancelScope] = {}
        self._tags = 0

    # --- what a kind of stage says ---------------------------------------------------------------------

    def work(self) -> None:
        """Pass on what can be passed on: never more than the outlets' room."""
        raise NotImplementedError

    def worked(self, tag: int, result: Any) -> None:
        """Work that `begin` has begun has succeeded. What has failed fails the flow; what was cut came to nothing."""

    def ticked(self) -> None:
        """The timer."""

    def held(self) -> list[Any]:
        """Items that are neither in an inlet nor passed on."""
        return []

    @property
    def dry(self) -> bool:
        """Nothing is held, and nothing will come."""
        return not self._scopes and not self.held() and all(inlet.dry for inlet in self.inlets)

    def leave(self, seen: int) -> None:
        """The flow is left; the consumer has seen so many items."""

    @override
    def awaits(self) -> Sequence[tuple[Address | None, str]]:
        found = self._demand() or self._items()
        return [(None, f"its function, {self.busy} under way"), *found] if self.busy else found

    def _demand(self) -> list[tuple[Address | None, str]]:
        """Whose room it waits for, if it has something to pass on."""
        if self.inlets and not self.held() and not any(inlet.buffer for inlet in self.inlets):
            return []
        return [
            (address, f"demand beyond {counted(outlet.sent)}")
            for outlet, (address, _) in zip(self.outlets, self.wiring.downstream, strict=True)
            if outlet.room == 0
        ]

    def _items(self) -> list[tuple[Address | None, str]]:
        """Whose items it waits for."""
        return [
            (address, counted(inlet.owed))
            for inlet, (address, _) in zip(self.inlets, self.wiring.upstream, strict=True)
            if inlet.owed and not inlet.buffer
        ]

    # --- what it uses ----------------------------------------------------------------------------------

    def call(self, function: Callable[..., Any], *arguments: Any) -> tuple[bool, Any]:
        """Call a function of the flow's author; (False, None): it has raised, and the flow has failed."""
        value: Any = None
        with Boundary() as boundary:
            value = function(*arguments)
        if boundary.error is None:
            return True, value
        self.fail(boundary.error)
        return False, None

    def fail(self, error: Exception) -> None:
        error.add_note(f"in stage {self.wiring.name} of {self.wiring.flow}")
        self.still = True
        self._errors.append(error)
        self.ctx.tell(self.ctx.ref(self.wiring.flow), StageFailed(error=error))

    def begin(self, work: Callable[[], Awaitable[Any]]) -> int:
        """Begin work outside the turns; its end comes as `worked` with the tag answered here."""
        self._tags += 1
        tag, scope = self._tags, trio.CancelScope()
        self._scopes[tag] = scope

        async def run() -> Any:
            with scope:
                return await work()
            return Cut()

        self.ctx.pipe(run, lambda result: Worked(tag=tag, result=result))
        return tag

    @property
    def busy(self) -> int:
        """How much work is under way."""
        return len(self._scopes)

    # --- its turns -------------------------------------------------------------------------------------

    @override
    async def started(self, reason: StartReason) -> None:
        self._refill()

    @receive(Demand)
    def on_demand(self, message: Demand) -> None:
        self.outlets[message.outlet].demand(message.total)
        self.go_on()

    @receive(Items)
    def on_items(self, message: Items) -> None:
        self.inlets[message.inlet].give(message.items)
        self.go_on()

    @receive(End)
    def on_end(self, message: End) -> None:
        self.inlets[message.inlet].ended = True
        self.go_on()

    @receive(Tick)
    def on_tick(self, message: Tick) -> None:
        del message
        self.ticked()
        self.go_on()

    @receive(Worked)
    def on_worked(self, message: Worked) -> None:
        del self._scopes[message.tag]
        if isinstance(message.result, Exception):
            self.fail(message.result)
        elif not isinstance(message.result, Cut):
            self.worked(message.tag, message.result)
        self.go_on()
        if not self._scopes and HALT in self.ctx.deferred:
            self.ctx.resolve(HALT, self._inventory())

    @receive(Halt)
    def on_halt(self, message: Halt) -> Held | Deferred[Held]:
        self.still = True
        self.leave(message.seen)
        for scope in self._scopes.values():
            scope.cancel()
        return self.ctx.defer(HALT) if self._scopes else self._inventory()

    def _inventory(self) -> Held:
        waiting = [item for inlet in self.inlets for item in inlet.buffer]
        return Held((*self.held(), *waiting), self.drawn, self.delivered, self.dropped, tuple(self._errors))

    def go_on(self) -> None:
        if not self.still:
            self.work()
        for outlet, (address, inlet) in zip(self.outlets, self.wiring.downstream, strict=True):
            if items := outlet.drain():
                self.ctx.tell(self.ctx.ref(address), Items(inlet=inlet, items=items))
        if self.still or self._ended:
            return
        self._refill()
        if self.dry:
            self._ended = True
            for address, inlet in self.wiring.downstream:
                self.ctx.tell(self.ctx.ref(address), End(inlet=inlet))

    def _refill(self) -> None:
        for inlet, (address, outlet) in zip(self.inlets, self.wiring.upstream, strict=True):
            if (total := inlet.refill()) is not None:
                self.ctx.tell(self.ctx.ref(address), Demand(outlet=outlet, total=total))


def counted(items: int) -> str:
    """So many items, in words."""
    return "1 item" if items == 1 else f"{items} items"
