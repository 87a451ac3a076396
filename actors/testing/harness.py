"""The harness: one actor, driven a turn at a time by hand, with no event loop, no runtime and no waiting.

    account = harness(Account, state=State(balance=3))
    turn = account.run(Withdraw(amount=2), now=5.0)
    assert turn.reply == 1 and turn.staged == [Put("balance", b"1")] and turn.outputs == []

It keeps the rules that a system keeps: a crashed turn stages nothing, a refusal after a change is a crash, a read
after one too, an old incarnation is fenced. It runs no child, delivers nothing, and waits for reads and asks alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

from actors.actor import Activated, Actor, Fresh, Spec, StartReason, StopReason
from actors.address import Address
from actors.chance import Chance
from actors.durable import DurableActor, Woken, Write
from actors.errors import REFUSALS, DeferredNotReturned, DirtyRefusal, DirtySuspension, NotInADurableTurn
from actors.event import Key
from actors.handlers import Handling, Kind, not_taken
from actors.message import Deferred, Fits
from actors.ref import Ref
from actors.supervision import Directive
from actors.testing.answers import given, kept
from actors.testing.chance import Draws
from actors.testing.context import HarnessContext
from actors.testing.effects import NO_LOOP, Asked, Deferral, HarnessMisused, Told, Trap
from actors.testing.table import Table
from actors.testing.turn import Turn
from actors.testing.world import Timed, World

M = TypeVar("M")
R = TypeVar("R")

UNSET: Any = object()
PLAIN = Kind.PLAIN


class Cut(BaseException):
    """The cancellation of a hand-driven turn: as Trio's, no Exception, so that only `finally` sees it."""


def harness(
    actor: Callable[..., Actor[M]] | Spec[M],
    *args: Any,
    state: Any = UNSET,
    stored: Table | Mapping[str, bytes] | None = None,
    at: str = "/actor",
    now: float = 0.0,
    chance: Chance | None = None,
    **policy: Any,
) -> "Harness[M]":
    """A harness of a class and its arguments, or of a spec; `policy` is the spec's (`directives=...`).

    A durable actor loads from `stored`, and `started` runs; with `state` given neither does: it is as in the
    midst of its life. `chance` is `Draws(0)` unless another seed, or a script of your own, is given.
    """
    spec: Spec[M] = actor if isinstance(actor, Spec) else Spec(actor, args)  # pyright: ignore[reportUnknownVariableType]  -- it narrows to Spec[Unknown]
    return Harness(
        replace(spec, **policy) if policy else spec,
        World(Address(at), chance if chance is not None else Draws(), now),
        stored if isinstance(stored, Table) else Table(stored),
        state,
    )


