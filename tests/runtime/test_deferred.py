"""A deferred ask keeps its asker and frees the actor."""

from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorRestarted, ActorStopped, TooManyDeferred
from runtime.clock import VirtualClock
from runtime.system import System
from tests.runtime.cast import Note, Player, Refusal, Run, crash, on_stage, play, settled


def defer(key: str, **options: Any) -> Run:
    return Run(step=lambda self: self.ctx.defer(key, **options))


def resolve(key: str, value: Any) -> Run:
    return Run(step=lambda self: self.ctx.resolve(key, value))


def waiting() -> Run:
    return Run(step=lambda self: list(self.ctx.deferred))


class Asker:
    """It asks, and keeps what came."""

    def __init__(self, nursery: trio.Nursery, actor: Any, message: Any) -> None:
        self.came: Any = None
        self.scope = trio.CancelScope()
        self._actor, self._message = actor, message
        nursery.start_soon(self._ask)

    async def _ask(self) -> None:
        with self.scope:
            try:
                self.came = await self._actor.ask(self._message)
            except Exception as error:  # noqa: BLE001
                self.came = error


@on_stage()
async def test_a_deferred_asker_is_answered_by_a_later_turn(system: System) -> None:
    actor = system.spawn(Spec(Player))
    async with trio.open_nursery() as nursery:
        askers = [Asker(nursery, actor, defer(key)) for key in "ab"]
        await settled()
        assert sorted(await actor.ask(waiting())) == ["a", "b"]
        await actor.ask(resolve("b", 2))
        await settled()
        assert [asker.came for asker in askers] == [None, 2]
        assert await actor.ask(waiting()) == ["a"]
        await actor.ask(resolve("a", 1))
        await actor.ask(resolve("nobody", 3))
    assert [asker.came for asker in askers] == [1, 2]


@on_stage()
async def test_a_deferred_asker_can_be_refused(system: System) -> None:
    actor = system.spawn(Spec(Player))
    async with trio.open_nursery() as nursery:
        asker = Asker(nursery, actor, defer("a"))
        await settled()
        await actor.ask(Run(step=lambda self: self.ctx.refuse("a", Refusal("no"))))
    assert isinstance(asker.came, Refusal)


@on_stage()
async def test_an_asker_that_hangs_up_is_forgotten_at_once(system: System) -> None:
    actor = system.spawn(Spec(Player))
    async with trio.open_nursery() as nursery:
        asker = Asker(nursery, actor, defer("a", deadline=50, on_deadline="late"))
        await settled()
        asker.scope.cancel()
        await settled()
        assert await actor.ask(waiting()) == []
        assert len(system.timers) == 0


@on_stage()
async def test_at_its_deadline_an_asker_gets_the_value_given(system: System) -> None:
    actor = system.spawn(Spec(Player))
    began = trio.current_time()  # noqa: TID251 -- virtual
    assert await actor.ask(defer("a", deadline=20, on_deadline="late")) == "late"
    assert round(trio.current_time() - began, 6) == 20  # noqa: TID251 -- virtual
    assert await actor.ask(waiting()) == []


@on_stage()
async def test_more_askers_than_allowed_are_refused_and_nobody_falls(system: System) -> None:
    class Few(Player):
        deferred_max = 2

    actor = system.spawn(Spec(Few))
    async with trio.open_nursery() as nursery:
        askers = [Asker(nursery, actor, defer(key)) for key in "ab"]
        await settled()
        with pytest.raises(TooManyDeferred):
            await actor.ask(defer("c"))
        assert len(await actor.ask(waiting())) == 2
        for key in "ab":
            await actor.ask(resolve(key, key))
    assert [asker.came for asker in askers] == ["a", "b"]


@on_stage()
async def test_a_crash_and_a_stop_tell_the_deferred(system: System) -> None:
    actor = system.spawn(Spec(Player))
    async with trio.open_nursery() as nursery:
        crashed = Asker(nursery, actor, defer("a"))
        await settled()
        await actor.tell(Run(step=crash))
        await settled()
        stopped = Asker(nursery, actor, defer("a"))
        await settled()
        await system.stop(actor)
    assert isinstance(crashed.came, ActorRestarted)
    assert isinstance(stopped.came, ActorStopped)


def test_a_system_that_stops_gives_the_deferred_what_their_deadline_would() -> None:
    askers: list[Asker] = []

    async def outer() -> None:
        async with trio.open_nursery() as nursery, system:
            actor = system.spawn(Spec(Player))
            askers.append(Asker(nursery, actor, defer("a", deadline=1_000_000, on_deadline="empty")))
            askers.append(Asker(nursery, actor, defer("b")))
            await settled()

    clock = VirtualClock(autojump=True)
    system = System(clock=clock)
    trio.run(outer, clock=clock)
    assert askers[0].came == "empty"
    assert isinstance(askers[1].came, ActorStopped)


@on_stage()
async def test_a_told_message_that_defers_keeps_nobody(system: System) -> None:
    actor = system.spawn(Spec(Player))
    await actor.tell(defer("a"))
    await settled()
    assert await actor.ask(waiting()) == []


def test_the_same_key_twice_is_a_crash() -> None:
    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player))
        async with trio.open_nursery() as nursery:
            first = Asker(nursery, actor, defer("a"))
            await settled()
            second = Asker(nursery, actor, defer("a"))
        assert isinstance(first.came, ActorRestarted)
        assert isinstance(second.came.__cause__, ValueError)
        assert await actor.ask(Note(text="on")) == 1

    play(program)
