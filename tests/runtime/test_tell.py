"""A tell is a break in causality, and keeps the order of each pair."""

from contextvars import ContextVar
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import DeadLettered, MailboxFull
from actors.mailbox import Overflow
from actors.ref import Ref
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, crash, on_stage, rest, settled

VARIABLE: ContextVar[str] = ContextVar("tests_variable", default="unset")


async def busy(actor: Ref[Any], seconds: float = 10) -> None:
    """Keep it in a turn."""
    await actor.tell(rest(seconds))
    await settled()


def reasons(system: System) -> dict[str, int]:
    return dict(system.letters.counts)


@on_stage()
async def test_tells_and_queued_asks_of_one_sender_are_handled_in_their_order(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    await busy(actor)
    async with trio.open_nursery() as nursery:
        for number in range(20):
            if number % 3:
                await actor.tell(Note(text=str(number)))
            else:
                nursery.start_soon(actor.ask, Note(text=str(number)))
                await settled()
    assert heard == [str(number) for number in range(20)]


@on_stage()
async def test_a_restart_keeps_the_mail_and_its_order(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    await busy(actor)
    await actor.tell(Note(text="1"))
    await actor.tell(Run(step=crash))
    await actor.tell(Note(text="2"))
    await actor.tell(Run(step=crash))
    await actor.tell(Note(text="3"))
    assert await actor.ask(Note(text="4")) == 4
    assert heard == ["1", "2", "3", "4"]
    assert reasons(system) == {"crashed": 2}


@on_stage()
async def test_a_turns_tells_leave_when_it_has_ended_in_their_order(system: System) -> None:
    heard: list[str] = []
    other = system.spawn(Spec(Player, (heard,)))

    async def tells(self: Player) -> None:
        for text in "abc":
            self.ctx.tell(other, Note(text=text))
        await trio.sleep(5)
        assert heard == []
        await other.tell(Note(text="d"))
        assert heard == []

    await system.spawn(Spec(Player)).ask(Wait(step=tells))
    await settled()
    assert heard == list("abcd")


@on_stage()
async def test_a_turn_that_crashes_tells_nobody(system: System) -> None:
    heard: list[str] = []
    other = system.spawn(Spec(Player, (heard,)))

    def tells(self: Player) -> None:
        self.ctx.tell(other, Note(text="never"))
        crash(self)

    await system.spawn(Spec(Player)).tell(Run(step=tells))
    await settled()
    assert heard == []


@on_stage()
async def test_a_sender_from_outside_waits_for_room(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,), capacity=2))
    await busy(actor)
    for text in "ab":
        await actor.tell(Note(text=text))
    with trio.move_on_after(1) as given_up:
        await actor.tell(Note(text="not sent"))
    assert given_up.cancelled_caught
    await actor.tell(Note(text="c"))
    await actor.ask(Note(text="d"))
    assert heard == list("abcd")


@on_stage()
async def test_a_full_mailbox_that_refuses_tells_the_sender(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,), capacity=1, overflow=Overflow.REFUSE))
    await busy(actor)
    await actor.tell(Note(text="a"))
    with pytest.raises(MailboxFull):
        await actor.tell(Note(text="b"))
    with pytest.raises(MailboxFull):
        await actor.ask(Note(text="c"))
    await trio.sleep(20)
    assert heard == ["a"]


@pytest.mark.parametrize(
    ("overflow", "kept"), [(Overflow.DROP_OLDEST, ["2", "3"]), (Overflow.DROP_NEWEST, ["0", "1"])]
)
def test_what_a_full_mailbox_drops_is_a_dead_letter(overflow: Overflow, kept: list[str]) -> None:
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = system.spawn(Spec(Player, (heard,), capacity=2, overflow=overflow))
        await busy(actor)
        for number in range(4):
            await actor.tell(Note(text=str(number)))
        await trio.sleep(20)
        assert heard == kept
        assert reasons(system) == {"overflow": 2}

    on_stage()(program)()


