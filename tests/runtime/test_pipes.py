"""A pipe's result, or its failure, comes back as a message: always one, unless its incarnation is over."""

from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorRestarted
from actors.message import Message
from runtime.system import System
from tests.runtime.cast import Bang, Note, Player, Run, Wait, crash, itself, on_stage, play, settled


def as_note(result: Any) -> Note:
    return Note(text=repr(result))


def pipe(work: Any, as_: Any = as_note) -> Run:
    return Run(step=lambda self: self.ctx.pipe(work, as_))


async def five() -> int:
    await trio.sleep(5)
    return 5


async def fails() -> int:
    await trio.sleep(5)
    raise Bang("no")


@on_stage()
async def test_a_result_and_a_failure_come_back_once(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    await actor.ask(pipe(five))
    await actor.ask(pipe(fails))
    await actor.ask(Note(text="free"))
    await trio.sleep(10)
    assert heard[0] == "free"
    assert sorted(heard[1:]) == ["5", "Bang('no')"]


@on_stage()
async def test_a_pipe_ends_with_its_incarnation(system: System) -> None:
    heard: list[str] = []
    ended: list[str] = []

    async def long() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("cancelled")

    actor = system.spawn(Spec(Player, (heard,)))
    await actor.ask(pipe(long))
    await settled()
    await actor.tell(Run(step=crash))
    await settled()
    assert ended == ["cancelled"]
    await actor.ask(pipe(long))
    await settled()
    await system.stop(actor)
    await settled()
    assert ended == ["cancelled"] * 2
    assert heard == []


@on_stage()
async def test_a_result_that_no_message_can_be_made_of_is_a_crash_of_its_actor_alone(system: System) -> None:
    actor = system.spawn(Spec(Player))
    marked = await actor.ask(Run(step=itself))
    await actor.ask(pipe(five, crash))
    await trio.sleep(10)
    assert await actor.ask(Run(step=itself)) != marked
    assert system.router.cells[actor.address].restarts == 1


@on_stage()
async def test_a_pipe_may_ask_even_when_it_began_in_the_turn_of_another(system: System) -> None:
    heard: list[str] = []
    third = system.spawn(Spec(Player, (heard,), name="third"))
    second = system.spawn(Spec(Player, name="second"))
    first = system.spawn(Spec(Player, name="first"))
    await settled()  # the root's own task runs: before that, it would be the one to begin the pipe

    async def asks() -> Any:
        await trio.sleep(1)
        await third.tell(Note(text="told at once"))
        return await third.ask(Note(text="asked"))

    async def inline(_: Any) -> None:
        await second.ask(pipe(asks))

    await first.ask(Wait(step=inline))
    await trio.sleep(10)
    assert heard == ["told at once", "asked"]
    assert await second.ask(Run(step=lambda self: self.heard)) == ["2"]


def test_a_system_that_stops_waits_for_pipes() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player, (heard,)))
        await actor.ask(pipe(five))

    play(program)
    assert heard == ["5"]


@on_stage()
async def test_a_result_of_a_past_incarnation_does_not_reach_the_next(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    async def crashes_late(_: Any) -> None:
        await trio.sleep(8)
        crash(None)

    await actor.ask(pipe(five))
    await actor.tell(Wait(step=crashes_late))
    await trio.sleep(20)
    assert heard == []


@pytest.mark.parametrize("answers", [False, True])
def test_no_work_begins_for_an_incarnation_that_its_own_tell_has_failed(answers: bool) -> None:  # noqa: FBT001
    began: list[str] = []

    def rank(message: Message[Any]) -> float:
        if isinstance(message, Note):
            raise Bang("no rank")
        return 0.0

    async def work() -> str:
        began.append("work")
        return "done"

    def step(self: Player) -> Any:
        self.ctx.tell(self.ctx.me, Note(text="a"))
        if answers:
            return self.ctx.answer(work)
        self.ctx.pipe(work, lambda _: Note(text="piped"))
        return "the turn counts"

    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player, priority=rank))
        if answers:
            with pytest.raises(ActorRestarted):
                await actor.ask(Run(step=step))
        else:
            assert await actor.ask(Run(step=step)) == "the turn counts"
        await trio.sleep(10)
        assert system.router.cells[actor.address].incarnation == 2

    on_stage()(program)()
    assert began == []
