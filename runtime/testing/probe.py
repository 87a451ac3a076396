"""A probe: an actor that keeps all it is sent, so that a test can say what it expects of others.

    probe: Probe[Invoice] = Probe(system)
    await shop.tell(Order(to=probe.ref))
    assert (await probe.expect(Invoice)).total == 5
    await probe.reply(Paid())

Time is the system's: on a virtual clock `within` passes at once, and only as far as the message is due.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import trio

from actors.actor import Actor, Context, Spec
from actors.errors import ActorError
from actors.event import Event, Key
from actors.handlers import receive, receive_any
from actors.message import Deferred, Message
from actors.ref import Ref
from runtime.clock import NeverTrue, VirtualClock
from runtime.system import System

M = TypeVar("M")
K = TypeVar("K")

WITHIN = 3.0
"""Seconds that a message may take, unless the test says otherwise."""
SHOWN = 10
"""Messages, dead letters and crashes that an error tells of."""


class ProbeFailed(AssertionError):
    """Something else came than was expected, or nothing; the text says what did."""


class Probe(Generic[M]):
    """`probe.ref` goes to whom it may concern; what it is sent comes out of `expect`, in order."""

    def __init__(self, system: System, name: str | None = None) -> None:
        self.received: list[Any] = []
        """All that it was ever sent, in order."""
        self._taken = 0
        self._asks: list[str] = []
        """The key of each received message's asker."""
        self._system = system
        self._arrived = trio.Event()
        self._letters = len(system.letters.newest)
        self.ref: Ref[M] = system.spawn(Spec(_Keeper, (self._keep,), name=name or _free_name(system)))

    # --- what came -------------------------------------------------------------------------------------

    @property
    def unexpected(self) -> list[Any]:
        """What it was sent and no `expect` has taken yet."""
        return self.received[self._taken :]

    async def expect(self, kind: type[K], *, within: float = WITHIN) -> K:
        """The next message, which must be of `kind`, and come `within` so many seconds.

        Raises ProbeFailed, saying what came instead.
        """
        if not await self._comes(within):
            raise ProbeFailed(
                f"{self.ref.address} expected {kind.__name__}: nothing came within {within:g} s{self._clues()}"
            )
        message = self.received[self._taken]
        if not isinstance(message, kind):
            more = self.unexpected[1:]
            text = f"{self.ref.address} expected {kind.__name__}: {message!r} came instead"
            raise ProbeFailed(text + (f", and behind it {_shown(more)}" if more else ""))
        self._taken += 1
        return message

    async def expect_none(self, *, within: float = WITHIN) -> None:
        """Nothing comes while `within` seconds pass, and nothing was left over. Raises ProbeFailed."""
        began = self._system.clock.now()
        if await self._comes(within):
            when = self._system.clock.now() - began
            raise ProbeFailed(
                f"{self.ref.address} expected nothing: after {when:.6g} s there was {_shown(self.unexpected)}"
            )

    # --- what it does ----------------------------------------------------------------------------------

    async def reply(self, value: Any = None) -> None:
        """Answer the message that the last `expect` gave. Raises ProbeFailed when nobody waits for it."""
        key, _ = self._last_asker()
        await self._do(lambda ctx: ctx.resolve(key, value))

    async def refuse(self, error: Exception) -> None:
        """As `reply`, with a refusal that the message lists, or an error of the runtime."""
        key, message = self._last_asker()
        refusals: tuple[type[Exception], ...] = message.refusals
        if not isinstance(error, (*refusals, ActorError)):
            names = ", ".join(refusal.__name__ for refusal in refusals) or "none"
            raise ProbeFailed(
                f"{type(error).__name__} is no refusal of {type(message).__name__}, which lists: {names}; an actor would have crashed"
            )
        await self._do(lambda ctx: ctx.refuse(key, error))

    async def watch(self, ref: Ref[Any]) -> None:
        """Be told by `Terminated` when that actor has ended for good."""
        await self._do(lambda ctx: ctx.watch(ref))

    async def subscribe(self, to: type[Event] | Key[Any]) -> None:
        """Be told of each event of a kind, or of who holds a key."""
        await self._do(lambda ctx: ctx.subscribe(to))

    # ---------------------------------------------------------------------------------------------------

    def _keep(self, message: Any, key: str) -> None:
        self.received.append(message)
        self._asks.append(key)
        self._arrived.set()
        self._arrived = trio.Event()

    async def _do(self, act: Callable[[Context], None]) -> None:
        keeper: Ref[Any] = self.ref
        await keeper.ask(_Act(step=act))

    def _last_asker(self) -> tuple[str, Any]:
        if not self._taken:
            raise ProbeFailed(f"{self.ref.address} has nothing to answer: expect a message first")
        key, message = self._asks[self._taken - 1], self.received[self._taken - 1]
        cell = self._system.router.cells.get(self.ref.address)
        if cell is None or key not in (cell.deferred or {}):
            raise ProbeFailed(
                f"nobody waits for an answer to {message!r}: it was told, has been answered, or its asker has left"
            )
        return key, message

    async def _comes(self, within: float) -> bool:
        """Whether there is a message that no `expect` has taken, or comes."""
        clock = self._system.clock
        if isinstance(clock, VirtualClock):
            try:
                await clock.until(lambda: self.unexpected, within=within)
            except NeverTrue:
                return False
            return True
        with trio.move_on_after(within):
            while not self.unexpected:
                await self._arrived.wait()
        return bool(self.unexpected)

    def _clues(self) -> str:
        """What may have become of it."""
        letters = list(self._system.letters.newest)[self._letters :]
        lost = [f"{letter.message} to {letter.to} ({letter.reason})" for letter in letters]
        cells = self._system.router.cells.values()
        crashed = [f"{cell.address} has crashed of {cell.last_error}" for cell in cells if cell.last_error]
        lines = [f"before it came {_shown(self.received)}"] if self.received else []
        lines += [f"dead letter: {text}" for text in lost[-SHOWN:]] + crashed[-SHOWN:]
        return "".join(f"\n  {line}" for line in lines)


def _shown(messages: list[Any]) -> str:
    shown = ", ".join(repr(message) for message in messages[-SHOWN:])
    return f"... {shown}" if len(messages) > SHOWN else shown


def _free_name(system: System) -> str:
    taken, number = system.router.cells, 1
    while f"/probe-{number}" in taken:
        number += 1
    return f"probe-{number}"


class _Act(Message[None]):
    """What the test has it do in a turn."""

    step: Callable[[Context], None]


class _Keeper(Actor[M]):
    """Takes everything, and keeps every asker waiting."""

    def __init__(self, keep: Callable[[Any, str], None]) -> None:
        self._keep = keep
        self._count = 0

    @receive(_Act)
    def on_act(self, message: _Act) -> None:
        message.step(self.ctx)

    @receive_any
    def on_anything(self, message: Any) -> Deferred[Any]:
        self._count += 1
        key = f"{self._count}"
        self._keep(message, key)
        return self.ctx.defer(key)
