"""A handler that interleaves runs while another turn of its actor is suspended."""

import types
from typing import Any

import pytest
import trio

from actors.actor import Actor, Spec
from actors.durable import DurableActor
from actors.errors import ActorCrashed, AskCycle, BadHandler
from actors.handlers import receive
from actors.mailbox import Overflow
from actors.supervision import Directive, Retry
from runtime.lab.simulation import simulate
from runtime.system import System
from tests.runtime.cast import Bang, Note, Player, Refusal, Run, Wait, crash, on_stage, refuse, rest, settled


class Glance(Run, raises=(Refusal,)):
    """As `Run`, in the midst of a turn too."""


class Patient(Actor[Run | Wait | Note | Glance]):
    """`heard` is what it has handled, in its order."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Note)
    def on_note(self, message: Note) -> int:
        self.heard.append(message.text)
        return len(self.heard)

    @receive(Glance, interleave=True)
    def on_glance(self, message: Glance) -> Any:
        self.heard.append("glance")
        return message.step(self)


def heard(actor: Patient) -> list[str]:
    return list(actor.heard)


@on_stage()
async def test_an_ask_that_interleaves_is_answered_while_a_turn_waits(system: System) -> None:
    patient = system.spawn(Spec(Patient))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(patient.ask, rest(10))
        await settled()
        with trio.fail_after(1):
            assert await patient.ask(Glance(step=heard)) == ["glance"]


@on_stage()
async def test_so_it_is_when_the_turn_that_waits_was_told(system: System) -> None:
    patient = system.spawn(Spec(Patient))
    await patient.tell(rest(10))
    await patient.tell(Glance(step=heard))
    await settled()
    with trio.fail_after(1):
        assert await patient.ask(Glance(step=heard)) == ["glance", "glance"]


@on_stage()
async def test_it_overtakes_what_waits_for_the_end_of_the_turn(system: System) -> None:
    patient = system.spawn(Spec(Patient))
    await patient.tell(rest(10))
    await patient.tell(Note(text="later"))
    await patient.tell(Glance(step=heard))
    assert await patient.ask(Run(step=heard)) == ["glance", "later"]


@on_stage()
async def test_an_idle_actor_handles_it_as_any_other_message(system: System) -> None:
    patient = system.spawn(Spec(Patient))
    await patient.tell(Note(text="before"))
    assert await patient.ask(Glance(step=heard)) == ["before", "glance"]


@on_stage()
async def test_the_outputs_of_the_turn_that_waits_stay_its_own(system: System) -> None:
    patient, player = system.spawn(Spec(Patient)), system.spawn(Spec(Player))
    gone: list[int] = []

    async def step(actor: Any) -> None:
        actor.ctx.tell(player, Note(text="from the turn"))
        await trio.sleep(10)
        gone.append(await player.ask(Note(text="in the turn")))

    await patient.tell(Wait(step=step))
    await settled()
    await patient.ask(Glance(step=lambda actor: actor.ctx.tell(player, Note(text="at once"))))
    await settled()
    assert await player.ask(Run(step=lambda actor: list(actor.heard))) == ["at once"]
    await trio.sleep(11)
    assert await player.ask(Run(step=lambda actor: list(actor.heard))) == [
        "at once",
        "in the turn",
        "from the turn",
    ]


@on_stage()
async def test_an_ask_that_comes_back_is_no_cycle_if_it_interleaves(system: System) -> None:
    patient, player = system.spawn(Spec(Patient)), system.spawn(Spec(Player))

    def through(message: Any) -> Wait:
        async def back(_: Any) -> Any:
            return await patient.ask(message)

        async def there(_: Any) -> Any:
            return await player.ask(Wait(step=back))

        return Wait(step=there)

    assert await patient.ask(through(Glance(step=heard))) == ["glance"]
    with pytest.raises(ActorCrashed) as crashed:
        await patient.ask(through(Run(step=heard)))
    cause = crashed.value.__cause__
    assert isinstance(cause, ActorCrashed)
    assert isinstance(cause.__cause__, AskCycle)


@on_stage()
async def test_a_forward_that_comes_back_to_its_asker_is_no_cycle_if_it_interleaves(system: System) -> None:
    patient, front = system.spawn(Spec(Patient)), system.spawn(Spec(Patient))

    def onward(self: Patient) -> Any:
        return heard(self) if self.ctx.address == patient.address else self.ctx.forward(patient)

    async def asks(_: Any) -> Any:
        return await front.ask(Glance(step=onward))

    assert await patient.ask(Wait(step=asks)) == ["glance"]


@on_stage()
async def test_a_refusal_in_the_midst_of_a_turn_leaves_the_turn_alone(system: System) -> None:
    patient = system.spawn(Spec(Patient))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(patient.ask, rest(10))
        await settled()
        with pytest.raises(Refusal):
            await patient.ask(Glance(step=refuse))
    assert await patient.ask(Run(step=heard)) == ["glance"]


@on_stage()
async def test_a_crash_in_the_midst_of_a_turn_is_the_actors_and_ends_that_turn_too(system: System) -> None:
    patient = system.spawn(Spec(Patient))
    ended: list[str] = []

    async def step(_: Any) -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("cut")

    await patient.tell(Wait(step=step))
    await settled()
    with pytest.raises(ActorCrashed) as crashed:
        await patient.ask(Glance(step=crash))
    assert isinstance(crashed.value.__cause__, Bang)
    assert await patient.ask(Run(step=heard)) == []
    assert ended == ["cut"]


RESUMES = ((Bang, Directive.RESUME),)


@on_stage()
async def test_one_that_is_tried_again_after_its_crash_interleaves_again(system: System) -> None:
    patient = system.spawn(Spec(Patient, directives=RESUMES, poison=Retry(2)))
    player = system.spawn(Spec(Player))
    tries: list[int] = []

    def crash_twice(_: Any) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise Bang("bang")
        return "fine"

    async def back(_: Any) -> Any:
        return await patient.ask(Glance(step=crash_twice))

    async def there(_: Any) -> Any:
        return await player.ask(Wait(step=back))

    assert await patient.ask(Wait(step=there)) == "fine"
    assert len(tries) == 3


@on_stage()
async def test_two_messages_that_crash_in_turns_are_tried_as_often_as_one_alone(system: System) -> None:
    patient = system.spawn(Spec(Patient, directives=RESUMES, poison=Retry(2)))
    tries: list[str] = []

    async def slowly(_: Any) -> None:
        tries.append("turn")
        await trio.sleep(1)
        raise Bang("bang")

    def at_once(_: Any) -> None:
        tries.append("glance")
        if len(tries) < 50:
            raise Bang("bang")

    await patient.tell(Wait(step=slowly))
    await settled()
    with pytest.raises(ActorCrashed):
        await patient.ask(Glance(step=at_once))
    await trio.sleep(100)
    assert sorted(tries) == ["glance"] * 3 + ["turn"] * 3
    assert system.letters.counts == {"crashed": 1}


@on_stage()
async def test_an_asker_that_has_left_is_not_answered(system: System) -> None:
    patient = system.spawn(Spec(Patient))
    await patient.tell(rest(10))
    with trio.CancelScope() as scope:
        scope.cancel()
        await patient.ask(Glance(step=heard))
    assert await patient.ask(Run(step=heard)) == []


@on_stage()
async def test_who_waits_for_room_gets_that_of_a_message_handled_in_the_midst_of_a_turn(
    system: System,
) -> None:
    patient = system.spawn(Spec(Patient, capacity=1, overflow=Overflow.WAIT))
    await patient.tell(rest(10))
    await settled()
    with trio.fail_after(1):
        await patient.tell(Glance(step=heard))
        await patient.tell(Glance(step=heard))
        await patient.tell(Note(text="later"))
    assert await patient.ask(Run(step=heard)) == ["glance", "glance", "later"]


@on_stage()
async def test_mail_that_must_wait_for_the_end_of_the_turn_makes_nobody_look_through_the_mailbox(
    system: System,
) -> None:
    patient, queue = system.spawn(Spec(Patient)), system.dispatcher.queue
    await patient.tell(rest(10))
    await settled()
    for _ in range(100):
        await patient.tell(Note(text="later"))
    assert not queue.cells


@on_stage()
async def test_the_mailbox_is_looked_through_once_for_all_that_interleaves(system: System) -> None:
    patient, queue = system.spawn(Spec(Patient)), system.dispatcher.queue
    await patient.tell(rest(10))
    await settled()
    for _ in range(100):
        await patient.tell(Glance(step=heard))
    assert len(queue.cells) == 1
    await settled()
    await patient.tell(Glance(step=heard))  # and again for what comes later
    assert len(queue.cells) == 1
    with trio.fail_after(1):
        assert await patient.ask(Glance(step=heard)) == ["glance"] * 102


@on_stage()
async def test_what_was_not_looked_at_before_the_turn_was_over_interleaves_with_a_later_one(
    system: System,
) -> None:
    patient = system.spawn(Spec(Patient))
    await patient.tell(rest(10))
    await settled()
    await patient.tell(Glance(step=heard))
    system.router.cells[patient.address].cancel_turn()
    await settled()
    await patient.tell(rest(10))
    await settled()
    with trio.fail_after(1):
        assert await patient.ask(Glance(step=heard)) == ["glance", "glance"]


@on_stage()
async def test_what_came_while_its_outputs_waited_for_room_interleaves_when_they_have_got_it(
    system: System,
) -> None:
    patient, player = system.spawn(Spec(Patient)), system.spawn(Spec(Player, capacity=1))
    await player.tell(rest(5))
    await settled()
    await player.tell(Note(text="fills it"))
    await patient.tell(rest(100))
    await settled()

    def say(actor: Any) -> None:
        actor.ctx.tell(player, Note(text="waits for room"))

    await patient.tell(Glance(step=say))
    await settled()
    await patient.tell(Glance(step=heard))
    await settled()
    with trio.fail_after(10):
        assert await patient.ask(Glance(step=heard)) == ["glance"] * 3


def test_a_simulation_with_interleaved_turns_is_the_same_for_the_same_seed() -> None:
    async def program(system: System) -> list[str]:
        patient = system.spawn(Spec(Patient))
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(patient.tell, rest(1))
                nursery.start_soon(patient.tell, Note(text=f"{number}"))
                nursery.start_soon(patient.ask, Glance(step=heard))
        return list(await patient.ask(Run(step=heard)))

    runs = [simulate(program, seed=seed) for seed in (1, 1, 2)]
    assert runs[0].digest == runs[1].digest
    assert all(sorted(run.result) == sorted(["glance"] * 5 + list("01234")) for run in runs)


@receive(Note, interleave=True)
async def waiting(self: Any, message: Note) -> int:
    await trio.sleep(1)
    return 0


@receive(Note, interleave=True)
def at_once(self: Any, message: Note) -> int:
    return 0


def test_a_handler_that_may_wait_cannot_interleave() -> None:
    with pytest.raises(BadHandler, match="plain `def`"):
        types.new_class("Waits", (Actor[Note],), {}, lambda body: body.update(on_note=waiting))


def test_a_durable_actor_cannot_interleave() -> None:
    types.new_class("Volatile", (Actor[Note],), {}, lambda body: body.update(on_note=at_once))
    with pytest.raises(BadHandler, match="durable"):
        types.new_class("Durable", (DurableActor,), {}, lambda body: body.update(on_note=at_once))
