"""The seams of tracing: the rooms of a system that begin and end spans, built in the place of the plain ones.

None of them is there while tracing is off, so that the way of a message has nothing to test for it.

What a span causes finds it in `CURRENT`: the cell's contextvars hold it for the code of a turn, the releasing of a
turn's outputs runs under it (at once, or behind the commit), and an envelope takes it along. A task that is started
meanwhile, a pipe's or a child's, has a copy.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any

import trio
from typing_extensions import override

from actors.address import Address
from actors.durable import Write
from actors.errors import REFUSALS
from actors.message import Deferred
from runtime.cell import Cell, Turn
from runtime.clock import Clock
from runtime.commit import CommitPoint, Entry
from runtime.crash_text import CrashText
from runtime.dispatcher import Dispatcher
from runtime.envelope import Envelope, Pending
from runtime.inline import InlineAsks
from runtime.kinds import Kinds
from runtime.letters import DeadLetters
from runtime.observe.tracing import CURRENT, Cause, Kind, Span, Tracing, Within
from runtime.outputs import Output
from runtime.router import SPEAKER, Router
from runtime.store.port import Durable, Outcome, Refused, Unknown
from runtime.timers import Timer, Timers
from runtime.turn_end import TurnEnd


def traced_kinds(tracing: Tracing) -> Kinds:
    """The rooms of a system that is traced."""
    return Kinds(
        letters=partial(TracedLetters, tracing),
        router=partial(TracedRouter, tracing),
        timers=partial(TracedTimers, tracing),
        commit=partial(TracedCommit, tracing),
        dispatcher=partial(TracedDispatcher, tracing),
    )


# --- messages on their way -----------------------------------------------------------------------------------


class CausedEnvelope(Envelope):
    """An envelope that knows what caused it, and since when it is on its way."""

    __slots__ = ("cause", "sent")
    cause: Cause | None
    sent: float


def caused(tracing: Tracing, envelope: CausedEnvelope) -> CausedEnvelope:
    """On its way from now on, by whatever runs now."""
    envelope.cause = CURRENT.get()
    envelope.sent = tracing.now()
    return envelope


class TracedRouter(Router):
    """A span for each ask, from the call to the reply; a cause for each envelope."""

    def __init__(self, tracing: Tracing, letters: DeadLetters) -> None:
        super().__init__(letters)
        self._tracing = tracing
        self.envelope = self._caused

    def _caused(self, *parts: Any) -> Envelope:
        return caused(self._tracing, CausedEnvelope(*parts))

    @override
    def send(self, sender: Cell, to: Address, envelope: Envelope) -> None:
        self._count += 1
        envelope = self._caused(envelope.message, self._count, sender.address)
        if sender.blocked:
            sender.blocked.append((to, envelope))
        elif not self._deliver(sender, to, envelope):
            sender.blocked = deque(((to, envelope),))

    @override
    async def ask(self, to: Address, message: Any, within: float | None = None) -> Any:
        with Asking(self._tracing, to, message):
            return await super().ask(to, message, within)

    @override
    async def ask_watched(
        self, to: Address, message: Any, watch: Callable[[], AbstractAsyncContextManager[None]]
    ) -> Any:
        with Asking(self._tracing, to, message):
            return await super().ask_watched(to, message, watch)


class Asking:
    """`with Asking(...):` the ask in it is a span."""

    __slots__ = ("_message", "_span", "_tracing", "_within")

    def __init__(self, tracing: Tracing, to: Address, message: Any) -> None:
        speaker = SPEAKER.get()
        sender = None if speaker is None else speaker.cell.address
        self._tracing = tracing
        self._message = message
        self._span = tracing.begin(Kind.ASK, type(message).__name__, to, sender, cause=CURRENT.get())
        self._within = tracing.within(self._span)

    def __enter__(self) -> None:
        self._within.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._within.__exit__(kind, error, trace)
        outcome, failed = _outcome(self._message, error, "replied")
        self._tracing.end(self._span, outcome, failed=failed)


def _outcome(message: Any, error: BaseException | None, well: str) -> tuple[str, bool]:
    """What became of it, and whether that is a failure: a refusal is an answer. No text of an error: it may hold a body."""
    if error is None:
        return well, False
    if isinstance(error, trio.Cancelled):
        return "cancelled", False
    return type(error).__name__, not isinstance(error, (*message.refusals, *REFUSALS))


class TracedLetters(DeadLetters):
    """A span without length for each message that was lost."""

    def __init__(self, tracing: Tracing, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._tracing = tracing

    @override
    def add(self, to: Address, envelope: Envelope, reason: str, crash: CrashText | None = None) -> None:
        cause = envelope.cause if isinstance(envelope, CausedEnvelope) else CURRENT.get()
        kind = type(envelope.message).__name__
        lost = self._tracing.begin(Kind.LOST, kind, to, envelope.sender, cause=cause)
        self._tracing.end(lost, reason, failed=True)
        super().add(to, envelope, reason, crash)


class TracedTimers(Timers):
    """What an actor's timer does has the turn that set it as its cause. The runtime's own come by `at`, and have none."""

    def __init__(self, tracing: Tracing, clock: Clock) -> None:
        super().__init__(clock)
        self._tracing = tracing

    @override
    def at(self, time: float, fire: Callable[[Timer], None]) -> Timer:
        timer = Timer(time, fire)
        super().add(timer)
        return timer

    @override
    def add(self, timer: Timer) -> None:
        cause, fire = CURRENT.get(), timer.fire

        def fire_within(timer: Timer) -> None:
            with self._tracing.within(cause):
                fire(timer)

        timer.fire = fire_within
        super().add(timer)


# --- turns ---------------------------------------------------------------------------------------------------


class Turns:
    """The spans of the turns under way; of one actor several, where one is handled in the pause of another."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._spans: dict[Turn, list[tuple[Cause, Within]]] = {}

    def begin(self, cell: Cell, message: Any, sender: str | None, **how: Any) -> None:
        """The cell's next turn: what its handler does belongs to it."""
        assert cell.ctx is not None
        assert cell.vars is not None
        span = self._tracing.begin(Kind.TURN, type(message).__name__, cell.address, sender, **how)
        within = self._tracing.within(span)
        cell.vars.run(within.__enter__)
        self._spans.setdefault(cell.ctx, []).append((span, within))

    def arrived(self, cell: Cell, envelope: Envelope) -> None:
        """From a mailbox."""
        cause, waited, told = None, None, envelope.pending is None
        if isinstance(envelope, CausedEnvelope):  # not so one that is tried again after a crash
            cause, waited = envelope.cause, self._tracing.now() - envelope.sent
        self.begin(cell, envelope.message, envelope.sender, cause=cause, waited=waited, told=told)

    def of(self, ctx: Turn) -> Cause | None:
        spans = self._spans.get(ctx)
        return spans[-1][0] if spans else None

    def over(self, cell: Cell, ctx: Turn, outcome: str, *, failed: bool = False) -> None:
        """The newest turn of `ctx`, if it was not over before."""
        spans = self._spans.get(ctx)
        if not spans:
            return
        span, within = spans.pop()
        if not spans:
            del self._spans[ctx]
        if cell.ctx is ctx and cell.vars is not None:
            cell.vars.run(within.__exit__, None, None, None)
        self._tracing.end(span, outcome, failed=failed)


