"""A watcher that asks for it is told of each restart, behind all that the earlier incarnation had sent."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Actor, Spec, StartReason, StopReason
from actors.address import Address
from actors.errors import ActorCrashed, MissingHandler
from actors.handlers import receive
from actors.message import Message
from actors.reasons import Restarted
from actors.ref import Ref
from actors.signals import Terminated
from actors.supervision import Backoff, Intensity
from runtime.events import ActorIsUpAgain
from runtime.pattern import Pattern
from runtime.system import System
from tests.runtime.cast import Bang, Note, Player, Run, Wait, crash, keeper, keeping, on_stage, rest, settled


class Watcher(Actor[Run | Wait | Note | Terminated | ActorIsUpAgain]):
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
        self.heard.append(message.reason)

    @receive(ActorIsUpAgain)
    def on_again(self, message: ActorIsUpAgain) -> None:
        self.heard.append((message.address, message.incarnation))


class Attentive(Watcher):
    """It hears of restarts in the midst of its turns too."""

    @receive(ActorIsUpAgain, interleave=True)
    def on_again_at_once(self, message: ActorIsUpAgain) -> None:
        self.on_again(message)


def watch(ref: Ref[Any], **options: Any) -> Run:
    return Run(step=lambda self: self.ctx.watch(ref, **({"restarts": True} | options)))


def unwatch(ref: Ref[Any]) -> Run:
    return Run(step=lambda self: self.ctx.unwatch(ref))


def rest_and(step: Any) -> Any:
    async def rest_then(self: Any) -> None:
        await trio.sleep(5)
        step(self)

    return rest_then


def pair(system: System, heard: list[Any], **options: Any) -> tuple[Ref[Any], Ref[Any]]:
    return system.spawn(Spec(Watcher, (heard,), **options)), system.spawn(
        Spec(Player, name="player", backoff=Backoff(first=0.5))
    )


@on_stage(intensity=Intensity(100))
async def test_each_restart_is_told_of_and_the_end_once(system: System) -> None:
    heard: list[Any] = []
    watcher, player = pair(system, heard)
    await watcher.ask(watch(player))
    for _ in range(3):
        await player.tell(Run(step=crash))
        await trio.sleep(10)
    await system.stop(player)
    await settled()
    assert heard == [*((player.address, number) for number in (2, 3, 4)), StopReason.STOP]
    assert len(system.watches) == 0


@on_stage()
async def test_who_has_not_asked_for_restarts_is_told_of_none(system: System) -> None:
    heard: list[Any] = []
    watcher, player = pair(system, heard)
    await watcher.ask(watch(player))
    await watcher.ask(watch(player, restarts=False))
    await player.tell(Run(step=crash))
    await settled()
    assert heard == []


@on_stage()
async def test_as_makes_a_message_of_a_restart_too(system: System) -> None:
    heard: list[str] = []
    watcher, player = system.spawn(Spec(Player, (heard,))), system.spawn(Spec(Player))

    def as_(news: Terminated | ActorIsUpAgain) -> Message[Any]:
        return Note(text="again" if isinstance(news, ActorIsUpAgain) else "gone")

    await watcher.ask(watch(player, as_=as_))
    await player.tell(Run(step=crash))
    await settled()
    await system.stop(player)
    await settled()
    assert heard == ["again", "gone"]


@on_stage()
async def test_a_restart_comes_behind_what_the_earlier_incarnation_had_still_to_deliver(
    system: System,
) -> None:
    heard: list[Any] = []
    watcher, player = pair(system, heard, capacity=1)

    def speak(self: Player) -> None:
        for text in "abc":
            self.ctx.tell(watcher, Note(text=text))

    await watcher.ask(watch(player))
    await watcher.tell(rest(5))
    await settled()
    await player.ask(Run(step=speak))
    cell = system.router.cells[player.address]
    cell.parent.failed(cell, RuntimeError("bang"))
    await trio.sleep(30)
    assert heard == ["a", "b", "c", (player.address, 2)]


@on_stage()
async def test_nothing_comes_after_unwatch_even_if_it_waits_in_the_mailbox(system: System) -> None:
    heard: list[Any] = []
    watcher, player = pair(system, heard)
    await watcher.ask(watch(player))
    await watcher.tell(Wait(step=rest_and(unwatch(player).step)))
    await settled()
    await player.tell(Run(step=crash))
    await settled()
    assert system.router.cells[watcher.address].mailbox is not None
    await trio.sleep(30)
    assert heard == []


@on_stage(intensity=Intensity(100))
async def test_of_restarts_that_wait_in_the_mailbox_the_newest_is_told_alone(system: System) -> None:
    heard: list[Any] = []
    watcher, player = pair(system, heard)
    await watcher.ask(watch(player))
    await watcher.tell(rest(100))
    await settled()
    for _ in range(5):
        await player.tell(Run(step=crash))
        await trio.sleep(10)
    mailbox = system.router.cells[watcher.address].mailbox
    assert mailbox is not None
    assert len(mailbox) == 1
    await trio.sleep(100)
    assert heard == [(player.address, 6)]


@on_stage(patterns=[Pattern("players", {"player": lambda _: Spec(Player, idle_after=5.0)})])
async def test_passivation_is_no_restart(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Watcher, (heard,)))
    player: Ref[Any] = system.ref(Address("/player/a"))
    await player.ask(Note(text="a"))
    await watcher.ask(watch(player))
    await trio.sleep(60)
    assert player.address not in system.router.cells
    await player.ask(Note(text="b"))
    assert heard == []
    with pytest.raises(ActorCrashed):
        await player.ask(Run(step=crash))
    await settled()
    assert heard == [(player.address, 2)]


class Once(Player):
    """It starts once alone."""

    @override
    async def started(self, reason: StartReason) -> None:
        if isinstance(reason, Restarted):
            raise Bang("once is enough")


@on_stage(patterns=[Pattern("players", {"player": lambda _: Spec(Once, intensity=Intensity(1))})])
async def test_a_restart_that_fails_is_an_end_and_no_restart(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Watcher, (heard,)))
    player: Ref[Any] = system.ref(Address("/player/a"))
    await player.ask(Note(text="a"))
    await watcher.ask(watch(player))
    with pytest.raises(ActorCrashed):
        await player.ask(Run(step=crash))
    await trio.sleep(60)
    assert heard == [StopReason.CRASHED]


@on_stage()
async def test_a_watcher_that_restarts_has_lost_what_waits_for_it(system: System) -> None:
    heard: list[Any] = []
    watcher, player = pair(system, heard)
    await watcher.ask(watch(player))
    await watcher.tell(Wait(step=rest_and(crash)))
    await settled()
    await player.tell(Run(step=crash))
    await trio.sleep(30)
    await player.tell(Run(step=crash))
    await trio.sleep(30)
    assert heard == []
    assert len(system.watches) == 0


async def cut(system: System, change: Callable[[Watcher, Ref[Any]], None]) -> list[Any]:
    """What is heard of a restart in the midst of a turn that has changed its watch, and is cut."""
    heard: list[Any] = []
    _, player = pair(system, [])
    watcher = system.spawn(Spec(Attentive, (heard,)))
    await watcher.ask(watch(player))

    async def step(self: Watcher) -> None:
        change(self, player)
        await trio.sleep(100)

    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watcher.ask, Wait(step=step))
            await settled()
            await player.tell(Run(step=crash))
    await settled()
    return heard


@on_stage()
async def test_a_cut_turn_that_had_unwatched_has_lost_no_restart(system: System) -> None:
    assert await cut(system, lambda self, player: self.ctx.unwatch(player)) == [("/player", 2)]


@on_stage()
async def test_a_cut_turn_that_watched_anew_without_restarts_has_lost_none_for_the_first_watch(
    system: System,
) -> None:
    assert await cut(system, lambda self, player: self.ctx.watch(player)) == [("/player", 2)]


@on_stage()
async def test_a_restart_that_was_handled_in_the_midst_of_a_turn_is_told_of_once(system: System) -> None:
    assert await cut(system, lambda self, player: self.ctx.watch(player, restarts=True)) == [("/player", 2)]


@on_stage()
async def test_who_has_no_handler_for_restarts_cannot_ask_for_them(system: System) -> None:
    _, player = pair(system, [])
    deaf = system.spawn(Spec(Player))
    with pytest.raises(ActorCrashed) as crashed:
        await deaf.ask(watch(player))
    assert isinstance(crashed.value.__cause__, MissingHandler)


@on_stage(patterns=[keeping()])
async def test_a_reload_from_the_store_is_a_restart(system: System) -> None:
    heard: list[Any] = []
    watcher = system.spawn(Spec(Watcher, (heard,)))
    await keeper(system).ask(Note(text="a"))
    await watcher.ask(watch(keeper(system)))
    cell = system.router.cells[keeper(system).address]
    cell.parent.discarded(cell, RuntimeError("its commit is refused"))
    await settled()
    assert heard == [(cell.address, 2)]


@on_stage()
async def test_who_waits_for_room_gets_it_when_a_newer_restart_takes_the_place_of_the_older(
    system: System,
) -> None:
    heard: list[Any] = []
    watcher, player = pair(system, heard, capacity=1)
    await watcher.ask(watch(player))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watcher.ask, rest(5))
        await settled()
        for first in (True, False):
            with pytest.raises(ActorCrashed):
                await player.ask(Run(step=crash))
            await trio.sleep(1)
            if first:
                nursery.start_soon(watcher.tell, Note(text="waits for room"))
                await settled()
    await settled()
    assert heard == ["waits for room", ("/player", 3)]
