"""A watcher is told once that an actor has ended for good, behind all that it had sent."""

from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Actor, Spec, StopReason
from actors.address import Address
from actors.handlers import receive
from actors.message import Message
from actors.ref import Ref
from actors.signals import Terminated
from actors.supervision import Restart
from runtime.pattern import Pattern
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, crash, on_stage, settled


class Watcher(Actor[Run | Wait | Note | Terminated]):
    """It writes down what it hears."""

    def __init__(self, heard: list[Any]) -> None:
        self.heard = heard

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Note)
    def on_note(self, message: Note) -> int:
        self.heard.append(message.text)
        return 0

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        self.heard.append((message.address, message.reason))


def watch(ref: Ref[Any]) -> Run:
    return Run(step=lambda self: self.ctx.watch(ref))


def unwatch(ref: Ref[Any]) -> Run:
    return Run(step=lambda self: self.ctx.unwatch(ref))


@on_stage()
async def test_a_watcher_is_told_once_when_the_watched_one_is_stopped(system: System) -> None:
    heard: list[Any] = []
    watcher, player = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await settled()
    await watcher.ask(watch(player))
    await watcher.ask(watch(player))
    await system.stop(player)
    await settled()
    assert heard == [(player.address, StopReason.STOP)]


@on_stage()
async def test_terminated_comes_after_everything_that_the_watched_one_had_sent(system: System) -> None:
    heard: list[Any] = []
    watcher, player = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await settled()
    await watcher.ask(watch(player))

    def speak_and_go(self: Player) -> None:
        for text in "ab":
            self.ctx.tell(watcher, Note(text=text))
        self.ctx.stop()

    await player.tell(Run(step=speak_and_go))
    await settled()
    assert heard == ["a", "b", (player.address, StopReason.STOP)]


@on_stage()
async def test_a_restart_is_no_end_and_a_crash_for_good_is(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Watcher, (heard,)))
    lasting, passing = system.spawn(Spec(Player)), system.spawn(Spec(Player, restart=Restart.TEMPORARY))
    await settled()
    for player in (lasting, passing):
        await watcher.ask(watch(player))
        await player.tell(Run(step=crash))
        await settled()
    await trio.sleep(1)
    assert heard == [(passing.address, StopReason.CRASHED)]


@on_stage()
async def test_nothing_comes_after_unwatch_even_if_it_waits_in_the_mailbox(system: System) -> None:
    heard: list[Any] = []
    watcher, player = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await settled()
    await watcher.ask(watch(player))
    await watcher.tell(unwatch(player))
    await system.stop(player)
    await settled()
    assert heard == []
    assert len(system.watches) == 0


@on_stage()
async def test_watching_an_address_where_nobody_lives_is_answered_at_once(system: System) -> None:
    heard: list[Any] = []
    watcher, player = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await settled()
    await system.stop(player)
    await watcher.ask(watch(player))
    await settled()
    assert heard == [(player.address, StopReason.NOT_THERE)]


@on_stage(patterns=[Pattern("players", {"player": lambda _: Spec(Player, idle_after=5.0)})])
async def test_passivation_is_no_end(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Watcher, (heard,)))
    player: Ref[Any] = system.ref(Address("/player/a"))
    await player.ask(Note(text="a"))
    await watcher.ask(watch(player))
    await trio.sleep(60)
    assert player.address not in system.router.cells
    assert heard == []
    await player.ask(Note(text="b"))
    await system.stop(player)
    await settled()
    assert heard == [(player.address, StopReason.STOP)]


@on_stage()
async def test_who_has_no_handler_for_it_has_made_a_death_pact(system: System) -> None:
    lives: list[str] = []

    class Bound(Player):
        @override
        def stopped(self, reason: StopReason) -> None:
            lives.append(reason.name)

    bound, player = system.spawn(Spec(Bound)), system.spawn(Spec(Player))
    await settled()
    await bound.ask(watch(player))
    await system.stop(player)
    await settled()
    assert lives == ["CRASHED"]


