"""Who watches and has no handler for `Terminated` fails with the watched one: once, and never within its own turn."""

from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Spec, StopReason
from actors.address import Address
from actors.errors import ActorCrashed, DeathPact
from actors.message import Message
from actors.signals import Terminated
from actors.supervision import Retry
from runtime.system import System
from tests.runtime.cast import Bang, Player, Run, Wait, on_stage, settled

NOBODY = Address("/nobody")


class Bound(Player):
    """It writes down when an incarnation of it is cleaned up."""

    @override
    def stopped(self, reason: StopReason) -> None:
        self.heard.append(f"stopped {reason.name}")


def watch_nobody(self: Player) -> None:
    try:
        self.ctx.watch(self.ctx.ref(NOBODY))
    finally:
        self.heard.append("the turn ends")


@on_stage()
async def test_a_death_pact_with_nobody_is_raised_by_the_call_and_the_turn_crashes_as_any_other(
    system: System,
) -> None:
    heard: list[str] = []
    bound = system.spawn(Spec(Bound, (heard,)))
    with pytest.raises(ActorCrashed) as crashed:
        await bound.ask(Run(step=watch_nobody))
    assert isinstance(crashed.value.__cause__, DeathPact)
    assert heard == ["the turn ends", "stopped CRASHED"]


@on_stage()
async def test_a_told_turn_that_makes_a_death_pact_with_nobody_is_a_dead_letter(system: System) -> None:
    heard: list[str] = []
    bound = system.spawn(Spec(Bound, (heard,)))
    await bound.tell(Run(step=watch_nobody))
    await settled()
    assert heard == ["the turn ends", "stopped CRASHED"]
    assert system.letters.counts == {"crashed": 1}


@on_stage()
async def test_a_death_pact_with_nobody_is_tried_again_as_the_poison_policy_says(system: System) -> None:
    heard: list[str] = []
    bound = system.spawn(Spec(Bound, (heard,), poison=Retry(1)))
    with pytest.raises(ActorCrashed):
        await bound.ask(Run(step=watch_nobody))
    await trio.sleep(10)
    assert heard == ["the turn ends", "stopped CRASHED"] * 2


@on_stage()
async def test_what_as_raises_about_nobody_is_raised_by_the_call_and_nobody_is_watched(
    system: System,
) -> None:
    def as_(_: Terminated) -> Message[Any]:
        raise Bang("as_")

    def step(self: Player) -> None:
        with pytest.raises(Bang, match="as_"):
            self.ctx.watch(self.ctx.ref(NOBODY), as_)

    bound = system.spawn(Spec(Bound))
    await bound.ask(Run(step=step))
    assert len(system.watches) == 0


@on_stage()
async def test_a_crash_that_brings_a_death_pact_back_fails_the_actor_once(system: System) -> None:
    heard: list[str] = []
    bound, watched = system.spawn(Spec(Bound, (heard,))), system.spawn(Spec(Player))
    await bound.ask(Run(step=lambda self: self.ctx.watch(watched)))

    async def step(self: Player) -> None:
        self.ctx.unwatch(watched)
        await trio.sleep(1)
        raise Bang("the unwatch does not count")

    await bound.tell(Wait(step=step))
    await settled()
    await system.stop(watched)
    await trio.sleep(10)
    assert heard == ["stopped CRASHED"]
    assert system.router.cells[bound.address].restarts == 1
