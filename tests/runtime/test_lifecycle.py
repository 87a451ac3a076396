"""How an actor begins and ends, and how a system stops in order."""

from dataclasses import replace
from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Actor, Spec, StartReason, StopReason
from actors.address import Address
from actors.durable import Stored
from actors.errors import ActorStopped, BadSpec, RestartLimit, StartFailed, Stopping
from actors.handlers import receive
from actors.supervision import Directive, Intensity, Restart
from actors.testing import harness
from runtime.clock import VirtualClock
from runtime.pattern import Pattern
from runtime.system import System
from tests.runtime.cast import (
    Bang,
    Keeper,
    Lively,
    Note,
    Player,
    Run,
    Wait,
    answering,
    crash,
    keeper,
    keeping,
    on_stage,
    play,
    rest,
    settled,
)


class Broken(Lively):
    """It cannot start."""

    @override
    async def started(self, reason: StartReason) -> None:
        await super().started(reason)
        raise Bang("no start")


class Slow(Lively):
    """It takes 20 seconds to start, and to stop."""

    @override
    async def started(self, reason: StartReason) -> None:
        await super().started(reason)
        await trio.sleep(20)

    @override
    async def stopping(self, reason: StopReason) -> None:
        await super().stopping(reason)
        await trio.sleep(20)
        self.heard.append("never")


@on_stage()
async def test_an_actor_starts_before_its_first_message_and_stops_after_its_last(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Lively, (heard,)))
    await actor.tell(Note(text="a"))
    await actor.ask(Note(text="b"))
    await system.stop(actor)
    assert heard == ["started Fresh", "a", "b", "stopping STOP", "stopped STOP"]


@on_stage()
async def test_an_actor_that_is_stopped_before_it_has_started_never_starts(system: System) -> None:
    for _ in range(20):
        heard: list[str] = []
        actor = system.spawn(Spec(Lively, (heard,)))
        await system.stop(actor)
        await settled()
        assert heard.count("stopped STOP") == sum(line.startswith("started") for line in heard)
    assert not system.router.cells


@on_stage()
async def test_an_actor_can_stop_itself_and_a_child(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Lively, (heard,), name="a"))
    child = await actor.ask(Run(step=lambda self: self.ctx.spawn(Spec(Lively, (heard, "child "), name="c"))))
    await child.ask(Note(text="up"))
    await actor.ask(Run(step=lambda self: self.ctx.stop(child)))
    await settled()
    assert heard[-1] == "child stopped STOP"
    await actor.ask(Run(step=lambda self: self.ctx.stop()))
    await settled()
    assert not system.router.cells


@on_stage()
async def test_a_child_that_one_has_after_stopping_itself_ends_with_it(system: System) -> None:
    heard: list[str] = []

    def step(self: Player) -> None:
        self.ctx.stop()
        self.ctx.spawn(Spec(Lively, (heard, "child "), name="c"))

    await system.spawn(Spec(Player)).ask(Run(step=step))
    await settled()
    assert not system.router.cells


def test_a_start_that_fails_is_tried_again_up_to_the_limit() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        system.spawn(Spec(Broken, (heard,)))
        await trio.sleep(100)

    with pytest.raises(ExceptionGroup) as group:
        play(program, intensity=Intensity(restarts=2, within=100))
    assert isinstance(group.value.exceptions[0], RestartLimit)
    assert isinstance(group.value.exceptions[0].__cause__, Bang)
    assert heard.count("stopped CRASHED") + heard.count("stopped SHUTDOWN") == 3
    assert len(heard) == 6


@on_stage(patterns=[answering(lambda _: Spec(Broken, ([],)))])
async def test_whoever_asks_an_actor_that_cannot_start_is_told(system: System) -> None:
    with pytest.raises(StartFailed) as failed:
        await keeper(system).ask(Note(text="x"))
    assert isinstance(failed.value.__cause__, Bang)


class Unbuilt(Player):
    def __init__(self) -> None:
        super().__init__()
        raise Bang("no actor")


