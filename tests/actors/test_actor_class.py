"""Messages, addresses, refs and the handlers of a class: what is checked before anything runs."""

import functools
import re
from types import new_class
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from actors.actor import Actor
from actors.address import ADDRESS_MAX, Address, BadAddress
from actors.behaviours import enter
from actors.durable import DurableActor
from actors.errors import BadHandler, BadMachine, DuplicateHandler, ForeignHandler, MissingHandler
from actors.handlers import Kind, kind_of, receive, receive_any
from actors.message import Message
from actors.ref import Ref

M = TypeVar("M")


class One(Message[int], raises=(KeyError,)):
    number: int = 0


class Two(Message[None]):
    pass


class Foreign(Message[None]):
    pass


@receive(One)
def on_one(self: Any, message: One) -> int:
    return 1


@receive(One)
def on_one_again(self: Any, message: One) -> int:
    return 1


@receive(Foreign)
def on_foreign(self: Any, message: Foreign) -> None: ...


def an_actor_of(protocol: Any, **handlers: Any) -> type[Any]:
    """An actor class of that protocol, as a class statement makes it."""
    return new_class("Made", (Actor[protocol],), exec_body=lambda body: body.update(handlers))


def test_a_member_of_the_protocol_without_a_handler_is_missed_at_once() -> None:
    with pytest.raises(MissingHandler, match="Two"):
        an_actor_of(One | Two, on_one=on_one)


def test_two_handlers_for_one_message_are_refused() -> None:
    with pytest.raises(DuplicateHandler, match="One"):
        an_actor_of(One, on_one=on_one, again=on_one_again)


def test_a_handler_outside_the_protocol_is_refused() -> None:
    with pytest.raises(ForeignHandler, match="Foreign"):
        an_actor_of(One, on_one=on_one, on_foreign=on_foreign)


def test_a_subclass_inherits_and_replaces_handlers() -> None:
    class Parent(Actor[One]):
        @receive(One)
        def on_one(self, message: One) -> int:
            return 1

    class Child(Parent):
        @receive(One)
        def on_one_otherwise(self, message: One) -> int:
            return 2

    assert Parent.handlers[One].function(Parent(), One()) == 1
    assert Child.handlers[One].function(Child(), One()) == 2


def test_of_two_bases_neither_loses_its_handlers_and_the_nearer_one_decides() -> None:
    class Root(Actor[M]):
        @receive(Two)
        def roots(self, message: Two) -> None: ...

    class Left(Root[M]):
        @receive(One)
        def lefts(self, message: One) -> int:
            return 1

    class Right(Root[M]):
        @receive(Two)
        def rights(self, message: Two) -> None: ...

        @receive(Foreign, state="open")
        def in_state(self, message: Foreign) -> None: ...

        @enter("open")
        def opened(self) -> None: ...

        @receive_any
        def the_rest(self, message: Any) -> None: ...

        initial = "open"

    class Both(Left[One | Foreign], Right[One | Foreign]):
        pass

    assert {kind: handling.function.__name__ for kind, handling in Both.handlers.items()} == {
        One: "lefts",
        Two: "rights",
    }
    assert Both.behaviours.table("open")[Foreign].function.__name__ == "in_state"
    assert set(Both.behaviours.entries) == {"open"}
    assert Both.handlers[int].function.__name__ == "the_rest"


def test_whether_a_handler_can_wait_is_read_off_its_code() -> None:
    def plain(self: Any, message: Any) -> None: ...

    async def bare(self: Any, message: Any) -> None: ...

    async def waits(self: Any, message: Any) -> None:
        await message

    async def loops(self: Any, message: Any) -> None:
        async for _ in message:
            pass

    async def enters(self: Any, message: Any) -> None:
        async with message:
            pass

    assert [kind_of(each) for each in (plain, bare)] == [Kind.PLAIN, Kind.BARE]
    assert {kind_of(each) for each in (waits, loops, enters)} == {Kind.SUSPENDS}


def test_a_message_is_frozen_closed_and_names_its_refusals() -> None:
    with pytest.raises(ValidationError):
        One(number=1).number = 2  # type: ignore[misc]
    with pytest.raises(ValidationError):
        One.model_validate({"nummer": 1})
    assert One.refusals == (KeyError,)
    assert Two.refusals == ()


