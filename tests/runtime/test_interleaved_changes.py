"""What a turn in the midst of another has done to the books, and counts, stands when the suspended one is cut."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from actors.actor import Actor, Spec
from actors.handlers import receive
from actors.message import Message
from actors.ref import Ref
from actors.signals import ReceiveTimeout, Terminated
from actors.supervision import Directive
from runtime.system import System
from tests.runtime.cast import Bang, Player, Run, Wait, on_stage, settled


class Glance(Run):
    """As `Run`, in the midst of a turn too."""


class Tick(Message[None]):
    """A timer's."""

    text: str


class Patient(Actor[Run | Wait | Glance | Tick | Terminated | ReceiveTimeout]):
    """`heard` is what its timers and watches have told it."""

    initial = "first"

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Glance, interleave=True)
    def on_glance(self, message: Glance) -> Any:
        return message.step(self)

    @receive(Terminated, interleave=True)
    def on_terminated(self, message: Terminated) -> None:
        self.heard.append(f"{message.address}")

    @receive(ReceiveTimeout)
    def on_receive_timeout(self, message: ReceiveTimeout) -> None:
        self.heard.append("silence")

    @receive(Tick, state="first")
    def on_first(self, message: Tick) -> None:
        self.heard.append(message.text)

    @receive(Tick, state="second")
    def on_second(self, message: Tick) -> None:
        self.heard.append(f"second {message.text}")

    @receive(Tick, state="third")
    def on_third(self, message: Tick) -> None:
        self.heard.append(f"third {message.text}")


Step = Callable[[Any], Any]


def patient_of(system: System, heard: list[str], **options: Any) -> Ref[Any]:
    return system.spawn(Spec(Patient, (heard,), **options))


@asynccontextmanager
async def cut_turn(patient: Ref[Any], step: Step) -> AsyncGenerator[None]:
    """A turn that does `step` and waits; it is cut at the end of the block."""

    async def turn(actor: Any) -> None:
        step(actor)
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(patient.ask, Wait(step=turn))
        await settled()
        yield
        await settled()
        nursery.cancel_scope.cancel()


def timed(after: float, text: str) -> Step:
    return lambda actor: actor.ctx.timer("key", after, Tick(text=text))


def untimed(actor: Any) -> None:
    actor.ctx.cancel("key")


def untimed_and_timed(actor: Any) -> None:
    untimed(actor)
    timed(50, "cut")(actor)


@pytest.mark.parametrize("first", [timed(50, "cut"), untimed, untimed_and_timed])
@pytest.mark.parametrize(("then", "heard"), [(timed(20, "counts"), ["counts"]), (untimed, [])])
def test_a_timer_set_or_cancelled_in_the_midst_of_a_turn_stays_so_when_that_turn_is_cut(
    first: Step, then: Step, heard: list[str]
) -> None:
    @on_stage()
    async def test(system: System) -> None:
        got: list[str] = []
        patient = patient_of(system, got)
        await patient.ask(Run(step=timed(10, "before")))
        async with cut_turn(patient, first):
            await patient.ask(Glance(step=timed(30, "glanced")))
            await patient.ask(Glance(step=then))
        await trio.sleep(100)
        assert got == heard

    test()


@on_stage()
async def test_a_timer_that_only_the_cut_turn_has_changed_comes_back(system: System) -> None:
    heard: list[str] = []
    patient = patient_of(system, heard)
    await patient.ask(Run(step=timed(10, "before")))
    async with cut_turn(patient, untimed_and_timed):
        await patient.ask(Glance(step=lambda actor: actor.ctx.timer("other", 5, Tick(text="other"))))
    await trio.sleep(100)
    assert heard == ["other", "before"]


@on_stage()
async def test_a_crash_in_the_midst_of_a_turn_that_is_resumed_leaves_that_turn_its_timer_which_waits_for_its_end(
    system: System,
) -> None:
    heard: list[str] = []
    patient = patient_of(system, heard, directives=((Bang, Directive.RESUME),))

    def timed_and_crashed(actor: Any) -> None:
        timed(1, "crashed")(actor)
        raise Bang("bang")

    async def turn(actor: Any) -> None:
        actor.ctx.timer("key", 5, Glance(step=lambda _: heard.append("mine")))  # it could interleave
        await trio.sleep(10)
        heard.append("end of the turn")

    await patient.tell(Wait(step=turn))
    await settled()
    await patient.tell(Glance(step=timed_and_crashed))
    await trio.sleep(100)
    assert heard == ["end of the turn", "mine"]


