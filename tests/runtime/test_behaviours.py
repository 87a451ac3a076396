"""States, the stash, and messages that go on to somebody else."""

import types
from typing import Any, cast

import pytest
import trio

from actors.actor import Actor, Spec
from actors.behaviours import Elsewhere, enter
from actors.errors import (
    ActorStopped,
    BadMachine,
    DuplicateHandler,
    MissingHandler,
    NotInThisState,
    StashFull,
)
from actors.handlers import receive
from actors.message import Deferred, Message
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, on_stage, settled


class Push(Message[str]):
    """Through the turnstile."""


class Coin(Message[str]):
    """Pay."""


class Tired(Message[None]):
    """It has been open for too long."""


class Turnstile(Actor[Push | Coin | Tired]):
    """Locked until somebody has paid; it locks again by itself after ten seconds."""

    initial = "locked"

    def __init__(self, log: list[str] | None = None) -> None:
        self.log = log if log is not None else []

    @enter("locked")
    def locked(self) -> None:
        self.log.append("locked")

    @enter("open")
    def open(self) -> None:
        self.log.append("open")
        self.ctx.state_timeout(10.0, Tired())

    @receive(Coin, state="locked")
    def on_coin(self, message: Coin) -> str:
        self.ctx.become("open")
        return "thanks"

    @receive(Push, state="open")
    def on_push(self, message: Push) -> str:
        self.ctx.become("locked")
        return "through"

    @receive(Tired)
    def on_tired(self, message: Tired) -> None:
        self.log.append("tired")
        self.ctx.become("locked")


class Strict(Turnstile):
    """It takes nothing out of turn."""

    elsewhere = Elsewhere.REFUSE


async def ask_into(came: list[Any], actor: Any, message: Any) -> None:
    try:
        came.append(await actor.ask(message))
    except Exception as error:  # noqa: BLE001
        came.append(type(error))


@on_stage()
async def test_a_message_of_another_state_waits_for_it_with_its_asker(system: System) -> None:
    gate = system.spawn(Spec(Turnstile))
    await settled()
    came: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_into, came, gate, Push())
        await settled()
        assert came == []
        assert await gate.ask(Coin()) == "thanks"
    assert came == ["through"]


@on_stage()
async def test_a_strict_class_refuses_what_its_state_does_not_take(system: System) -> None:
    gate = system.spawn(Spec(Strict))
    await settled()
    with pytest.raises(NotInThisState, match="takes no Push in the state 'locked'"):
        await gate.ask(Push())
    assert await gate.ask(Coin()) == "thanks"
    assert await gate.ask(Push()) == "through"


@on_stage()
async def test_a_change_of_state_ends_its_timeout(system: System) -> None:
    log: list[str] = []
    gate = system.spawn(Spec(Turnstile, (log,)))
    await settled()
    await gate.ask(Coin())
    await gate.ask(Push())
    await trio.sleep(11)
    assert log == ["locked", "open", "locked"]
    await gate.ask(Coin())
    await trio.sleep(11)
    assert log == ["locked", "open", "locked", "open", "tired", "locked"]


@on_stage()
async def test_a_turn_that_is_cut_leaves_the_old_state(system: System) -> None:
    class Slow(Actor[Push | Coin]):
        initial = "one"

        @receive(Coin)
        async def on_coin(self, message: Coin) -> str:
            self.ctx.become("two")
            await trio.sleep_forever()
            raise AssertionError

        @receive(Push, state="one")
        def on_one(self, message: Push) -> str:
            return self.ctx.state

        @receive(Push, state="two")
        def on_two(self, message: Push) -> str:
            return self.ctx.state

    actor = system.spawn(Spec(Slow))
    await settled()
    with trio.move_on_after(1):
        await actor.ask(Coin())
    assert await actor.ask(Push()) == "one"


def test_a_state_that_no_handler_names_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(BadMachine, match="no handler is of the state 'nowhere'"):
        a_machine(Push, initial="nowhere", on_push=receive(Push, state="open")(pushed))
    with pytest.raises(BadMachine, match="has no handler that names a state"):
        a_machine(Push, initial="open", on_push=receive(Push)(pushed))
    with pytest.raises(BadMachine, match="one plain `def` enters 'open'"):
        a_machine(
            Push,
            initial="open",
            on_push=receive(Push, state="open")(pushed),
            enter=enter("open")(cast("Any", waits)),
        )
    with pytest.raises(MissingHandler, match="no handler for Coin"):
        a_machine(Push | Coin, initial="open", on_push=receive(Push, state="open")(pushed))
    with pytest.raises(DuplicateHandler, match="second handler for Push"):
        a_machine(Push, initial="open", one=receive(Push, state="open")(pushed), two=pushed)


