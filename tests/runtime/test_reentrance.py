"""A handler that is reentrant for its chain lets in what is asked in the course of its own turn's ask."""

import types
from collections.abc import Callable
from typing import Any

import pytest
import trio

from actors.actor import Actor, Spec
from actors.durable import DurableActor
from actors.errors import ActorCrashed, ActorRestarted, AskCycle, BadHandler, WrongTask
from actors.handlers import receive
from actors.ref import Ref
from actors.supervision import Directive, Retry
from runtime.lab.simulation import simulate
from runtime.system import System
from tests.runtime.cast import (
    Bang,
    Note,
    Player,
    Refusal,
    Run,
    Wait,
    crash,
    on_stage,
    play,
    refuse,
    rest,
    settled,
)


class Again(Run, raises=(Refusal,)):
    """As `Run`, let in by its chain."""


class Deeper(Wait, raises=(Refusal,)):
    """As `Wait`, let in by its chain."""


class Open(Player, Actor[Run | Wait | Note | Again | Deeper]):
    """`heard` is what it has handled, in its order."""

    @receive(Again, reentrant="chain")
    def on_again(self, message: Again) -> Any:
        return message.step(self)

    @receive(Deeper, reentrant="chain")
    async def on_deeper(self, message: Deeper) -> Any:
        return await message.step(self)


def asks(target: Ref[Any], message: Any, kind: Callable[..., Any] = Wait) -> Any:
    """A turn that asks, and answers what it was answered."""

    async def step(_: Any) -> Any:
        return await target.ask(message)

    return kind(step=step)


def through(targets: list[Ref[Any]], message: Any, kind: Callable[..., Any] = Wait) -> Any:
    """One asks the next."""
    for target in reversed(targets):
        message = asks(target, message, kind)
    return message


def says(text: str) -> Callable[[Any], str]:
    def step(actor: Any) -> str:
        actor.heard.append(text)
        return text

    return step


def heard(actor: Any) -> list[str]:
    return list(actor.heard)


def pair(system: System) -> tuple[Ref[Any], Ref[Any]]:
    return system.spawn(Spec(Open, name="a")), system.spawn(Spec(Open, name="b"))


def cause(error: BaseException) -> list[type]:
    """What it was, and what that was because of."""
    found: list[type] = []
    here: BaseException | None = error
    while here is not None:
        found.append(type(here))
        here = here.__cause__
    return found


@on_stage()
async def test_an_ask_that_comes_back_is_handled_within_the_turn_that_waits_for_it(system: System) -> None:
    a, b = pair(system)
    assert await a.ask(through([b, a], Again(step=says("back")))) == "back"
    assert await a.ask(Run(step=heard)) == ["back"]


@on_stage()
async def test_so_it_is_when_the_ask_on_the_way_had_to_wait_in_a_mailbox(system: System) -> None:
    a, b = pair(system)
    await b.tell(rest(1))
    assert await a.ask(through([b, a], Again(step=says("back")))) == "back"
    assert await a.ask(Run(step=heard)) == ["back"]


@on_stage()
async def test_it_goes_on_over_any_number_of_rounds(system: System) -> None:
    a, b = pair(system)
    chain = through([b, a, b, a, b], Again(step=says("at last")), Deeper)
    assert await a.ask(asks(b, asks(a, chain, Deeper))) == "at last"


@on_stage()
async def test_an_actor_may_ask_itself(system: System) -> None:
    a, _ = pair(system)
    assert await a.ask(through([a, a], Again(step=says("me")), Deeper)) == "me"


@on_stage()
async def test_a_circle_without_an_end_is_found_all_the_same(system: System) -> None:
    a, b = pair(system)

    async def on(actor: Any) -> Any:
        try:
            return await (b if actor.ctx.address == a.address else a).ask(Deeper(step=on))
        except AskCycle as cycle:
            return cycle.chain

    with trio.fail_after(1):
        assert await a.ask(Wait(step=on)) == ["/b", "/a", "/b"]
    assert not system.dispatcher.reentrance.busy


@on_stage()
async def test_a_handler_that_is_not_marked_gets_an_ask_cycle_as_ever(system: System) -> None:
    a, b = pair(system)
    with pytest.raises(ActorCrashed) as crashed:
        await a.ask(through([b, a], Run(step=heard)))
    assert cause(crashed.value)[-1] is AskCycle


@on_stage()
async def test_who_does_not_belong_to_the_chain_waits_for_the_end_of_the_turn(system: System) -> None:
    a, b = pair(system)

    async def long(_: Any) -> Any:
        await trio.sleep(10)
        return await a.ask(Again(step=says("of the chain")))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.ask, asks(b, Wait(step=long)))
        await settled()
        nursery.start_soon(a.ask, Again(step=says("a stranger")))
        await trio.sleep(20)
    assert await a.ask(Run(step=heard)) == ["of the chain", "a stranger"]


