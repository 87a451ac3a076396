"""Runs that come to nothing: what a deadlock tells, and when a run at its last step is a livelock."""

from typing import Any

import pytest
import trio

from actors import Actor, Address, Deferred, Message, Ref, Spec, receive
from runtime import System
from runtime.lab.simulation import simulate
from runtime.lab.stuck import Deadlock, Livelock, StepLimit, Stuck
from tests.runtime.cast import unlogged

LIMIT = 3_000


class Pass(Message[None]):
    to: Any
    """Refs, in turn."""


class Hold(Message[None]):
    pass


class Player(Actor[Pass | Hold]):
    """Passes on what it gets; an ask it holds back for ever."""

    def __init__(self, by: int = 0) -> None:
        self.by = by
        self.count = 0

    @receive(Pass)
    async def on_pass(self, message: Pass) -> None:
        self.count += self.by
        await message.to[0].tell(Pass(to=(*message.to[1:], message.to[0])))

    @receive(Hold)
    def on_hold(self, message: Hold) -> Deferred[None]:
        return self.ctx.defer("held")


class Asker(Actor[Hold]):
    def __init__(self, holder: Ref[Hold]) -> None:
        self.holder = holder

    @receive(Hold)
    async def on_hold(self, message: Hold) -> None:
        await self.holder.ask(message)


def raised_by(program: Any, seed: int = 0) -> Stuck:
    with unlogged(), pytest.raises(Stuck) as failed:
        simulate(program, seed=seed, step_limit=LIMIT)
    return failed.value


def test_a_deadlock_tells_who_waits_for_whom_and_where_the_program_waits() -> None:
    async def program(system: System) -> None:
        holder: Ref[Any] = system.spawn(Spec(Player, name="holder"))
        asker: Ref[Hold] = system.spawn(Spec(Asker, (holder,), name="asker"))
        await asker.ask(Hold())

    found = raised_by(program)
    assert isinstance(found, Deadlock)
    nodes = {str(node["path"]): node for node in found.waits}
    asker, holder = (nodes[path] for path in sorted(nodes))
    assert asker["waits"] == [{"path": holder["path"], "for": "the reply", "message": "Hold"}]
    assert holder["deferred"] == {"held": "Hold"}
    assert any("test_stuck.py" in task and " in program" in task for task in found.tasks)
    assert any(" in on_hold" in task for task in found.tasks)


def test_a_program_that_waits_alone_is_a_deadlock_with_its_line() -> None:
    async def program(system: System) -> None:
        await trio.sleep_forever()

    found = raised_by(program)
    assert isinstance(found, Deadlock)
    assert found.waits == []
    assert " in program" in str(found)


async def pass_round(system: System, by: int) -> None:
    """Two players tell each other the same thing for ever."""
    one: Ref[Any] = system.spawn(Spec(Player, (by,), name="one"))
    other: Ref[Any] = system.spawn(Spec(Player, (by,), name="other"))
    await one.tell(Pass(to=(other, one)))
    await trio.sleep(1)


@pytest.mark.parametrize("seed", range(5))
def test_players_that_pass_the_same_thing_round_are_a_livelock_that_names_them(seed: int) -> None:
    async def program(system: System) -> None:
        await pass_round(system, 0)

    found = raised_by(program, seed)
    assert isinstance(found, Livelock)
    assert {Address(address).name for address in found.acting} == {"one", "other"}
    assert f"not quiet after {LIMIT:,} steps: the same state again after" in str(found)


def test_players_whose_state_goes_on_need_more_steps_and_are_no_livelock() -> None:
    async def program(system: System) -> None:
        await pass_round(system, 1)

    assert type(raised_by(program)) is StepLimit


def test_players_beside_whom_replies_are_delivered_are_no_livelock() -> None:
    class Busy(Actor[Hold]):
        @receive(Hold)
        def on_hold(self, message: Hold) -> None:
            pass

    async def program(system: System) -> None:
        busy: Ref[Hold] = system.spawn(Spec(Busy))
        while True:
            await busy.ask(Hold())

    assert type(raised_by(program)) is StepLimit


def test_a_run_that_ends_below_its_limit_is_as_it_was() -> None:
    async def program(system: System) -> None:
        one: Ref[Any] = system.spawn(Spec(Player, name="one"))
        with trio.move_on_after(1):
            await one.ask(Hold())

    run = simulate(program, seed=0, step_limit=LIMIT)
    assert not run.crashed
    assert run.steps < LIMIT
