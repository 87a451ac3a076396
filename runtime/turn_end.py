"""The end of a turn: what it returned, raised or was cut by becomes a reply, a crash, or nothing at all.

Outputs leave here, in the order they were made: at once, or held by the commit point while anything that their
actor has staged is not yet durable.
"""

import types
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import outcome

from actors.actor import Actor
from actors.errors import (
    REFUSALS,
    ActorRestarted,
    ActorStopped,
    CommitFailed,
    DeferredNotReturned,
    DirtyRefusal,
    DirtySuspension,
    ReplyNotAwaited,
)
from actors.message import Deferred
from actors.supervision import DROP
from runtime.behaving import Became, Unstashed
from runtime.boundary import Boundary
from runtime.cell import Cell, Turn, Waiting
from runtime.commit import CommitPoint
from runtime.envelope import Envelope, Pending
from runtime.outputs import Output, OwnReply, Promised, Reply, Resolve, Tell
from runtime.poison import crashed_by, once_more, tell_crashed
from runtime.ticking import NEXT_TICK
from runtime.timers import Timer, Timers
from runtime.trace import Trace

UNAWAITED = frozenset({types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType})
NO_REPLIES = UNAWAITED | {Deferred}
"""What a handler may return that is not itself the reply."""
NOT_YET = frozenset({Resolve, Promised})
"""Outputs that the turn's end replaces, or takes out."""
NO_CHANGES = frozenset({NEXT_TICK, Promised.label})
"""What may stand among a turn's outputs that refuses."""


