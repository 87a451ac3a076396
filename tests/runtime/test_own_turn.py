"""Where it is looked for, an effect outside the actor's own turn is WrongTask; elsewhere it costs nothing, and nothing is said."""

from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import WrongTask
from actors.ref import Ref
from runtime.context import TurnContext
from runtime.system import System
from tests.runtime.cast import Lively, Note, Player, Run, Wait, keeper, keeping, on_stage, settled


def notes(self: Any) -> None:
    self.ctx.tell(self.ctx.me, Note(text="x"))


@on_stage(check_messages=True)
async def test_a_pipes_task_speaks_for_no_turn(system: System) -> None:
    results: list[Any] = []
    player = system.spawn(Spec(Player))

    def step(self: Player) -> None:
        async def work() -> str:
            notes(self)
            return "told"

        def as_(result: Any) -> Note:
            results.append(result)
            return Note(text="done")

        self.ctx.pipe(work, as_)

    await player.ask(Run(step=step))
    await settled()
    assert [type(result) for result in results] == [WrongTask]
    assert await player.ask(Note(text="y")) == 2


@on_stage(check_messages=True)
async def test_another_actors_turn_may_not_use_it(system: System) -> None:
    mine, other = system.spawn(Spec(Player)), system.spawn(Spec(Player))
    owner = await mine.ask(Run(step=lambda self: self))

    def step(_: Player) -> None:
        with pytest.raises(WrongTask, match=r"ctx\.tell outside its own turn"):
            notes(owner)

    async def asks(_: Player) -> None:
        await other.ask(Run(step=step))

    await other.ask(Run(step=step))
    await mine.ask(Wait(step=asks))


@on_stage(check_messages=True)
async def test_a_task_from_outside_may_not_use_it(system: System) -> None:
    player = system.spawn(Spec(Player))
    owner = await player.ask(Run(step=lambda self: self))
    with pytest.raises(WrongTask):
        notes(owner)


@on_stage(check_messages=True)
async def test_a_task_that_outlives_its_turn_in_a_nursery_of_somebody_elses_may_not_use_it(
    system: System,
) -> None:
    player = system.spawn(Spec(Player))
    wrong: list[WrongTask] = []

    async def later(self: Player) -> None:
        await trio.sleep(5)
        try:
            notes(self)
        except WrongTask as error:
            wrong.append(error)

    async with trio.open_nursery() as nursery:
        await player.ask(Run(step=lambda self: nursery.start_soon(later, self)))
    assert len(wrong) == 1


@on_stage(check_messages=True, patterns=[keeping()])
async def test_the_turn_and_its_own_nursery_may_use_it_however_they_are_driven(system: System) -> None:
    heard: list[str] = []
    player = system.spawn(Spec(Lively, (heard,)))

    async def task(self: Player) -> None:
        await trio.sleep(1)
        notes(self)

    async def step(self: Player) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(task, self)
            nursery.start_soon(task, self)
        notes(self)

    await player.ask(Wait(step=step))
    await player.tell(Wait(step=step))
    await trio.sleep(10)
    assert heard == ["started Fresh", *"xxxxxx"]
    await keeper(system).ask(Run(step=lambda self: self.note("kept")))
    await system.stop(player)


@on_stage(check_messages=True)
async def test_what_only_reads_may_be_used_anywhere(system: System) -> None:
    player: Ref[Any] = system.spawn(Spec(Player))
    owner = await player.ask(Run(step=lambda self: self))
    assert owner.ctx.address == player.address
    assert owner.ctx.me == player
    assert owner.ctx.state == ""


@on_stage()
async def test_elsewhere_an_actor_has_its_context_itself(system: System) -> None:
    player = system.spawn(Spec(Player))
    assert type(await player.ask(Run(step=lambda self: self.ctx))) is TurnContext