@pytest.mark.parametrize("spec", [Spec(Broken, ([],)), Spec(Unbuilt)])
@pytest.mark.parametrize(
    "never", [{"restart": Restart.TEMPORARY}, {"directives": ((Bang, Directive.STOP),)}], ids=str
)
def test_whoever_asks_a_child_that_cannot_start_and_is_not_started_again_is_told_why(
    spec: Spec[Any], never: dict[str, Any]
) -> None:
    async def program(system: System) -> None:
        child = system.spawn(replace(spec, **never))
        await child.tell(Note(text="told"))
        with pytest.raises(StartFailed, match=f"{child.address}: Bang: no ") as failed:
            await child.ask(Note(text="x"))
        assert isinstance(failed.value.__cause__, Bang)
        await settled()
        assert system.letters.counts == {"start_failed": 1}

    play(program)


@on_stage()
async def test_whoever_waits_for_room_at_a_child_that_cannot_start_is_told_why(system: System) -> None:
    child = system.spawn(Spec(Slow, ([],), restart=Restart.TEMPORARY, capacity=1))
    told: list[str] = []

    async def asks() -> None:
        with pytest.raises(StartFailed) as failed:
            await child.ask(Note(text="x"))
        told.append(str(failed.value))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(asks)
    assert told == [f"{child.address}: `started` took more than 5.0 s"] * 3
    assert not system.router.cells


@on_stage()
async def test_mail_that_waits_for_a_restart_that_fails_for_good_is_told_why(system: System) -> None:
    def build() -> Player:
        if starts.pop():
            raise ValueError("worn out")
        return Player()

    starts = [True, False]
    child = system.spawn(Spec(build, directives=((ValueError, Directive.STOP),)))
    await child.tell(Run(step=crash))
    with pytest.raises(StartFailed, match="worn out"):
        await child.ask(Note(text="x"))


@on_stage()
async def test_a_restart_whose_actor_cannot_be_built_is_tried_again(system: System) -> None:
    def build() -> Player:
        if starts.pop():
            raise Bang("not yet")
        return Player()

    starts = [False, True, False]
    child = system.spawn(Spec(build))
    await child.tell(Run(step=crash))
    assert await child.ask(Note(text="x")) == 1
    assert system.router.cells[child.address].restarts == 2


@on_stage(patterns=[answering(lambda _: Spec(Slow, ([],)))])
async def test_a_start_has_a_deadline(system: System) -> None:
    with pytest.raises(StartFailed) as failed:
        await keeper(system).ask(Note(text="x"))
    assert "5.0 s" in str(failed.value)


class LongBacklog(Keeper):
    """It takes 15 seconds to be read back."""

    @override
    async def load(self, stored: Stored) -> None:
        await trio.sleep(15)


@on_stage(patterns=[answering(lambda _: Spec(LongBacklog))])
async def test_reading_back_has_no_deadline_and_asks_wait_for_it(system: System) -> None:
    before = system.clock.now()
    assert await keeper(system).ask(Note(text="x")) == 1
    assert system.clock.now() - before == 15


@on_stage()
async def test_stopping_is_cut_at_its_grace_and_stopped_runs(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Slow, (heard,), start_timeout=30, stop_grace=3))
    await actor.ask(Note(text="up"))
    await system.stop(actor)
    assert heard == ["started Fresh", "up", "stopping STOP", "stopped STOP"]


@on_stage()
async def test_a_stopping_that_fails_does_not_keep_stopped_from_running(system: System) -> None:
    heard: list[str] = []

    class Failing(Lively):
        @override
        async def stopping(self, reason: StopReason) -> None:
            raise Bang

    actor = system.spawn(Spec(Failing, (heard,)))
    await actor.ask(Note(text="up"))
    await system.stop(actor)
    assert heard[-1] == "stopped STOP"


def test_children_stop_before_parents_and_siblings_in_reverse_order() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        def spawns(self: Player) -> None:
            for name in ("child1 ", "child2 "):
                self.ctx.spawn(Spec(Lively, (heard, name)))

        first = system.spawn(Spec(Lively, (heard, "first ")))
        system.spawn(Spec(Quick, (heard, "quick ")))
        await settled()
        system.spawn(Spec(Lively, (heard, "last ")))
        await first.ask(Run(step=spawns))
        await settled()
        heard.clear()

    play(program)
    assert [line for line in heard if " stopped " in f" {line}"] == [
        "last stopped SHUTDOWN",
        "quick stopped SHUTDOWN",
        "child2 stopped SHUTDOWN",
        "child1 stopped SHUTDOWN",
        "first stopped SHUTDOWN",
    ]


