"""An actor whose state is the sum of what has happened to it: events in a log, snapshots to read it back faster.

    class Account(EventSourced[AccountMessage, Balance, Deposited | Withdrawn]):
        def fresh(self) -> Balance: ...
        def apply(self, state: Balance, event: Deposited | Withdrawn) -> Balance: ...

        @receive(Deposit)
        def on_deposit(self, message: Deposit) -> int:
            self.persist(Deposited(amount=message.amount))
            return self.state.amount

A snapshot is a row in the same commit as the event that it ends with, so there is never one of a state that a
crash took back. The newest two are kept and the log is trimmed behind the older: one that does not load costs
the events behind the one before it, no more.
"""

import typing
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar, cast

from typing_extensions import override

from actors.durable import VALUE_MAX, Append, Delete, Put, Stored, Trim, Write
from actors.errors import BadSpec
from actors.guarded import GuardedActor
from actors.handlers import overrides
from actors.records import BadRecord, Form, Record, Upcasts

M = TypeVar("M")
S = TypeVar("S", bound=Record)
E = TypeVar("E", bound=Record)

LOG = "~events"
SNAPSHOTS = "~snapshot/"
PAGE = 1_000
"""Events that are read back at once."""


class LostEvents(BadRecord):
    """Events are missing between the newest snapshot that loads and the log's end: the actor does not start."""


class EventSourced(GuardedActor[M], Generic[M, S, E]):
    """Derive with protocol, state and events. The state is frozen; `apply` is pure: the same events give the same state, always.

    `started` finds `self.state` read back.
    """

    reserved: ClassVar[Mapping[str, str]] = {
        "load": "fresh and apply",
        "persist": "apply",
        "recover": "fresh and apply",
    }
    upcasts: ClassVar[Upcasts] = {}
    """Of events, and of the state, whose snapshots are kept."""
    snapshot_every: ClassVar[int] = 100
    """Events between two snapshots; 0: never."""
    kinds: ClassVar[tuple[type[Record], ...]] = ()
    """The state's class and the events', as the type parameters name them."""
    __form: ClassVar[Form[Record]] = Form("", (), {})
    __end: int
    __snapshots: list[int]
    """Where the snapshots are, oldest first."""

    @override
    def __init_subclass__(cls, **config: Any) -> None:
        super().__init_subclass__(**config)
        cls.kinds = _kinds(cls) or cls.kinds
        if cls.kinds:
            cls.__form = _form(cls)

    @property
    def state(self) -> S:
        """What the events have come to. Only `persist` changes it: what a handler assigned would be lost at a reload."""
        state: S = vars(self)["state"]
        return state

    def __keep(self, state: S) -> None:
        vars(self)["state"] = state

    def fresh(self) -> S:
        """The state before anything has happened."""
        raise NotImplementedError

    def apply(self, state: S, event: E) -> S:
        """The state after the event. It refuses nothing: the event has happened."""
        raise NotImplementedError

    def persist(self, *events: E) -> None:
        """Decide before, then keep: the events are staged and applied. Raises StoreFull before anything has changed."""
        state, end = self.state, self.__end
        writes: list[Write] = []
        for event in events:
            state = self.apply(state, event)  # before staging: what cannot be applied is never kept
            writes.append(Append(LOG, end, self.__form.write(event)))
            end += 1
        kept = self.__snapshots
        if self.snapshot_every and end - (kept[-1] if kept else 0) >= self.snapshot_every:
            kept = self.__snapshot(state, end, writes)
        self.own.stage(*writes)
        self.__keep(state)
        self.__end, self.__snapshots = end, kept

    @property
    def event_count(self) -> int:
        """How many events there have been."""
        return self.__end

    def __snapshot(self, state: S, end: int, writes: list[Write]) -> list[int]:
        value = self.__form.write(state)
        if len(value) > VALUE_MAX:  # it has no snapshot, and is read back from its events
            return self.__snapshots
        kept = [*self.__snapshots, end]
        writes.append(Put(_row(end), value))
        if len(kept) > 2:
            writes += [Delete(_row(old)) for old in kept[:-2]]
            writes.append(Trim(LOG, kept[-2]))
        return kept[-2:]

    # --- reading back ----------------------------------------------------------------------------------

    @override
    async def recover(self, stored: Stored) -> None:
        fresh = self.fresh()
        rows = await stored.scan(SNAPSHOTS)
        self.__snapshots = [int(key.removeprefix(SNAPSHOTS)) for key, _ in rows]
        state, at = fresh, 0
        for key, value in reversed(rows):
            found = self.__loaded(type(fresh), value)
            if found is not None:
                state, at = found, int(key.removeprefix(SNAPSHOTS))
                break
        self.__keep(state)
        self.__end = await stored.end(LOG)
        await self.__replay(stored, at)
        await super().recover(stored)

    def __loaded(self, kind: type[S], value: bytes) -> S | None:
        # a snapshot is a shortcut, the events decide: one that is damaged, or too new, is passed over
        try:
            state = self.__form.read(value)
        except BadRecord:
            return None
        return state if isinstance(state, kind) else None

    async def __replay(self, stored: Stored, at: int) -> None:
        while at < self.__end:
            page = await stored.records(LOG, at, PAGE)
            if not page or page[0][0] != at:
                raise LostEvents(f"{type(self).__name__}: event {at} of {self.__end} is not there any more")
            for offset, value in page:
                self.__keep(self.apply(self.state, self.__event(value)))
                at = offset + 1

    def __event(self, value: bytes) -> Any:
        return self.__form.read(value)


def _row(end: int) -> str:
    return f"{SNAPSHOTS}{end:016}"


def _kinds(cls: type) -> tuple[type[Record], ...]:
    """State and events in `class X(EventSourced[M, S, E])`; none where they are left open. Raises BadSpec."""
    for base in cls.__dict__.get("__orig_bases__", ()):
        origin, args = typing.get_origin(base), typing.get_args(base)
        if isinstance(origin, type) and issubclass(origin, EventSourced) and len(args) == 3:
            kinds = [args[1], *(typing.get_args(args[2]) or args[2:])]
            if any(isinstance(kind, TypeVar) for kind in kinds):
                return ()
            for kind in kinds:
                if not isinstance(kind, type) or not issubclass(kind, Record):
                    raise BadSpec(f"{cls.__name__}: state and events are Records, {kind} is none")
            return tuple(cast("list[type[Record]]", kinds))
    return ()


def _form(cls: type[EventSourced[Any, Any, Any]]) -> Form[Record]:
    if cls.snapshot_every < 0:
        raise BadSpec(f"{cls.__name__}.snapshot_every is at least 0")
    for name in ("fresh", "apply"):
        if not overrides(cls, name, EventSourced):
            raise BadSpec(f"{cls.__name__} needs {name}")
    form = Form(cls.__name__, cls.kinds, cls.upcasts)
    form.check()
    return form
