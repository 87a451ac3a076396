"""What a context needs of the system and of the supervisor that it lives with."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from actors.actor import Spec
from actors.address import Address
from runtime.cell import Cell
from runtime.clock import Clock
from runtime.commit import CommitPoint
from runtime.entropy import Entropy
from runtime.outputs import Mail, Output, Tell
from runtime.router import Router
from runtime.store.port import Store
from runtime.timers import Timers
from runtime.trace import Trace
from runtime.under_way import UnderWay
from runtime.watching import Watches
from runtime.workers import Workers


@dataclass(slots=True)
class Gone:
    """What actors that have ended had counted, by the name of what built them: a counter never goes back."""

    handled: Counter[str] = field(default_factory=Counter[str])
    restarts: Counter[str] = field(default_factory=Counter[str])

    def add(self, cell: Cell) -> None:
        """The cell has ended for good."""
        if cell.handled:
            self.handled[built_by(cell.spec)] += cell.handled
        if cell.restarts:
            self.restarts[built_by(cell.spec)] += cell.restarts


def built_by(spec: Spec[Any]) -> str:
    """The name of the actor's class; of the function, where a function builds it. The same while it restarts and after its end."""
    return getattr(getattr(spec.actor, "func", spec.actor), "__name__", "actor")


@dataclass(slots=True)
class Rooms:
    """What a context needs of the system it lives in."""

    clock: Clock
    entropy: Entropy
    router: Router
    timers: Timers
    commit: CommitPoint
    store: Store
    trace: Trace | None
    under_way: UnderWay
    watches: Watches
    workers: Workers
    tell: Callable[[Mail, Cell, Address, Any], Output] = Tell
    own_turn: Callable[[Any], Any] | None = None
    """What an actor has its context behind, where it is held to its own turn."""
    gone: Gone = field(default_factory=Gone)


class Family(Protocol):
    """What the incarnation's supervisor does for it."""

    def reserve(self, cell: Cell, spec: Spec[Any]) -> Cell: ...
    def reserve_one(self, cell: Cell, arguments: tuple[Any, ...], name: str | None) -> Cell: ...
    def stop(self, cell: Cell, address: Address | None) -> None: ...
    def begin(self, cell: Cell, work: Callable[[], Awaitable[None]]) -> None: ...
