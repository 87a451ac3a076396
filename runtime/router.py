"""The router: the only place where a message moves from a sender to a mailbox.

That makes it the one seam for faults, metrics, traces, dead letters and remote delivery: each is an interceptor
here, and none of them is known to an actor. An ask that is driven inline passes them too; with none installed
it costs one test.
"""

from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol, cast

import outcome
import trio

from actors.address import Address, Exact, address_of
from actors.errors import (
    ActorRestarting,
    AskTimeout,
    DeadLettered,
    NotInADurableTurn,
    Stale,
    StartFailed,
    Stopping,
)
from actors.handlers import Kind, not_taken
from runtime.cell import IDLE, QUEUED, RESTARTING, Cell
from runtime.delivery import Delivery
from runtime.dispatcher import Dispatcher
from runtime.envelope import Envelope, Pending, Stage, Ticket
from runtime.letters import DeadLetters
from runtime.reach import Reach
from runtime.start_line import begin_asked
from runtime.waits import check_cycle, interleaves, leaver, queue_again, wait_for

YIELD_EVERY = 64
"""Inline asks from outside after which the asker lets other tasks run: they are no checkpoints of their own."""


class Speaker(Protocol):
    """The turn that a ref is used in."""

    @property
    def cell(self) -> Cell: ...
    @property
    def durable(self) -> bool: ...
    def effect(self, kind: str, what: str = "") -> None: ...
    def send(self, to: Address, message: Any) -> None: ...


Interceptor = Callable[[Address, Any], str | DeadLettered | None]
"""Sees each message before its mailbox does; the reason, or the error, that it answers makes it a dead letter."""
Judge = Callable[[Address, BaseException | None], None]
"""Is told how each ask has ended: None for a reply."""


class Verdict:
    """`with Verdict(judges, to):` tells them how the ask in it has ended, and lets that pass."""

    __slots__ = ("_judges", "_to")

    def __init__(self, judges: tuple[Judge, ...], to: Address) -> None:
        self._judges = judges
        self._to = to

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for judge in self._judges:
            judge(self._to, error)


SPEAKER: ContextVar[Speaker | None] = ContextVar("callboard_speaker", default=None)
"""Set once in each cell's contextvars, so that a ref, wherever it came from, speaks for the turn it is used in."""
INSIDE: ContextVar[bool] = ContextVar("callboard_inside", default=False)
"""Set in a pipe's task: it is no turn, but it is no outside either, and goes on while the system drains."""


