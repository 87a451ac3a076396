"""A volatile actor has no rows: what it writes nobody would read back, and what it would read is not there."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors.actor import Actor, Spec
from actors.durable import Put
from actors.errors import ActorCrashed, BadSpec, NotDurable
from actors.handlers import receive
from actors.message import Message
from actors.testing import harness
from runtime.system import System
from tests.runtime.cast import Note, Player, Wait, on_stage


async def _stage(actor: Any) -> None:
    actor.ctx.stage(Put("k", b"v"))


CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "stage": _stage,
    "read": lambda actor: actor.ctx.read(["k"]),
    "records": lambda actor: actor.ctx.records(actor.ctx.address, "log", 0),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_volatile_actor_is_told_that_it_is_none_of_the_durable_ones(call: str) -> None:
    @on_stage()
    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player, name="x"))
        for _ in range(2):
            with pytest.raises(ActorCrashed) as crashed:
                await actor.ask(Wait(step=CALLS[call]))
            assert isinstance(crashed.value.__cause__, NotDurable)
            text = f"/x: Player is volatile, ctx.{call} is for a DurableActor alone"
            assert str(crashed.value.__cause__) == text
        assert await actor.ask(Note(text="nothing is left of it")) == 1

    program()


@pytest.mark.parametrize("call", CALLS)
def test_the_harness_says_so_too(call: str) -> None:
    assert isinstance(harness(Player).run(Wait(step=CALLS[call])).error, NotDurable)


class Count(Message[int]):
    pass


def test_a_volatile_class_with_a_load_of_its_own_is_refused() -> None:
    with pytest.raises(
        BadSpec, match=r"Forgetful\.load: nobody loads a volatile actor; derive from DurableActor"
    ):

        class Forgetful(Actor[Count]):  # pyright: ignore[reportUnusedClass] -- it never is one
            async def load(self, stored: Any) -> None: ...

            @receive(Count)
            def on_count(self, message: Count) -> int:
                return 0
