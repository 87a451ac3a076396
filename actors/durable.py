"""What survives: the writes that a handler stages, and the actor that is read back from them.

A handler changes memory, stages its writes and its outputs, and returns; the runtime commits what many
actors staged together, and only then lets the outputs go. So no reply promises what a crash could take back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar, cast

from typing_extensions import override

from actors.actor import Actor, Context
from actors.address import Address
from actors.calls import no_context
from actors.handlers import receive
from actors.message import Message

M = TypeVar("M")

KEY_MAX = 1_024
"""Bytes of a key or a log's name."""
VALUE_MAX = 4 * 1_048_576
"""Bytes of a value or a record."""


@dataclass(frozen=True, slots=True)
class Put:
    """Row `key` of the actor's table is `value` from now on; `KEY_MAX` and `VALUE_MAX` bytes at most."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Row `key` is gone; deleting an absent row is no error."""

    key: str


@dataclass(frozen=True, slots=True)
class DeletePrefix:
    """All rows whose key begins with `prefix` are gone; the empty prefix empties the table."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Append:
    """Record `offset` of the log; offsets have no gaps, so it is the log's end or the commit is refused."""

    log: str
    offset: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Trim:
    """Records below offset `before` are gone; the log's end stays."""

    log: str
    before: int


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Give the actor a turn, `woken`, at `time` (of `ctx.now`; None: not at all) though nobody writes to it.

    There is one time for each actor: the newest holds.
    """

    time: float | None


Write = Put | Delete | DeletePrefix | Append | Trim | WakeAt


class DurableContext(Context, Protocol):
    """What a durable actor has besides; of a volatile one each call raises NotDurable."""

    @property
    def changed(self) -> bool:
        """Whether this turn has staged or said anything: then it cannot refuse any more."""
        ...

    def stage(self, *writes: Write) -> None:
        """Write with this turn's commit: stage first, then change memory.

        Raises StoreFull, or ValueError for what no store can keep, before anything has changed.
        """
        ...

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """Rows of this actor: its own staged ones first, then the store. Not after a change: DirtySuspension."""
        ...

    async def records(
        self, address: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        """Durable records (offset, value) of a log, of another actor's too, from offset `first`, at most `limit` and about 4 MiB."""
        ...


class Stored(Protocol):
    """What the store keeps of one actor, as its `load` sees it."""

    async def scan(self, prefix: str, after: str = "", limit: int = 1_000) -> list[tuple[str, bytes]]:
        """The rows whose key begins with `prefix` and is greater than `after`, in the keys' order.

        At most `limit`, and about 4 MiB: there may be more until a page is empty.
        """
        ...

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values of these rows, in the order of `keys`; None: no such row."""
        ...

    async def records(self, log: str, first: int, limit: int = 1_000) -> list[tuple[int, bytes]]:
        """(offset, value) of the log from offset `first`, or from the oldest that is kept; bounded as a scan's rows are."""
        ...

    async def end(self, log: str) -> int:
        """The offset that the log's next record will have."""
        ...


class Woken(Message[None]):
    """From the runtime: the time staged by WakeAt has come."""


class DurableActor(Actor[M], Generic[M]):
    """An actor that is read back from the store: `load` fills `self.state`, before `started`.

    A turn reads, then decides, stages and changes memory, and returns; no await after the first change.
    """

    durable: ClassVar[bool] = True
    max_turn: ClassVar[float] = 5.0

    @property
    @override
    def ctx(self) -> DurableContext:
        # the runtime binds a durable actor to a durable context
        try:
            return cast("DurableContext", self._ctx)
        except AttributeError:
            raise AttributeError(no_context(self)) from None

    async def recover(self, stored: Stored) -> None:
        """The runtime reads the actor back by it: what the framework itself keeps of it, then `load`."""
        await self.load(stored)

    async def load(self, stored: Stored) -> None:
        """Build the state from what was kept; nothing kept: a fresh one."""

    def woken(self) -> None:
        """A turn at the time staged by WakeAt; activated for it if need be.

        It comes at least once: clear or move the time in it, else a restart of the node wakes the actor again.
        """

    @receive(Woken)
    def on_woken(self, message: Woken) -> None:  # noqa: ARG002 -- it says all by its kind
        """Override `woken` instead."""
        self.woken()
