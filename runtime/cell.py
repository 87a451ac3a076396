"""One running actor, as data: a slotted cell, not a task.

A task for each actor costs 2.5 to 4.5 KB and 20 to 80 us to start; a cell with its mailbox made on first use
costs a few hundred bytes, so a node holds millions. The dispatcher drives cells, the supervisor starts, restarts
and ends them, the commit point holds their outputs: each of them writes its own fields here and no others.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextvars import Context as Vars
from enum import Enum, auto
from typing import Any, Protocol

import trio
from typing_extensions import override

from actors.actor import Actor, Spec, StopReason
from actors.address import Address
from actors.handlers import Handling
from actors.mailbox import Mailbox
from actors.supervision import History
from runtime.crash_text import CrashText
from runtime.envelope import Envelope, Pending
from runtime.timers import Timer


class Status(Enum):
    """Where a cell stands; only an IDLE one may be driven inline or passivated."""

    STARTING = auto()
    IDLE = auto()
    QUEUED = auto()
    """In the run queue."""
    BUSY = auto()
    """A turn runs, or is suspended."""
    BLOCKED = auto()
    """Its outputs wait for room in other mailboxes."""
    RESTARTING = auto()
    STOPPING = auto()
    STOPPED = auto()


# module names: an Enum member's attribute lookup costs 40 ns, and these are read for every message
STARTING, IDLE, QUEUED, BUSY = Status.STARTING, Status.IDLE, Status.QUEUED, Status.BUSY
BLOCKED, RESTARTING, STOPPING, STOPPED = Status.BLOCKED, Status.RESTARTING, Status.STOPPING, Status.STOPPED


class Turn(Protocol):
    """What the dispatcher sees of an incarnation's context."""

    staged: list[Any] | None
    outputs: list[Any] | None
    fenced: bool
    dirty: bool
    timers: dict[str, Timer] | None

    def begin(self) -> None: ...
    def resumed(self) -> None: ...
    def undo(self) -> None: ...
    def lay_aside(self) -> Any: ...
    def take_up(self, turn: Any) -> None: ...
    def effect(self, kind: str, what: str = "") -> None: ...
    def send(self, to: Address, message: Any) -> None: ...


class Parent(Protocol):
    """What a cell's supervisor is told."""

    def failed(self, cell: "Cell", error: Exception) -> None: ...
    def overran(self, cell: "Cell", error: Exception) -> None: ...
    def discarded(self, cell: "Cell", error: Exception) -> None: ...
    def stop_child(self, cell: "Cell", reason: StopReason) -> None: ...
    def begin_child(self, cell: "Cell") -> None: ...
    def drop_child(self, cell: "Cell") -> None: ...
    def passivate(self, cell: "Cell") -> None: ...


class Waiting:
    """One deferred asker."""

    __slots__ = ("deadline", "message", "on_deadline", "pending")

    def __init__(self, pending: Pending, message: Any, deadline: Timer | None, on_deadline: Any) -> None:
        self.pending = pending
        self.message = message
        self.deadline = deadline
        self.on_deadline = on_deadline


class DeferredView(Mapping[str, Any]):
    """Key -> message of the askers that still wait, oldest first; a view, so that looking costs nothing."""

    __slots__ = ("_waiting",)

    def __init__(self, waiting: dict[str, Waiting]) -> None:
        self._waiting = waiting

    @override
    def __getitem__(self, key: str) -> Any:
        return self._waiting[key].message

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._waiting)

    @override
    def __len__(self) -> int:
        return len(self._waiting)


class Settable(Protocol):
    """An event, or what is done in its place."""

    def set(self) -> None: ...


class Cell:
    """One actor at one address."""

    __slots__ = (
        "actor",
        "address",
        "blocked",
        "children",
        "crash",
        "ctx",
        "deferred",
        "depth",
        "end_reason",
        "entry",
        "handled",
        "handlers",
        "history",
        "incarnation",
        "last_error",
        "looked_through",
        "mailbox",
        "on_demand",
        "parent",
        "pending",
        "restarts",
        "room",
        "scope",
        "spec",
        "status",
        "touched",
        "turn_over",
        "unborn",
        "vars",
        "version",
        "waits",
    )

    def __init__(  # noqa: PLR0915 -- a field a line, with what it is
        self, address: Address, spec: Spec[Any], parent: Parent, *, on_demand: bool = False
    ) -> None:
        self.address = address
        self.spec = spec
        self.parent = parent
        self.on_demand = on_demand
        self.status = STARTING
        self.incarnation = 0
        self.actor: Actor[Any] | None = None
        self.handlers: Mapping[type, Handling] = {}
        self.ctx: Turn | None = None
        self.vars: Vars | None = None
        self.mailbox: Mailbox[Envelope] | None = None
        self.room: deque[tuple[Envelope, Callable[[], None]]] | None = None
        """What waits for room in the mailbox, oldest first, and how it goes on."""
        self.blocked: deque[tuple[Address, Envelope]] | None = None
        """Outputs released and not yet accepted."""
        self.deferred: dict[str, Waiting] | None = None
        self.entry: Any = None
        """The newest commit that this cell's outputs wait behind."""
        self.version = 0
        self.scope: trio.CancelScope | None = None
        """Of the turn that may suspend."""
        self.pending: Pending | None = None
        """Who asked for that turn, if it goes through the run queue."""
        self.looked_through = False
        """It stands in the run queue for what it can handle in the midst of its turn."""
        self.waits: list[Cell] | None = None
        """Whom the present turn waits for: the edges of the wait-for graph."""
        self.turn_over: Settable | None = None
        """Set when the present turn is over."""
        self.end_reason: StopReason | None = None
        self.unborn: Cell | None = None
        """Who has spawned it in a turn that has not let it out yet."""
        self.children: Any = None
        """The supervisor of what this actor has spawned."""
        self.history: History | None = None
        self.last_error = ""
        self.crash: CrashText | None = None
        """The last one's traceback."""
        self.handled = 0
        self.restarts = 0
        self.depth = 0
        self.touched = False

    @property
    def suspended(self) -> bool:
        """A turn, or a start, is under way and may wait."""
        return self.scope is not None

    @property
    def fenced(self) -> bool:
        """Its incarnation is over, the next one not built yet: one more failure in between is the same one."""
        return self.ctx is not None and self.ctx.fenced

    @property
    def ended(self) -> bool:
        return self.status is STOPPED

    def cancel_turn(self) -> None:
        if self.scope is not None:
            self.scope.cancel()

    @override
    def __repr__(self) -> str:
        return f"<Cell {self.address} {self.status.name.lower()}>"