@on_stage()
async def test_an_asker_whose_message_is_dropped_is_told(system: System) -> None:
    actor = system.spawn(Spec(Player, capacity=1, overflow=Overflow.DROP_NEWEST))
    await busy(actor)
    await actor.tell(Note(text="a"))
    with pytest.raises(DeadLettered) as dropped:
        await actor.ask(Note(text="b"))
    assert dropped.value.reason == "overflow"


@on_stage()
async def test_a_full_receiver_blocks_the_sender_and_never_its_turn(system: System) -> None:
    heard: list[str] = []
    slow = system.spawn(Spec(Player, (heard,), name="slow", capacity=1))
    sender = system.spawn(Spec(Player, name="sender"))
    await busy(slow)

    def tells(self: Player) -> str:
        for text in "abcd":
            self.ctx.tell(slow, Note(text=text))
        return "the turn has ended"

    assert await sender.ask(Run(step=tells)) == "the turn has ended"
    assert system.router.cells[sender.address].status.name == "BLOCKED"
    await sender.tell(Note(text="waits"))
    with trio.move_on_after(1) as gone_on:
        await sender.ask(Note(text="waits too"))
    assert gone_on.cancelled_caught
    assert await sender.ask(Note(text="goes on")) == 2
    await settled()
    assert heard == list("abcd")


@on_stage()
async def test_two_full_mailboxes_that_wait_for_each_other_do_not_hang(system: System) -> None:
    a = system.spawn(Spec(Player, name="a", capacity=1))
    b = system.spawn(Spec(Player, name="b", capacity=1))

    def flood(other: Ref[Any]) -> Wait:
        async def step(self: Player) -> None:
            await trio.sleep(1)
            for number in range(3):
                self.ctx.tell(other, Note(text=str(number)))

        return Wait(step=step)

    await a.tell(flood(b))
    await b.tell(flood(a))
    await settled()
    await a.tell(Note(text="fills a"))
    await b.tell(Note(text="fills b"))
    await trio.sleep(5)
    handled = await a.ask(Note(text="x")) + await b.ask(Note(text="x")) - 2
    assert handled + reasons(system)["mailbox_cycle"] == 8


@on_stage()
async def test_an_actors_tell_to_itself_never_waits(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,), capacity=2))

    def tells(self: Player) -> None:
        for number in range(5):
            self.ctx.tell(self.ctx.me, Note(text=str(number)))

    await actor.ask(Run(step=tells))
    await settled()
    assert heard == ["0", "1"]
    assert reasons(system) == {"mailbox_cycle": 3}


@on_stage()
async def test_the_system_lane_goes_first(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    await actor.ask(Run(step=lambda self: self.ctx.timer("t", 1, Note(text="timer"))))
    await actor.tell(rest(5))
    await actor.tell(Note(text="user"))
    await trio.sleep(10)
    assert heard == ["timer", "user"]


@on_stage()
async def test_contextvars_do_not_leak_between_actors(system: System) -> None:
    a, b = system.spawn(Spec(Player)), system.spawn(Spec(Player))

    def look(_: Any) -> str:
        return VARIABLE.get()

    async def change(_: Any) -> str:
        VARIABLE.set("a's own")
        await trio.sleep(1)
        assert await b.ask(Run(step=look)) == "unset"
        return VARIABLE.get()

    assert await a.ask(Wait(step=change)) == "a's own"
    assert VARIABLE.get() == "unset"
    await b.tell(Run(step=lambda _: VARIABLE.set("b's own")))
    await settled()
    assert await a.ask(Run(step=look)) == "a's own"
    assert await b.ask(Run(step=look)) == "b's own"


@on_stage()
async def test_nobody_overtakes_a_sender_that_waits_for_room(system: System) -> None:
    free = trio.Event()

    async def busy(_: Player) -> None:
        await free.wait()

    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,), capacity=1))
    await settled()
    async with trio.open_nursery() as nursery:
        await actor.tell(Wait(step=busy))
        await settled()
        await actor.tell(Note(text="first"))
        nursery.start_soon(actor.tell, Note(text="waits"))
        await settled()
        free.set()
        while not heard:
            await trio.lowlevel.checkpoint()
        await actor.tell(Note(text="newcomer"))
    await settled()
    assert heard == ["first", "waits", "newcomer"]
