"""Timers, children and pipes of a turn are outputs: a turn that does not count has set, begun and spawned nothing."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorCrashed, ActorStopped, AskCycle, CommitFailed, NameTaken, TooManyPipes
from actors.ref import Ref
from actors.supervision import Intensity
from runtime.store import Disk, MemoryStore
from runtime.system import System
from tests.runtime.cast import (
    Keeper,
    Lively,
    Note,
    Player,
    Refusal,
    Run,
    Wait,
    crash,
    keeper,
    keeping,
    on_stage,
    refuse,
    rest,
    settled,
)

Step = Callable[[Any], Any]


def sets_a_timer(self: Player) -> None:
    self.ctx.timer("t", 5, Note(text="timer"))


def cancels_a_timer(self: Player) -> None:
    self.ctx.cancel("before")


def spawns(self: Player) -> None:
    self.ctx.spawn(Spec(Lively, (self.heard,), name="child"))


async def nothing() -> None:
    pass


def pipes(self: Player) -> None:
    self.ctx.pipe(nothing, lambda _: Note(text="pipe"))


EFFECTS = [sets_a_timer, cancels_a_timer, spawns, pipes]


def before(self: Player) -> None:
    self.ctx.timer("before", 5, Note(text="before"))


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_refusal_behind_an_effect_is_a_crash(effect: Step) -> None:
    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player))
        await actor.ask(Run(step=before))

        def both(self: Player) -> None:
            effect(self)
            refuse(self)

        with pytest.raises(ActorCrashed, match="DirtyRefusal"):
            await actor.ask(Run(step=both))

    on_stage()(program)()


@on_stage()
async def test_a_cancel_of_nothing_is_no_change(system: System) -> None:
    actor = system.spawn(Spec(Player))

    def both(self: Player) -> None:
        self.ctx.cancel("never set")
        refuse(self)

    with pytest.raises(Refusal):
        await actor.ask(Run(step=both))


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_turn_that_crashes_has_done_nothing(effect: Step) -> None:
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = system.spawn(Spec(Player, (heard,)))

        def both(self: Player) -> None:
            effect(self)
            crash(self)

        with pytest.raises(ActorCrashed):
            await actor.ask(Run(step=both))
        await trio.sleep(100)
        assert heard == []
        assert list(system.router.cells) == [actor.address]
        assert len(system.timers) == 0

    on_stage()(program)()


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("effect", EFFECTS)
def test_a_turn_that_is_cut_has_done_nothing_and_its_incarnation_goes_on(effect: Step, inline: bool) -> None:  # noqa: FBT001
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = system.spawn(Spec(Player, (heard,)))
        if not inline:
            await actor.tell(rest(1))
            await settled()

        async def slow(self: Player) -> None:
            effect(self)
            await trio.sleep(3)

        await actor.tell(Run(step=before))
        with trio.move_on_after(3):
            await actor.ask(Wait(step=slow))
        assert await actor.ask(Note(text="goes on")) == 1
        await trio.sleep(100)
        assert heard == ["goes on", "before"]
        assert list(system.router.cells) == [actor.address]
        assert len(system.timers) == 0

    on_stage()(program)()


@on_stage()
async def test_a_cancelled_timer_that_fell_due_in_a_turn_that_is_cut_comes_behind_it(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    await actor.ask(Run(step=before))

    async def slow(self: Player) -> None:
        await trio.sleep(6)
        self.ctx.cancel("before")
        self.ctx.timer("before", 1, Note(text="never"))
        self.ctx.cancel("before")
        await trio.sleep(50)

    with trio.move_on_after(10):
        await actor.ask(Wait(step=slow))
    await trio.sleep(100)
    assert heard == ["before"]


@on_stage()
async def test_a_timer_that_is_set_and_cancelled_in_one_turn_never_comes(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    async def both(self: Player) -> None:
        self.ctx.timer("t", 0, Note(text="never"))
        await trio.sleep(1)
        self.ctx.cancel("t")

    await actor.ask(Wait(step=both))
    await trio.sleep(10)
    assert heard == []


@on_stage()
async def test_a_timers_time_counts_from_the_call_and_it_comes_behind_its_turn(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    async def long(self: Player) -> None:
        self.ctx.timer("soon", 2, Note(text="soon"))
        self.ctx.timer("later", 15, Note(text="later"))
        await trio.sleep(10)
        self.heard.append("turn")

    await actor.ask(Wait(step=long))
    await trio.sleep(4)
    assert heard == ["turn", "soon"]
    await trio.sleep(2)
    assert heard == ["turn", "soon", "later"]


@on_stage()
async def test_a_spawned_child_may_be_told_to_in_the_same_turn_and_its_name_is_taken(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    def spawns_and_tells(self: Player) -> None:
        child = self.ctx.spawn(Spec(Lively, (self.heard,), name="child"))
        with pytest.raises(NameTaken):
            self.ctx.spawn(Spec(Lively, (self.heard,), name="child"))
        self.ctx.tell(child, Note(text="hello"))
        self.heard.append("turn")

    await actor.ask(Run(step=spawns_and_tells))
    await settled()
    assert heard == ["turn", "started Fresh", "hello"]


@on_stage()
async def test_a_name_that_a_crashed_turn_had_taken_is_free_again(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    async def cut(self: Player) -> None:
        spawns(self)
        await trio.sleep(10)

    with trio.move_on_after(1):
        await actor.ask(Wait(step=cut))
    await actor.ask(Run(step=spawns))
    await settled()
    assert heard == ["started Fresh"]


@pytest.mark.parametrize("kind", [Player, Lively])
def test_a_child_that_is_asked_in_the_turn_that_spawns_it_starts_then(kind: type[Player]) -> None:
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = system.spawn(Spec(Player))

        async def asks(self: Player) -> int:
            return await self.ctx.spawn(Spec(kind, (heard,), name="c")).ask(Note(text="asked"))

        assert await actor.ask(Wait(step=asks)) == len(heard)
        assert heard[-1] == "asked"
        child: Ref[Note] = system.ref(actor.address.child("c"))
        assert await child.ask(Note(text="lives on")) == len(heard)

    on_stage()(program)()


@on_stage()
async def test_a_child_that_is_asked_in_the_turn_that_spawns_it_starts_behind_those_spawned_before_it(
    system: System,
) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player))

    async def asks(self: Player) -> None:
        self.ctx.spawn(Spec(Lively, (heard, "one ")))
        self.ctx.spawn(Spec(Lively, (heard, "two ")))
        asked = self.ctx.spawn(Spec(Lively, (heard, "three ")))
        self.ctx.spawn(Spec(Lively, (heard, "four ")))
        await asked.ask(Note(text="asked"))
        heard.append("answered")

    await actor.ask(Wait(step=asks))
    await settled()
    assert heard == [
        "one started Fresh",
        "two started Fresh",
        "three started Fresh",
        "asked",
        "answered",
        "four started Fresh",
    ]


@on_stage()
async def test_a_child_that_was_asked_in_a_turn_that_is_then_cut_ends(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player))

    async def asks(self: Player) -> None:
        await self.ctx.spawn(Spec(Lively, (heard,), name="c")).ask(Note(text="asked"))
        await trio.sleep(100)

    with trio.move_on_after(5):
        await actor.ask(Wait(step=asks))
    await settled()
    assert heard[-1] == "stopped DISCARDED"
    assert list(system.router.cells) == [actor.address]


@on_stage()
async def test_asking_a_child_over_another_while_its_turn_waits_is_a_cycle_and_no_hang(
    system: System,
) -> None:
    actor, between = system.spawn(Spec(Player)), system.spawn(Spec(Player))

    async def over_another(self: Player) -> Any:
        child = self.ctx.spawn(Spec(Player))

        async def passes_on(_: Any) -> Any:
            return await child.ask(Note(text="x"))

        return await between.ask(Wait(step=passes_on))

    with pytest.raises(ActorCrashed) as crashed:
        await actor.ask(Wait(step=over_another))
    causes: list[Any] = [crashed.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    assert isinstance(causes[-1], AskCycle)


@on_stage()
async def test_mail_of_a_child_that_never_began_is_a_dead_letter_and_its_asker_is_told(
    system: System,
) -> None:
    actor = system.spawn(Spec(Player, name="p"))
    child: Ref[Note] = system.ref(actor.address.child("child"))
    ends: list[str] = []

    async def cut(self: Player) -> None:
        spawns(self)
        await trio.sleep(10)

    async def cut_it() -> None:
        with trio.move_on_after(1):
            await actor.ask(Wait(step=cut))

    async def ask() -> None:
        with pytest.raises(ActorStopped):
            await child.ask(Note(text="asked"))
        ends.append("told")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(cut_it)
        await settled()
        nursery.start_soon(ask)
        await child.tell(Note(text="told"))
    assert ends == ["told"]
    assert system.letters.counts == {"stopped": 2}


def kept_on(disk: Disk) -> dict[str, Any]:
    return {
        "patterns": [keeping()],
        "store": MemoryStore(disk, commit_time=lambda: 1.0),
        "intensity": Intensity(restarts=9),
    }


def durable_run(program: Callable[[System, Ref[Any]], Awaitable[None]], disk: Disk | None = None) -> None:
    async def main(system: System) -> None:
        await program(system, keeper(system))

    on_stage(**kept_on(disk or Disk()))(main)()


def test_a_durable_actors_child_and_timer_begin_behind_its_commit() -> None:
    heard: list[str] = []

    async def program(system: System, actor: Ref[Any]) -> None:
        def step(self: Keeper) -> None:
            self.ctx.spawn(Spec(Lively, (heard,)))
            self.ctx.timer("t", 0.5, Run(step=lambda _: heard.append("timer")))
            self.note("row")

        await actor.tell(Run(step=step))
        await settled()
        await trio.sleep(0.9)
        assert heard == []
        await trio.sleep(0.2)
        assert heard == ["started Fresh", "timer"]

    durable_run(program)


def test_a_commit_that_fails_takes_the_turns_child_and_timer_along() -> None:
    heard: list[str] = []
    disk = Disk()

    async def program(system: System, actor: Ref[Any]) -> None:
        await actor.ask(Note(text="first"))

        def step(self: Keeper) -> None:
            self.ctx.spawn(Spec(Lively, (heard,)))
            self.ctx.timer("t", 0.5, Run(step=lambda _: heard.append("timer")))
            self.note("row")
            disk.faults.full = True

        with pytest.raises(CommitFailed):
            await actor.ask(Run(step=step))
        await trio.sleep(100)
        assert heard == []
        assert list(system.router.cells) == [actor.address]

    durable_run(program, disk)


def test_a_timer_that_waits_for_its_commit_can_be_cancelled_by_a_later_turn() -> None:
    heard: list[str] = []

    async def program(system: System, actor: Ref[Any]) -> None:
        def sets(self: Keeper) -> None:
            self.note("row")
            self.ctx.timer("t", 0.1, Run(step=lambda _: heard.append("timer")))

        await actor.tell(Run(step=sets))
        await actor.tell(Run(step=lambda self: self.ctx.cancel("t")))
        await trio.sleep(10)
        assert heard == []

    durable_run(program)


class Few(Player):
    pipes_max = 3


@on_stage()
async def test_pipes_are_bounded_and_more_are_refused(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Few, (heard,)))

    async def takes_its_time() -> None:
        await trio.sleep(5)

    def one_more(self: Player) -> None:
        self.ctx.pipe(takes_its_time, lambda _: Note(text="done"))

    for _ in range(3):
        await actor.ask(Run(step=one_more))
    with pytest.raises(TooManyPipes):
        await actor.ask(Run(step=one_more))
    assert system.router.cells[actor.address].restarts == 0, "a refusal, no crash"
    await trio.sleep(10)
    assert heard == ["done"] * 3
    await actor.ask(Run(step=one_more))


@on_stage()
async def test_results_that_wait_in_the_mailbox_count_as_pipes(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Few, (heard,)))

    async def one_more_late(self: Player) -> None:
        await trio.sleep(5)
        pipes(self)

    for _ in range(3):
        await actor.tell(Run(step=pipes))
    with pytest.raises(TooManyPipes):
        await actor.ask(Wait(step=one_more_late))
    await actor.ask(Wait(step=one_more_late))
    await settled()
    assert heard == ["pipe"] * 4


@on_stage()
async def test_a_pipe_of_a_turn_that_was_cut_does_not_count(system: System) -> None:
    actor = system.spawn(Spec(Few))

    async def cut(self: Player) -> None:
        pipes(self)
        await trio.sleep(10)

    for _ in range(9):
        with trio.move_on_after(1):
            await actor.ask(Wait(step=cut))
    await actor.ask(Run(step=pipes))


async def slow() -> None:
    await trio.sleep(2)


async def shielded() -> None:
    with trio.CancelScope(shield=True):
        await trio.sleep(50)


@pytest.mark.parametrize("work", [slow, shielded])
@pytest.mark.parametrize("stopped", [True, False])
def test_a_pipes_result_for_a_past_incarnation_is_a_stale_dead_letter(
    work: Callable[[], Awaitable[None]],
    stopped: bool,  # noqa: FBT001
) -> None:
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = system.spawn(Spec(Player, (heard,)))

        async def waits(self: Player) -> None:
            await trio.sleep(5)
            if stopped:
                self.ctx.stop()
            else:
                crash(self)

        def as_note(_: object) -> Note:
            return Note(text="stale")

        await actor.ask(Run(step=lambda self: self.ctx.pipe(work, as_note)))
        with suppress(ActorCrashed):
            await actor.ask(Wait(step=waits))
        await trio.sleep(100)
        assert heard == []
        assert [letter.message for letter in system.letters.newest if letter.reason == "stale"] == ["Note"]

    on_stage()(program)()
