"""Where it is looked for, an effect outside the actor's own turn is WrongTask, which fails the system; elsewhere it costs nothing, and nothing is said."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from actors.actor import Context, Spec
from actors.durable import DurableContext
from actors.errors import WrongTask
from actors.ref import Ref
from runtime.context import TurnContext
from runtime.lab.simulation import simulate
from runtime.own_turn import CHANGING
from runtime.system import System
from tests.runtime.cast import (
    Lively,
    Note,
    Player,
    Run,
    Wait,
    keeper,
    keeping,
    on_stage,
    play,
    settled,
    unlogged,
)

Program = Callable[[System], Awaitable[None]]


def notes(self: Any) -> None:
    self.ctx.tell(self.ctx.me, Note(text="x"))


def wrong(program: Program) -> str:
    """Runs it; the system fails by a WrongTask, whatever the program makes of what is raised."""
    with pytest.raises(ExceptionGroup) as raised, unlogged():
        play(program, check_messages=True)
    found: BaseException = raised.value
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, WrongTask)
    return str(found)


def test_a_pipes_task_speaks_for_no_turn_and_is_told_what_its_result_is_for() -> None:
    def step(self: Player) -> None:
        async def work() -> str:
            notes(self)
            return "told"

        self.ctx.pipe(work, lambda _: Note(text="done"))

    async def program(system: System) -> None:
        await system.spawn(Spec(Player, name="x")).ask(Run(step=step))
        await settled()

    assert wrong(program) == (
        "/x: ctx.tell outside its own turn; what the pipe returns becomes a message, and that message's turn may do it"
    )


def test_a_pipe_that_misuses_its_actors_context_fails_a_simulation() -> None:
    def step(self: Player) -> None:
        async def work() -> None:
            notes(self)

        self.ctx.pipe(work, lambda _: Note(text="done"))

    async def program(system: System) -> None:
        await system.spawn(Spec(Player)).ask(Run(step=step))
        await trio.sleep(1)

    with pytest.raises(ExceptionGroup) as raised, unlogged():
        simulate(program, seed=0)
    assert raised.group_contains(WrongTask)


def test_another_actors_turn_may_not_use_it() -> None:
    async def program(system: System) -> None:
        mine, other = system.spawn(Spec(Player, name="mine")), system.spawn(Spec(Player))
        owner = await mine.ask(Run(step=lambda self: self))
        await other.ask(Run(step=lambda _: notes(owner)))

    assert wrong(program) == "/mine: ctx.tell outside its own turn; tell the actor, or use a pipe"


def test_another_actors_turn_may_not_use_it_while_the_owners_waits_for_it() -> None:
    async def program(system: System) -> None:
        mine, other = system.spawn(Spec(Player)), system.spawn(Spec(Player))
        owner = await mine.ask(Run(step=lambda self: self))

        async def asks(_: Player) -> None:
            await other.ask(Run(step=lambda _: notes(owner)))

        await mine.ask(Wait(step=asks))

    wrong(program)


def test_a_task_from_outside_may_not_use_it() -> None:
    async def program(system: System) -> None:
        notes(await system.spawn(Spec(Player)).ask(Run(step=lambda self: self)))

    wrong(program)


def test_a_task_that_outlives_its_turn_in_a_nursery_of_somebody_elses_may_not_use_it() -> None:
    async def later(self: Player) -> None:
        await trio.sleep(5)
        notes(self)

    async def program(system: System) -> None:
        player = system.spawn(Spec(Player))
        async with trio.open_nursery() as nursery:
            await player.ask(Run(step=lambda self: nursery.start_soon(later, self)))

    wrong(program)


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


READING = {
    "address",
    "backlog",
    "changed",
    "children",
    "deferred",
    "entropy",
    "find",
    "me",
    "now",
    "process",
    "ref",
    "state",
    "thread",
    "wall",
    "warn",
}
"""What an actor may use of its context anywhere."""


def test_each_name_of_a_context_changes_something_in_its_turn_alone_or_may_be_used_anywhere() -> None:
    names = {name for context in (Context, DurableContext) for name in vars(context) if name[0] != "_"}
    assert names - CHANGING == READING
    assert names >= CHANGING
    assert all(hasattr(TurnContext, name) for name in names)