class TracedDispatcher(Dispatcher):
    """A span for each turn, wherever it is driven."""

    def __init__(self, tracing: Tracing, *parts: Any, now: Callable[[], float]) -> None:
        super().__init__(*parts, now=now)
        commit, timers, trace = parts[:3]
        turns = Turns(tracing)
        self._ends = TracedEnd(tracing, turns, commit, timers, trace)
        self.asks = self.inline = TracedAsks(turns, self.queue, self._ends, commit, timers, trace)


class TracedAsks(InlineAsks):
    """Turns in their askers' tasks."""

    __slots__ = ("_turns",)

    def __init__(self, turns: Turns, *parts: Any) -> None:
        super().__init__(*parts)
        self._turns = turns

    @override
    async def drive(self, cell: Cell, message: Any, asker: Cell | None) -> Any:
        ctx = cell.ctx
        assert ctx is not None
        self._turns.begin(cell, message, None if asker is None else asker.address, cause=CURRENT.get())
        reply = await super().drive(cell, message, asker)
        self._turns.over(cell, ctx, "returned")
        return reply


class TracedEnd(TurnEnd):
    """Ends the spans of turns, and lets their outputs out under them."""

    __slots__ = ("_tracing", "_turns")

    def __init__(self, tracing: Tracing, turns: Turns, *parts: Any) -> None:
        super().__init__(*parts)
        self._tracing = tracing
        self._turns = turns
        self.arrived = turns.arrived

    @override
    def returned(
        self,
        cell: Cell,
        ctx: Turn,
        message: Any,
        pending: Pending | None,
        value: Any,
        envelope: Envelope | None = None,
    ) -> None:
        with self._tracing.within(self._turns.of(ctx)):
            super().returned(cell, ctx, message, pending, value, envelope)
        self._turns.over(cell, ctx, "deferred" if isinstance(value, Deferred) else "returned")

    @override
    def raised(
        self,
        cell: Cell,
        ctx: Turn,
        message: Any,
        pending: Pending | None,
        error: Exception,
        *,
        envelope: Envelope | None = None,
    ) -> bool:
        with self._tracing.within(self._turns.of(ctx)):
            crashed = super().raised(cell, ctx, message, pending, error, envelope=envelope)
        outcome, failed = _outcome(message, error, "")
        self._turns.over(cell, ctx, outcome, failed=failed)
        return crashed

    @override
    def cut(self, cell: Cell, ctx: Turn, pending: Pending | None) -> None:
        with self._tracing.within(self._turns.of(ctx)):
            super().cut(cell, ctx, pending)
        self._turns.over(cell, ctx, "cancelled")

    @override
    def _let_out(self, cell: Cell, ctx: Turn, outputs: list[Output]) -> None:
        cause = CURRENT.get()
        if ctx.staged or cell.entry is not None:  # released later, by the commit point
            outputs = [Carried(self._tracing, cause, output) for output in outputs]
        super()._let_out(cell, ctx, outputs)


