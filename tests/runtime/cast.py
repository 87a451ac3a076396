"""Actors that do in their turn what a test says, and a stage on which virtual time passes by itself."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog
import trio
from typing_extensions import override

from actors.actor import Actor, Spec, StartReason, StopReason
from actors.address import Address
from actors.durable import DurableActor, Put, Stored
from actors.handlers import receive
from actors.message import Message
from actors.ref import Ref
from runtime.clock import VirtualClock
from runtime.pattern import Factory, Pattern
from runtime.system import System


class Refusal(Exception):
    """Listed by the messages below: it is no crash."""


class Bang(Exception):
    """Listed by none."""


class Run(Message[Any], raises=(Refusal,)):
    """Do `step(actor)` in a handler that cannot wait."""

    step: Callable[[Any], Any]


class Wait(Message[Any], raises=(Refusal,)):
    """Do `step(actor)` in a handler that may wait."""

    step: Callable[[Any], Awaitable[Any]]


class Note(Message[int]):
    """Write `text` down; the answer is how many there are."""

    text: str


class Foreign(Message[None]):
    """Handled by nobody."""


class Player(Actor[Run | Wait | Note]):
    """A volatile one. What it hears stands in `heard`, which outlives its incarnations."""

    def __init__(self, heard: list[str] | None = None) -> None:
        self.heard = heard if heard is not None else []

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Note)
    def on_note(self, message: Note) -> int:
        self.heard.append(message.text)
        return len(self.heard)


class Lively(Player):
    """It writes down how it lives as well."""

    def __init__(self, heard: list[str], name: str = "") -> None:
        super().__init__(heard)
        self.name = name

    @override
    async def started(self, reason: StartReason) -> None:
        self.heard.append(f"{self.name}started {type(reason).__name__}")

    @override
    async def stopping(self, reason: StopReason) -> None:
        self.heard.append(f"{self.name}stopping {reason.name}")

    @override
    def stopped(self, reason: StopReason) -> None:
        self.heard.append(f"{self.name}stopped {reason.name}")


class Keeper(DurableActor[Run | Wait | Note]):
    """A durable one: what it notes is a row, and `kept` is what the rows say."""

    kept: list[str]
    life: list[str] | None = None

    def __init__(self, life: list[str] | None = None) -> None:
        self.kept = []
        self.life = life

    @override
    async def load(self, stored: Stored) -> None:
        self.kept = [value.decode() for _, value in await stored.scan("n/")]

    @override
    async def started(self, reason: StartReason) -> None:
        if self.life is not None:
            self.life.append(f"{reason}")

    @override
    def stopped(self, reason: StopReason) -> None:
        if self.life is not None:
            self.life.append(f"stopped {reason.name}")

    def note(self, text: str) -> int:
        self.ctx.stage(Put(f"n/{len(self.kept):06}", text.encode()))
        self.kept.append(text)
        return len(self.kept)

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Note)
    def on_note(self, message: Note) -> int:
        return self.note(message.text)


def itself(actor: Any) -> Any:
    """Which object it is; kept by the test, so that no later one gets its id."""
    return actor


def rest(seconds: float) -> Wait:
    """A turn that takes its time."""

    async def step(_: Any) -> None:
        await trio.sleep(seconds)

    return Wait(step=step)


def crash(_: Any) -> None:
    raise Bang("bang")


def refuse(_: Any) -> None:
    raise Refusal("no")


def keeper(system: System, name: str = "k") -> Ref[Any]:
    return system.ref(Address(f"/keep/{name}"))


def keeping(spec: Spec[Any] | None = None) -> Pattern:
    """A pattern whose actors live below `/keep`: `Keeper`s, unless a spec says otherwise."""
    return answering(lambda _: spec or Spec(Keeper))


def answering(factory: Factory) -> Pattern:
    return Pattern("keep", {"keep": factory})


async def settled() -> None:
    """Until nothing can run now: `wait_all_tasks_blocked` would let a clock that jumps jump first."""
    for _ in range(100):
        await trio.lowlevel.checkpoint()


def on_stage(**options: Any) -> Callable[[Callable[[System], Awaitable[None]]], Callable[[], None]]:
    """Make a test of `async def test(system)`: a system in virtual time, which jumps when nothing can run."""

    def make(test: Callable[[System], Awaitable[None]]) -> Callable[[], None]:
        def run() -> None:
            play(test, **options)

        run.__name__ = getattr(test, "__name__", "test")
        run.__doc__ = test.__doc__
        return run

    return make


def _stuck(before: list[bool], scope: trio.CancelScope) -> None:
    """Nothing can run and nothing is due: cancel the test, and if that does not help, end the run."""
    assert len(before) < 10, "nothing can run, not even what was cancelled"
    before.append(True)
    scope.cancel()


@contextmanager
def unlogged() -> Generator[None, None, None]:
    """No log lines: without a configuration the traceback of each crash takes 0.2 s to print."""
    before: dict[str, Any] = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**before)


def play(program: Callable[[System], Awaitable[None]], **options: Any) -> System:
    """Run `program` in a system of its own and end both; afterwards nothing of it may be left."""
    clock = VirtualClock(autojump=True)
    system = System(clock=clock, **options)

    async def main() -> None:
        with trio.CancelScope() as scope:
            clock.stuck = partial(_stuck, [], scope)
            async with system:
                await program(system)
        assert not scope.cancelled_caught, "nothing can run, and nothing is due"

    with unlogged():
        trio.run(main, clock=clock)
    assert not system.router.cells
    return system
