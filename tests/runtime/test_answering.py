"""`ctx.answer`: a reply from work outside the turn, which ends with its asker and with its incarnation."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorCrashed, ActorRestarted, TooManyPipes
from actors.ref import Ref
from runtime.system import System
from tests.runtime.cast import Bang, Note, Player, Refusal, Run, Wait, crash, on_stage, rest, settled


class Busy(Player):
    pipes_max = 2


def answers(work: Callable[[], Awaitable[Any]], then: Any = None) -> Run:
    return Run(step=lambda self: self.ctx.answer(work, then))


def sleeping(ended: list[str], seconds: float = 5) -> Callable[[], Awaitable[str]]:
    async def work() -> str:
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            ended.append("cut")
            raise
        ended.append("done")
        return "done"

    return work


@on_stage()
async def test_the_asker_gets_the_result_and_the_actor_is_free_meanwhile(system: System) -> None:
    actor = system.spawn(Spec(Player))
    got: list[Any] = []

    async def asks() -> None:
        got.append(await actor.ask(answers(sleeping([]))))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(asks)
        await settled()
        assert await actor.ask(Note(text="free")) == 1
        assert got == []
    assert got == ["done"]


@on_stage()
async def test_a_failure_of_the_work_is_the_askers_and_no_crash(system: System) -> None:
    actor = system.spawn(Spec(Player))

    async def fails() -> None:
        raise Bang("no luck")

    with pytest.raises(Bang, match="no luck"):
        await actor.ask(answers(fails))
    assert system.router.cells[actor.address].restarts == 0


@on_stage()
async def test_a_failure_of_a_told_messages_work_is_a_dead_letter(system: System) -> None:
    actor = system.spawn(Spec(Player))

    async def refuses() -> None:
        raise Refusal

    await actor.tell(answers(refuses))
    await settled()
    assert [letter.reason for letter in system.router.letters.newest] == ["crashed"]


@on_stage()
async def test_who_leaves_cancels_the_work_and_then_is_told_all_the_same(system: System) -> None:
    ended: list[str] = []
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    with trio.move_on_after(1):
        await actor.ask(answers(sleeping(ended), Note(text="over")))
    await settled()
    assert ended == ["cut"]
    assert heard == ["over"]
    assert not system.router.cells[actor.address].deferred


@on_stage()
async def test_a_restart_cancels_the_work_and_tells_the_asker(system: System) -> None:
    ended: list[str] = []
    heard: list[str] = []
    actor: Ref[Any] = system.spawn(Spec(Player, (heard,)))

    async def asks() -> None:
        with pytest.raises(ActorRestarted):
            await actor.ask(answers(sleeping(ended), Note(text="over")))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(asks)
        await settled()
        with pytest.raises(ActorCrashed):
            await actor.ask(Run(step=crash))
    await settled()
    assert ended == ["cut"]
    assert heard == []


@on_stage()
async def test_a_turn_that_crashes_has_begun_no_work(system: System) -> None:
    ended: list[str] = []
    actor = system.spawn(Spec(Player))

    def begins_and_crashes(self: Player) -> None:
        self.ctx.answer(sleeping(ended, 0))
        raise Bang

    with pytest.raises(ActorCrashed):
        await actor.ask(Run(step=begins_and_crashes))
    await settled()
    assert ended == []


@on_stage()
async def test_work_is_bounded_and_what_is_over_no_longer_counts(system: System) -> None:
    actor = system.spawn(Spec(Busy))
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(actor.ask, answers(sleeping([])))
        await settled()
        with pytest.raises(TooManyPipes):
            await actor.ask(answers(sleeping([])))
    for then in (None, Note(text="a")):
        for _ in range(4):
            assert await actor.ask(answers(sleeping([], 0), then)) == "done"
            await settled()


@on_stage()
async def test_the_backlog_counts_what_waits_and_what_is_handled(system: System) -> None:
    actor, other = system.spawn(Spec(Player)), system.spawn(Spec(Player))
    looks = Run(step=lambda self: self.ctx.backlog(actor))
    assert await other.ask(looks) == 0
    for _ in range(3):
        await actor.tell(rest(5))
    await settled()
    assert await other.ask(looks) == 3
    await system.stop(actor)
    assert await other.ask(looks) == 0


@on_stage()
async def test_a_turn_that_is_cut_has_no_work_counted(system: System) -> None:
    actor = system.spawn(Spec(Busy))

    async def promises_and_waits(self: Player) -> None:
        self.ctx.answer(sleeping([]))
        await trio.sleep(50)

    for _ in range(3):
        with trio.move_on_after(1):
            await actor.ask(Wait(step=promises_and_waits))
    assert await actor.ask(answers(sleeping([], 0))) == "done"


@on_stage()
async def test_work_of_a_past_incarnation_answers_nobody_of_the_next(system: System) -> None:
    actor = system.spawn(Spec(Player))
    got: list[Any] = []

    async def late() -> str:
        with trio.CancelScope(shield=True):
            await trio.sleep(20)
        return "late"

    async def asks(work: Callable[[], Awaitable[Any]]) -> None:
        try:
            got.append(await actor.ask(answers(work)))
        except ActorRestarted:
            got.append("restarted")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(asks, late)
        await settled()
        await actor.tell(Run(step=crash))
        await settled()
        nursery.start_soon(asks, sleeping([], 40))
    assert got == ["restarted", "done"]