@on_stage()
async def test_as_makes_a_message_of_the_watchers_own(system: System) -> None:
    heard: list[str] = []
    watcher, player = system.spawn(Spec(Player, (heard,))), system.spawn(Spec(Player))
    await settled()

    def as_(terminated: Terminated) -> Message[Any]:
        return Note(text=terminated.reason.name)

    await watcher.ask(Run(step=lambda self: self.ctx.watch(player, as_)))
    await system.stop(player)
    await settled()
    assert heard == ["STOP"]


@on_stage()
async def test_of_two_watches_of_one_actor_the_later_holds(system: System) -> None:
    heard: list[Any] = []
    watcher, player = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))

    def watches(self: Watcher) -> None:
        def earlier(_: Terminated) -> Message[Any]:
            return Note(text="earlier")

        def later(_: Terminated) -> Message[Any]:
            return Note(text="later")

        self.ctx.watch(player, earlier)
        self.ctx.watch(player, later)

    await watcher.ask(Run(step=watches))
    await system.stop(player)
    await settled()
    assert heard == ["later"]


@on_stage()
async def test_a_watcher_that_restarts_has_lost_its_watches(system: System) -> None:
    heard: list[Any] = []
    watcher, player = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await settled()
    await watcher.ask(watch(player))
    await watcher.tell(Run(step=crash))
    await settled()
    assert len(system.watches) == 0
    await system.stop(player)
    await settled()
    assert heard == []


@on_stage()
async def test_a_turn_that_crashes_has_watched_nobody(system: System) -> None:
    heard: list[Any] = []
    watcher, player = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await settled()

    def step(self: Watcher) -> None:
        self.ctx.watch(player)
        raise RuntimeError("bang")

    await watcher.tell(Run(step=step))
    await settled()
    await system.stop(player)
    await settled()
    assert heard == []


@on_stage()
async def test_nobody_watches_himself(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Watcher, (heard,), restart=Restart.TEMPORARY))
    await settled()

    def step(self: Watcher) -> str:
        with pytest.raises(ValueError, match="cannot watch itself"):
            self.ctx.watch(self.ctx.me)
        return "refused"

    assert await watcher.ask(Run(step=step)) == "refused"


@on_stage()
async def test_a_cut_turn_has_not_unwatched(system: System) -> None:
    heard: list[Any] = []
    watcher, watched = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await watcher.ask(watch(watched))

    async def step(self: Watcher) -> None:
        self.ctx.unwatch(watched)
        await trio.sleep(100)

    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watcher.ask, Wait(step=step))
            await settled()
            await system.stop(watched)
    await settled()
    assert heard == [(watched.address, StopReason.STOP)]
    assert len(system.watches) == 0


@on_stage()
async def test_a_cut_turn_has_not_unwatched_what_waits_in_the_mailbox_already(system: System) -> None:
    heard: list[Any] = []
    watcher, watched = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await watcher.ask(watch(watched))

    async def step(self: Watcher) -> None:
        await trio.sleep(1)
        self.ctx.unwatch(watched)
        await trio.sleep(100)

    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watcher.ask, Wait(step=step))
            await settled()
            await system.stop(watched)
    await settled()
    assert heard == [(watched.address, StopReason.STOP)]


@on_stage()
async def test_a_cut_turn_that_watched_a_second_time_leaves_the_first_watch(system: System) -> None:
    heard: list[Any] = []
    watcher, watched = system.spawn(Spec(Watcher, (heard,))), system.spawn(Spec(Player))
    await watcher.ask(watch(watched))

    async def step(self: Watcher) -> None:
        self.ctx.watch(watched, as_=lambda _: Note(text="the second"))
        self.ctx.unwatch(watched)
        await trio.sleep(100)

    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watcher.ask, Wait(step=step))
            await settled()
            await system.stop(watched)
    await settled()
    assert heard == [(watched.address, StopReason.STOP)]


@on_stage()
async def test_a_watch_is_forgotten_when_its_terminated_is_handled(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Watcher, (heard,)))
    for number in range(20):
        watched = system.spawn(Spec(Player, name=f"w{number}"))
        await watcher.ask(watch(watched))
        await system.stop(watched)
    await settled()
    assert len(heard) == 20
    assert await watcher.ask(Run(step=lambda self: len(self.ctx.watches))) == 0