@on_stage()
async def test_nothing_is_kept_of_changes_that_count(system: System) -> None:
    patient = patient_of(system, [])

    async def turn(actor: Any) -> None:
        untimed_and_timed(actor)
        await trio.sleep(10)

    await patient.tell(Wait(step=turn))
    await settled()
    await patient.ask(Glance(step=timed(20, "glanced")))
    books = await patient.ask(Run(step=lambda actor: actor.ctx))
    assert books.changes == {}


@on_stage()
async def test_so_does_a_state(system: System) -> None:
    heard: list[str] = []
    patient = patient_of(system, heard)
    async with cut_turn(patient, lambda actor: actor.ctx.become("second")):
        await patient.ask(Glance(step=lambda actor: actor.ctx.become("third")))
    await patient.ask(Tick(text="tick"))
    assert heard == ["third tick"]


@on_stage()
async def test_so_does_a_receive_timeout(system: System) -> None:
    heard: list[str] = []
    patient = patient_of(system, heard)
    async with cut_turn(patient, lambda actor: actor.ctx.receive_timeout(50)):
        await patient.ask(Glance(step=lambda actor: actor.ctx.receive_timeout(20)))
    await trio.sleep(30)
    assert heard == ["silence"]


@on_stage()
async def test_so_does_a_watch(system: System) -> None:
    heard: list[str] = []
    patient, player = patient_of(system, heard), system.spawn(Spec(Player, name="player"))
    async with cut_turn(patient, lambda actor: actor.ctx.watch(player)):
        await patient.ask(Glance(step=lambda actor: actor.ctx.watch(player)))
    await system.stop(player)
    await settled()
    assert heard == ["/player"]


@on_stage()
async def test_so_does_the_end_of_a_watch(system: System) -> None:
    heard: list[str] = []
    patient, player = patient_of(system, heard), system.spawn(Spec(Player, name="player"))
    await patient.ask(Run(step=lambda actor: actor.ctx.watch(player)))
    async with cut_turn(patient, lambda actor: actor.ctx.watch(player)):
        await patient.ask(Glance(step=lambda actor: actor.ctx.unwatch(player)))
    await system.stop(player)
    await settled()
    assert heard == []


@on_stage()
async def test_who_ends_while_a_turn_that_has_watched_it_again_waits_is_told_of_once(system: System) -> None:
    heard: list[str] = []
    patient, player = patient_of(system, heard), system.spawn(Spec(Player, name="player"))
    await patient.ask(Run(step=lambda actor: actor.ctx.watch(player)))
    async with cut_turn(patient, lambda actor: actor.ctx.watch(player)):
        await system.stop(player)
    await settled()
    assert heard == ["/player"]


@on_stage()
async def test_who_had_ended_before_the_cut_turn_unwatched_it_is_told_of_all_the_same(system: System) -> None:
    heard: list[str] = []
    patient, player = patient_of(system, heard), system.spawn(Spec(Player, name="player"))
    await patient.ask(Run(step=lambda actor: actor.ctx.watch(player)))

    def ends_and_unwatches(actor: Any) -> None:
        cell = system.router.cells[player.address]
        cell.parent.drop_child(cell)  # at once: its `Terminated` waits in the mailbox
        actor.ctx.unwatch(player)

    async with cut_turn(patient, ends_and_unwatches):
        assert heard == []
    await settled()
    assert heard == ["/player"]


@on_stage()
async def test_a_crash_in_the_midst_of_a_turn_that_is_resumed_leaves_that_turn_its_state(
    system: System,
) -> None:
    heard: list[str] = []
    patient = patient_of(system, heard, directives=((Bang, Directive.RESUME),))

    def changed_and_crashed(actor: Any) -> None:
        actor.ctx.become("third")
        raise Bang("bang")

    async def turn(actor: Any) -> None:
        actor.ctx.become("second")
        await trio.sleep(10)

    await patient.tell(Wait(step=turn))
    await settled()
    await patient.tell(Glance(step=changed_and_crashed))
    await patient.ask(Tick(text="tick"))
    assert heard == ["second tick"]
