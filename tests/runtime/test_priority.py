"""A mailbox by priority, in an actor's life."""

from typing import Any

import pytest
import trio

from actors.actor import Actor, Spec
from actors.errors import ActorCrashed
from actors.handlers import receive
from actors.message import Message
from actors.signals import Terminated
from actors.supervision import Retry
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, on_stage, rest, settled


class Job(Message[None]):
    rank: float
    name: str = ""


class Hold(Message[None]):
    """Be busy for a second."""


class Look(Message[list[str]]):
    pass


class Desk(Actor[Job | Hold | Look]):
    """`done` outlives its incarnations; a job `bad` crashes it once."""

    def __init__(self, done: list[str], crashes: list[str]) -> None:
        self.done = done
        self.crashes = crashes

    @receive(Job)
    def on_job(self, message: Job) -> None:
        self.done.append(message.name)
        if message.name in self.crashes:
            self.crashes.remove(message.name)
            raise LookupError(message.name)

    @receive(Hold)
    async def on_hold(self, message: Hold) -> None:
        await trio.sleep(1)

    @receive(Look)
    def on_look(self, message: Look) -> list[str]:
        return list(self.done)


def urgency(message: Job | Hold | Look) -> float:
    if isinstance(message, Job):
        return 1 / message.rank
    return 0.0 if isinstance(message, Hold) else 1_000.0


def desk(*crashes: str, **policy: Any) -> Spec[Any]:
    return Spec(Desk, ([], list(crashes)), priority=urgency, **policy)


@on_stage()
async def test_the_most_urgent_message_is_handled_first(system: System) -> None:
    ref = system.spawn(desk())
    await ref.tell(Hold())
    await settled()
    for rank, name in ((1, "low"), (9, "high"), (1, "low too"), (5, "middle"), (9, "high too")):
        await ref.tell(Job(rank=rank, name=name))
    assert await ref.ask(Look()) == ["high", "high too", "middle", "low", "low too"]


@on_stage()
async def test_a_turns_tells_are_ordered_by_urgency_too(system: System) -> None:
    class Sender(Actor[Hold]):
        @receive(Hold)
        def on_hold(self, message: Hold) -> None:
            for rank in (1, 5, 9):
                self.ctx.tell(ref, Job(rank=rank, name=str(rank)))

    ref = system.spawn(desk())
    await system.spawn(Spec(Sender)).ask(Hold())
    assert await ref.ask(Look()) == ["9", "5", "1"]


@on_stage()
async def test_a_message_that_is_tried_again_comes_before_more_urgent_ones(system: System) -> None:
    ref = system.spawn(desk("again", poison=Retry(2)))
    await ref.tell(Job(rank=5, name="again"))
    await ref.tell(Job(rank=5, name="next"))
    assert await ref.ask(Look()) == ["again", "again", "next"]


@on_stage()
async def test_what_comes_behind_an_ask_that_is_tried_again_is_ordered_by_urgency(system: System) -> None:
    ref = system.spawn(desk("again", "again", poison=Retry(2)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ref.ask, Job(rank=5, name="again"))
        await settled()  # the second restart waits
        for rank in (1, 5, 9):
            await ref.tell(Job(rank=rank, name=str(rank)))
    assert await ref.ask(Look()) == ["again", "again", "again", "9", "5", "1"]


@on_stage()
async def test_the_next_actors_mailbox_is_one_by_arrival(system: System) -> None:
    first = system.spawn(desk())
    await first.tell(Job(rank=1, name="a"))
    await first.ask(Look())
    plain = system.spawn(Spec(Desk, ([], [])))
    for rank in (1, 5, 9):
        await plain.tell(Job(rank=rank, name=str(rank)))
    assert await plain.ask(Look()) == ["1", "5", "9"]


@on_stage()
async def test_a_priority_that_fails_is_the_actors_crash_and_not_the_senders(system: System) -> None:
    ref = system.spawn(desk())
    await ref.tell(Job(rank=0, name="divided by zero"))
    await ref.tell(Job(rank=1, name="after"))
    assert await ref.ask(Look()) == ["divided by zero", "after"]
    assert system.router.cells[ref.address].restarts == 1


@on_stage()
async def test_an_ask_in_its_place_is_told_of_its_crash(system: System) -> None:
    ref = system.spawn(desk("bad"))
    await ref.tell(Hold())
    await settled()
    with pytest.raises(ActorCrashed):
        await ref.ask(Job(rank=1, name="bad"))


@on_stage()
async def test_terminated_is_not_ranked_and_comes_behind_all_mail(system: System) -> None:
    heard: list[str] = []

    class Watcher(Actor[Job | Hold | Terminated]):
        @receive(Job)
        def on_job(self, message: Job) -> None:
            heard.append(message.name)

        @receive(Hold)
        async def on_hold(self, _: Hold) -> None:
            self.ctx.watch(self.ctx.ref(watched.address))
            await trio.sleep(1)

        @receive(Terminated)
        def on_terminated(self, message: Terminated) -> None:
            heard.append(message.reason.name)

    watched = system.spawn(desk())
    ref = system.spawn(
        Spec(Watcher, priority=lambda message: -message.rank if isinstance(message, Job) else 0)
    )
    await ref.tell(Hold())
    await settled()
    await ref.tell(Job(rank=1, name="low"))
    await system.stop(watched)
    await ref.tell(Job(rank=9, name="high"))
    await trio.sleep(2)
    assert heard == ["high", "low", "STOP"]


@pytest.mark.parametrize("rank", ["first", float("nan"), None])
def test_a_rank_that_is_no_number_fails_the_actor_and_not_who_has_sent_it(rank: Any) -> None:
    @on_stage()
    async def program(system: System) -> None:
        ranked = Spec(Player, priority=lambda message: rank if isinstance(message, Note) else 1.0)
        ref, sender = system.spawn(ranked), system.spawn(Spec(Player))
        await ref.tell(rest(1))
        await settled()
        await ref.tell(rest(0))
        await ref.tell(Note(text="a"))
        await sender.ask(Run(step=lambda self: self.ctx.tell(ref, Note(text="b"))))
        await trio.sleep(5)
        restarted = [path for path, cell in system.router.cells.items() if cell.incarnation > 1]
        assert restarted == [ref.address]

    program()
