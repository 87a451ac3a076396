"""`@receive_any`: one handler for what the class has no other for."""

from typing import Any

import pytest
from typing_extensions import override

from actors import Actor, Message, Spec, receive, receive_any
from actors.errors import DuplicateHandler, MissingHandler
from runtime.system import System
from tests.runtime.cast import on_stage, settled


class Known(Message[str]):
    pass


class Other(Message[str]):
    pass


class Later(Message[str]):
    pass


class Turn(Message[None]):
    pass


class Catcher(Actor[Known | Other]):
    @receive(Known)
    def on_known(self, message: Known) -> str:
        return "known"

    @receive_any
    def on_any(self, message: Any) -> str:
        return f"any {type(message).__name__}"


class Derived(Catcher):
    @override
    def on_any(self, message: Any) -> str:
        return f"derived {type(message).__name__}"


class Stateful(Actor[Known | Other | Turn]):
    initial = "shut"

    @receive(Turn)
    def on_turn(self, message: Turn) -> None:
        self.ctx.become("open")

    @receive(Known, state="open")
    def on_known(self, message: Known) -> str:
        return "known"

    @receive(Other, state="shut")
    def on_other(self, message: Other) -> str:
        return "other"

    @receive_any
    async def on_any(self, message: Any) -> str:
        return f"any {self.ctx.state}"


@on_stage()
async def test_the_rest_of_the_messages_goes_to_receive_any(system: System) -> None:
    actor = system.ref(system.spawn(Spec(Catcher)).address)
    assert await actor.ask(Known()) == "known"
    assert await actor.ask(Other()) == "any Other"
    assert await actor.ask(Later(), within=5) == "any Later"
    await actor.tell(Later())
    await settled()
    assert not system.router.letters.newest


@on_stage()
async def test_a_derived_class_inherits_the_handler_for_the_rest(system: System) -> None:
    actor = system.ref(system.spawn(Spec(Derived)).address)
    assert await actor.ask(Known()) == "known"
    assert await actor.ask(Later()) == "derived Later"


@on_stage()
async def test_it_holds_in_each_state_for_what_no_state_handles(system: System) -> None:
    actor = system.ref(system.spawn(Spec(Stateful)).address)
    assert await actor.ask(Later()) == "any shut"
    await actor.ask(Turn())
    assert await actor.ask(Later()) == "any open"
    assert await actor.ask(Known()) == "known"


def test_only_one_handler_may_take_the_rest_and_without_it_none_may_be_missing() -> None:
    with pytest.raises(DuplicateHandler, match="second handler for the rest"):

        class Two(Actor[Known]):  # pyright: ignore[reportUnusedClass]
            @receive_any
            def one(self, message: Any) -> None: ...

            @receive_any
            def two(self, message: Any) -> None: ...

    with pytest.raises(MissingHandler, match="Other"):

        class Lacks(Actor[Known | Other]):  # pyright: ignore[reportUnusedClass]
            @receive(Known)
            def on_known(self, message: Known) -> str:
                return ""