class TurnEnd:
    """Ends turns: one method for each way in which a handler can be left."""

    __slots__ = ("_commit", "_timers", "_trace", "arrived")

    def __init__(self, commit: CommitPoint, timers: Timers, trace: Trace | None) -> None:
        self._commit = commit
        self._timers = timers
        self._trace = trace
        self.arrived: Callable[[Cell, Envelope], None] | None = None
        """Told of each turn from a mailbox as it begins: the tracer, and who checks messages."""

    def number_effects(self, trace: Trace | None) -> None:
        """Replies, and what is let out behind a turn, pass `trace` from now on."""
        self._trace = trace

    def returned(  # noqa: C901, PLR0917 -- told turns end here: a call costs ten tests, a name for an argument one
        self,
        cell: Cell,
        ctx: Turn,
        message: Any,
        pending: Pending | None,
        value: Any,
        envelope: Envelope | None = None,
    ) -> None:
        """The handler answered `value`; nobody waits for it if there is no `pending`. `envelope`: unless it was driven inline.

        Raises what makes a crash of it; the turn's boundary stands around this call too.
        """
        cell.handled += 1
        cell.touched = True
        if ctx.fenced or ctx.dirty:
            _void(cell, ctx, pending)
        elif (
            ctx.staged is not None
            or cell.entry is not None
            or (value is not None and value.__class__ in NO_REPLIES)
        ):
            self._returned_more(cell, ctx, message, pending, value, envelope)
        elif (outputs := ctx.outputs) is None:
            if pending is not None:
                if self._trace is not None:
                    ctx.effect("reply")
                pending.settle(outcome.Value(value))
        elif pending is None and self._trace is None:  # a told turn that tells: the usual case
            if len(outputs) == 1 and outputs[0].__class__ is Tell:
                ctx.outputs = None
            else:
                outputs = _outputs(cell, ctx, message)
            for output in outputs:
                output.release()
        else:
            self._returned_more(cell, ctx, message, pending, value, envelope)

    def _returned_more(  # noqa: PLR0917 -- as `returned`
        self,
        cell: Cell,
        ctx: Turn,
        message: Any,
        pending: Pending | None,
        value: Any,
        envelope: Envelope | None,
    ) -> None:
        """A turn with outputs, one that waits behind a commit, or one that answers no plain value."""
        if value.__class__ in UNAWAITED:
            cell.handled -= 1  # `raised` counts it
            raise _not_awaited(cell, message, value)
        outputs = _outputs(cell, ctx, message, value)
        if value.__class__ is Deferred:
            (value.taken or partial(self._defer, cell, value))(message, pending, envelope)
        elif pending is not None:
            outputs.append(OwnReply(pending, outcome.Value(value)))
            pending.returned()
        self._let_out(cell, ctx, outputs)

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
        """The handler raised: a refusal goes to the asker, all else is a crash. Whether it was one, and the message is lost."""
        cell.handled += 1
        if ctx.fenced:
            too_late(cell, pending)
            return True
        changed = ctx.staged is not None or any(
            output.label not in NO_CHANGES for output in ctx.outputs or ()
        )
        refusal = isinstance(error, (*message.refusals, *REFUSALS))
        if refusal and not changed:
            ctx.undo()
            crash = None if pending is None else self._refuse(cell, ctx, pending, error)
            if crash is None:
                if cell.on_demand and cell.actor is not None:
                    self._look_whether_empty(cell, cell.actor)
                return False
            error = crash
        elif refusal:
            dirty = DirtyRefusal(f"{cell.address}: {type(error).__name__} was raised after a change")
            dirty.__cause__ = error
            error = dirty
        ctx.undo()
        again = cell.spec.poison is not DROP and once_more(cell, message, pending, envelope, error)
        if pending is not None and not again:
            tell_crashed(cell, pending, error)
        error.add_note(f"{cell.address} handled {type(message).__name__}")
        if cell.ctx is ctx:  # else what the undoing has brought, a death pact, has begun it anew already
            cell.parent.failed(cell, error)
        return not again

    def _refuse(self, cell: Cell, ctx: Turn, pending: Pending, refusal: Exception) -> Exception | None:
        """Answer the asker; what has kept the answer in, if something did: a trace may, see `number_effects`."""
        pending.returned()
        with Boundary() as boundary:
            self._let_out(cell, ctx, [OwnReply(pending, outcome.Error(refusal))])
        return boundary.error

    def _look_whether_empty(self, cell: Cell, actor: Actor[Any]) -> None:
        with Boundary() as boundary:
            if actor.holds_nothing():
                self._timers.after(0.0, partial(_let_go, cell))  # not in its own turn
        if boundary.error is not None:
            cell.parent.failed(cell, boundary.error)

    def cut(self, cell: Cell, ctx: Turn, pending: Pending | None) -> None:
        """The turn was cancelled: by its asker, or because the cell is being stopped."""
        staged = ctx.staged
        ctx.undo()
        if pending is not None:
            release_asker(cell, ctx, pending)
        if staged is not None and not ctx.fenced and cell.end_reason is None:
            cell.parent.discarded(cell, CommitFailed(f"{cell.address}: cancelled after it had staged"))

    # --- outputs ---------------------------------------------------------------------------------------

    def let_out(self, cell: Cell) -> None:
        """What `started` or `stopping` staged and said, as at the end of a turn."""
        ctx = cell.ctx
        assert ctx is not None
        if ctx.staged is not None or ctx.outputs is not None:
            self._let_out(cell, ctx, _outputs(cell, ctx, None))

    def _let_out(self, cell: Cell, ctx: Turn, outputs: list[Output]) -> None:
        staged, ctx.staged = ctx.staged, None
        if staged or cell.entry is not None:
            self._commit.hold(cell, staged, self._still_to_come(cell, ctx, outputs))
            return
        for output in outputs:
            if self._trace is not None:
                _number(cell, ctx, output, outputs)
            output.release()

    def _still_to_come(self, cell: Cell, ctx: Turn, outputs: list[Output]) -> list[Output]:
        """What waits for the commit. The stash does not: it would come behind the mail that is handled meanwhile."""
        held: list[Output] = []
        for output in outputs:
            if isinstance(output, (Became, Unstashed)):
                if self._trace is not None:
                    _number(cell, ctx, output, outputs, held)
                output.release()
            else:
                held.append(output)
        return held

    def _defer(
        self, cell: Cell, value: Deferred[Any], message: Any, pending: Pending | None, _: Envelope | None
    ) -> None:
        if pending is None:  # told, not asked: nobody waits
            return
        waiting_for = cell.deferred
        if waiting_for is None:
            waiting_for = cell.deferred = {}
        key = value.key

        def leave() -> None:
            if waiting := waiting_for.pop(key, None):
                if waiting.deadline is not None:
                    waiting.deadline.cancelled = True
                cell.touched = True

        def late(_: Timer) -> None:
            if waiting := waiting_for.pop(key, None):
                waiting.pending.settle(outcome.Value(waiting.on_deadline))

        deadline = None if value.deadline is None else self._timers.after(value.deadline, late)
        waiting_for[key] = Waiting(pending, message, deadline, value.on_deadline)
        pending.returned(leave)


