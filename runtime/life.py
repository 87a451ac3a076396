"""What an incarnation does with its own life: its timers, its state, its stash, whom it watches, where it sends work.

`TurnContext` is built on it. All of it is the incarnation's own, and gone with it.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar, cast

import outcome
import structlog
from typing_extensions import override

from actors.actor import StopReason
from actors.address import Address
from actors.errors import Fenced, NotInADurableTurn, TimerLimit
from actors.message import AsMessage, Deferred, Message
from actors.ref import Ref
from actors.signals import ReceiveTimeout
from actors.timers import RECEIVE_TIMEOUT, STATE_TIMEOUT, TIMERS_MAX, check_after, check_mode, check_period
from runtime.behaving import Became, Behaving, Unstashed
from runtime.cell import BUSY, Cell
from runtime.envelope import Envelope, Pending, Ticket
from runtime.outputs import Output, Promised
from runtime.rooms import Rooms
from runtime.router import SPEAKER, Router
from runtime.staged import Change, TimerChange, Undoable
from runtime.ticking import Due, Periodic, Silence, SilenceChange
from runtime.timers import Timer
from runtime.watching import Watch, Watched

T = TypeVar("T")

log = structlog.get_logger("callboard.actors")


class Life:
    """One incarnation's own affairs; the context adds what reaches others."""

    __slots__ = (
        "_rooms",
        "behaving",
        "cell",
        "changes",
        "fenced",
        "opening",
        "piping",
        "silence",
        "timers",
        "watches",
    )

    cell: Cell
    fenced: bool
    piping: int
    timers: dict[str, Timer] | None
    opening: list[Output] | None
    silence: Silence | None
    behaving: Behaving | None
    watches: dict[Address, Watch] | None
    changes: dict[object, Change] | None
    _rooms: Rooms

    def effect(self, kind: str, what: str = "") -> None:
        raise NotImplementedError

    def output(self, output: Output) -> None:
        raise NotImplementedError

    def promised(self, call: str, deferred: Deferred[T]) -> Deferred[T]:
        """What the turn must return; a handler that forgets it would lose its asker, or the message, without a sound."""
        self.output(Promised(call, deferred))
        return deferred

    # --- timers ----------------------------------------------------------------------------------------

    def timer(
        self,
        key: str,
        after: float,
        message: Message[Any],
        *,
        every: float | None = None,
        mode: Literal["delay", "rate"] = "delay",
    ) -> None:
        check_after(after)
        check_mode(mode, every)
        rooms, at = self._rooms, self._rooms.clock.now() + after
        if every is None:
            post = rooms.router.post if after else rooms.router.post_last
            self._set_timer(key, Timer(at, lambda timer: self._due(key, timer, message, post)))
            return
        check_period("every", every)
        periodic = Periodic(self, rooms, key, message, every, rate=mode == "rate")
        self._set_timer(key, Timer(at, periodic.fire))

    def _set_timer(self, key: str, timer: Timer) -> None:
        self.effect("timer", key)
        before = None if self.timers is None else self.timers.get(key)
        if before is None and self.timers is not None and len(self.timers) >= TIMERS_MAX:
            raise TimerLimit(f"{self.cell.address} holds {TIMERS_MAX} timers")
        self.output(TimerChange(self, self._rooms.timers, key, before, timer))

    def _due(
        self, key: str, timer: Timer, message: Message[Any], post: Callable[[Cell, Any, Ticket], Envelope]
    ) -> None:
        # it stays under its key until its message is taken: a cancel in between still finds it
        post(self.cell, message, Due(self, key, timer))

    def cancel(self, key: str) -> None:
        self.effect("cancel", key)
        if self.timers is not None and (timer := self.timers.get(key)):
            self.output(TimerChange(self, self._rooms.timers, key, timer, None))

    def receive_timeout(self, after: float | None, message: Message[Any] | None = None) -> None:
        if after is not None:
            check_period("after", after)
        self.cancel(RECEIVE_TIMEOUT)
        if after is None:
            self.output(SilenceChange(self, None))
            return
        silence = Silence(self, self._rooms, message or ReceiveTimeout(), after)
        self.output(SilenceChange(self, silence))
        self._set_timer(RECEIVE_TIMEOUT, silence.first())

    # --- state and stash -------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        if self.behaving is not None:
            return self.behaving.state
        return "" if self.cell.actor is None else self.cell.actor.initial

    def become(self, state: str) -> None:
        self._check_alive()
        actor = self.cell.actor
        assert actor is not None
        self.output(Became(self, self._behaving(), actor, state))
        if self.timers is not None and STATE_TIMEOUT in self.timers:
            self.cancel(STATE_TIMEOUT)
        if (entry := actor.behaviours.entries.get(state)) is not None:
            entry(actor)

    def state_timeout(self, after: float, message: Message[Any]) -> None:
        self.timer(STATE_TIMEOUT, after, message)

    def stash(self) -> Deferred[Any]:
        self._check_alive()
        return self.promised("stash", self._behaving().put_aside())

    def unstash(self, count: int | None = None) -> None:
        self._check_alive()
        self.output(Unstashed(self._behaving(), count))

    def _behaving(self) -> Behaving:
        if self.behaving is None:
            self.behaving = Behaving(self.cell, self._rooms.router.dispatcher.queue, self.state)
        return self.behaving

    def _check_alive(self) -> None:
        if self.fenced:
            raise Fenced(f"{self.cell.address}: this incarnation is over")

    # --- others ----------------------------------------------------------------------------------------

    def watch(self, ref: Ref[Any], as_: AsMessage | None = None, *, restarts: bool = False) -> None:
        address = ref.address
        if address == self.cell.address:
            raise ValueError(f"{address} cannot watch itself")
        self.effect("watch", address)
        watch = Watch(self, address, as_, restarts=restarts)
        watches = self._rooms.watches
        there = self._rooms.router.serves(address)
        # a death pact with nobody is raised here, in the turn, and not behind its back
        news = None if there else watch.news(StopReason.NOT_THERE)
        self.output(Watched(self, watches, address, watches.add(watch), watch))
        if news is not None:
            watches.deliver(watch, StopReason.NOT_THERE, news)

    def unwatch(self, ref: Ref[Any]) -> None:
        self.effect("unwatch", ref.address)
        watches = self._rooms.watches
        if (before := watches.silence(self, ref.address)) is not None:
            self.output(Watched(self, watches, ref.address, before, None))

    def forward(self, ref: Ref[Any]) -> Deferred[Any]:
        self.effect("forward", ref.to)
        forwarded = Forwarded(self.cell, self._rooms.router, ref.to)
        self.output(forwarded)
        return self.promised("forward", Deferred("", None, None, forwarded.take))

    def backlog(self, ref: Ref[Any]) -> int:
        cell = self._rooms.router.cells.get(ref.address)
        if cell is None:
            return 0
        waiting = 0 if cell.mailbox is None else len(cell.mailbox.user)
        return waiting + (cell.status is BUSY)

    def warn(self, event: str, error: Exception, **fields: Any) -> None:
        log.warning(event, actor=self.cell.address, **fields, exc_info=error)

    # --- work that would hold the loop -----------------------------------------------------------------

    def thread(self, work: Callable[..., T], *arguments: Any) -> Coroutine[Any, Any, T]:
        self._check_may_wait()
        actor = self.cell.actor
        assert actor is not None
        return self._rooms.workers.thread(type(actor), actor.threads_max, work, *arguments)

    def process(self, work: Callable[..., T], *arguments: Any) -> Coroutine[Any, Any, T]:
        self._check_may_wait()
        return self._rooms.workers.process(work, *arguments)

    def _check_may_wait(self) -> None:
        """A durable turn waits for reads alone; in a pipe it may."""
        self._check_alive()
        actor = self.cell.actor
        if actor is not None and actor.durable and cast("object", SPEAKER.get()) is self:
            raise NotInADurableTurn(f"{self.cell.address} is durable: it waits for work by ctx.pipe")


class Forwarded(Undoable):
    """A message that goes on to another actor behind the turn, with its asker."""

    __slots__ = ("_message", "_pending", "_router", "_sender", "_to")

    def __init__(self, sender: Cell, router: Router, to: Address) -> None:
        super().__init__("forwarded")
        self._sender = sender
        self._router = router
        self._to = to
        self._message: Any = None
        self._pending: Pending | None = None

    def take(self, message: Any, pending: Pending | None, _: Envelope | None) -> None:
        """The handler has returned it."""
        self._message = message
        self._pending = pending
        if pending is not None:
            pending.returned()

    @override
    def release(self) -> None:
        if self._message is not None:
            self._router.forward(self._sender, self._to, self._message, self._pending)

    @override
    def fail(self, error: Exception) -> None:
        if self._pending is not None:
            self._pending.settle(outcome.Error(error))

    @override
    def undo(self) -> None:
        """Nothing has gone on yet."""