class Quick(Actor[Note]):
    """It ends without a task: no `started`, no `stopping`."""

    def __init__(self, heard: list[str], name: str) -> None:
        self.heard, self.name = heard, name

    @receive(Note)
    def on_note(self, message: Note) -> int:
        return 0

    @override
    def stopped(self, reason: StopReason) -> None:
        self.heard.append(f"{self.name}stopped {reason.name}")


def test_a_system_that_stops_refuses_what_comes_from_outside_and_handles_its_mail() -> None:
    heard: list[str] = []
    told: list[str] = []

    async def late(system: System, actor: Any) -> None:
        await trio.sleep(1)
        for way in (actor.ask, actor.tell):
            try:
                await way(Note(text="late"))
            except Stopping:
                told.append("stopping")

    async def main() -> None:
        async with trio.open_nursery() as nursery:

            async def program(system: System) -> None:
                actor, other = system.spawn(Spec(Player, (heard,))), system.spawn(Spec(Player, (heard,)))

                async def passes_on(self: Player) -> None:
                    await trio.sleep(4)
                    self.ctx.tell(other, Note(text="from inside"))
                    await self.ctx.ref(other.address).ask(Note(text="asked inside"))

                await actor.tell(Wait(step=passes_on))
                await actor.tell(Note(text="mail"))
                nursery.start_soon(late, system, actor)

            async with system:
                await program(system)

    clock = VirtualClock(autojump=True)
    system = System(clock=clock)
    trio.run(main, clock=clock)
    assert told == ["stopping", "stopping"]
    assert sorted(heard) == ["asked inside", "from inside", "mail"]


def test_the_drain_is_cut_at_its_grace_and_what_is_left_becomes_dead_letters() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player, (heard,), stop_grace=1))
        await actor.tell(rest(80_000))
        await actor.tell(Note(text="never"))
        await settled()

    system = play(program, drain_grace=10)
    assert heard == []
    assert system.letters.counts == {"stopped": 2}, "the turn that was cut, and what waited behind it"


@on_stage()
async def test_a_turn_has_its_grace_when_its_actor_is_stopped(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Lively, (heard,), stop_grace=5))

    async def work(self: Player) -> None:
        await trio.sleep(4)
        heard.append("worked")

    await actor.tell(Wait(step=work))
    await settled()
    await system.stop(actor)
    assert heard == ["started Fresh", "worked", "stopping STOP", "stopped STOP"]


@on_stage()
async def test_a_handler_that_shields_itself_does_not_hold_the_stop(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Lively, (heard,), stop_grace=2))
    fenced: list[str] = []

    async def shielded(self: Player) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(500)
        try:
            self.ctx.tell(self.ctx.me, Note(text="x"))
        except Exception as error:  # noqa: BLE001
            fenced.append(type(error).__name__)

    await actor.tell(Wait(step=shielded))
    await settled()
    with trio.fail_after(100):
        await system.stop(actor)
    assert actor.address not in system.router.cells
    assert "stopped STOP" not in heard, "it cleans up behind its last turn"
    await trio.sleep(1_000)
    assert fenced == ["Fenced"]
    assert heard[-1] == "stopped STOP"


@on_stage()
async def test_whoever_asked_a_straggler_is_told_when_it_is_given_up(system: System) -> None:
    actor = system.spawn(Spec(Player, stop_grace=2))
    ends: list[str] = []

    async def shielded(_: Any) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(500)

    async def ask() -> None:
        try:
            await actor.ask(Wait(step=shielded))
        except ActorStopped:
            ends.append("told")

    await actor.tell(rest(1))
    await settled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.sleep(2)
        await system.stop(actor)
        await settled()
        assert ends == ["told"]


@on_stage(patterns=[keeping(Spec(Lively, ([],)))])
async def test_an_incarnation_that_is_over_is_refused_every_effect(system: System) -> None:
    actor = system.spawn(Spec(Player))
    old = await actor.ask(Run(step=lambda self: self.ctx))
    await actor.tell(Run(step=crash))
    await settled()
    with pytest.raises(Exception, match="over"):
        old.timer("t", 1, Note(text="x"))
    with pytest.raises(Exception, match="over"):
        old.spawn(Spec(Player))


def test_a_body_that_fails_ends_all_actors_and_its_error_leaves() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        await system.spawn(Spec(Lively, (heard,))).ask(Note(text="up"))
        raise Bang("the program's own")

    with pytest.raises(ExceptionGroup) as group:
        play(program)
    assert group.group_contains(Bang)
    assert heard[-1] == "stopped SHUTDOWN"