class Router:
    """Address to cell; `activate` makes a cell for an address that nobody lives at yet."""

    def __init__(self, letters: DeadLetters) -> None:
        self.cells: dict[Address, Cell] = {}
        self.letters = letters
        self.interceptors: tuple[Interceptor, ...] = ()
        self.judges: tuple[Judge, ...] = ()
        self.accepting = False
        """False: asks, tells and spawns from outside are refused with Stopping."""
        self.why_not = "the system has not begun: `async with System() as system:`"
        self.dispatcher: Dispatcher
        self.delivery: Delivery
        self.reach: Reach
        self.envelope: Callable[..., Envelope] = Envelope
        """What makes an envelope off the hot ways; the tracer's knows its cause."""
        self.activate: Callable[[Address], Cell | None]
        self.serves: Callable[[Address], bool]
        self._count = 0
        self._asked = 0
        """Asks from outside, apart: a count that other messages raise too could miss every multiple."""

    def connect(
        self,
        dispatcher: Dispatcher,
        activate: Callable[[Address], Cell | None],
        serves: Callable[[Address], bool],
    ) -> None:
        """To what is made after it: before this it moves nothing."""
        self.dispatcher = dispatcher
        self.activate = activate
        self.serves = serves
        self.delivery = Delivery(self.letters, dispatcher.queue, self.live, self._deliver)

    def live(self, to: Address) -> Cell | None:
        """Who lives there, activated if need be. Raises StartFailed."""
        return self.cells.get(to) or self.activate(to)

    # --- asks ------------------------------------------------------------------------------------------

    def ask(self, to: Address, message: Any, within: float | None = None) -> Coroutine[Any, Any, Any]:
        """See `Ref.ask`."""
        if self.judges:
            return self._judged(to, message, within)
        return self._ask(to, message) if within is None else self._ask_within(to, message, within)

    async def _judged(self, to: Address, message: Any, within: float | None) -> Any:
        with Verdict(self.judges, address_of(to)):
            return await (self._ask(to, message) if within is None else self._ask_within(to, message, within))

    async def _ask_within(self, to: Address, message: Any, within: float) -> Any:
        cell = self.cells.get(to)
        yields = (self._asked + 1) % YIELD_EVERY == 0  # who lives there may be another behind it
        if cell is not None and cell.status is IDLE and not cell.mailbox and not yields:
            handling = cell.handlers.get(message.__class__)
            if handling is not None and handling.kind is not Kind.SUSPENDS:
                # it cannot suspend, so that only its commit may take long: a scope (10 us) is opened when it does
                return await self._ask(to, message, within)
        began: list[Pending] = []
        return await _in_time(self._ask(to, message, None, began), to, message, within, began)

    async def _ask(
        self, to: Address, message: Any, within: float | None = None, began: list[Pending] | None = None
    ) -> Any:
        self._count += 1
        speaker = SPEAKER.get()
        asker: Cell | None = None
        if speaker is not None:
            asker = _asking(speaker, to)
        else:
            self.check_accepting()
            self._asked += 1
            if self._asked % YIELD_EVERY == 0:
                await trio.lowlevel.checkpoint()
        cell = self._find(to, message, asker)
        if cell.handlers and message.__class__ not in cell.handlers:
            raise self._unhandled(cell, message, asker)
        if cell.mailbox or not self.dispatcher.asks.allowed(cell, asker.depth if asker is not None else 0):
            if within is None:
                return await self._queued(cell, to, message, asker, began)
            began = []
            return await _in_time(self._queued(cell, to, message, asker, began), to, message, within, began)
        reply = await self.dispatcher.asks.drive(cell, message, asker)
        return reply if reply.__class__ is not Pending else await self._answer(reply, to, message, within)

    async def _answer(self, pending: Pending, to: Address, message: Any, within: float | None) -> Any:
        """The turn has ended; its reply may wait for a commit, or be deferred."""
        try:
            if within is None or pending.settled:
                return await pending.wait()
            return await _in_time(pending.wait(), to, message, within, [])
        finally:
            pending.free()

    def check_accepting(self) -> None:
        """For what comes from outside. Raises Stopping."""
        if not self.accepting and not INSIDE.get():
            raise Stopping(self.why_not)

    async def _queued(
        self, cell: Cell, to: Address, message: Any, asker: Cell | None, began: list[Pending] | None
    ) -> Any:
        reentrance, comes_back = self.dispatcher.reentrance, False
        if asker is not None:
            if cell.unborn is asker:  # spawned in this very turn
                begin_asked(asker, cell)
            if not interleaves(cell, message):
                comes_back = reentrance.allows(asker, cell, message)
                if not comes_back:
                    check_cycle(asker, cell)
        envelope = self._asking_envelope(cell, message, asker)
        if isinstance(to, Exact):
            self.reach.pins.mark(envelope, to, self.letters)
        pending = cast("Pending", envelope.pending)
        if began is not None:
            began.append(pending)
        wait_for(pending, cell)
        try:
            if comes_back:
                reentrance.enter(cell, envelope)
            else:
                await self.delivery.put_waiting(cell, envelope)
            return await pending.wait()
        finally:
            pending.free()

    def _asking_envelope(self, cell: Cell, message: Any, asker: Cell | None) -> Envelope:
        _check_restarting(cell)
        envelope = self.envelope(message, self._count, None if asker is None else asker.address)
        envelope.pending = Pending(leaver(cell, envelope), asker)
        return envelope

    async def ask_watched(
        self, to: Address, message: Any, watch: Callable[[], AbstractAsyncContextManager[None]]
    ) -> Any:
        """Ask from outside, and enter `watch()` only while the reply is held back: in a mailbox, or deferred.

        A door watches its client that way: the task which that takes (30 us) is not paid when the answer is there.
        """
        if not self.judges:
            return await self._ask_watched(to, message, watch)
        with Verdict(self.judges, to):
            return await self._ask_watched(to, message, watch)

    async def _ask_watched(
        self, to: Address, message: Any, watch: Callable[[], AbstractAsyncContextManager[None]]
    ) -> Any:
        self.check_accepting()
        self._count += 1
        cell = self._find(to, message, None)
        if cell.handlers and message.__class__ not in cell.handlers:
            raise self._unhandled(cell, message, None)
        if cell.mailbox or not self.dispatcher.asks.allowed(cell, 0):
            envelope = self._asking_envelope(cell, message, None)
            pending = cast("Pending", envelope.pending)
            if not self.delivery.taken(cell, envelope):
                async with watch():
                    await self.delivery.room(cell, envelope)
        else:
            reply = await self.dispatcher.asks.drive(cell, message, None)
            if reply.__class__ is not Pending:
                return reply
            pending = reply
        if not pending.held:
            return await pending.wait()
        try:
            async with watch():
                return await pending.wait()
        finally:
            pending.abandon()

    # --- tells -----------------------------------------------------------------------------------------

    async def tell(self, to: Address, message: Any) -> None:
        """See `Ref.tell`."""
        speaker = SPEAKER.get()
        if speaker is not None:
            speaker.send(to, message)
            return
        if not self.accepting:
            self.check_accepting()
        self._count += 1
        cell = None if self.interceptors else self.cells.get(to)
        if cell is None:
            try:
                cell = self._find(to, message, None)
            except DeadLettered:
                return
            except StartFailed:
                self.letters.add(to, Envelope(message, self._count), "start_failed")
                return
        envelope = self.envelope(message, self._count)
        if not self.delivery.taken(cell, envelope):
            await self.delivery.room(cell, envelope)

    async def tell_exact(self, to: Exact, message: Any) -> None:
        """As `tell`, to one incarnation alone."""
        speaker = SPEAKER.get()
        if speaker is not None:
            speaker.send(to, message)
            return
        self.check_accepting()
        self._count += 1
        try:
            cell = self._find(to, message, None)
        except DeadLettered:
            return
        envelope = self.envelope(message, self._count)
        self.reach.pins.mark(envelope, to, self.letters)
        await self.delivery.put_waiting(cell, envelope)

    def send(self, sender: Cell, to: Address, envelope: Envelope) -> None:
        """A turn's tell, at its release. It never waits: without room, the sender takes no message until there is."""
        self._count += 1
        envelope.id = self._count
        if sender.blocked:
            sender.blocked.append((to, envelope))
            return
        cell = None if self.interceptors else self.cells.get(to)
        # the usual cases by the shortest way: half of what a tell costs
        if cell is not None and cell.room is None:
            if cell.status is IDLE and cell.mailbox is None:
                self.dispatcher.queue.first_mail(cell, envelope)
                return
            if cell.status is QUEUED and cell.mailbox is not None:
                user = cell.mailbox.user
                if len(user) < cell.mailbox.capacity:
                    user.append(envelope)
                    return
        if not self._deliver(sender, to, envelope):
            sender.blocked = deque(((to, envelope),))

    def post(self, cell: Cell, message: Any, timer: Ticket | None = None) -> Envelope:
        """A message of the runtime's own to one cell, in the system lane: a timer's, a pipe's result."""
        self._count += 1
        envelope = self.envelope(message, self._count, cell.address, None, timer)
        self.dispatcher.queue.mailbox_of(cell).put_system(envelope)
        self.dispatcher.queue.ready(cell, envelope)
        return envelope

    def post_last(self, cell: Cell, message: Any, ticket: Ticket) -> Envelope:
        """One that comes after all mail there is, whatever room there is: bounded by the cell's watches and timers."""
        self._count += 1
        envelope = self.envelope(message, self._count, cell.address, None, ticket)
        self.dispatcher.queue.mailbox_of(cell).user.append(envelope)
        self.dispatcher.queue.ready(cell, envelope)
        return envelope

    def forward(self, sender: Cell, to: Address, message: Any, pending: Pending | None) -> None:
        """A message goes on with its asker, who is told if it cannot."""
        if pending is None:
            self.send(sender, to, Envelope(message, 0, sender.address))
            return
        self._count += 1
        envelope = self.envelope(message, self._count, sender.address, pending)
        if sender.blocked:
            if queue_again(sender, pending, envelope):
                sender.blocked.append((to, envelope))
        elif not self._deliver(sender, to, envelope):
            sender.blocked = deque(((to, envelope),))

    # --- ways into a mailbox ---------------------------------------------------------------------------

    def _find(self, to: Address, message: Any, sender: Cell | None) -> Cell:
        for intercept in self.interceptors:
            if refusal := intercept(address_of(to), message):
                if isinstance(refusal, str):
                    raise self._dead(to, message, sender, refusal)
                self._dead(to, message, sender, refusal.reason)
                raise refusal
        cell = self.cells.get(to) or self._not_at_hand(to)
        if cell is None:
            raise self._dead(to, message, sender, "stale" if isinstance(to, Exact) else "no_such_address")
        return cell

    def _not_at_hand(self, to: Address) -> Cell | None:
        """Nobody is found by it: it is to be activated, or it means one incarnation alone."""
        if not isinstance(to, Exact):
            return self.activate(to)
        return self.cells.get(to.address) if self.reach.pins.lives(to) else None

    def exact(self, to: Address) -> Exact:
        """See `Ref.exact`."""
        speaker = SPEAKER.get()
        if speaker is not None:
            speaker.effect("pin", to)  # one that is over must not take its successor for itself
        if self.live(to) is None:
            raise DeadLettered(to, "no_such_address")
        return self.reach.pins.pin(to)

    def _unhandled(self, cell: Cell, message: Any, sender: Cell | None) -> DeadLettered:
        unhandled = self._dead(cell.address, message, sender, "unhandled")
        if cell.actor is None:  # it waits for its restart
            return unhandled
        why = not_taken(type(cell.actor), cell.handlers, message)
        return DeadLettered(cell.address, "unhandled", why)

    def _dead(self, to: Address, message: Any, sender: Cell | None, reason: str) -> DeadLettered:
        address = address_of(to)
        self.letters.add(
            address, self.envelope(message, self._count, None if sender is None else sender.address), reason
        )
        return Stale(address) if reason == "stale" else DeadLettered(address, reason)

    def _deliver(self, sender: Cell, to: Address, envelope: Envelope) -> bool:
        """False: it waits for room."""
        pending = envelope.pending
        if pending is not None:
            return self._deliver_asked(sender, to, envelope, pending)
        try:
            cell = self._find(to, envelope.message, sender)
        except DeadLettered:
            return True
        except StartFailed:
            self.letters.add(to, envelope, "start_failed")
            return True
        if isinstance(to, Exact):
            self.reach.pins.mark(envelope, to, self.letters)
        return self.delivery.hand_over(sender, cell, envelope)

    def _deliver_asked(self, sender: Cell, to: Address, envelope: Envelope, pending: Pending) -> bool:
        """A forwarded one, whose asker is told if it gets nowhere, and may have left while it waited."""
        if pending.stage is Stage.DONE:
            return True
        try:
            cell = self._find(to, envelope.message, sender)
            _check_restarting(cell)
        except (ActorRestarting, DeadLettered, StartFailed) as error:
            pending.settle(outcome.Error(error))
            return True
        if isinstance(to, Exact):
            self.reach.pins.mark(envelope, to, self.letters)
        reentrance, asker = self.dispatcher.reentrance, pending.asker
        leaving = pending.raise_cancel is not None
        if asker is not None and not leaving and reentrance.allows(asker, cell, envelope.message):
            reentrance.enter(cell, envelope)
            return True
        return not queue_again(cell, pending, envelope) or self.delivery.hand_over(sender, cell, envelope)


def _asking(speaker: Speaker, to: Address) -> Cell:
    """The cell whose turn asks. Raises NotInADurableTurn, Fenced."""
    if speaker.durable:
        raise NotInADurableTurn(
            f"{speaker.cell.address} is durable: it sends by ctx.pipe, and waits for reads alone"
        )
    speaker.effect("ask", to)
    return speaker.cell


def _check_restarting(cell: Cell) -> None:
    """For asks, on their slow way. Raises ActorRestarting."""
    if cell.status is RESTARTING and cell.spec.fail_fast and cell.end_reason is None:
        raise ActorRestarting(f"{cell.address} waits for its restart")


async def _in_time(
    work: Coroutine[Any, Any, Any], to: Address, message: Any, within: float, began: list[Pending]
) -> Any:
    """The answer, or AskTimeout. `began` is filled once the ask has queued; else its turn had begun at once."""
    with trio.move_on_after(within):
        return await work
    begun = not began or began[0].began
    raise AskTimeout(f"{to}: no answer to {type(message).__name__} within {within} s", begun=begun)