def a_machine(protocol: Any, **members: Any) -> None:
    """Make an actor class of that protocol."""
    types.new_class("Machine", (Actor[protocol],), {}, lambda namespace: namespace.update(members))


def pushed(_self: Any, _message: Push) -> str:
    return ""


async def waits(_self: Any) -> None:
    """To enter a state by."""


@on_stage()
async def test_becoming_a_state_that_is_none_is_an_error_that_names_the_states(system: System) -> None:
    actor = system.spawn(Spec(Strict))
    await settled()
    cell = system.router.cells[actor.address]
    assert cell.actor is not None
    with pytest.raises(BadMachine, match="the states are: locked, open"):
        cell.actor.ctx.become("ajar")


class Later(Message[int]):
    """Stash it, until somebody unstashes."""

    number: int


class Keeper(Actor[Later | Run]):
    """It keeps what comes until it is told to go on."""

    def __init__(self, handled: list[int]) -> None:
        self.handled = handled
        self.going_on = False

    @receive(Later)
    def on_later(self, message: Later) -> int | Deferred[int]:
        if not self.going_on:
            return self.ctx.stash()
        self.handled.append(message.number)
        return message.number

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)


def go_on(keeper: Keeper) -> None:
    keeper.going_on = True
    keeper.ctx.unstash()


@on_stage()
async def test_what_is_stashed_comes_back_first_and_in_its_order(system: System) -> None:
    handled: list[int] = []
    keeper = system.spawn(Spec(Keeper, (handled,)))
    for number in range(3):
        await keeper.tell(Later(number=number))
    await settled()

    def then(actor: Keeper) -> None:
        go_on(actor)
        actor.ctx.tell(actor.ctx.me, Later(number=3))

    await keeper.ask(Run(step=then))
    await settled()
    assert handled == [0, 1, 2, 3]


@on_stage()
async def test_an_asker_that_leaves_takes_its_message_out_of_the_stash(system: System) -> None:
    handled: list[int] = []
    keeper = system.spawn(Spec(Keeper, (handled,)))
    await settled()
    with trio.move_on_after(1):
        await keeper.ask(Later(number=1))
    await keeper.tell(Later(number=2))
    await keeper.ask(Run(step=go_on))
    await settled()
    assert handled == [2]


@on_stage()
async def test_the_stash_holds_as_much_as_the_mailbox_may_and_then_refuses(system: System) -> None:
    keeper = system.spawn(Spec(Keeper, ([],), capacity=2))
    await settled()
    for number in range(2):
        await keeper.tell(Later(number=number))
        await settled()
    with pytest.raises(StashFull, match="2 messages aside"):
        await keeper.ask(Later(number=2))
    assert await keeper.ask(Run(step=lambda actor: len(actor.handled))) == 0


