"""Blocking and computing work out of a handler."""

from typing import Any

import pytest

from actors.actor import Spec
from actors.errors import NotInADurableTurn
from runtime.system import System
from runtime.workers import InlineWorkers
from tests.runtime.cast import Keeper, Note, Player, Run, Wait, on_stage, settled
from tests.runtime.test_workers import add


def shout(text: str) -> str:
    return text.upper()


@on_stage(workers=InlineWorkers())
async def test_a_volatile_turn_awaits_a_thread_and_a_process(system: System) -> None:
    async def step(self: Player) -> Any:
        return await self.ctx.thread(shout, "a"), await self.ctx.process(add, 1, 2)

    actor = system.spawn(Spec(Player))
    await settled()
    assert await actor.ask(Wait(step=step)) == ("A", 3)


@on_stage(workers=InlineWorkers())
async def test_a_pipe_brings_the_result_of_a_thread_as_a_message(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    await settled()

    def step(self: Player) -> None:
        self.ctx.pipe(lambda: self.ctx.thread(shout, "done"), lambda result: Note(text=str(result)))

    await actor.ask(Run(step=step))
    while not heard:
        await settled()
    assert heard == ["DONE"]


async def test_the_machines_own_threads_and_processes_serve_a_system() -> None:
    async def step(self: Player) -> Any:
        return await self.ctx.thread(shout, "a"), await self.ctx.process(add, 1, 2)

    async with System() as system:
        assert await system.spawn(Spec(Player)).ask(Wait(step=step)) == ("A", 3)


@on_stage(workers=InlineWorkers())
async def test_a_durable_turn_waits_for_no_work_but_its_pipe_may(system: System) -> None:
    actor = system.spawn(Spec(Keeper))
    await settled()

    async def step(self: Keeper) -> str:
        with pytest.raises(NotInADurableTurn, match=r"by ctx\.pipe"):
            await self.ctx.thread(shout, "a")
        self.ctx.pipe(lambda: self.ctx.thread(shout, "done"), lambda result: Note(text=str(result)))
        return "refused"

    assert await actor.ask(Wait(step=step)) == "refused"
    await settled()
    assert await actor.ask(Note(text="x")) == 2
