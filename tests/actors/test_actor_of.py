"""`actor_of` makes an actor of one function."""

from typing import Any

import pytest
import trio

from actors import Message, Spec, actor_of
from actors.errors import ActorCrashed, DeadLettered
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