class Carried:
    """An output that is released under the turn that made it, whenever that is."""

    __slots__ = ("_cause", "_output", "_tracing", "label")

    def __init__(self, tracing: Tracing, cause: Cause | None, output: Output) -> None:
        self._tracing = tracing
        self._cause = cause
        self._output = output
        self.label = output.label

    def release(self) -> None:
        with self._tracing.within(self._cause):
            self._output.release()

    def fail(self, error: Exception) -> None:
        with self._tracing.within(self._cause):
            self._output.fail(error)


# --- commits -------------------------------------------------------------------------------------------------


class TracedCommit(CommitPoint):
    """A span for what each turn has staged: from the turn's end until the store has answered."""

    def __init__(self, tracing: Tracing, *parts: Any) -> None:
        super().__init__(*parts)
        self._tracing = tracing
        self._spans: dict[Entry, list[Cause]] = {}

    @override
    def hold(self, cell: Cell, staged: Sequence[Write] | None, outputs: Sequence[Output]) -> None:
        if not staged:
            super().hold(cell, staged, outputs)
            return
        span = self._tracing.begin(Kind.COMMIT, "commit", cell.address, None, cause=CURRENT.get())
        if isinstance(span, Span):
            span.detail["writes"] = len(staged)
        version = cell.version
        super().hold(cell, staged, outputs)
        if cell.entry is not None:
            self._spans.setdefault(cell.entry, []).append(span)
        else:  # an immediate store's is over
            well = cell.version != version
            self._tracing.end(span, "durable" if well else "failed", failed=not well)

    @override
    def _ended_one(self, entry: Entry, result: Outcome) -> None:
        self._end(entry, type(result).__name__.lower(), failed=not isinstance(result, Durable))
        super()._ended_one(entry, result)

    @override
    def _failed(self, entry: Entry, result: Refused | Unknown) -> None:
        later = self._gathering.get(entry.cell)
        super()._failed(entry, result)
        if later is not None:
            self._end(later, "lost", failed=True)

    def _end(self, entry: Entry, outcome: str, *, failed: bool) -> None:
        for span in self._spans.pop(entry, ()):
            self._tracing.end(span, outcome, failed=failed)
