"""What outlives a turn of a harness: time, and the books that the turns which count have changed."""

from dataclasses import dataclass, field
from typing import Any

from actors.actor import Spec, StopReason
from actors.address import Address
from actors.chance import Chance
from actors.event import Key
from actors.message import Message
from actors.ref import Ref


@dataclass(slots=True)
class Timed:
    """A timer that runs: its message comes at `at`, and again each `every` seconds."""

    at: float
    message: Message[Any]
    every: float | None = None


@dataclass(slots=True)
class World:
    """The harness shows it, its incarnations' contexts change it."""

    address: Address
    chance: Chance
    now: float
    deferred: dict[str, Any] = field(default_factory=dict[str, Any])
    timers: dict[str, Timed] = field(default_factory=dict[str, Timed])
    children: dict[str, Spec[Any]] = field(default_factory=dict[str, Spec[Any]])
    stash: list[Any] = field(default_factory=list[Any])
    unstashed: list[Any] = field(default_factory=list[Any])
    holders: dict[Key[Any], list[Ref[Any]]] = field(default_factory=dict[Key[Any], list[Ref[Any]]])
    backlogs: dict[Address, int] = field(default_factory=dict[Address, int])
    """What `ctx.backlog` answers: the test says it."""
    state: str = ""
    named: int = 0
    in_turn: bool = False
    store_full: bool = False
    ended: StopReason | None = None

    def forget(self) -> None:
        """The incarnation is over: what was its own is gone, what it had put aside comes back."""
        self.ended = None
        self.unstashed += self.stash
        self.stash.clear()
        self.deferred.clear()
        self.timers.clear()
        self.children.clear()
