"""What an asker reads says what to do: which messages the actor takes, which policy refused, when to try again."""

from typing import Any

import pytest

from actors.actor import Actor, Spec
from actors.address import Address
from actors.errors import (
    AskCycle,
    BadHandler,
    BadMachine,
    BadSpec,
    CircuitOpen,
    DeadLettered,
    MailboxCycle,
    RateLimited,
)
from actors.handlers import receive
from actors.message import Message
from actors.records import Form, Record
from actors.ref import Ref
from actors.testing.harness import harness
from runtime.system import System
from tests.runtime.cast import Foreign, Note, Player, Run, Wait, on_stage, play


@on_stage()
async def test_who_does_not_take_a_message_says_what_it_takes(system: System) -> None:
    actor: Ref[Any] = system.spawn(Spec(Player, name="x"))
    with pytest.raises(DeadLettered) as dead:
        await actor.ask(Foreign())
    assert str(dead.value) == "/x: Player has no handler for Foreign; it takes: Note, Run, Wait"
    assert dead.value.reason == "unhandled"


def test_a_refusal_by_policy_says_which_and_when_again() -> None:
    limited, is_open = RateLimited(Address("/x"), 0.5), CircuitOpen(Address("/x"), 30.0)
    assert str(limited) == "/x: more messages than the limit allows; the next in 0.5 s"
    assert str(is_open) == "/x: the circuit is open after too many failures; the next in 30 s"
    assert limited.reason == is_open.reason == "refused_by_policy"


class Push(Message[None]):
    pass


def test_a_machine_without_a_beginning_is_told_to_set_it() -> None:
    with pytest.raises(BadMachine, match="Door: set `initial`, the state it begins in, to one of: shut"):

        class Door(Actor[Push]):  # pyright: ignore[reportUnusedClass] -- it never is one
            @receive(Push, state="shut")
            def on_push(self, message: Push) -> None: ...


def test_an_upcast_under_a_name_alone_is_refused_by_its_form() -> None:
    wrong: Any = {"Event": dict}
    with pytest.raises(BadSpec, match=r"an upcast stands under \(type's name, version\), not under 'Event'"):
        Form[Record]("Account", (), wrong).check()


def test_a_circle_says_what_each_waits_for_and_what_to_do_instead() -> None:
    assert str(AskCycle(["/a", "/b", "/a"])) == (
        "/a -> (reply) /b -> (reply) /a: nobody there would go on: tell instead of ask"
    )
    room = MailboxCycle(["/a", "/b", "/a"], ["reply", "room in its mailbox"])
    assert str(room).startswith("/a -> (reply) /b -> (room in its mailbox) /a: nobody there would go on")


@on_stage()
async def test_who_would_wait_for_its_own_end_is_told_of_the_call_that_does_not(system: System) -> None:
    async def stops(self: Player) -> None:
        with pytest.raises(MailboxCycle) as raised:
            await system.stop(self.ctx.me)
        assert str(raised.value).startswith("/x -> (its end) /x: ")
        assert "`ctx.stop` does not wait" in str(raised.value)

    await system.spawn(Spec(Player, name="x")).ask(Wait(step=stops))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"after": "1"}, "after is a finite number of seconds, at least 0, not '1'"),
        ({"after": float("inf")}, "after is a finite number of seconds, at least 0, not inf"),
        ({"after": 1, "every": 0}, "every is a finite number of seconds, more than 0, not 0"),
        ({"after": 1, "mode": "rate"}, "mode='rate' is of a timer that repeats: say every="),
    ],
)
def test_a_timer_that_cannot_be_says_which_argument_and_its_limit(
    arguments: dict[str, Any], said: str
) -> None:
    def sets(self: Player) -> None:
        with pytest.raises(ValueError, match=said):
            self.ctx.timer("t", message=Note(text="x"), **arguments)

    async def program(system: System) -> None:
        await system.spawn(Spec(Player)).ask(Run(step=sets))

    play(program)
    harness(Player).ask(Run(step=sets))


def test_an_async_handler_that_shall_interleave_is_told_that_only_a_plain_one_can() -> None:
    with pytest.raises(BadHandler, match="it is an `async def`, and only a plain `def` can"):

        class Overtaking(Actor[Push]):  # pyright: ignore[reportUnusedClass]
            @receive(Push, interleave=True)
            async def on_push(self, message: Push) -> None:
                await self.ctx.thread(print)
