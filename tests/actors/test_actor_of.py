"""`actor_of` makes an actor of one function."""

from typing import Any

import pytest
import trio

from actors import Message, Spec, actor_of
from actors.errors import ActorCrashed, BadHandler, DeadLettered
from runtime.system import System
from tests.runtime.cast import Foreign, on_stage


class Rude(Exception):
    """Listed."""


class Greet(Message[str], raises=(Rude,)):
    name: str


def greet(message: Greet) -> str:
    if message.name == "":
        raise Rude
    return f"hello {message.name[0]}{message.name[1:].lower()}"


async def greet_later(message: Greet) -> str:
    await trio.sleep(5)
    return f"hello {message.name}"


@on_stage()
async def test_it_answers_what_the_function_does(system: System) -> None:
    actor = system.spawn(Spec(actor_of(Greet, greet)))
    assert await actor.ask(Greet(name="ADA")) == "hello Ada"
    assert (
        await system.spawn(Spec(actor_of(Greet, lambda message: message.name * 2))).ask(Greet(name="a"))
        == "aa"
    )


@on_stage()
async def test_the_function_may_wait(system: System) -> None:
    assert await system.spawn(Spec(actor_of(Greet, greet_later))).ask(Greet(name="ada")) == "hello ada"


@on_stage()
async def test_what_the_function_raises_is_a_refusal_or_a_crash_as_of_any_handler(system: System) -> None:
    def crash(_: Greet) -> str:
        raise ValueError

    with pytest.raises(Rude):
        await system.spawn(Spec(actor_of(Greet, greet))).ask(Greet(name=""))
    with pytest.raises(ActorCrashed):
        await system.spawn(Spec(actor_of(Greet, crash))).ask(Greet(name="a"))


@on_stage()
async def test_it_takes_that_message_alone_and_is_named_after_it(system: System) -> None:
    actor: Any = system.spawn(Spec(actor_of(Greet, greet)))
    with pytest.raises(DeadLettered, match="ActorOfGreet has no handler for Foreign; it takes: Greet"):
        await actor.ask(Foreign())


@on_stage()
async def test_an_answer_that_can_be_awaited_is_awaited(system: System) -> None:
    actor = system.spawn(Spec(actor_of(Greet, lambda message: greet_later(message))))  # noqa: PLW0108 -- a plain function
    assert await actor.ask(Greet(name="ada")) == "hello ada"


def yields(message: Greet) -> Any:
    yield message


def test_what_is_no_message_or_cannot_be_called_with_one_is_refused_at_once() -> None:
    make: Any = actor_of
    wrong: list[tuple[tuple[Any, Any], str]] = [
        ((int, greet), "first the class of the message, not <class 'int'>"),
        ((Greet(name="a"), greet), "first the class of the message, not Greet"),
        ((Greet, 5), "then the function that answers it, not 5"),
        ((Greet, lambda: 1), "called with the message alone, and cannot be: too many"),
        ((Greet, pow), "called with the message alone, and cannot be: missing"),
        ((Greet, yields), "it yields, and an actor answers once"),
    ]
    for arguments, said in wrong:
        with pytest.raises(BadHandler, match=said):
            make(*arguments)
