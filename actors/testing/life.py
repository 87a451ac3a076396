"""What a harness's context notes of an actor's own life: its timers, its state and stash, whom it watches, its threads."""

from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

from actors.actor import Actor
from actors.errors import Fenced, NotInADurableTurn, StashFull, TimerLimit
from actors.message import AsMessage, Deferred, Message
from actors.ref import Ref
from actors.signals import ReceiveTimeout
from actors.testing.effects import (
    Answered,
    Became,
    Effect,
    Forwarded,
    InProcess,
    InThread,
    TimerCancelled,
    TimerSet,
    Trap,
    Unstashed,
    Unwatched,
    Watched,
)
from actors.testing.world import World
from actors.timers import RECEIVE_TIMEOUT, STATE_TIMEOUT, TIMERS_MAX, check_after, check_mode, check_period

T = TypeVar("T")


class HarnessLife:
    """One incarnation's own affairs; the context adds what reaches others."""

    def __init__(self, world: World, actor: Actor[Any], capacity: int) -> None:
        self.world = world
        self.outputs: list[Effect] = []
        self.over = ""
        """Why the incarnation is over."""
        self.stashing = False
        """The turn has put its message aside."""
        self.promised: list[tuple[str, Deferred[Any]]] = []
        """What the turn must return, and by which call it was given out."""
        self._actor = actor
        self._capacity = capacity
        self._state = world.state

    def check(self) -> None:
        """Raises Fenced."""
        if self.over:
            raise Fenced(f"{self.world.address}: this incarnation is over, {self.over}")

    def output(self, output: Effect) -> None:
        """Raises Fenced."""
        if self.over:
            self.check()
        self.outputs.append(output)

    def promise(self, call: str, deferred: Deferred[T]) -> Deferred[T]:
        """What the turn must return."""
        self.promised.append((call, deferred))
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
        if every is not None:
            check_period("every", every)
        keys = self._timers()
        if key not in keys and len(keys) >= TIMERS_MAX:
            raise TimerLimit(f"{self.world.address} holds {TIMERS_MAX} timers")
        self.output(TimerSet(key, after, message, every, mode))

    def cancel(self, key: str) -> None:
        self.check()
        if key in self._timers():
            self.output(TimerCancelled(key))

    def _timers(self) -> set[str]:
        """The keys of those that run, as this turn has left them so far."""
        keys = set(self.world.timers)
        for output in self.outputs:
            if isinstance(output, TimerSet):
                keys.add(output.key)
            elif isinstance(output, TimerCancelled):
                keys.discard(output.key)
        return keys

    def receive_timeout(self, after: float | None, message: Message[Any] | None = None) -> None:
        if after is None:
            self.cancel(RECEIVE_TIMEOUT)
        else:
            check_period("after", after)
            self.timer(RECEIVE_TIMEOUT, after, message or ReceiveTimeout(), every=after)

    # --- state and stash -------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        return self._state

    def become(self, state: str) -> None:
        self._actor.behaviours.table(state)
        self.output(Became(state))
        self._state = state
        self.cancel(STATE_TIMEOUT)
        if (entry := self._actor.behaviours.entries.get(state)) is not None:
            entry(self._actor)

    def state_timeout(self, after: float, message: Message[Any]) -> None:
        self.timer(STATE_TIMEOUT, after, message)

    def stash(self) -> Deferred[Any]:
        self.check()
        if len(self.world.stash) >= self._capacity:
            raise StashFull(f"{self.world.address} has put {len(self.world.stash)} messages aside")
        self.stashing = True
        return self.promise("stash", Deferred("", None, None, _elsewhere))

    def unstash(self, count: int | None = None) -> None:
        self.output(Unstashed(count))

    # --- others ----------------------------------------------------------------------------------------

    def watch(self, ref: Ref[Any], as_: AsMessage | None = None, *, restarts: bool = False) -> None:
        if ref.address == self.world.address:
            raise ValueError(f"{ref.address} cannot watch itself")
        self.output(Watched(ref, as_, restarts))

    def unwatch(self, ref: Ref[Any]) -> None:
        self.output(Unwatched(ref))

    def forward(self, ref: Ref[Any]) -> Deferred[Any]:
        self.output(Forwarded(ref))
        return self.promise("forward", Deferred("", None, None, _elsewhere))

    def backlog(self, ref: Ref[Any]) -> int:
        self.check()
        return self.world.backlogs.get(ref.address, 0)

    def warn(self, event: str, error: Exception, **fields: Any) -> None:
        """There is no node, and no log."""

    def answered(self, output: Answered) -> Deferred[Any]:
        """The asker waits for work outside the turn."""
        self.output(output)
        return self.promise("answer", Deferred("", None, None, _elsewhere))

    def thread(self, work: Callable[..., T], *arguments: Any) -> Coroutine[Any, Any, T]:
        return self._elsewhere(InThread(work, arguments))

    def process(self, work: Callable[..., T], *arguments: Any) -> Coroutine[Any, Any, T]:
        return self._elsewhere(InProcess(work, arguments))

    def _elsewhere(self, wait: InThread | InProcess) -> Coroutine[Any, Any, Any]:
        self.check()
        if self._actor.durable and self.world.in_turn:
            raise NotInADurableTurn(f"{self.world.address} is durable: it waits for work by ctx.pipe")

        async def work() -> Any:
            return await Trap(wait)

        return work()


def _elsewhere(message: Any, pending: Any, envelope: Any) -> None:
    """A deferral under no key: the harness keeps its message by `stash`, or shows Forwarded."""
    del message, pending, envelope
