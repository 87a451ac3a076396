"""A Deferred that a turn was given and did not return is a crash: its asker, or its message, would be lost unseen."""

from collections.abc import Callable
from typing import Any

import pytest
from typing_extensions import override

from actors.actor import Actor, Spec, StartReason
from actors.errors import ActorCrashed, DeferredNotReturned, StartFailed
from actors.handlers import receive
from actors.message import Message
from actors.testing import harness
from runtime.system import System
from tests.runtime.cast import Note, Player, Refusal, Run, keeper, keeping, on_stage, settled


async def _work() -> str:
    return "done"


CALLS: dict[str, Callable[[Any], Any]] = {
    "defer": lambda self: self.ctx.defer("k"),
    "stash": lambda self: self.ctx.stash(),
    "forward": lambda self: self.ctx.forward(self.ctx.me),
    "answer": lambda self: self.ctx.answer(_work),
}


def forgets(call: str) -> Run:
    def step(self: Any) -> None:
        CALLS[call](self)

    return Run(step=step)


@pytest.mark.parametrize("call", CALLS)
def test_a_forgotten_return_is_a_crash_that_names_the_call(call: str) -> None:
    @on_stage()
    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player, name="x"))
        with pytest.raises(ActorCrashed) as crashed:
            await actor.ask(forgets(call))
        text = f"/x: the handler of Run left an asker behind: write `return self.ctx.{call}(...)`"
        assert isinstance(crashed.value.__cause__, DeferredNotReturned)
        assert str(crashed.value.__cause__) == text
        assert await actor.ask(Note(text="a new one")) == 1

    program()


@pytest.mark.parametrize("call", CALLS)
def test_a_told_message_may_not_forget_it_either(call: str) -> None:
    @on_stage()
    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player))
        await actor.ask(Note(text="forgotten by the next incarnation"))
        await actor.tell(forgets(call))
        await settled()
        assert await actor.ask(Note(text="its first")) == 1

    program()


@on_stage(patterns=[keeping()])
async def test_a_durable_turn_that_forgets_it_has_written_nothing(system: System) -> None:
    actor = keeper(system)

    def step(self: Any) -> None:
        self.note("lost")
        self.ctx.defer("k")

    with pytest.raises(ActorCrashed):
        await actor.ask(Run(step=step))
    assert await actor.ask(Note(text="first")) == 1


@on_stage()
async def test_of_two_only_one_can_be_returned(system: System) -> None:
    actor = system.spawn(Spec(Player))

    def step(self: Any) -> Any:
        self.ctx.stash()
        return self.ctx.defer("k")

    with pytest.raises(ActorCrashed, match=r"ctx\.stash"):
        await actor.ask(Run(step=step))


@on_stage()
async def test_a_refusal_after_it_is_a_refusal(system: System) -> None:
    actor = system.spawn(Spec(Player))

    def step(self: Any) -> None:
        self.ctx.defer("k")
        raise Refusal("no")

    with pytest.raises(Refusal):
        await actor.ask(Run(step=step))


class Opens(Message[None]):
    pass


class StashesAtTheStart(Actor[Opens]):
    @override
    async def started(self, reason: StartReason) -> None:
        self.ctx.stash()

    @receive(Opens)
    def on_opens(self, message: Opens) -> None: ...


@on_stage(patterns=[keeping(Spec(StashesAtTheStart))])
async def test_a_start_has_nothing_to_put_aside(system: System) -> None:
    with pytest.raises(StartFailed) as failed:
        await keeper(system).ask(Opens())
    assert isinstance(failed.value.__cause__, DeferredNotReturned)


@pytest.mark.parametrize("call", CALLS)
def test_the_harness_says_so_too(call: str) -> None:
    turn = harness(Player).run(forgets(call))
    assert isinstance(turn.error, DeferredNotReturned)
    assert f"self.ctx.{call}(" in str(turn.error)
