"""A turn that waits for longer than its class allows is cancelled, and has crashed."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorCrashed, Fenced, TurnTooLong
from actors.supervision import Directive
from runtime.store import MemoryStore
from runtime.system import System
from tests.runtime.cast import (
    Keeper,
    Lively,
    Note,
    Player,
    Refusal,
    Run,
    Wait,
    itself,
    keeper,
    keeping,
    on_stage,
    rest,
    settled,
)


class Hasty(Player):
    max_turn = 2.0


async def in_turn(system: System, how: str) -> tuple[Player | None, BaseException | None]:
    """A turn of three seconds of a `Hasty`, and what its asker was told."""
    hasty = system.spawn(Spec(Hasty))
    before = await hasty.ask(Run(step=lambda actor: actor))
    if how == "queued":
        await hasty.tell(rest(0.5))
        await settled()
    with pytest.raises(ActorCrashed) as crashed:
        await hasty.ask(rest(3))
    after = await hasty.ask(Run(step=lambda actor: actor))
    assert after is not before
    return after, crashed.value.__cause__


@pytest.mark.parametrize("how", ["inline", "queued"])
def test_a_turn_that_waits_for_too_long_crashes_and_its_asker_is_told(how: str) -> None:
    @on_stage()
    async def test(system: System) -> None:
        began = trio.current_time()  # noqa: TID251 -- virtual
        _, cause = await in_turn(system, how)
        assert isinstance(cause, TurnTooLong)
        assert "2 s" in str(cause)
        assert trio.current_time() - began < 3  # noqa: TID251 -- virtual

    test()


@on_stage()
async def test_a_turn_within_its_time_is_left_alone(system: System) -> None:
    hasty = system.spawn(Spec(Hasty))
    before = await hasty.ask(Run(step=lambda actor: actor))
    await hasty.ask(rest(1.9))
    await hasty.tell(rest(1.9))
    await hasty.ask(rest(1.9))
    assert await hasty.ask(Run(step=lambda actor: actor)) is before
    assert len(system.timers) == 0


@on_stage()
async def test_the_supervisor_decides_what_a_late_turn_means(system: System) -> None:
    hasty = system.spawn(Spec(Hasty, directives=((TurnTooLong, Directive.RESUME),)))
    before = await hasty.ask(Run(step=lambda actor: actor))
    with pytest.raises(ActorCrashed):
        await hasty.ask(rest(3))
    assert await hasty.ask(Run(step=lambda actor: actor)) is before


@on_stage()
async def test_the_one_who_is_late_crashes_and_not_the_one_who_asked_it(system: System) -> None:
    hasty, player = system.spawn(Spec(Hasty)), system.spawn(Spec(Player))

    async def ask(_: object) -> str:
        try:
            return str(await hasty.ask(rest(3)))
        except ActorCrashed as crashed:
            return type(crashed.__cause__).__name__

    assert await player.ask(Wait(step=ask)) == "TurnTooLong"


@on_stage()
async def test_the_time_in_which_it_waits_for_another_counts(system: System) -> None:
    hasty, player = system.spawn(Spec(Hasty)), system.spawn(Spec(Player))

    async def ask(_: object) -> None:
        await player.ask(rest(3))

    before = await player.ask(Run(step=lambda actor: actor))
    with pytest.raises(ActorCrashed) as crashed:
        await hasty.ask(Wait(step=ask))
    assert isinstance(crashed.value.__cause__, TurnTooLong)
    assert await player.ask(Run(step=lambda actor: actor)) is before


@on_stage()
async def test_what_its_cleanup_raises_is_the_cause_of_the_late_turn(system: System) -> None:
    async def step(_: object) -> None:
        try:
            await trio.sleep(3)
        finally:
            raise Refusal("while it was cancelled")

    with pytest.raises(ActorCrashed) as crashed:
        await system.spawn(Spec(Hasty)).ask(Wait(step=step))
    assert isinstance(crashed.value.__cause__, TurnTooLong)
    assert isinstance(crashed.value.__cause__.__cause__, Refusal)


async def shielded(_: object) -> str:
    with trio.CancelScope(shield=True):
        await trio.sleep(5)
    return "late"


async def swallowing(_: object) -> str:
    try:
        await trio.sleep(5)
    except trio.Cancelled:
        return "swallowed"
    return "late"


@pytest.mark.parametrize("how", ["inline", "queued"])
@pytest.mark.parametrize("step", [shielded, swallowing])
def test_a_late_turn_has_crashed_also_if_it_returns(how: str, step: Callable[[object], Any]) -> None:
    @on_stage()
    async def test(system: System) -> None:
        hasty = system.spawn(Spec(Hasty))
        before = await hasty.ask(Run(step=itself))
        if how == "queued":
            await hasty.tell(rest(0.5))
            await settled()
        with pytest.raises(ActorCrashed) as crashed:
            await hasty.ask(Wait(step=step))
        assert isinstance(crashed.value.__cause__, TurnTooLong)
        assert await hasty.ask(Run(step=itself)) is not before

    test()


async def stuck(_: object) -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(500)


@pytest.mark.parametrize("spec", [Spec(Hasty), Spec(Hasty, directives=((TurnTooLong, Directive.RESUME),))])
def test_the_actor_goes_on_without_a_turn_that_was_cancelled_and_stays(spec: Spec[Any]) -> None:
    @on_stage()
    async def test(system: System) -> None:
        hasty = system.spawn(spec)
        before = await hasty.ask(Run(step=itself))
        await hasty.tell(Wait(step=stuck))
        await trio.sleep(6.9)  # its 2 s, and `stop_grace`
        assert system.router.cells[hasty.address].incarnation == 1
        await trio.sleep(0.2)
        with trio.fail_after(10):
            assert await hasty.ask(Run(step=itself)) is not before
        await trio.sleep(500)
        assert (await hasty.ask(Run(step=itself))) is not before
        assert system.router.cells[hasty.address].restarts == 1

    test()


@on_stage()
async def test_whoever_waits_for_a_turn_that_stays_is_told_when_it_is_left_behind(system: System) -> None:
    hasty = system.spawn(Spec(Hasty))
    await hasty.tell(rest(0.5))
    await settled()
    with trio.fail_after(8), pytest.raises(ActorCrashed) as crashed:
        await hasty.ask(Wait(step=stuck))
    assert isinstance(crashed.value.__cause__, TurnTooLong)


@on_stage()
async def test_what_a_turn_says_that_was_left_behind_is_refused(system: System) -> None:
    hasty, player = system.spawn(Spec(Hasty)), system.spawn(Spec(Player))
    refused: list[Exception] = []

    async def step(actor: Hasty) -> None:
        await stuck(actor)
        try:
            actor.ctx.tell(player, Note(text="late"))
        except Fenced as error:
            refused.append(error)

    await hasty.tell(Wait(step=step))
    await trio.sleep(600)
    assert len(refused) == 1
    assert await player.ask(Run(step=lambda actor: list(actor.heard))) == []


@on_stage()
async def test_stopped_waits_for_the_turn_that_was_left_behind(system: System) -> None:
    life: list[str] = []

    class Living(Lively):
        max_turn = 2.0

    await system.spawn(Spec(Living, (life,))).tell(Wait(step=stuck))
    await trio.sleep(100)
    assert life == ["started Fresh", "started Restarted"]
    await trio.sleep(500)
    assert life == ["started Fresh", "started Restarted", "stopped CRASHED"]


@on_stage()
async def test_an_asker_that_leaves_before_the_deadline_crashes_nobody(system: System) -> None:
    hasty = system.spawn(Spec(Hasty))
    before = await hasty.ask(Run(step=lambda actor: actor))
    with trio.move_on_after(1):
        await hasty.ask(rest(3))
    await trio.sleep(5)
    assert await hasty.ask(Run(step=lambda actor: actor)) is before


@on_stage(patterns=[keeping()])
async def test_a_late_turn_of_a_durable_actor_has_written_nothing(system: System) -> None:
    durable = keeper(system)
    await durable.ask(Note(text="stays"))

    async def step(actor: Keeper) -> None:
        actor.note("goes")
        await trio.sleep(6)

    with pytest.raises(ActorCrashed) as crashed:
        await durable.ask(Wait(step=step))
    assert isinstance(crashed.value.__cause__, TurnTooLong)
    assert await durable.ask(Run(step=lambda actor: list(actor.kept))) == ["stays"]


@on_stage()
async def test_a_told_message_whose_turn_is_late_is_a_dead_letter(system: System) -> None:
    await system.spawn(Spec(Hasty)).tell(rest(3))
    await trio.sleep(4)
    assert system.letters.counts == {"crashed": 1}


@on_stage(patterns=[keeping()], store=MemoryStore(commit_time=lambda: 20.0))
async def test_the_time_of_its_commit_does_not_count(system: System) -> None:
    async def step(actor: Keeper) -> int:
        await trio.sleep(1)
        return actor.note("kept")

    assert await keeper(system).ask(Wait(step=step)) == 1