@pytest.mark.parametrize("raises", [ValueError, [ValueError], (int,), (KeyboardInterrupt,), (ValueError(),)])
def test_refusals_that_are_no_tuple_of_exceptions_are_refused_with_the_class(raises: Any) -> None:
    with pytest.raises(TypeError, match=r"Bad: raises is a tuple of exceptions, raises=\(ValueError,\)"):
        new_class("Bad", (Message[int],), {"raises": raises})


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5))
def test_any_segments_make_an_address_that_reads_back(segments: list[str]) -> None:
    try:
        address = Address.of(*segments)
    except UnicodeEncodeError:
        return  # a lone surrogate is no text
    assert address.segments == tuple(segments)
    assert Address(str(address)) == address
    assert address.child("x/y").name == "x%2Fy"


@pytest.mark.parametrize("path", ["", "/", "a", "/a/", "//", "/a b", "/%2", "/%2f", "/a\n", "/ä"])
def test_what_is_no_path_is_no_address(path: str) -> None:
    with pytest.raises(BadAddress):
        Address(path)


def test_an_address_has_its_limit() -> None:
    assert Address("/" + "a" * (ADDRESS_MAX - 1))
    with pytest.raises(BadAddress):
        Address("/" + "a" * ADDRESS_MAX)


def test_refs_are_equal_by_address() -> None:
    post: Any = object()
    other: Any = object()
    assert Ref[Any](Address("/a"), post) == Ref[Any](Address("/a"), other)
    assert len({Ref[Any](Address("/a"), post), Ref[Any](Address("/a"), other)}) == 1
    assert Ref[Any](Address("/a"), post) != Ref[Any](Address("/b"), post)


def test_a_generator_is_no_handler() -> None:
    def yields(_self: Any, _message: One) -> Any:
        yield 1

    async def yields_later(_self: Any, _message: One) -> Any:
        yield 1

    for function in (yields, yields_later):
        with pytest.raises(BadHandler, match="is a generator"):
            an_actor_of(One, on_one=receive(One)(function))


async def with_reason(self: Any, reason: Any) -> None: ...


async def without_reason(self: Any) -> None: ...


def plain(self: Any, reason: Any) -> None: ...


def plain_without_reason(self: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "hook", "form"),
    [
        ("started", plain, "async def (self, reason)"),
        ("stopping", plain, "async def (self, reason)"),
        ("stopped", with_reason, "def (self, reason)"),
        ("started", without_reason, "async def (self, reason)"),
        ("stopping", without_reason, "async def (self, reason)"),
        ("stopped", plain_without_reason, "def (self, reason)"),
    ],
)
def test_a_hook_of_another_form_is_refused_with_its_class(name: str, hook: Any, form: str) -> None:
    with pytest.raises(BadHandler, match=re.escape(f"Made.{name} is called as `{form}`")):
        an_actor_of(One, on_one=on_one, **{name: hook})


def test_hooks_of_their_form_or_behind_a_decorator_are_taken() -> None:
    @functools.wraps(with_reason)
    def wrapped(*arguments: Any) -> Any:
        return with_reason(*arguments)

    an_actor_of(One, on_one=on_one, started=wrapped, stopping=with_reason, stopped=plain)


def test_a_method_that_its_message_cannot_be_given_to_is_refused_with_its_class() -> None:
    def alone(self: Any) -> int:
        return 1

    def entered(self: Any, message: Any) -> None: ...

    with pytest.raises(BadHandler, match=r"Made.on_one is called as `def \(self, message\)`, not as \(self"):
        an_actor_of(One, on_one=receive(One)(cast("Any", alone)))
    with pytest.raises(BadHandler, match=r"Made.rest is called as `def \(self, message\)`"):
        an_actor_of(One, on_one=on_one, rest=receive_any(cast("Any", alone)))
    with pytest.raises(BadHandler, match=r"Made.entered is called as `def \(self\)`"):
        an_actor_of(One, on_one=on_one, entered=enter("open")(cast("Any", entered)))


def test_a_decorator_without_its_parentheses_says_how_to_write_it() -> None:
    with pytest.raises(BadHandler, match=r"write @receive\(Message\)"):
        receive(cast("Any", plain))
    with pytest.raises(BadMachine, match=r'write @enter\("state"\)'):
        enter(cast("Any", plain))


@pytest.mark.parametrize("kind", [Actor, DurableActor])
def test_a_context_that_is_not_there_yet_says_when_it_is(kind: Any) -> None:
    with pytest.raises(AttributeError, match=r"self.ctx is there from `started` on, not in __init__"):
        _ = kind().ctx
