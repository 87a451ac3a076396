"""A readonly handler stages nothing, and its reply waits for what was staged before."""

from typing import Any

import pytest
import trio
from typing_extensions import override

from actors import Actor, Address, Message, Put, Spec, Stored, receive
from actors.errors import ActorCrashed, ActorError, BadHandler, OutcomeUnknown, ReadOnlyTurn
from actors.event_sourced import EventSourced
from actors.records import Record
from actors.reliable import ReliableActor
from actors.testing import harness
from runtime import Pattern, System
from runtime.lab.simulation import simulate
from runtime.store import Disk


class Write(Message[None]):
    text: str


class Look(Message[list[str]]):
    pass


class LookAndRead(Message[list[str]]):
    pass


class Cheat(Message[None]):
    how: str


class Board(ReliableActor[Write | Look | LookAndRead | Cheat]):
    @override
    async def load(self, stored: Stored) -> None:
        self.notes = [key for key, _ in await stored.scan("note/")]

    @receive(Write)
    def on_write(self, message: Write) -> None:
        self.ctx.stage(Put(f"note/{message.text}", b""))
        self.notes.append(f"note/{message.text}")

    @receive(Look, readonly=True)
    def on_look(self, message: Look) -> list[str]:
        return list(self.notes)

    @receive(LookAndRead, readonly=True)
    async def on_look_and_read(self, message: LookAndRead) -> list[str]:
        await self.ctx.read(["a row"])
        return list(self.notes)

    @receive(Cheat, readonly=True)
    async def on_cheat(self, message: Cheat) -> None:
        await self.ctx.read(["a row"])
        match message.how:
            case "stage":
                self.ctx.stage(Put("note/cheat", b""))
            case "once":
                self.once("id")
            case _:
                self.wake_at(1.0)


class Heir(Board):
    """Redefines a handler without marking it again."""

    @override
    def on_look(self, message: Look) -> list[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.ctx.stage(Put("note/heir", b""))
        return []


BOARD, HEIR = Address("/board/b"), Address("/heir/h")
PATTERNS = [Pattern("board", {"board": lambda _: Spec(Board), "heir": lambda _: Spec(Heir)})]


def answers(*messages: Message[Any], of: Address = BOARD, disk: Disk | None = None) -> list[Any]:
    """Ask one after the other; answers the answers and errors."""

    async def program(system: System) -> list[Any]:
        found: list[Any] = []
        for message in messages:
            try:
                found.append(await system.ref(of).ask(message))
            except ActorError as error:
                found.append(error)
        return found

    found: list[Any] = simulate(program, seed=1, patterns=PATTERNS, disk=disk).result
    return found


def test_a_readonly_handler_answers_from_memory_and_after_a_read() -> None:
    assert answers(Write(text="a"), Look(), LookAndRead()) == [None, ["note/a"], ["note/a"]]


@pytest.mark.parametrize("how", ["stage", "once", "wake_at"])
def test_a_readonly_handler_that_stages_has_crashed_and_nothing_of_it_is_kept(how: str) -> None:
    disk = Disk()
    crashed, kept = answers(Cheat(how=how), Look(), disk=disk)
    assert isinstance(crashed, ActorCrashed)
    assert isinstance(crashed.__cause__, ReadOnlyTurn)
    assert kept == []
    assert BOARD not in disk.kept


def test_the_turn_behind_a_readonly_one_stages() -> None:
    assert answers(Look(), LookAndRead(), Write(text="a"), Look()) == [[], [], None, ["note/a"]]


def test_a_handler_that_is_redefined_stays_readonly() -> None:
    (crashed,) = answers(Look(), of=HEIR)
    assert isinstance(crashed.__cause__, ReadOnlyTurn)


def test_an_event_is_not_persisted_in_a_readonly_turn() -> None:
    turn = harness(Diary).run(Look())
    assert isinstance(turn.error, ReadOnlyTurn)


@pytest.mark.parametrize("look", [Look(), LookAndRead()])
def test_the_reply_of_a_readonly_turn_waits_for_what_was_staged_before_it(look: Message[list[str]]) -> None:
    disk = Disk()
    found: list[Any] = []

    async def ask(system: System, message: Message[Any]) -> None:
        try:
            found.append(await system.ref(BOARD).ask(message))
        except ActorError as error:
            found.append(error)

    async def program(system: System) -> None:
        await system.ref(BOARD).ask(Write(text="a"))
        disk.faults.answer_lost = "gone"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, system, Write(text="b"))
            await trio.sleep(0.000_1)  # of virtual time: the commit is under way
            nursery.start_soon(ask, system, look)
        disk.faults.answer_lost = None
        found.append(await system.ref(BOARD).ask(look))

    simulate(program, seed=1, patterns=PATTERNS, disk=disk)
    assert [type(answer) for answer in found[:2]] == [OutcomeUnknown, OutcomeUnknown]
    assert found[2] == ["note/a"]


def test_a_volatile_actor_has_no_readonly_handler() -> None:
    with pytest.raises(BadHandler, match="stages nothing"):

        class Volatile(Actor[Look]):  # pyright: ignore[reportUnusedClass]
            @receive(Look, readonly=True)
            def on_look(self, message: Look) -> list[str]:
                return []


class Page(Record):
    text: str = ""


class Seen(Record):
    pass


class Diary(EventSourced[Look, Page, Seen]):
    @override
    def fresh(self) -> Page:
        return Page()

    @override
    def apply(self, state: Page, event: Seen) -> Page:
        return Page(text="seen")

    @receive(Look, readonly=True)
    def on_look(self, message: Look) -> list[str]:
        self.persist(Seen())
        return []
