"""Families for tests of supervision: parents of each strategy, and children that write down how they live."""

from collections.abc import Callable
from typing import Any, ClassVar

import trio
from typing_extensions import override

from actors.actor import Actor, Spec, StartReason, StopReason
from actors.ref import Ref
from actors.supervision import AutoShutdown, Intensity, Restart, Strategy
from runtime.system import System
from tests.runtime.cast import Bang, Lively, Player, Run, settled


class ForAll(Player):
    strategy = Strategy.ONE_FOR_ALL


class RestForOne(Player):
    strategy = Strategy.REST_FOR_ONE


class Child(Lively):
    """It writes its name before all it does; `fails` names children whose next starts fail, and how often."""

    fails: ClassVar[dict[str, int]] = {}
    takes: ClassVar[dict[str, float]] = {}
    """Seconds that a child takes to start."""

    @override
    async def started(self, reason: StartReason) -> None:
        self.heard.append(f"{self.name} starts")
        await trio.sleep(self.takes.get(self.name, 0))
        if self.fails.get(self.name, 0):
            self.fails[self.name] -= 1
            raise Bang(f"{self.name} does not start")
        self.heard.append(f"{self.name} up")

    @override
    async def stopping(self, reason: StopReason) -> None:
        self.heard.append(f"{self.name} stopping {reason.name}")

    @override
    def stopped(self, reason: StopReason) -> None:
        self.heard.append(f"{self.name} stopped {reason.name}")


class First(Player):
    strategy = Strategy.ONE_FOR_ONE
    auto_shutdown = AutoShutdown.ANY


class Last(Player):
    auto_shutdown = AutoShutdown.ALL


class Crowd(Player):
    strategy = Strategy.DYNAMIC
    template: ClassVar[Spec[Any] | None] = Spec(Child, restart=Restart.TRANSIENT)
    children_max = 3


async def family(
    system: System,
    parent: type[Actor[Any]],
    names: str = "abc",
    *,
    intensity: Intensity | None = None,
    spec: Callable[[str], dict[str, Any]] = lambda _: {},
) -> tuple[Ref[Any], list[Ref[Any]], list[str]]:
    """The parent, its children in their order, all up, and what they do from now on."""
    Child.fails.clear()
    Child.takes.clear()
    heard: list[str] = []
    actor: Ref[Any] = system.spawn(Spec(parent, name="p", intensity=intensity or Intensity(100)))

    def spawns(self: Player) -> list[Ref[Any]]:
        return [self.ctx.spawn(Spec(Child, (heard, name), name=name, **spec(name))) for name in names]

    children = await actor.ask(Run(step=spawns))
    await settled()
    heard.clear()
    return actor, children, heard