@on_stage()
async def test_a_restart_puts_the_stash_back_and_a_stop_makes_dead_letters_of_it(system: System) -> None:
    handled: list[int] = []
    keeper = system.spawn(Spec(Keeper, (handled,)))
    await keeper.tell(Later(number=1))
    await settled()

    def crash(actor: Keeper) -> None:
        raise RuntimeError("bang")

    await keeper.tell(Run(step=crash))
    await settled()
    await keeper.ask(Run(step=go_on))
    await settled()
    assert handled == [1]

    came: list[Any] = []
    other = system.spawn(Spec(Keeper, (handled,)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_into, came, other, Later(number=2))
        await settled()
        await system.stop(other)
    assert came == [ActorStopped]


@on_stage()
async def test_a_forwarded_message_is_answered_by_whom_it_went_to(system: System) -> None:
    heard: list[str] = []
    worker = system.spawn(Spec(Player, (heard,)))

    class Front(Actor[Note]):
        @receive(Note)
        def on_note(self, message: Note) -> int | Deferred[int]:
            return self.ctx.forward(worker)

    front = system.spawn(Spec(Front))
    await settled()
    assert await front.ask(Note(text="a")) == 1
    await front.tell(Note(text="b"))
    await settled()
    assert heard == ["a", "b"]
    await system.stop(worker)
    came: list[Any] = []
    await ask_into(came, front, Note(text="c"))
    assert [kind.__name__ for kind in came] == ["DeadLettered"]


@on_stage()
async def test_an_asker_that_leaves_cancels_what_it_was_forwarded_to(system: System) -> None:
    ended: list[str] = []

    class Sleeper(Actor[Note]):
        @receive(Note)
        async def on_note(self, message: Note) -> int:
            try:
                await trio.sleep_forever()
            finally:
                ended.append(message.text)
            raise AssertionError

    sleeper = system.spawn(Spec(Sleeper))

    class Front(Actor[Note]):
        @receive(Note)
        def on_note(self, message: Note) -> int | Deferred[int]:
            return self.ctx.forward(sleeper)

    front = system.spawn(Spec(Front))
    await settled()
    with trio.move_on_after(5):
        await front.ask(Note(text="a"))
    assert ended == ["a"]


@on_stage()
async def test_an_asker_that_leaves_a_forwarded_message_makes_room_for_the_next(system: System) -> None:
    heard: list[str] = []
    target = system.spawn(Spec(Player, (heard,), capacity=1))

    class Front(Actor[Note]):
        @receive(Note)
        def on_note(self, message: Note) -> int | Deferred[int]:
            return self.ctx.forward(target)

    async def busy(_: Player) -> None:
        await trio.sleep(100)

    front = system.spawn(Spec(Front))
    await settled()
    came: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(target.ask, Wait(step=busy))
        await settled()
        leaving = trio.CancelScope()

        async def leave() -> None:
            with leaving:
                await front.ask(Note(text="leaves"))

        nursery.start_soon(leave)
        await settled()
        nursery.start_soon(ask_into, came, target, Note(text="waits for room"))
        await settled()
        leaving.cancel()
        await settled()
        assert not system.router.cells[target.address].room
    assert (heard, came) == (["waits for room"], [1])


@on_stage()
async def test_what_a_strict_class_is_told_and_does_not_take_is_a_dead_letter(system: System) -> None:
    gate = system.spawn(Spec(Strict))
    await settled()
    await gate.tell(Push())
    await settled()
    assert system.letters.counts == {"unhandled": 1}
    assert await gate.ask(Coin()) == "thanks"


class Item(Message[None]):
    """Handled where its colour is."""

    number: int


class Red(Item):
    """In the states red and both."""


class Blue(Item):
    """In the states blue and both."""


class To(Message[None]):
    """Become that state."""

    state: str


class Sorter(Actor[Red | Blue | To]):
    """It notes what it handles, and in which state."""

    initial = "none"

    def __init__(self, handled: list[str]) -> None:
        self.handled = handled

    def note(self, message: Item) -> None:
        self.handled.append(f"{self.ctx.state} {message.number}")

    @receive(Red, state="red")
    def on_red(self, message: Red) -> None:
        self.note(message)

    @receive(Blue, state="blue")
    def on_blue(self, message: Blue) -> None:
        self.note(message)

    @receive(Red, state="both")
    def on_red_too(self, message: Red) -> None:
        self.note(message)

    @receive(Blue, state="both")
    def on_blue_too(self, message: Blue) -> None:
        self.note(message)

    @receive(To)
    def on_to(self, message: To) -> None:
        self.ctx.become(message.state)

    @receive(To, state="none")
    def on_to_from_none(self, message: To) -> None:
        self.on_to(message)


@on_stage()
async def test_what_the_new_state_postpones_as_well_has_no_turn_at_its_change(system: System) -> None:
    sorter = system.spawn(Spec(Sorter, ([],)))
    for number in range(5):
        await sorter.tell(Red(number=number))
    await settled()
    turns: list[Any] = []
    system.router.dispatcher.on_arrival(lambda _, envelope: turns.append(envelope.message))
    for state in ("blue", "none", "blue"):
        await sorter.tell(To(state=state))
    await settled()
    assert turns == [To(state="blue"), To(state="none"), To(state="blue")]


@on_stage()
async def test_what_was_postponed_is_handled_in_its_order_whatever_states_it_has_waited_through(
    system: System,
) -> None:
    handled: list[str] = []
    sorter = system.spawn(Spec(Sorter, (handled,)))
    for message in (Blue(number=0), Red(number=1), Blue(number=2), Red(number=3)):
        await sorter.tell(message)
    for state in ("none", "red", "none"):
        await sorter.ask(To(state=state))
    await settled()
    for message in (Red(number=4), Blue(number=5)):
        await sorter.tell(message)
    await settled()
    await sorter.ask(To(state="both"))
    await settled()
    assert handled == ["red 1", "red 3", "both 0", "both 2", "both 4", "both 5"]


@on_stage()
async def test_an_asker_whose_message_stays_put_aside_is_answered_later_or_leaves(system: System) -> None:
    handled: list[str] = []
    sorter = system.spawn(Spec(Sorter, (handled,)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sorter.ask, Red(number=0))
        await settled()
        with trio.move_on_after(1):
            async with trio.open_nursery() as leaving:
                leaving.start_soon(sorter.ask, Red(number=1))
                await settled()
                await sorter.ask(To(state="blue"))
                await trio.sleep_forever()
        await sorter.ask(To(state="red"))
    assert handled == ["red 0"]
