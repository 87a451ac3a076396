"""Who waits for whom, told while they wait."""

from typing import Any

import trio

from actors.actor import Spec
from actors.errors import ActorStopped
from actors.ref import Ref
from runtime.observe.stuck import as_text, stuck
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, on_stage, settled


def asks(target: Ref[Any], message: Any) -> Wait:
    async def step(_: Player) -> Any:
        return await target.ask(message)

    return Wait(step=step)


async def sleeps(_: Player) -> None:
    await trio.sleep(100)


async def ask_until_stopped(actor: Ref[Any], message: Any) -> None:
    try:
        await actor.ask(message)
    except ActorStopped:
        return


@on_stage()
async def test_an_idle_system_waits_for_nobody(system: System) -> None:
    system.spawn(Spec(Player))
    await settled()
    assert stuck(system) == []
    assert as_text(stuck(system)) == "nobody waits"


@on_stage()
async def test_the_chain_behind_an_actor_that_waits_is_shown_to_its_end(system: System) -> None:
    first, second, third = (system.spawn(Spec(Player, name=name)) for name in ("a", "b", "c"))
    await settled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(third.ask, Wait(step=sleeps))
        await settled()
        nursery.start_soon(first.ask, asks(second, asks(third, Note(text="x"))))
        await settled()
        assert [node["waits_for"] for node in stuck(system)] == [["/b"], ["/c"], []]
        assert as_text(stuck(system)).splitlines() == [
            "/a  suspended mailbox=0 -> (reply) /b -> (reply) /c",
            "/b  suspended mailbox=0 -> (reply) /c",
            "/c  suspended mailbox=1",
        ]
    assert stuck(system) == []


@on_stage()
async def test_a_sender_without_room_and_an_asker_that_is_held_back_are_shown(system: System) -> None:
    sender, full = system.spawn(Spec(Player, name="s")), system.spawn(Spec(Player, name="t", capacity=1))
    await settled()

    def floods(self: Player) -> None:
        for number in range(3):
            self.ctx.tell(full, Note(text=str(number)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_until_stopped, sender, Run(step=lambda self: self.ctx.defer("key")))
        nursery.start_soon(full.ask, Wait(step=sleeps))
        await settled()
        await sender.tell(Run(step=floods))
        await settled()
        assert as_text(stuck(system)).splitlines() == [
            "/s  blocked mailbox=0 holds back key: Run -> (room in its mailbox) /t",
            "/t  suspended mailbox=1",
        ]
        await trio.sleep(200)
        await system.stop(sender)
