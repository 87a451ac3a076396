"""What Trio's users fall into, in a handler: what becomes of it here."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
import trio

from actors import Actor, Message, Spec, receive
from actors.errors import ActorRestarted
from runtime import System
from tests.runtime.cast import Bang, Player, Wait, on_stage, settled


class Open(Message[str]):
    """Answered when somebody has opened."""


class Break(Message[None]):
    """Crash."""


class Door(Actor[Open | Break]):
    """It keeps a Trio event in its state, which it should not."""

    def __init__(self) -> None:
        self.opened = trio.Event()

    @receive(Open)
    async def on_open(self, message: Open) -> str:
        del message
        await self.opened.wait()
        return "open"

    @receive(Break, interleave=True)
    def on_break(self, message: Break) -> None:
        del message
        raise Bang


@on_stage()
async def test_who_waits_for_an_event_of_an_incarnation_that_is_over_is_told_and_does_not_hang(
    system: System,
) -> None:
    door = system.spawn(Spec(Door))

    async def wait() -> None:
        with pytest.raises(ActorRestarted):
            await door.ask(Open())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await settled()
        await door.tell(Break())
    assert system.dispatcher.queue.suspended == 0


@on_stage()
async def test_an_async_generator_that_a_handler_closes_has_cleaned_up_before_the_reply_and_when_its_asker_leaves(
    system: System,
) -> None:
    steps: list[str] = []
    note = steps.append

    async def numbers() -> AsyncGenerator[int]:
        try:
            for number in range(3):
                yield number
                await trio.sleep(1)
        finally:
            note("cleaned up")

    async def first(_: Any) -> None:
        async with aclosing(numbers()) as found:
            async for number in found:
                note(f"had {number}")
                break
        note("answered")

    async def all_of_them(_: Any) -> None:
        async with aclosing(numbers()) as found:
            async for number in found:
                note(f"had {number}")

    player = system.spawn(Spec(Player))
    await player.ask(Wait(step=first))
    assert steps == ["had 0", "cleaned up", "answered"]
    steps.clear()
    with trio.move_on_after(1.5):
        await player.ask(Wait(step=all_of_them))
    assert steps == ["had 0", "had 1", "cleaned up"]
