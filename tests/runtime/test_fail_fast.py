"""`fail_fast`: whoever asks an actor that waits for its restart is told at once, and does not wait with it."""

from collections import Counter
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorCrashed, ActorError, ActorRestarting
from actors.ref import Ref
from actors.supervision import Backoff, Intensity, Retry
from runtime.system import System
from runtime.testing import simulated
from tests.runtime.cast import Bang, Note, Player, Run, Wait, crash, on_stage, rest, settled, unlogged
from tests.runtime.family import ForAll, family

SLOW = Backoff(first=20, jitter=0)


async def crashed_twice(system: System, spec: Spec[Any]) -> Ref[Any]:
    """An actor that waits for its backoff."""
    actor = system.spawn(spec)
    for _ in range(2):
        await actor.tell(Run(step=crash))
        await settled()
    return actor


async def told(actor: Ref[Any], message: Any, ends: list[str]) -> None:
    try:
        ends.append(f"answered {await actor.ask(message)}")
    except ActorError as error:
        ends.append(type(error).__name__)


@on_stage()
async def test_an_ask_of_an_actor_that_waits_for_its_restart_fails_at_once_and_a_tell_is_kept(
    system: System,
) -> None:
    heard: list[str] = []
    actor = await crashed_twice(system, Spec(Player, (heard,), backoff=SLOW, fail_fast=True))
    before = system.clock.now()
    await actor.tell(Note(text="kept"))
    with pytest.raises(ActorRestarting):
        await actor.ask(Note(text="refused"))
    assert system.clock.now() == before
    await trio.sleep(21)
    assert heard == ["kept"]
    assert await actor.ask(Note(text="up")) == 2


@on_stage()
async def test_without_it_an_ask_waits_for_the_restart(system: System) -> None:
    actor = await crashed_twice(system, Spec(Player, backoff=SLOW))
    before = system.clock.now()
    assert await actor.ask(Note(text="up")) == 1
    assert 19 < system.clock.now() - before < 21


@on_stage()
async def test_who_waits_in_the_mailbox_when_its_actor_crashes_is_told_too(system: System) -> None:
    ends: list[str] = []
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,), backoff=SLOW, fail_fast=True, capacity=2))
    await actor.tell(Run(step=crash))
    await settled()

    async def late_crash(self: Player) -> None:
        await trio.sleep(1)
        crash(self)

    await actor.tell(Wait(step=late_crash))
    await settled()
    async with trio.open_nursery() as nursery:
        # two wait in the mailbox, two more for room in it
        for message in (Note(text="a"), Note(text="b"), Note(text="c"), Note(text="d")):
            nursery.start_soon(told, actor, message, ends)
        await settled()
        await trio.sleep(2)
        assert ends == ["ActorRestarting"] * 4
    await trio.sleep(20)
    assert heard == []
    assert await actor.ask(Note(text="up")) == 1


@on_stage()
async def test_a_message_that_is_tried_again_keeps_its_asker_waiting(system: System) -> None:
    ends: list[str] = []
    actor = system.spawn(Spec(Player, fail_fast=True, poison=Retry(1)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(told, actor, Run(step=crash), ends)
    assert ends == ["ActorCrashed"], "of the second try"


@on_stage()
async def test_a_forwarded_ask_is_told_as_well(system: System) -> None:
    target = await crashed_twice(system, Spec(Player, backoff=SLOW, fail_fast=True))
    before = system.clock.now()
    sender = system.spawn(Spec(Player))
    with pytest.raises(ActorRestarting):
        await sender.ask(Run(step=lambda self: self.ctx.forward(target)))
    assert system.clock.now() == before


@on_stage()
async def test_the_siblings_of_a_group_that_restarts_fail_fast_as_well(system: System) -> None:
    ends: list[str] = []
    _, (a, b, _), _ = await family(system, ForAll, spec=lambda _: {"backoff": SLOW, "fail_fast": True})
    await a.tell(Run(step=crash))
    await settled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(told, b, Run(step=lambda self: self.ctx.stash()), ends)
        await settled()
        await b.tell(rest(1))
        await settled()
        nursery.start_soon(told, b, Note(text="queued before"), ends)
        await settled()
        await a.tell(Run(step=crash))
        await settled()
        nursery.start_soon(told, b, Note(text="after"), ends)
        await settled()
        assert ends == ["ActorRestarting"] * 2
        await trio.sleep(2)  # the sibling's turn has its grace, and its stash goes with its incarnation
        assert ends == ["ActorRestarting"] * 3


@simulated(seeds=40)
async def test_each_ask_ends_once_and_none_waits_for_a_backoff(system: System) -> None:
    spec = Spec(Player, backoff=SLOW, fail_fast=True, capacity=2)
    with unlogged():
        parent = system.spawn(Spec(Player, intensity=Intensity(1_000)))
        actor = await parent.ask(Run(step=lambda self: self.ctx.spawn(spec)))
        ends: list[str] = []
        took: list[float] = []

        async def client(number: int) -> None:
            for turn in range(6):
                before = system.clock.now()
                message = Run(step=crash) if (number + turn) % 4 == 0 else Note(text="x")
                await told(actor, message, ends)
                took.append(system.clock.now() - before)
                await trio.sleep(10 * system.entropy.fraction())

        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(client, number)
        counts = Counter(end.split()[0] for end in ends)
        assert sum(counts.values()) == 30
        assert set(counts) <= {"answered", ActorCrashed.__name__, ActorRestarting.__name__}
        assert counts[ActorRestarting.__name__] > 0
        assert max(took) < 1


@on_stage()
async def test_who_waits_for_room_in_the_mailbox_is_told_of_the_restart_too(system: System) -> None:
    ends: list[str] = []
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,), backoff=SLOW, fail_fast=True, capacity=1))
    front = system.spawn(Spec(Player))

    async def crashes(_: Player) -> None:
        await trio.sleep(1)
        raise Bang("late")

    def forwards(self: Player) -> Any:
        forwarded = self.ctx.forward(actor)
        self.ctx.tell(actor, Note(text="behind"))
        return forwarded

    await actor.tell(Run(step=crash))
    await settled()
    async with trio.open_nursery() as nursery:
        await actor.tell(Wait(step=crashes))
        await settled()
        await actor.tell(Note(text="fills"))
        nursery.start_soon(actor.tell, Note(text="told"))
        await settled()
        nursery.start_soon(told, actor, Note(text="asked"), ends)
        await settled()
        nursery.start_soon(told, front, Run(step=forwards), ends)
        await trio.sleep(2)
        assert ends == ["ActorRestarting"] * 2
        await trio.sleep(30)
    assert heard == ["fills", "told", "behind"]
