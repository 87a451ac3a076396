"""Starting: a spec becomes an actor, its state is read back, its `started` runs within its deadline."""

import contextvars
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
import trio

from actors.actor import Activated, Actor, Spec, StartReason, StopReason
from actors.address import Address
from actors.durable import DurableActor
from actors.errors import BadSpec, StartFailed
from actors.handlers import Handling
from runtime.boundary import Boundary
from runtime.cell import BLOCKED, BUSY, IDLE, STARTING, Cell, Turn
from runtime.context import TurnContext
from runtime.dispatcher import Dispatcher
from runtime.driving import drive
from runtime.reentrant_context import ReentrantContext
from runtime.refusing import refuse_waiting_asks
from runtime.rooms import Family, Rooms
from runtime.router import SPEAKER
from runtime.store.port import Store, StoreBroken
from runtime.turn_end import check_returned

log = structlog.get_logger("callboard.actors")
RETRY_AFTER = 1.0
"""Seconds between two looks whether a store in doubt says again what it holds."""


class StoredOf:
    """What the store keeps of one actor, for its `load`."""

    def __init__(self, store: Store, address: Address) -> None:
        self._store = store
        self._address = address

    async def scan(self, prefix: str, after: str = "", limit: int = 1_000) -> list[tuple[str, bytes]]:
        return await self._store.scan(self._address, prefix, after, limit)

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        return await self._store.get(self._address, keys)

    async def records(self, log: str, first: int, limit: int = 1_000) -> list[tuple[int, bytes]]:
        return await self._store.records(self._address, log, first, limit)

    async def end(self, log: str) -> int:
        return (await self._store.bounds(self._address, log))[1]


