"""Routers that ask several for one answer: who wins, who is cancelled, and what is left of failures."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio

from actors.errors import ActorCrashed, ActorStopped, NoRoutee, NotRouted
from patterns.routers import Gather, broadcast, first_of, group, tail_chop, work_pulling
from patterns.routers.policies import Policy
from runtime.system import System
from tests.patterns.routers.company import Do, Who, members
from tests.runtime.cast import Bang, on_stage, play, settled


def sleeping(ended: list[str], **seconds: float) -> Callable[[str], Awaitable[None]]:
    """Each member takes its time; it writes down how it ends. A negative time: it crashes after so long."""

    async def step(name: str) -> None:
        try:
            await trio.sleep(abs(seconds[name]))
        except trio.Cancelled:
            ended.append(f"{name} cut")
            raise
        if seconds[name] < 0:
            raise Bang
        ended.append(name)

    return step


@on_stage()
async def test_broadcast_gathers_all_answers_and_a_crash_leaves_the_others_usable(system: System) -> None:
    some = members(system)
    everyone = system.spawn(group(broadcast(), some))
    gathered = await everyone.ask(Gather(Do(step=sleeping([], a=3, b=-1, c=2))))
    assert gathered.replies == {some[0].address: "a", some[2].address: "c"}
    assert [type(error) for error in gathered.failures.values()] == [ActorCrashed]
    assert list(gathered.failures) == [some[1].address]


@on_stage()
async def test_a_told_gather_reaches_all(system: System) -> None:
    heard: list[str] = []
    everyone = system.spawn(group(broadcast(), members(system, heard=heard)))
    await everyone.tell(Gather(Who(key="1")))
    await settled()
    assert sorted(heard) == ["a1", "b1", "c1"]


@on_stage()
async def test_a_broadcast_says_that_it_takes_a_gather_and_goes_on(system: System) -> None:
    everyone: Any = system.spawn(group(broadcast(), members(system)))
    with pytest.raises(NotRouted, match=r"takes Gather\(Who\(\.\.\.\)\)"):
        await everyone.ask(Who())
    await everyone.tell(Who())
    await settled()
    assert [(letter.message, letter.reason) for letter in system.letters.newest] == [("Who", "unhandled")]
    assert system.router.cells[everyone.address].restarts == 0


@on_stage()
async def test_who_leaves_a_broadcast_cancels_every_routee(system: System) -> None:
    ended: list[str] = []
    everyone = system.spawn(group(broadcast(), members(system)))
    with trio.move_on_after(1):
        await everyone.ask(Gather(Do(step=sleeping(ended, a=50, b=60, c=70))))
    await settled()
    assert sorted(ended) == ["a cut", "b cut", "c cut"]
    assert not system.router.cells[everyone.address].deferred


@on_stage()
async def test_a_router_answers_others_while_its_routees_work(system: System) -> None:
    ended: list[str] = []
    router = system.spawn(group(first_of(1), members(system, "ab")))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(router.ask, Do(step=sleeping(ended, a=50)))
        await settled()
        assert await router.ask(Who()) == "b"
        assert not ended


@on_stage()
async def test_the_first_reply_wins_and_the_others_are_cancelled(system: System) -> None:
    ended: list[str] = []
    router = system.spawn(group(first_of(), members(system)))
    assert await router.ask(Do(step=sleeping(ended, a=-1, b=9, c=3))) == "c"
    assert ended == ["c", "b cut"]


@on_stage()
async def test_first_of_two_asks_two(system: System) -> None:
    heard: list[str] = []
    router = system.spawn(group(first_of(2), members(system, heard=heard)))
    await router.ask(Who())
    assert sorted(heard) == ["a", "b"]


@pytest.mark.parametrize("policy", [first_of(), tail_chop(2)])
def test_when_all_fail_the_asker_gets_all_failures(policy: Policy) -> None:
    async def program(system: System) -> None:
        router = system.spawn(group(policy, members(system)))
        with pytest.raises(ExceptionGroup) as caught:
            await router.ask(Do(step=sleeping([], a=-1, b=-1, c=-1)))
        assert [type(error) for error in caught.value.exceptions] == [ActorCrashed] * 3

    play(program)


@on_stage()
async def test_tail_chop_asks_one_more_when_the_first_is_slow(system: System) -> None:
    ended: list[str] = []
    router = system.spawn(group(tail_chop(2), members(system)))
    start = system.clock.now()
    assert await router.ask(Do(step=sleeping(ended, a=50, b=1, c=0))) == "b"
    assert system.clock.now() - start == pytest.approx(3)
    assert ended == ["b", "a cut"]


@on_stage()
async def test_tail_chop_does_not_wait_for_one_that_has_failed(system: System) -> None:
    router = system.spawn(group(tail_chop(20), members(system)))
    start = system.clock.now()
    assert await router.ask(Do(step=sleeping([], a=-1, b=1, c=0))) == "b"
    assert system.clock.now() - start == pytest.approx(2)


@on_stage()
async def test_work_waits_at_the_router_until_a_routee_is_free(system: System) -> None:
    ended: list[str] = []
    router = system.spawn(group(work_pulling(), members(system, "ab")))
    order: list[str] = []

    async def asks(name: str, **seconds: float) -> None:
        order.append(name + await router.ask(Do(step=sleeping(ended, **seconds))))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(asks, "long", a=50, b=50))
        await settled()
        for number in "123":
            nursery.start_soon(partial(asks, number, a=5, b=5))
            await settled()
    first = order[0][-1]
    assert order == [f"1{first}", f"2{first}", f"3{first}", f"long{'ab'[first == 'a']}"]


@on_stage()
async def test_who_leaves_a_work_pulling_router_frees_the_routee(system: System) -> None:
    ended: list[str] = []
    router = system.spawn(group(work_pulling(), members(system, "a")))
    with trio.move_on_after(1):
        await router.ask(Do(step=sleeping(ended, a=50)))
    assert await router.ask(Who()) == "a"
    assert ended == ["a cut"]


@on_stage()
async def test_a_stopped_router_tells_its_askers_and_cancels_its_work(system: System) -> None:
    ended: list[str] = []
    router = system.spawn(group(first_of(), members(system, "a")))
    async with trio.open_nursery() as nursery:

        async def asks() -> None:
            with pytest.raises(ActorStopped):
                await router.ask(Do(step=sleeping(ended, a=50)))

        nursery.start_soon(asks)
        await settled()
        await system.stop(router)
    await settled()
    assert ended == ["a cut"]


@on_stage()
async def test_who_waits_for_work_that_nobody_can_do_any_more_is_told(system: System) -> None:
    some = members(system, "a")
    router = system.spawn(group(work_pulling(), some))
    told: list[type[Exception]] = []

    async def asks() -> None:
        try:
            await router.ask(Do(step=sleeping([], a=50)))
        except (ActorStopped, NoRoutee) as error:
            told.append(type(error))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(asks)
            await settled()
        await system.stop(some[0])
    assert told == [ActorStopped, NoRoutee, NoRoutee]


@on_stage()
async def test_a_routee_that_has_ended_swallows_no_work_that_waits(system: System) -> None:
    some = members(system, "ab")
    router = system.spawn(group(work_pulling(), some))
    done: list[str] = []
    stopped: list[str] = []

    async def asks(seconds: float) -> None:
        try:
            done.append(await router.ask(Do(step=sleeping([], a=seconds, b=seconds))))
        except ActorStopped as error:
            stopped.append(str(error))

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(asks, 50)
        await settled()
        await system.stop(some[0])
    assert len(stopped) == 1
    assert done == ["b"] * 7
