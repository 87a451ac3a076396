"""An incarnation's way out: every effect of an actor passes here, is numbered, and is refused once it is fenced."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import outcome
import trio
from typing_extensions import override

from actors.actor import Spec, need_spec
from actors.address import Address
from actors.chance import Chance
from actors.durable import Write
from actors.errors import (
    DirtySuspension,
    Fenced,
    NotDurable,
    ReadOnlyTurn,
    StoreFull,
    TooManyDeferred,
    TooManyPipes,
)
from actors.event import Event, Key, check_subscription
from actors.message import Deferred, Message
from actors.ref import Ref
from runtime.answering import Answering
from runtime.behaving import Behaving
from runtime.boundary import Boundary
from runtime.cell import Cell, DeferredView
from runtime.envelope import Envelope
from runtime.life import Life
from runtime.outputs import Act, Output, Resolve
from runtime.registry import Registered
from runtime.rooms import Family, Rooms
from runtime.router import Router
from runtime.staged import Change, PipeBegun, Spawned, Undoable
from runtime.store.checks import check_write
from runtime.ticking import Silence
from runtime.timers import Timer
from runtime.watching import Watch

M = TypeVar("M")
T = TypeVar("T")


class TurnContext(Life):
    """One incarnation's context. `incarnation` counts within the address's cell and is never reused there."""

    __slots__ = (
        "_family",
        "_now",
        "dirty",
        "incarnation",
        "number",
        "outputs",
        "pipes",
        "staged",
    )

    def __init__(self, cell: Cell, rooms: Rooms, family: Family) -> None:
        self.cell = cell
        self.incarnation = cell.incarnation
        self._rooms = rooms
        self._family = family
        self._now: float | None = None
        self.number = 0
        self.fenced = False
        self.dirty = False
        self.staged: list[Write] | None = None
        self.outputs: list[Output] | None = None
        self.timers: dict[str, Timer] | None = None
        self.opening: list[Output] | None = None
        self.silence: Silence | None = None
        self.behaving: Behaving | None = None
        self.watches: dict[Address, Watch] | None = None
        self.changes: dict[object, Change] | None = None
        self.pipes: dict[trio.CancelScope, None] | None = None
        self.piping = 0
        """Pipes from the call to the turn of their result: the system lane of the mailbox is bounded by them."""

    # --- for the dispatcher and the router -------------------------------------------------------------

    def begin(self) -> None:
        """A turn begins."""
        self._now = None
        self.staged = None
        self.outputs, self.opening = self.opening, None
        self.dirty = False
        if self.silence is not None:
            self.silence.heard()

    def undo(self) -> None:
        """The turn does not count: nothing that it staged or did is let out."""
        outputs, self.outputs, self.staged = self.outputs, None, None
        for output in reversed(outputs or ()):
            if isinstance(output, Undoable):
                output.undo()

    def lay_aside(self) -> Any:
        """What the present turn has come to, for `take_up`; another turn begins."""
        return self.staged, self.outputs, self.dirty

    def take_up(self, turn: Any) -> None:
        """The turn that was laid aside goes on."""
        self.staged, self.outputs, self.dirty = turn

    @override
    def effect(self, kind: str, what: str = "") -> None:
        """The one numbered place."""
        if self.fenced:
            raise Fenced(f"{self.cell.address}: this incarnation is over")
        self.number += 1
        if self._rooms.trace is not None:
            self._rooms.trace.record(kind, self.cell.address, self.number, what)

    def send(self, to: Address, message: Any) -> None:
        rooms = self._rooms
        if self.fenced or rooms.trace is not None:
            self.effect("tell", to)
        else:
            self.number += 1  # all that `effect` would do; calls are most of what a tell costs
        tell = rooms.tell(rooms.router, self.cell, to, message)
        if self.outputs is None:
            self.outputs = [tell]
        else:
            self.outputs.append(tell)

    @property
    def durable(self) -> bool:
        return self.cell.actor is not None and self.cell.actor.durable

    # --- what an actor uses ----------------------------------------------------------------------------

    @property
    def address(self) -> Address:
        return self.cell.address

    @property
    def now(self) -> float:
        # read once in a turn; `drive` forgets it after an await
        if self._now is None:
            self._now = self._rooms.clock.now()
        return self._now

    def resumed(self) -> None:
        self._now = None

    @property
    def wall(self) -> float:
        return self._rooms.clock.wall()

    @property
    def entropy(self) -> Chance:
        return self._rooms.entropy

    @property
    def me(self) -> Ref[Any]:
        return Ref(self.cell.address, self._rooms.router)

    @property
    def deferred(self) -> Mapping[str, Any]:
        waiting = self.cell.deferred
        return DeferredView(waiting) if waiting else {}

    def ref(self, address: Address) -> Ref[Any]:
        return Ref(address, self._rooms.router)

    def tell(self, ref: Ref[Any], message: Any) -> None:
        self.send(ref.to, message)

    def pipe(self, work: Callable[[], Awaitable[T]], as_: Callable[[T | Exception], Message[Any]]) -> None:
        self.effect("pipe")
        cell = self.cell
        if cell.actor is not None and self.piping >= cell.actor.pipes_max:
            raise TooManyPipes(f"{cell.address}: {cell.actor.pipes_max} pipes are under way")

        async def run() -> None:
            result: T | Exception | None = None
            with Boundary() as boundary:
                result = await work()
            if boundary.error is not None:
                result = boundary.error
            with Boundary() as making:
                message = as_(cast("T | Exception", result))
                ticket = Piped(self, message, self._rooms.router)
                if not self.fenced:
                    self._rooms.router.post(cell, message, ticket)
                else:  # it shielded itself, and came too late
                    ticket.taken()
            if making.error is not None and not self.fenced:
                cell.parent.failed(cell, making.error)

        self.output(PipeBegun(self, lambda: self._family.begin(cell, run)))

    def answer(self, work: Callable[[], Awaitable[T]], then: Message[Any] | None = None) -> Deferred[T]:
        self.effect("answer")
        cell, router, begin = self.cell, self._rooms.router, self._family.begin
        if cell.actor is not None:
            if self.piping >= cell.actor.pipes_max:
                raise TooManyPipes(f"{cell.address}: {cell.actor.pipes_max} pipes are under way")
            if cell.deferred and len(cell.deferred) >= cell.actor.deferred_max:
                raise TooManyDeferred(f"{cell.address}: {cell.actor.deferred_max} askers wait")

        def over() -> None:
            if then is None or self.fenced:
                self.piping -= 1
            else:
                router.post(cell, then, Piped(self, then, router))

        answering = Answering(
            self,
            f"answer {self.number}",
            work,
            begin=lambda run: begin(cell, run),
            over=over,
            letters=router.letters,
        )
        self.output(answering)
        return self.promised("answer", Deferred("", None, None, answering.take))

    def defer(self, key: str, *, deadline: float | None = None, on_deadline: Any = None) -> Deferred[Any]:
        self.effect("defer", key)
        waiting = self.cell.deferred
        actor = self.cell.actor
        if waiting and actor is not None:
            if len(waiting) >= actor.deferred_max:
                raise TooManyDeferred(f"{self.cell.address}: {actor.deferred_max} askers wait")
            if key in waiting:
                raise ValueError(f"an asker is already deferred under {key!r}")
        return self.promised("defer", Deferred(key, deadline, on_deadline))

    def resolve(self, key: str, reply: Any) -> None:
        self.effect("resolve", key)
        self.output(Resolve(key, outcome.Value(reply)))

    def refuse(self, key: str, error: Exception) -> None:
        self.effect("resolve", key)
        self.output(Resolve(key, outcome.Error(error)))

    def spawn(self, spec: Spec[Any]) -> Ref[Any]:
        need_spec(spec)
        self.effect("spawn", spec.name or "")
        child = self._family.reserve(self.cell, spec)
        self.output(Spawned(child))
        return Ref(child.address, self._rooms.router)

    def start_child(self, *args: Any, name: str | None = None) -> Ref[Any]:
        self.effect("spawn", name or "")
        child = self._family.reserve_one(self.cell, args, name)
        self.output(Spawned(child))
        return Ref(child.address, self._rooms.router)

    def children(self) -> list[Ref[Any]]:
        family = self.cell.children
        return [] if family is None else [Ref(address, self._rooms.router) for address in family.children]

    def stop(self, ref: Ref[Any] | None = None) -> None:
        address = None if ref is None else ref.address
        self.effect("stop", address or "")
        self.output(Act("stopped", lambda: self._family.stop(self.cell, address)))

    def register(self, key: Key[Any]) -> None:
        self.effect("register", key.name)
        self.output(Registered(self._rooms.router.reach.registry, key, self.cell))

    def deregister(self, key: Key[Any]) -> None:
        self.effect("deregister", key.name)
        self.output(Act("deregistered", lambda: self._rooms.router.reach.registry.remove(key, self.cell)))

    def find(self, key: Key[M]) -> list[Ref[M]]:
        return self._rooms.router.reach.registry.find(key)

    def subscribe(self, to: type[Event] | Key[Any]) -> None:
        check_subscription(to)
        self.effect("subscribe")
        self.output(Act("subscribed", lambda: self._rooms.router.reach.subscribe(self.cell, to)))

    def join(self, group: str) -> None:
        self.effect("join", group)

        def join() -> None:
            if not self.fenced:
                self._rooms.router.reach.groups.join(group, self.cell)

        self.output(Act("joined", join))

    def leave(self, group: str) -> None:
        self.effect("leave", group)
        self.output(Act("left", lambda: self._rooms.router.reach.groups.leave(group, self.cell)))

    def publish(self, group: str, message: Message[Any]) -> None:
        for address in self._rooms.router.reach.groups.addresses(group):
            self.send(address, message)

    # --- what a durable actor uses besides -------------------------------------------------------------

    @property
    def changed(self) -> bool:
        return self.staged is not None or self.outputs is not None

    def stage(self, *writes: Write) -> None:
        self._check_durable("stage")
        actor = self.cell.actor
        if actor is not None and actor.reads_only:
            raise ReadOnlyTurn(f"{self.cell.address}: a readonly handler stages nothing")
        if self._rooms.commit.full:
            raise StoreFull("the disk is full or read-only; nothing has changed, and reads go on")
        for write in writes:
            check_write(write)
        self.effect("stage", str(len(writes)))
        if self.staged is None:
            self.staged = []
        self.staged += writes

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        self._check_durable("read")
        if self.staged is not None:
            raise DirtySuspension(f"{self.cell.address} reads after its first change")
        self.effect("read", str(len(keys)))
        rows: dict[str, bytes | None] = {}
        ask: list[str] = []
        for key in keys:
            known, value = self._rooms.commit.staged_rows(self.cell, key)
            if known:
                rows[key] = value
            else:
                ask.append(key)
        if ask:
            rows.update(zip(ask, await self._rooms.store.get(self.cell.address, ask), strict=True))
        return [rows[key] for key in keys]

    async def records(
        self, address: Address, log: str, first: int, limit: int = 1_000
    ) -> list[tuple[int, bytes]]:
        self._check_durable("records")
        self.effect("read", log)
        return await self._rooms.store.records(address, log, first, limit)

    def _check_durable(self, call: str) -> None:
        actor = self.cell.actor
        if actor is not None and not actor.durable:
            raise NotDurable(self.cell.address, type(actor).__name__, call)

    # ---------------------------------------------------------------------------------------------------

    @override
    def output(self, output: Output) -> None:
        if self.outputs is None:
            self.outputs = []
        self.outputs.append(output)


class Piped:
    """A pipe's result that waits in the mailbox; for the next incarnation it is void, and a dead letter."""

    __slots__ = ("_ctx", "_message", "_router")

    def __init__(self, ctx: TurnContext, message: Message[Any], router: Router) -> None:
        self._ctx = ctx
        self._message = message
        self._router = router

    def taken(self) -> bool:
        self._ctx.piping -= 1
        if self._ctx.fenced:
            to = self._ctx.cell.address
            self._router.letters.add(to, Envelope(self._message, 0, to), "stale")
        return not self._ctx.fenced