def _number(
    cell: Cell, ctx: Turn, output: Output, outputs: list[Output], held: Sequence[Output] = ()
) -> None:
    """Number it before it is let out. Raises what the trace does; then nothing more of the turn is let out, nor held."""
    with Boundary() as boundary:
        ctx.effect(output.label)
    if boundary.error is not None:
        for left in (*held, *outputs[outputs.index(output) :]):
            if not isinstance(
                left, OwnReply
            ):  # its asker is told by who deals with the crash, unless it tries again
                left.fail(crashed_by(cell, boundary.error))
        raise boundary.error


def _outputs(cell: Cell, ctx: Turn, message: Any, value: Any = None) -> list[Output]:
    """What the turn has said; the answer to a deferred asker, if that one is still there. Raises DeferredNotReturned."""
    made = ctx.outputs or []
    for output in made:
        if output.__class__ in NOT_YET:
            check_returned(cell, made, message, value)
            made = _with_replies(cell, made)
            break
    ctx.outputs = None
    return made


def check_returned(cell: Cell, made: list[Output], message: Any, value: Any = None) -> None:
    """Whether each Deferred that was given out is what was returned; raises DeferredNotReturned for one that is not."""
    for output in made:
        if isinstance(output, Promised) and output.deferred is not value:
            if message is not None:
                cell.handled -= 1  # `raised` counts it
            raise DeferredNotReturned(cell.address, message, output.call)


def _with_replies(cell: Cell, made: list[Output]) -> list[Output]:
    outputs: list[Output] = []
    for output in made:
        if isinstance(output, Promised):
            continue
        if not isinstance(output, Resolve):
            outputs.append(output)
        elif cell.deferred and (waiting := cell.deferred.pop(output.key, None)):
            if waiting.deadline is not None:
                waiting.deadline.cancelled = True
            waiting.pending.returned()
            outputs.append(Reply(waiting.pending, output.result))
    return outputs


def _not_awaited(cell: Cell, message: Any, value: Any) -> ReplyNotAwaited:
    if isinstance(value, types.AsyncGeneratorType):
        kind = "an asynchronous generator"
    else:
        kind = "a coroutine that nobody awaits" if isinstance(value, types.CoroutineType) else "a generator"
        value.close()
    return ReplyNotAwaited(f"{cell.address}: the handler of {type(message).__name__} returned {kind}")


def _let_go(cell: Cell, _: Timer) -> None:
    if not cell.ended:
        cell.parent.passivate(cell)


def _void(cell: Cell, ctx: Turn, pending: Pending | None) -> None:
    """The turn's outcome does not count: its incarnation is over, or it waited after its first change."""
    if not ctx.fenced:
        cell.handled -= 1  # `raised` counts it
        raise DirtySuspension(f"{cell.address}: waited after its first change")
    too_late(cell, pending)


def too_late(cell: Cell, pending: Pending | None) -> None:
    """The incarnation was over before its turn was."""
    if pending is None:
        return
    if cell.end_reason is None:
        pending.settle(outcome.Error(ActorRestarted(f"{cell.address} began anew; ask again")))
    else:
        pending.settle(outcome.Error(ActorStopped(f"{cell.address} ended before its turn did")))


def release_asker(cell: Cell, ctx: Turn | None, pending: Pending) -> None:
    """The turn was cut: the asker gets its own cancellation, if that was the cause, else the actor's end."""
    if pending.raise_cancel is not None:
        pending.cancelled()
    elif ctx is not None and ctx.fenced:
        too_late(cell, pending)
    else:
        pending.settle(outcome.Error(ActorStopped(f"{cell.address} was stopped in its turn")))