def test_who_is_told_to_by_the_last_words_of_another_is_not_activated_while_the_system_ends() -> None:
    heard: list[str] = []

    class Polite(Lively):
        @override
        async def stopping(self, reason: StopReason) -> None:
            self.ctx.tell(self.ctx.ref(keeper_address("other")), Note(text="bye"))

    def factory(address: Any) -> Spec[Any]:
        return Spec(Polite, (heard,), name=None) if address.name == "first" else Spec(Lively, (heard,))

    async def program(system: System) -> None:
        await keeper(system, "first").ask(Note(text="up"))

    play(program, patterns=[answering(factory)])
    assert heard == ["started Activated", "up", "stopped SHUTDOWN"]


def keeper_address(name: str) -> Address:
    return Address(f"/keep/{name}")


@on_stage()
async def test_a_told_message_whose_turn_is_cut_by_a_stop_is_a_dead_letter(system: System) -> None:
    actor = system.spawn(Spec(Player, stop_grace=1))
    await actor.tell(rest(100))
    await settled()
    await system.stop(actor)
    assert system.letters.counts == {"stopped": 1}


class Stubborn(Lively):
    """Its `started` shields itself once."""

    starts = 0

    @override
    async def started(self, reason: StartReason) -> None:
        type(self).starts += 1
        if self.starts == 1:
            with trio.CancelScope(shield=True):
                await trio.sleep(50)
        await super().started(reason)


@on_stage()
async def test_a_start_that_shields_itself_is_cleaned_up_behind_it_and_its_successor_keeps_its_turn(
    system: System,
) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Stubborn, (heard,), stop_grace=2))
    await trio.sleep(1)
    cell = system.router.cells[actor.address]
    cell.parent.failed(cell, RuntimeError("from elsewhere"))
    await trio.sleep(10)
    assert heard == ["started Restarted"]
    await actor.tell(rest(80))
    await trio.sleep(60)
    assert heard == ["started Restarted", "started Fresh", "stopped CRASHED"]
    assert cell.suspended
    await system.stop(actor)


@on_stage()
async def test_a_class_that_is_spawned_without_a_spec_is_refused_at_once(system: System) -> None:
    bare: Any = Player

    def step(self: Player) -> str:
        with pytest.raises(BadSpec, match=r"a Spec is needed: Spec\(Player\)"):
            self.ctx.spawn(bare)
        return "refused"

    with pytest.raises(BadSpec, match=r"a Spec is needed: Spec\(Player\)"):
        system.spawn(bare)
    assert await system.spawn(Spec(Player)).ask(Run(step=step)) == "refused"
    assert harness(Player).run(Run(step=step)).reply == "refused"


async def test_a_system_that_has_not_begun_takes_no_message_and_starts_later_whom_it_has_spawned() -> None:
    system = System(clock=VirtualClock())
    ref = system.spawn(Spec(Lively, ([],)))
    for use in (ref.ask, ref.tell):
        with pytest.raises(Stopping, match="has not begun: `async with System"):
            await use(Note(text="a"))
    async with system:
        assert await ref.ask(Note(text="a")) > 0


def test_a_system_is_entered_once() -> None:
    async def again(system: System) -> None:
        with pytest.raises(RuntimeError, match="entered once"):
            await system.__aenter__()
        assert await system.spawn(Spec(Player)).ask(Note(text="a")) == 1

    async def anew() -> None:
        with pytest.raises(RuntimeError, match="entered once"):
            await ended.__aenter__()

    ended = play(again)
    trio.run(anew)


def test_a_system_under_another_loop_says_that_it_needs_trio() -> None:
    entering = System().__aenter__()
    with pytest.raises(RuntimeError, match=r"trio\.run\(main\)"):
        entering.send(None)


def test_a_factory_that_answers_no_spec_has_failed() -> None:
    bare: Any = Player

    async def program(system: System) -> None:
        for _ in range(2):
            with pytest.raises(StartFailed, match="its factory failed") as failed:
                await system.ref(Address("/bare/a")).ask(Note(text="a"))
            assert "a Spec is needed: Spec(Player)" in str(failed.value.__cause__)

    play(program, patterns=[Pattern("bare", {"bare": lambda _: bare})])
