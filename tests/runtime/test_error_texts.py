"""What an asker reads says what to do: which messages the actor takes, which policy refused, when to try again."""

from typing import Any

import pytest

from actors.actor import Actor, Spec
from actors.address import Address
from actors.errors import BadMachine, BadSpec, CircuitOpen, DeadLettered, RateLimited
from actors.handlers import receive
from actors.message import Message
from actors.records import Form, Record
from actors.ref import Ref
from runtime.system import System
from tests.runtime.cast import Foreign, Player, on_stage


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