@on_stage()
async def test_two_chains_that_wait_for_each_other_are_a_circle(system: System) -> None:
    a, b = pair(system)

    async def later(_: Any) -> Any:
        await trio.sleep(1)
        return await a.ask(Again(step=says("of another chain")))

    async with trio.open_nursery() as nursery:

        async def other() -> None:
            with pytest.raises(ActorCrashed) as crashed:
                await b.ask(Wait(step=later))
            assert cause(crashed.value)[-1] is AskCycle

        nursery.start_soon(other)
        await settled()
        assert await a.ask(asks(b, Note(text="queued behind it"))) == 1
    assert await a.ask(Run(step=heard)) == []


@on_stage()
async def test_a_forward_that_comes_back_to_its_asker_is_let_in(system: System) -> None:
    a, b = pair(system)

    def onward(actor: Any) -> Any:
        return says("forwarded")(actor) if actor.ctx.address == a.address else actor.ctx.forward(a)

    assert await a.ask(asks(b, Again(step=onward))) == "forwarded"
    assert await a.ask(Run(step=heard)) == ["forwarded"]


@on_stage()
async def test_each_turn_lets_out_its_own_though_both_wait_in_turns(system: System) -> None:
    a, b = pair(system)
    player = system.spawn(Spec(Player))

    async def inner(actor: Any) -> str:
        actor.ctx.tell(player, Note(text="inner 1"))
        await trio.sleep(2)
        actor.ctx.tell(player, Note(text="inner 2"))
        return "inner"

    async def outer(actor: Any) -> None:
        actor.ctx.tell(player, Note(text="outer 1"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(b.ask, asks(a, Deeper(step=inner)))
            await trio.sleep(1)
            actor.ctx.tell(player, Note(text="outer 2"))
        actor.ctx.tell(player, Note(text="outer 3"))

    await a.ask(Wait(step=outer))
    await settled()
    assert await player.ask(Run(step=heard)) == ["inner 1", "inner 2", "outer 1", "outer 2", "outer 3"]


def in_tasks(player: Ref[Any], changed: list[bool]) -> Callable[[Any], Any]:
    """A turn that says and spawns all from two tasks of its nursery, one after the other."""

    async def step(actor: Any) -> None:
        async def later(number: int) -> None:
            await trio.sleep(number)
            changed.append(actor.ctx.changed)
            actor.ctx.tell(player, Note(text=f"by ctx {number}"))
            await player.tell(Note(text=f"by ref {number}"))
            actor.ctx.spawn(Spec(Player, name=f"child-{number}"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(later, 1)
            nursery.start_soon(later, 2)

    return step


@pytest.mark.parametrize("then", [None, crash])
def test_what_the_inner_turns_nursery_lets_out_goes_with_the_inner_turn(
    then: Callable[[Any], None] | None,
) -> None:
    async def program(system: System) -> None:
        a, b = pair(system)
        player = system.spawn(Spec(Player))
        changed: list[bool] = []
        inner = in_tasks(player, changed)

        async def outer(actor: Any) -> Any:
            actor.ctx.tell(player, Note(text="outer"))
            await b.ask(asks(a, Deeper(step=inner)))
            children = [child.address.split("/")[-1] for child in actor.ctx.children()]
            if then is not None:
                then(actor)
            return children, await player.ask(Run(step=heard))

        said = ["by ctx 1", "by ref 1", "by ctx 2", "by ref 2"]
        if then is not None:
            with pytest.raises(ActorCrashed):
                await a.ask(Wait(step=outer))
        else:
            assert await a.ask(Wait(step=outer)) == (["child-1", "child-2"], said)
            said.append("outer")
        await settled()
        assert await player.ask(Run(step=heard)) == said
        assert changed == [False, True]

    play(program)


@on_stage()
async def test_a_crash_of_the_inner_turn_takes_back_what_its_nursery_has_said(system: System) -> None:
    a, b = pair(system)
    player = system.spawn(Spec(Player))

    async def inner(actor: Any) -> None:
        async def child() -> None:
            await trio.sleep(1)
            await player.tell(Note(text="taken back"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
        raise Bang("bang")

    with pytest.raises(ActorRestarted):
        await a.ask(asks(b, asks(a, Deeper(step=inner))))
    await settled()
    assert await player.ask(Run(step=heard)) == []


@on_stage()
async def test_a_task_that_an_inner_turn_leaves_behind_lets_nothing_out(system: System) -> None:
    a, b = pair(system)
    wrong: list[type] = []

    async def outer(_: Any) -> None:
        async def left(actor: Any) -> None:
            await trio.sleep(1)
            with pytest.raises(WrongTask) as caught:
                actor.ctx.tell(b, Note(text="whose?"))
            wrong.append(caught.type)

        async with trio.open_nursery() as nursery:

            def inner(actor: Any) -> None:
                nursery.start_soon(left, actor)

            await b.ask(asks(a, Again(step=inner)))

    await a.ask(Wait(step=outer))
    assert wrong == [WrongTask]
    assert await b.ask(Run(step=heard)) == []


@on_stage()
async def test_its_refusal_is_the_askers_and_leaves_the_turn_around_it_alone(system: System) -> None:
    a, b = pair(system)

    async def caught(actor: Any) -> list[str]:
        with pytest.raises(Refusal):
            await a.ask(Again(step=refuse))
        return ["caught"]

    async def step(actor: Any) -> Any:
        actor.heard.append("before")
        return [*await b.ask(Wait(step=caught)), *actor.heard]

    assert await a.ask(Wait(step=step)) == ["caught", "before"]


@on_stage()
async def test_its_crash_is_the_actors_and_ends_the_turn_around_it(system: System) -> None:
    a, b = pair(system)
    ended: list[str] = []

    async def around(_: Any) -> None:
        try:
            await b.ask(asks(a, Again(step=crash)))
            await trio.sleep_forever()
        finally:
            ended.append("cut")

    with pytest.raises(ActorRestarted):
        await a.ask(Wait(step=around))
    assert ended == ["cut"]
    assert await a.ask(Note(text="lives")) == 1


@on_stage()
async def test_its_crash_is_not_tried_again(system: System) -> None:
    a = system.spawn(
        Spec(Open, name="a", directives=((Bang, Directive.RESUME),), poison=Retry(2)),
    )
    b = system.spawn(Spec(Player))

    async def told(_: Any) -> str:
        with pytest.raises(ActorCrashed) as crashed:
            await a.ask(Again(step=crash))
        return cause(crashed.value)[-1].__name__

    assert await a.ask(asks(b, Wait(step=told))) == "Bang"


@on_stage()
async def test_who_cancels_the_outermost_ask_cancels_all_turns_of_the_chain(system: System) -> None:
    a, b = pair(system)
    ended: list[str] = []

    def spawns(actor: Any) -> None:
        actor.ctx.spawn(Spec(Player, name="child"))

    async def inner(actor: Any) -> None:
        spawns(actor)
        try:
            await trio.sleep_forever()
        finally:
            ended.append("inner")

    with trio.move_on_after(5) as scope:
        await a.ask(through([b, a], Deeper(step=inner)))
    assert scope.cancelled_caught
    assert ended == ["inner"]
    assert await a.ask(Note(text="free")) == 1
    await a.ask(Run(step=spawns))  # what a cut turn has spawned is not there
    assert await b.ask(Note(text="free")) == 1
    assert not system.dispatcher.reentrance.busy


@on_stage()
async def test_an_actor_that_is_stopped_in_it_ends_all_of_it(system: System) -> None:
    a, b = pair(system)
    async with trio.open_nursery() as nursery:

        async def inside() -> None:
            with pytest.raises(Exception, match=r"stopped|ended"):
                await a.ask(through([b, a], Deeper(step=rest(1_000).step)))

        nursery.start_soon(inside)
        await settled()
        await system.stop(a)
    assert await b.ask(Note(text="free")) == 1


def test_a_simulation_with_turns_within_turns_is_the_same_for_the_same_seed() -> None:
    async def program(system: System) -> list[str]:
        a, b = pair(system)
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(a.ask, through([b, a], Again(step=says(f"{number}"))))
        return list(await a.ask(Run(step=heard)))

    runs = [simulate(program, seed=seed) for seed in (1, 1, 2)]
    assert runs[0].digest == runs[1].digest
    assert all(sorted(run.result) == list("0123") for run in runs)


@receive(Note, reentrant="chain")
def comes_back(self: Any, message: Note) -> int:
    return 0


def test_a_durable_actor_cannot_be_reentrant() -> None:
    types.new_class("Volatile", (Actor[Note],), {}, lambda body: body.update(on_note=comes_back))
    with pytest.raises(BadHandler, match="durable"):
        types.new_class("Durable", (DurableActor,), {}, lambda body: body.update(on_note=comes_back))


def test_reentrant_is_for_the_chain_or_not_at_all() -> None:
    with pytest.raises(BadHandler, match="'chain' or None, not True"):
        receive(Note, reentrant=True)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