class Starting:
    """Starts incarnations for one supervisor; `failed` is told of each that could not be, `up` of each that waited and is."""

    __slots__ = ("_dispatcher", "_failed", "_family", "_rooms", "_up")

    def __init__(
        self,
        rooms: Rooms,
        dispatcher: Dispatcher,
        family: Family,
        failed: Callable[[Cell, Exception, StartReason], None],
        up: Callable[[Cell], None],
    ) -> None:
        self._rooms = rooms
        self._dispatcher = dispatcher
        self._family = family
        self._failed = failed
        self._up = up

    def at_once(self, cell: Cell) -> Exception | None:
        """Start what needs no wait, see `starts_at_once`; answers why it could not be."""
        with Boundary() as boundary:
            self._build(cell)
            cell.status = BLOCKED if cell.blocked else IDLE
            if cell.mailbox:
                self._dispatcher.queue.ready(cell)
            self._is_up(cell)
        return boundary.error

    def again_at_once(self, cell: Cell, reason: StartReason) -> None:
        """The same for a restart."""
        error = self.at_once(cell)
        if error is None:
            self._rooms.under_way.came(cell)
        else:
            self._failed(cell, error, reason)

    async def start(self, cell: Cell, reason: StartReason, after: int) -> None:
        """Build, load and start the incarnation after `after`; its mail goes on when that has been."""
        if cell.children is not None:
            await _end_if_failed(cell, cell.children)
        if cell.end_reason is not None or cell.status is not STARTING or cell.incarnation != after:
            return  # before its first step it was stopped, or restarted with others
        ctx: Turn | None = None
        with Boundary() as boundary, trio.CancelScope() as scope:
            cell.scope = scope
            actor, ctx = self._build(cell), cell.ctx
            await self._started(cell, actor, reason)
        if ctx is not None:
            self._dispatcher.queue.straggler_over(ctx)
        if cell.scope is not scope:
            return  # it was given up, and its successor is under way
        cell.scope = None
        if cell.turn_over is not None:
            cell.turn_over.set()
        if not (is_ending(cell) or scope.cancelled_caught):
            self._over(cell, ctx, reason, boundary.error)

    def _over(self, cell: Cell, ctx: Turn | None, reason: StartReason, error: Exception | None) -> None:
        """It has started, or failed to; without a `ctx` before it was built: the cell's is that of the one before."""
        if error is not None:
            if ctx is None or not ctx.fenced:  # else its failure is decided on already
                self._failed(cell, error, reason)
        elif cell.status is STARTING:
            cell.status = BUSY
            self._rooms.under_way.came(cell)
            self._is_up(cell)
            self._dispatcher.end_of_start(cell)
            if ctx is None or cell.ctx is not ctx or ctx.fenced:
                return  # what it said as it started was refused, and it has failed by that
            self._up(cell)
            log.debug("actor_started", actor=cell.address, incarnation=cell.incarnation)

    def _is_up(self, cell: Cell) -> None:
        """Who listens is told, and who watches its restarts: that behind all that its earlier incarnations have let out."""
        rooms = self._rooms
        rooms.router.reach.is_up(cell)
        if cell.incarnation > 1 and (tell := rooms.watches.again(cell.address, cell.incarnation)) is not None:
            rooms.router.delivery.after_outputs(cell, tell)

    async def _started(self, cell: Cell, actor: Actor[Any], reason: StartReason) -> None:
        ctx = cell.ctx
        assert ctx is not None
        assert cell.vars is not None
        ctx.begin()  # what `recover` does is let out with what `started` does
        if isinstance(actor, DurableActor):
            cell.version = await self._version(cell)
            if isinstance(reason, Activated):
                reason = Activated(cell.version)
            await drive(cell.vars, ctx, actor.recover(StoredOf(self._rooms.store, cell.address)), None)
        if (entry := actor.behaviours.entries.get(actor.initial)) is not None:
            cell.vars.run(entry, actor)
        with trio.move_on_after(cell.spec.start_timeout) as deadline:
            await drive(cell.vars, ctx, actor.started(reason), None)
        if ctx.outputs is not None:
            check_returned(cell, ctx.outputs, None)
        if deadline.cancelled_caught:
            raise StartFailed(f"{cell.address}: `started` took more than {cell.spec.start_timeout} s")

    async def _version(self, cell: Cell) -> int:
        """Wait for a store that does not say what it holds: no failure of the actor's, and no reason to give it up."""
        while True:
            try:
                return await self._rooms.store.version(cell.address)
            except StoreBroken as error:
                text = f"{cell.address}: {error}"
                log.warning("actor_waits_for_store", actor=cell.address, error=str(error))
            refuse_waiting_asks(cell, partial(StartFailed, text))
            await trio.sleep(RETRY_AFTER)

    def _build(self, cell: Cell) -> Actor[Any]:
        actor: Actor[Any] = cell.spec.actor(*cell.spec.args)
        if actor.durable and cell.spec.resumes:  # built by a function, so that the spec could not know
            raise BadSpec(f"{cell.address}: RESUME is not for durable actors")
        cell.incarnation += 1
        ctx = (ReentrantContext if actor.lets_in else TurnContext)(cell, self._rooms, self._family)
        actor.bind(ctx if self._rooms.own_turn is None else self._rooms.own_turn(ctx))
        cell.actor, cell.ctx, cell.handlers = actor, ctx, _handlers(actor)
        cell.vars = contextvars.Context()
        cell.vars.run(SPEAKER.set, ctx)
        return actor


async def _end_if_failed(cell: Cell, family: Any) -> None:
    """Children that were kept over the restart, and have failed their supervisor since: the same failure, but nobody is kept."""
    if not family.given_up:
        return
    await family.close(StopReason.CRASHED)
    if cell.children is family:
        cell.children = None


def _handlers(actor: Actor[Any]) -> Mapping[type, Handling]:
    return actor.behaviours.table(actor.initial) if actor.initial else actor.handlers


def is_ending(cell: Cell) -> bool:
    """Asked anew after a wait: what was read before it no longer counts, for the type checkers neither."""
    return cell.end_reason is not None


def starts_at_once(spec: Spec[Any]) -> bool:
    """Whether starting needs no wait: nothing to load, and no `started` of its own."""
    kind = spec.actor
    plain: bool = getattr(kind, "durable", None) is False and getattr(kind, "starts_itself", None) is False
    return plain
