"""A message that moves takes along who waits for it: a circle of asks is found wherever the message has come to."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorCrashed, AskCycle
from actors.ref import Ref
from actors.supervision import Retry
from runtime.observe.stuck import stuck
from runtime.system import System
from tests.runtime.cast import Bang, Note, Player, Run, Wait, keeper, keeping, on_stage, rest, settled
from tests.runtime.test_seams import SlowToStop, forward_to, stopping

Step = Callable[[Player], Awaitable[Any]]


def asks(target: Ref[Any], message: Any) -> Wait:
    async def step(_: Player) -> Any:
        return await target.ask(message)

    return Wait(step=step)


async def chain_of(ask: Awaitable[Any]) -> list[str]:
    """The chain of the AskCycle that `ask` fails by, over however many crashes."""
    with pytest.raises((ActorCrashed, AskCycle)) as raised, trio.fail_after(1_000):
        await ask
    error: BaseException | None = raised.value
    while error is not None and not isinstance(error, AskCycle):
        error = error.__cause__
    assert error is not None, "another crash"
    return list(error.chain)


def waiting(system: System) -> list[str]:
    return [node["path"] for node in stuck(system) if node["waits_for"]]


@on_stage(patterns=[keeping(Spec(SlowToStop, ([],), idle_after=5.0))])
async def test_over_a_passivation_a_circle_is_found(system: System) -> None:
    a, b = system.spawn(Spec(Player, name="a")), keeper(system)
    await b.ask(Note(text="up"))
    await stopping(system, b)
    assert await chain_of(a.ask(asks(b, asks(a, Note(text="back"))))) == [b.address, a.address, b.address]
    assert waiting(system) == []


@on_stage(patterns=[keeping(Spec(SlowToStop, ([],), idle_after=5.0, capacity=1))])
async def test_over_a_passivation_a_circle_is_found_though_it_waits_for_room(system: System) -> None:
    a, b = system.spawn(Spec(Player, name="a")), keeper(system)
    await b.ask(Note(text="up"))
    await stopping(system, b)
    await b.tell(rest(1))
    assert await chain_of(a.ask(asks(b, asks(a, Note(text="back"))))) == [b.address, a.address, b.address]
    assert waiting(system) == []


@on_stage()
async def test_a_message_that_is_tried_again_closes_a_circle(system: System) -> None:
    a, b = system.spawn(Spec(Player, name="a")), system.spawn(Spec(Player, name="b", poison=Retry(1)))
    tries: list[str] = []

    async def step(_: Player) -> Any:
        tries.append("one")
        if len(tries) == 1:
            raise Bang("once")
        return await a.ask(Note(text="back"))

    assert await chain_of(a.ask(asks(b, Wait(step=step)))) == ["/b", "/a", "/b"]
    assert waiting(system) == []


@on_stage()
async def test_a_stashed_message_closes_a_circle_when_it_is_back(system: System) -> None:
    a, b = system.spawn(Spec(Player, name="a")), system.spawn(Spec(Player, name="b"))
    tries: list[str] = []

    async def step(self: Player) -> Any:
        tries.append("one")
        return self.ctx.stash() if len(tries) == 1 else await a.ask(Note(text="back"))

    async def unstash() -> None:
        await settled()
        assert waiting(system) == []  # as a deferred one: b is free
        await b.ask(Run(step=lambda self: self.ctx.unstash()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(unstash)
        assert await chain_of(a.ask(asks(b, Wait(step=step)))) == ["/b", "/a", "/b"]
    assert waiting(system) == []


@on_stage()
async def test_a_message_that_is_forwarded_to_its_asker_is_a_circle(system: System) -> None:
    a, b = system.spawn(Spec(Player, name="a")), system.spawn(Spec(Player, name="b"))
    assert await chain_of(a.ask(asks(b, forward_to(a)))) == ["/a", "/a"]
    assert waiting(system) == []


@pytest.mark.parametrize("busy", [False, True], ids=["driven inline", "from the mailbox"])
def test_a_forwarded_message_closes_a_circle_where_it_has_come_to(busy: bool) -> None:  # noqa: FBT001
    @on_stage()
    async def program(system: System) -> None:
        a, b, c = (system.spawn(Spec(Player, name=name)) for name in "abc")

        async def step(self: Player) -> Any:
            if self.ctx.address == b.address:
                return self.ctx.forward(c)
            return await a.ask(Note(text="back"))

        if busy:
            await b.tell(rest(1))
            await settled()
        assert await chain_of(a.ask(asks(b, Wait(step=step)))) == ["/c", "/a", "/c"]
        assert waiting(system) == []

    program()


@on_stage()
async def test_a_forward_to_one_that_waits_for_the_asker_already_is_a_circle(system: System) -> None:
    a, b, c = (system.spawn(Spec(Player, name=name)) for name in "abc")

    async def step(_: Player) -> Any:
        await trio.sleep(1)  # meanwhile c has begun to wait for this turn
        return await b.ask(forward_to(c))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(chain_of, a.ask(Wait(step=step)))
        await settled()
        assert await c.ask(asks(a, Note(text="waits"))) == 1
    assert waiting(system) == []


@on_stage()
async def test_a_forward_that_waits_behind_other_outputs_closes_a_circle(system: System) -> None:
    a, b, c = (system.spawn(Spec(Player, name=name)) for name in "abc")
    full = system.spawn(Spec(Player, name="full", capacity=1))

    async def slow(_: Player) -> Any:
        await trio.sleep(1)
        return await a.ask(Note(text="back"))

    def step(self: Player) -> Any:
        if self.ctx.address == c.address:
            return "answer"
        self.ctx.tell(full, Note(text="fills"))
        self.ctx.tell(full, Note(text="waits"))
        return self.ctx.forward(c)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(chain_of, full.ask(Wait(step=slow)))
        await settled()
        assert await a.ask(asks(b, Run(step=step))) == "answer"
    assert waiting(system) == []


@on_stage()
async def test_a_deferred_asker_may_be_asked_by_whoever_defers(system: System) -> None:
    """However it came there: it is answered at its deadline, and then the other goes on."""
    for busy in (False, True):
        a, b = system.spawn(Spec(Player)), system.spawn(Spec(Player))
        if busy:
            await b.tell(rest(1))
            await settled()
        defers = Run(step=lambda self: self.ctx.defer("key", deadline=10, on_deadline="late"))
        ends: list[Any] = []

        async def asked(
            a: Ref[Any] = a, b: Ref[Any] = b, defers: Run = defers, ends: list[Any] = ends
        ) -> None:
            ends.append(await a.ask(asks(b, defers)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(asked)
            await trio.sleep(2)
            ends.append(await b.ask(asks(a, Note(text="afterwards"))))
        assert ends == ["late", 1]


@on_stage()
async def test_nobody_waits_any_more_for_whom_it_has_left(system: System) -> None:
    a, b, c = (system.spawn(Spec(Player, name=name)) for name in "abc")

    async def step(_: Player) -> Any:
        with trio.move_on_after(1):
            await b.ask(forward_to(c))
        return waiting(system)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(c.ask, rest(5))
        await settled()
        assert await a.ask(Wait(step=step)) == []


@on_stage()
async def test_who_has_its_answer_may_be_asked_by_the_one_that_gave_it(system: System) -> None:
    """In the very next turn, before the answer's taker goes on."""
    a, b = system.spawn(Spec(Player)), system.spawn(Spec(Player))
    ends: list[Any] = []

    async def step(_: Player) -> None:
        ends.append(await a.ask(Note(text="back")))

    async with trio.open_nursery() as nursery:
        await b.tell(rest(1))
        await settled()
        nursery.start_soon(a.ask, asks(b, Note(text="first")))
        await settled()
        await b.tell(Wait(step=step))
    await settled()
    assert ends == [1]


@on_stage()
async def test_a_chain_of_asks_that_is_no_circle_may_be_as_long_as_it_likes(system: System) -> None:
    """Each finds the next one busy, so that the whole chain behind it is looked through."""
    last = system.spawn(Spec(Player))
    chain = [last]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(last.ask, rest(1))
        await settled()
        for _ in range(1_500):
            to, here = chain[-1], system.spawn(Spec(Player))
            chain.append(here)
            nursery.start_soon(here.ask, asks(to, Run(step=lambda _: None)))
            for _ in range(5):
                await trio.lowlevel.checkpoint()
    assert not [cell for cell in system.router.cells.values() if cell.restarts]
