"""A door watches its client only while a reply is held back, and a client that goes leaves nothing behind."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import DeadLettered
from actors.ref import Ref
from runtime.system import System
from tests.runtime.cast import Foreign, Note, Player, Run, Wait, on_stage, rest, settled


class Gone(Exception):
    """The client hung up."""


class Watch:
    """Counts how often it is entered; `hang_up` cuts the block, as a door does."""

    def __init__(self, *, gone: bool = False) -> None:
        self.entered = 0
        self._gone = gone
        self._scope = trio.CancelScope()

    def hang_up(self) -> None:
        self._scope.cancel()

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[None]:
        self.entered += 1
        if self._gone:
            raise Gone
        with self._scope:
            yield
        if self._scope.cancelled_caught:
            raise Gone


DEFER = Run(step=lambda self: self.ctx.defer("key"))
RESOLVE = Run(step=lambda self: self.ctx.resolve("key", 7))
WAITING = Run(step=lambda self: list(self.ctx.deferred))


def asked(system: System, actor: Ref[Any], message: Any, watch: Watch) -> Any:
    return system.router.ask_watched(actor.address, message, watch)


@on_stage()
async def test_an_answer_that_is_there_needs_no_watch(system: System) -> None:
    actor, watch = system.spawn(Spec(Player)), Watch()
    await settled()
    assert await asked(system, actor, Note(text="a"), watch) == 1
    assert (
        await asked(system, actor, Run(step=lambda self: self.ctx.tell(self.ctx.me, Note(text="b"))), watch)
        is None
    )
    assert watch.entered == 0


@on_stage()
async def test_a_deferred_answer_is_watched_until_it_comes(system: System) -> None:
    actor, watch = system.spawn(Spec(Player)), Watch()
    await settled()
    came: list[Any] = []

    async def ask() -> None:
        came.append(await asked(system, actor, DEFER, watch))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settled()
        assert (watch.entered, came) == (1, [])
        await actor.ask(RESOLVE)
    assert came == [7]


@on_stage()
async def test_a_client_that_hangs_up_is_no_longer_deferred(system: System) -> None:
    actor, watch = system.spawn(Spec(Player)), Watch()
    await settled()

    async def ask() -> None:
        with pytest.raises(Gone):
            await asked(system, actor, DEFER, watch)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settled()
        assert await actor.ask(WAITING) == ["key"]
        watch.hang_up()
        await settled()
        assert await actor.ask(WAITING) == []


@on_stage()
async def test_a_client_that_is_gone_before_the_watch_begins_is_no_longer_deferred(system: System) -> None:
    actor = system.spawn(Spec(Player))
    await settled()
    with pytest.raises(Gone):
        await asked(system, actor, DEFER, Watch(gone=True))
    assert await actor.ask(WAITING) == []


@on_stage()
async def test_a_client_that_hangs_up_while_its_message_waits_takes_it_away(system: System) -> None:
    actor, watch, free = system.spawn(Spec(Player)), Watch(), trio.Event()
    await settled()

    async def ask() -> None:
        with pytest.raises(Gone):
            await asked(system, actor, Note(text="never"), watch)

    async def busy(_: Player) -> None:
        await free.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.ask, Wait(step=busy))
        await settled()
        nursery.start_soon(ask)
        await settled()
        assert watch.entered == 1
        watch.hang_up()
        await settled()
        free.set()
    assert await actor.ask(Run(step=lambda self: list(self.heard))) == []


@on_stage()
async def test_a_message_that_nobody_handles_is_a_dead_letter_for_a_door_too(system: System) -> None:
    actor = system.spawn(Spec(Player))
    await settled()
    with pytest.raises(DeadLettered, match="no handler for Foreign"):
        await asked(system, actor, Foreign(), Watch())


@on_stage()
async def test_a_client_that_hangs_up_while_there_is_no_room_leaves_nothing_behind(system: System) -> None:
    actor, watch = system.spawn(Spec(Player, capacity=1)), Watch()
    for message in (rest(50), Note(text="fills it")):
        await actor.tell(message)
        await settled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave_after, 10, watch)
        with pytest.raises(Gone):
            await asked(system, actor, Note(text="too late"), watch)
    assert watch.entered == 1
    await trio.sleep(60)
    assert await actor.ask(Run(step=lambda self: self.heard)) == ["fills it"]


async def leave_after(seconds: float, watch: Watch) -> None:
    await trio.sleep(seconds)
    watch.hang_up()