class Harness(Generic[M]):
    """One actor at one address; made by `harness`. `actor` is its present incarnation."""

    def __init__(self, spec: Spec[M], world: World, stored: Table, state: Any) -> None:
        self.spec = spec
        self.stored = stored
        """What is durable: a restart, or a crash of the machine, begins from it."""
        self.uncommitted: list[Write] = []
        """Staged by turns that were run with `commit=False`."""
        self.start: Turn[None]
        """The turn of `started`."""
        self._world = world
        self._steps: Any = None
        self._running: Turn[Any] | None = None
        self._commits = True
        self._asked = False
        """Somebody waits for the turn's reply."""
        self._dirty = False
        """The turn has waited after its first change."""
        self._crash: Exception | None = None
        self._build()
        if state is UNSET:
            reason = Activated(stored.version) if self.actor.durable and stored.version else Fresh()
            self._load_and_start(reason)
        else:
            vars(self.actor)["state"] = state
            self.start = Turn(self, Fresh())
            self.start.end(reply=None, deferred=None)

    # --- looking ---------------------------------------------------------------------------------------

    @property
    def state(self) -> Any:
        """The actor's `self.state`."""
        return vars(self.actor)["state"]

    @property
    def now(self) -> float:
        return self._world.now

    @property
    def deferred(self) -> dict[str, Any]:
        """Who waits: key -> message, oldest first. A test may add to it."""
        return self._world.deferred

    @property
    def timers(self) -> dict[str, Timed]:
        """Which timers run: key -> when, and what it says."""
        return self._world.timers

    @property
    def holders(self) -> dict[Key[Any], list[Ref[Any]]]:
        """What `ctx.find` answers; the test fills it."""
        return self._world.holders

    @property
    def stash(self) -> list[Any]:
        """The messages that it has put aside."""
        return self._world.stash

    @property
    def unstashed(self) -> list[Any]:
        """Those that came back: a mailbox would hand them over next; a test takes and runs them."""
        return self._world.unstashed

    @property
    def children(self) -> dict[str, Spec[Any]]:
        """Whom it has spawned: name -> spec."""
        return self._world.children

    @property
    def ended(self) -> StopReason | None:
        """Why it is no more, if it is."""
        return self._world.ended

    @property
    def store_full(self) -> bool:
        """Set it, and `ctx.stage` refuses with StoreFull."""
        return self._world.store_full

    @store_full.setter
    def store_full(self, full: bool) -> None:
        self._world.store_full = full

    # --- driving ---------------------------------------------------------------------------------------

    def run(
        self, message: Fits[M, R], *, now: float | None = None, told: bool = False, commit: bool = True
    ) -> Turn[R]:
        """One turn, as far as it comes without a wait. `told`: nobody waits for the reply.

        `commit=False`: what it stages is still on its way to the disk, until `commit` or a `restart` that loses it.
        """
        return self._turn(message, now, told, commit)

    def ask(self, message: Fits[M, R], *, now: float | None = None) -> R:
        """The reply of one turn, its reads answered from what is stored. Raises its refusal, or what it crashed of."""
        turn: Turn[R] = self._turn(message, now, told=False, commit=True).finish()
        if (error := turn.refusal or turn.error) is not None:
            raise error
        return turn.reply

    def wake(self) -> Turn[None]:
        """The turn at the time staged by WakeAt."""
        at = self.stored.wake_at
        if at is None:
            raise HarnessMisused("nothing has staged WakeAt: there is no time to wake it at")
        return self._turn(Woken(), max(at, self.now), told=True, commit=True)

    def fire(self, key: str) -> Turn[Any]:
        """The turn of a timer's message, at its time."""
        timer = self.timers.pop(key, None)
        if timer is None:
            raise HarnessMisused(f"no timer {key!r} runs; there are: {sorted(self.timers) or 'none'}")
        if timer.every is not None:
            self.timers[key] = Timed(max(timer.at, self.now) + timer.every, timer.message, timer.every)
        return self._turn(timer.message, max(timer.at, self.now), told=True, commit=True)

    def advance(self, seconds: float) -> list[Turn[Any]]:
        """Let time pass: the turns of all timers that were due in it, in order; their reads are answered from what is stored."""
        end = self.now + seconds
        turns: list[Turn[Any]] = []
        while self.timers:
            key = min(self.timers, key=lambda key: self.timers[key].at)
            if self.timers[key].at > end:
                break
            turns.append(self.fire(key).finish())
        self._world.now = end
        return turns

    def hang_up(self, key: str) -> None:
        """A deferred asker leaves."""
        if self.deferred.pop(key, None) is None:
            raise HarnessMisused(f"nobody waits under {key!r}; there are: {list(self.deferred) or 'none'}")

    def commit(self) -> None:
        """All that was staged reaches the disk."""
        if self.uncommitted:
            self.stored.commit(self.uncommitted)
            self.uncommitted = []

    def restart(self, reason: StartReason | None = None) -> Turn[None]:
        """The next incarnation, from what is durable: after a crash of its own, or of the machine. The turn of `started`."""
        self._close("it was restarted")
        self.uncommitted = []
        self._world.forget()
        self._build()
        self._load_and_start(reason if reason is not None else Activated(self.stored.version))
        return self.start

    def stop(self, reason: StopReason = StopReason.STOP) -> Turn[None]:
        """An orderly end: the turn of `stopping`, then `stopped`."""
        self._check()
        turn: Turn[None] = Turn(self, reason)
        self._begin(turn, self.actor.stopping(reason), None, told=True, commit=True)
        turn.finish()
        self._close(f"it was stopped, {reason.name}")
        self._world.ended = reason
        self.actor.stopped(reason)
        return turn

    # --- for its turns ---------------------------------------------------------------------------------

    def resume(self, turn: Turn[Any], values: Sequence[Any], now: float | None) -> None:
        """See `Turn.resume`."""
        wait = self._waits(turn)
        if values:
            answer = given(wait, values)
        else:
            answer = kept(wait, self._world.address, self.stored, self.uncommitted)
        self._pass(now)
        self._drive(turn, lambda: self._steps.send(answer))

    def throw(self, turn: Turn[Any], error: Exception) -> None:
        """See `Turn.resume_with`."""
        self._waits(turn)
        self._drive(turn, lambda: self._steps.throw(error))

    def cut(self, turn: Turn[Any]) -> None:
        """See `Turn.cancel`."""
        self._waits(turn)
        turn.cancelled = True
        self._drive(turn, lambda: self._steps.throw(Cut()))

    # ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.actor: Actor[M] = self.spec.actor(*self.spec.args)
        self._world.state = self.actor.initial
        self._ctx = HarnessContext(self._world, self.actor, self.spec.capacity)
        self.actor.bind(self._ctx)

    def _load_and_start(self, reason: StartReason) -> None:
        actor = self.actor
        self.start = Turn(self, reason)

        async def begin() -> None:
            if isinstance(actor, DurableActor):
                await actor.recover(self.stored)
            if (entry := actor.behaviours.entries.get(actor.initial)) is not None:
                entry(actor)
            await actor.started(reason)

        self._begin(self.start, begin(), None, told=True, commit=True)

    def _turn(self, message: Any, now: float | None, told: bool, commit: bool) -> Turn[Any]:  # noqa: FBT001 -- private, from `run`
        actor, state = self.actor, self._world.state
        table = actor.behaviours.table(state) if state else actor.handlers
        handling = table.get(message.__class__)
        if handling is None:
            raise self._not_handled(message)
        self._check()
        turn: Turn[Any] = Turn(self, message)
        self._begin(turn, None, handling, told=told, commit=commit, now=now)
        return turn

    def _not_handled(self, message: Any) -> HarnessMisused:
        return HarnessMisused(not_taken(type(self.actor), self.actor.handlers, message))

    def _check(self) -> None:
        if self._running is not None:
            raise HarnessMisused(f"one turn at a time: resume or cancel this one first: {self._running!r}")
        if self._ctx.over:
            raise HarnessMisused(
                f"the incarnation is over, {self._ctx.over}; `restart` makes the next"
            ) from self._crash
        if self._world.ended is not None:
            raise HarnessMisused("the actor has stopped itself; `restart` makes the next incarnation")

    def _close(self, why: str) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            running.cancelled = True
            running.waiting = None
            self._steps.close()
        self._ctx.over = why

    def _pass(self, now: float | None) -> None:
        if now is None:
            return
        if now < self._world.now:
            raise HarnessMisused(f"time never goes back: it is {self._world.now}, not {now}")
        self._world.now = now

    def _begin(
        self,
        turn: Turn[Any],
        steps: Any,
        handling: Handling | None,
        *,
        told: bool,
        commit: bool,
        now: float | None = None,
    ) -> None:
        if now is not None:
            self._pass(now)
        self._ctx.begin()
        self._asked = not told
        self._world.in_turn = True
        self._dirty = False
        self._commits = commit
        if handling is None:
            self._steps = steps
            self._drive(turn, lambda: steps.send(None))
            return
        try:
            value = handling.function(self.actor, turn.message)
        except Exception as error:  # noqa: BLE001 -- the harness is the actor's boundary here
            self._raised(turn, error)
            return
        if handling.kind is PLAIN:
            self._returned(turn, value)
        else:
            self._steps = value
            self._drive(turn, lambda: value.send(None))

    def _drive(self, turn: Turn[Any], step: Callable[[], Any]) -> None:
        """Up to the next wait, or the end."""
        turn.waiting = self._running = None
        try:
            trap = self._until_wait(step)
        except StopIteration as stop:
            if self._dirty:
                self._raised(turn, DirtySuspension(f"{self._world.address}: waited after its first change"))
            else:
                self._returned(turn, stop.value)
        except Cut:
            self._cancelled(turn)
        except Exception as error:  # noqa: BLE001 -- the harness is the actor's boundary here
            self._raised(turn, error)
        else:
            turn.waiting = trap
            self._running = turn

    def _until_wait(self, step: Callable[[], Any]) -> Any:
        steps = self._steps
        trap = step()
        while True:
            if not isinstance(trap, Trap):
                steps.close()
                raise HarnessMisused(NO_LOOP.format("the turn", trap))
            if isinstance(trap.what, Told):
                self._ctx.outputs.append(trap.what)
                trap = steps.send(None)
            elif isinstance(trap.what, Asked) and self.actor.durable:
                trap = steps.throw(
                    NotInADurableTurn(
                        f"{self._world.address} is durable: it sends by ctx.pipe, and waits for reads alone"
                    )
                )
            else:
                self._dirty = self._dirty or bool(self._ctx.staged)
                return trap.what

    def _waits(self, turn: Turn[Any]) -> Any:
        if turn.waiting is None or self._running is not turn:
            raise HarnessMisused(f"it does not wait: {turn!r}")
        return turn.waiting

    # --- the end of a turn -----------------------------------------------------------------------------

    def _returned(self, turn: Turn[Any], value: Any) -> None:
        ctx = self._ctx
        if (forgotten := self._forgotten(turn, value)) is not None:
            self._raised(turn, forgotten)
            return
        deferral = None
        self._world.in_turn = False
        if value.__class__ is Deferred:
            deferral = Deferral(value.key, value.deadline, value.on_deadline)
        if ctx.stashing:
            self._world.stash.append(turn.message)
        if ctx.staged:
            self.uncommitted += ctx.staged
            turn.staged = ctx.staged
            ctx.staged = []
            if self._commits:
                self.commit()
        if ctx.outputs:
            ctx.count()
            turn.outputs = ctx.outputs
            ctx.outputs = []
        if deferral is not None and deferral.key and self._asked:
            self._world.deferred[deferral.key] = turn.message
        turn.end(reply=value, deferred=deferral)

    def _forgotten(self, turn: Turn[Any], value: Any) -> DeferredNotReturned | None:
        for call, promised in self._ctx.promised:
            if promised is not value:
                said = None if turn is self.start else turn.message
                return DeferredNotReturned(self._world.address, said, call)
        return None

    def _raised(self, turn: Turn[Any], error: Exception) -> None:
        if isinstance(error, HarnessMisused):
            raise error
        ctx = self._ctx
        self._world.in_turn = False
        refusals: tuple[type[Exception], ...] = getattr(turn.message, "refusals", ())
        if isinstance(error, (*refusals, *REFUSALS)):
            if not ctx.staged and not ctx.outputs:
                turn.refusal = error
                return
            dirty = DirtyRefusal(f"{self._world.address}: {type(error).__name__} was raised after a change")
            dirty.__cause__ = error
            error = dirty
        turn.error = error
        turn.undone = ctx.undo()
        if self.spec.directive(error) is not Directive.RESUME:
            self._crash = error
            ctx.over = f"it crashed: {type(error).__name__}: {error}"

    def _cancelled(self, turn: Turn[Any]) -> None:
        ctx = self._ctx
        self._world.in_turn = False
        dirty = bool(ctx.staged)
        turn.undone = ctx.undo()
        if dirty:
            ctx.over = "a turn was cancelled after it had staged"
