"""A circle that goes through a full mailbox, or through an actor's own end, is an error with the chain in it, at once."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Actor, Spec, StartReason, StopReason
from actors.address import Address
from actors.errors import AskCycle, MailboxCycle
from actors.ref import Ref
from runtime.cell import BLOCKED
from runtime.observe.stuck import stuck
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, crash, on_stage, settled

Step = Callable[[Any], Awaitable[Any]]
Caught = list[tuple[type[AskCycle], list[str], float]]


class Ends(Player):
    """It does `steps` in its `started` and its `stopping`."""

    def __init__(self, start: Step | None = None, stop: Step | None = None) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    @override
    async def started(self, reason: StartReason) -> None:
        if self.start is not None:
            await self.start(self)

    @override
    async def stopping(self, reason: StopReason) -> None:
        if self.stop is not None:
            await self.stop(self)


def catching(caught: Caught, work: Step) -> Step:
    """Do it, and keep which circle it is refused by, and after how many seconds."""

    async def step(self: Actor[Any]) -> None:
        began = self.ctx.now
        try:
            await work(self)
        except AskCycle as cycle:
            caught.append((type(cycle), cycle.chain, self.ctx.now - began))

    return step


def asking(ref: Ref[Any], message: Any) -> Step:
    async def step(_: Any) -> Any:
        return await ref.ask(message)

    return step


def after(seconds: float, step: Step) -> Wait:
    async def later(self: Any) -> Any:
        await trio.sleep(seconds)
        return await step(self)

    return Wait(step=later)


async def blocked(system: System, step: Callable[[Ref[Any]], Step]) -> None:
    """In a second a, whose mailbox is full, does `step(b)`; b waits for room in it."""
    a, b = system.spawn(Spec(Player, name="a", capacity=1)), system.spawn(Spec(Player, name="b"))
    await a.tell(after(1, step(b)))
    await settled()
    await a.tell(Note(text="fills it"))
    await b.tell(Run(step=lambda self: self.ctx.tell(a, Note(text="waits for room"))))
    await settled()
    assert system.router.cells[b.address].status is BLOCKED
    await trio.sleep(10)
    assert await a.ask(Note(text="goes on")) == 3
    assert await b.ask(Note(text="goes on")) >= 1
    assert not any(node["waits_for"] for node in stuck(system))


@on_stage()
async def test_an_ask_of_an_actor_that_waits_for_room_in_the_askers_mailbox_is_refused(
    system: System,
) -> None:
    caught: Caught = []
    await blocked(system, lambda b: catching(caught, asking(b, Note(text="x"))))
    assert caught == [(MailboxCycle, ["/a", "/b", "/a"], 0.0)]


@on_stage()
async def test_so_is_one_that_comes_there_over_another_actor(system: System) -> None:
    caught: Caught = []
    c = system.spawn(Spec(Player, name="c"))
    await blocked(system, lambda b: asking(c, Wait(step=catching(caught, asking(b, Note(text="x"))))))
    assert caught == [(MailboxCycle, ["/c", "/b", "/a", "/c"], 0.0)]


@on_stage()
async def test_a_circle_of_asks_is_no_mailbox_cycle_though_a_mailbox_in_it_is_full(system: System) -> None:
    caught: Caught = []
    a, b = system.spawn(Spec(Player, name="a", capacity=1)), system.spawn(Spec(Player, name="b"))
    await a.tell(after(1, asking(b, after(0, catching(caught, asking(a, Note(text="back")))))))
    await settled()
    await a.tell(Note(text="fills it"))
    await trio.sleep(10)
    assert caught == [(AskCycle, ["/b", "/a", "/b"], 0.0)]


@on_stage()
async def test_who_asks_what_is_forwarded_into_the_circle_is_told_of_it(system: System) -> None:
    a, b = system.spawn(Spec(Player, name="a", capacity=1)), system.spawn(Spec(Player, name="b"))

    async def forwards(self: Player) -> Any:
        return self.ctx.forward(a)

    await a.tell(after(1, asking(b, Note(text="x"))))
    await settled()
    await a.tell(Note(text="fills it"))
    with pytest.raises(MailboxCycle) as cycle:
        await b.ask(after(2, forwards))
    assert cycle.value.chain == ["/b", "/a", "/b"]
    assert system.letters.counts == {"mailbox_cycle": 1}


@on_stage()
async def test_a_turn_that_waits_for_its_own_actors_end_is_refused(system: System) -> None:
    caught: Caught = []

    async def stops(self: Actor[Any]) -> None:
        await system.stop(self.ctx.me)

    once = catching(caught, stops)
    itself = system.spawn(Spec(Ends, (once, once), name="it"))
    await settled()
    await itself.ask(Wait(step=once))
    assert caught == [(MailboxCycle, ["/it", "/it"], 0.0)] * 2
    await system.stop(itself)
    assert len(caught) == 3


@on_stage()
async def test_so_is_one_that_waits_for_the_end_of_an_actor_above_it(system: System) -> None:
    caught: Caught = []
    parent = system.spawn(Spec(Player, name="p"))
    child: Ref[Any] = await parent.ask(Run(step=lambda self: self.ctx.spawn(Spec(Player, name="c"))))

    async def stops(_: Actor[Any]) -> None:
        await system.stop(parent)

    await child.ask(Wait(step=catching(caught, stops)))
    assert caught == [(MailboxCycle, ["/p/c", "/p", "/p/c"], 0.0)]
    assert await parent.ask(Note(text="goes on")) == 1


@on_stage()
async def test_an_actor_may_wait_for_the_end_of_another(system: System) -> None:
    a, b = system.spawn(Spec(Player)), system.spawn(Spec(Player))

    async def stops(_: Actor[Any]) -> None:
        await system.stop(b)

    await a.ask(Wait(step=stops))
    assert b.address not in system.router.cells
    assert not any(node["waits_for"] for node in stuck(system))


def above(self: Actor[Any]) -> Awaitable[Any]:
    parent = self.ctx.address.rpartition("/")[0]
    return self.ctx.ref(Address(parent)).ask(Note(text="up there"))


@on_stage()
async def test_a_child_that_asks_who_waits_for_its_end_is_refused(system: System) -> None:
    caught: Caught = []
    parent = system.spawn(Spec(Player, name="p"))
    child: Ref[Any] = await parent.ask(
        Run(step=lambda self: self.ctx.spawn(Spec(Ends, (None, catching(caught, above)), name="c")))
    )
    await settled()

    async def stops(_: Actor[Any]) -> None:
        await system.stop(child)

    await parent.ask(Wait(step=stops))
    assert caught == [(AskCycle, ["/p/c", "/p", "/p/c"], 0.0)]


@on_stage()
async def test_so_is_a_child_that_asks_who_begins_anew_when_it_has_ended(system: System) -> None:
    caught: Caught = []
    parent = system.spawn(Spec(Player, name="p"))
    await parent.ask(
        Run(step=lambda self: self.ctx.spawn(Spec(Ends, (None, catching(caught, above)), name="c")))
    )
    await settled()
    await parent.tell(Run(step=crash))
    await trio.sleep(10)
    assert caught == [(AskCycle, ["/p/c", "/p", "/p/c"], 0.0)]
    assert await parent.ask(Note(text="goes on")) == 1


@on_stage()
async def test_a_child_whose_start_asks_who_waits_for_it_is_refused(system: System) -> None:
    caught: Caught = []
    parent = system.spawn(Spec(Player, name="p"))

    async def spawns_and_asks(self: Player) -> Any:
        child = self.ctx.spawn(Spec(Ends, (catching(caught, above),), name="c"))
        return await child.ask(Note(text="x"))

    assert await parent.ask(Wait(step=spawns_and_asks)) == 1
    assert caught == [(AskCycle, ["/p/c", "/p", "/p/c"], 0.0)]


@on_stage()
async def test_what_a_parent_asks_a_child_as_it_stops_is_answered(system: System) -> None:
    answers: list[Any] = []

    async def asks_below(self: Actor[Any]) -> None:
        answers.extend([await child.ask(Note(text="last")) for child in self.ctx.children()])

    parent = system.spawn(Spec(Ends, (None, asks_below), name="p"))
    await settled()
    await parent.ask(Run(step=lambda self: self.ctx.spawn(Spec(Player, name="c"))))
    await settled()
    await system.stop(parent)
    assert answers == [1]
