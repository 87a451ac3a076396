"""A lease is judged by the wall clock: somebody sets it forward, and two hold the crane at once.

Mended: the registrar judges by `ctx.now`, which nobody can set. Both clients work for less than the lease lasts, and by
right clocks no schedule shows the bug.
"""

import trio
from typing_extensions import override

from actors import Actor, Message, Ref, Spec, receive
from runtime import System
from runtime.faults.rule import Effect, Gate, Match, Rule

LEASE = 10.0
WORK = 3.0
FAULTS = [
    Rule(
        name="clock-set",
        match=Match(at="effect", actor="/crane", kind="reply"),
        gate=Gate(rate=0.2),
        effect=Effect(jump=20.0),
    )
]


class Take(Message[bool]):
    """Whether the lease is theirs, from now on for LEASE seconds."""

    who: str


class Registrar(Actor[Take]):
    owner = ""
    until = 0.0

    @receive(Take)
    def on_take(self, message: Take) -> bool:
        now = self.time()
        if self.owner != message.who and now < self.until:
            return False
        self.owner, self.until = message.who, now + LEASE
        return True

    def time(self) -> float:
        return self.ctx.wall


class CarefulRegistrar(Registrar):
    @override
    def time(self) -> float:
        return self.ctx.now


class Enter(Message[int]):
    """How many there are then."""


class Leave(Message[None]):
    pass


class Crane(Actor[Enter | Leave]):
    inside = 0

    @receive(Enter)
    def on_enter(self, _: Enter) -> int:
        self.inside += 1
        return self.inside

    @receive(Leave)
    def on_leave(self, _: Leave) -> None:
        self.inside -= 1


async def work(who: str, registrar: Ref[Take], crane: Ref[Enter | Leave]) -> None:
    done = 0
    while done < 3:
        if await registrar.ask(Take(who=who)):
            assert await crane.ask(Enter()) == 1, "two hold the crane at once"
            await trio.sleep(WORK)
            await crane.ask(Leave())
            done += 1
        await trio.sleep(1)


async def cranes(system: System, kind: type[Registrar]) -> None:
    registrar, crane = system.spawn(Spec(kind, name="registrar")), system.spawn(Spec(Crane, name="crane"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, "ann", registrar, crane)
        nursery.start_soon(work, "bob", registrar, crane)


async def wrong(system: System) -> None:
    await cranes(system, Registrar)


async def fixed(system: System) -> None:
    await cranes(system, CarefulRegistrar)
