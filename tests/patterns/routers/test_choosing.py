"""Routers that pass each message on to one routee: which one, and with its asker."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorCrashed, BadSpec, NoRoutee, NotRouted
from actors.event import Key
from patterns.routers import consistent_hash, group, pool, random, round_robin, smallest_mailbox
from runtime.system import System
from tests.patterns.routers.company import Do, Member, Who, members
from tests.runtime.cast import Bang, Player, Run, on_stage, play, settled


@on_stage()
async def test_round_robin_goes_round(system: System) -> None:
    router = system.spawn(group(round_robin(), members(system)))
    assert [await router.ask(Who()) for _ in range(7)] == list("abcabca")


@on_stage()
async def test_random_uses_all_and_in_no_fixed_order(system: System) -> None:
    router = system.spawn(group(random(), members(system)))
    chosen = [await router.ask(Who()) for _ in range(60)]
    assert set(chosen) == set("abc")
    assert chosen != chosen[:3] * 20


@on_stage()
async def test_smallest_mailbox_leaves_out_who_is_at_work(system: System) -> None:
    router = system.spawn(group(smallest_mailbox(), members(system, "ab")))

    async def sleeps(_: str) -> None:
        await trio.sleep(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(router.ask, Do(step=sleeps))
        await settled()
        assert [await router.ask(Who()) for _ in range(3)] == list("bbb")
    assert await router.ask(Who()) == "a"


@on_stage()
async def test_one_key_always_goes_to_one_routee(system: System) -> None:
    by_field = system.spawn(group(consistent_hash(by="key"), members(system)))
    by_function = system.spawn(
        group(
            consistent_hash(by=lambda who: who.key),
            [system.ref(a) for a in system.router.cells if a.name in "abc"],
        )
    )
    keys = [str(number) for number in range(40)]
    first = [await by_field.ask(Who(key=key)) for key in keys]
    assert [await by_field.ask(Who(key=key)) for key in keys] == first
    assert [await by_function.ask(Who(key=key)) for key in keys] == first
    assert set(first) == set("abc")


def no_key(who: Who) -> str:
    raise Bang(who.key)


@pytest.mark.parametrize(("by", "cause"), [("nope", AttributeError), (no_key, Bang)])
def test_a_message_without_a_key_is_refused_and_the_router_goes_on(
    by: str | Callable[[Who], str], cause: type[Exception]
) -> None:
    async def program(system: System) -> None:
        router = system.spawn(group(consistent_hash(by), members(system)))
        for _ in range(5):
            await router.tell(Who())
        with pytest.raises(NotRouted, match="Who has no key") as caught:
            await router.ask(Who())
        assert type(caught.value.__cause__) is cause
        await settled()
        assert system.letters.counts == {"unhandled": 5}
        assert system.router.cells[router.address].restarts == 0

    play(program)


def test_what_is_no_policy_no_key_and_no_ref_is_refused_when_the_router_is_written() -> None:
    wrong: Any
    for wrong, text in [(round_robin, r"write round_robin\(\)"), ("random", "'random'")]:
        with pytest.raises(BadSpec, match=text):
            group(wrong, [])
        with pytest.raises(BadSpec, match=text):
            pool(wrong, Spec(Member, ("m",)), 1)
    for wrong in (Member, Spec(Member, ("m",))):
        with pytest.raises(BadSpec, match="spawn"):
            group(round_robin(), [wrong])
    wrong = Member
    with pytest.raises(BadSpec, match=r"Spec\(Member\)"):
        pool(round_robin(), wrong, 2)
    wrong = 5
    with pytest.raises(BadSpec, match="a field's name or a function"):
        consistent_hash(wrong)


@on_stage()
async def test_who_leaves_a_router_cancels_the_routees_handler(system: System) -> None:
    router = system.spawn(group(round_robin(), members(system, "a")))
    ended: list[str] = []

    async def sleeps(name: str) -> None:
        try:
            await trio.sleep(100)
            ended.append(name)
        except trio.Cancelled:
            ended.append(f"{name} cut")
            raise

    with trio.move_on_after(5):
        await router.ask(Do(step=sleeps))
    assert ended == ["a cut"]


@on_stage()
async def test_a_routee_that_crashes_is_its_askers_matter_and_not_the_routers(system: System) -> None:
    router = system.spawn(group(round_robin(), members(system, "a")))

    async def crashes(_: str) -> None:
        raise Bang

    with pytest.raises(ActorCrashed, match="/a: Bang"):
        await router.ask(Do(step=crashes))
    assert await router.ask(Who()) == "a"
    assert system.router.cells[router.address].restarts == 0


@on_stage()
async def test_a_routee_that_has_ended_is_left_out(system: System) -> None:
    some = members(system, "ab")
    router = system.spawn(group(round_robin(), some))
    await router.ask(Who())
    await system.stop(some[0])
    await settled()
    assert [await router.ask(Who()) for _ in range(2)] == list("bb")


@on_stage()
async def test_a_router_with_nobody_left_says_so(system: System) -> None:
    some = members(system, "a")
    router = system.spawn(group(round_robin(), some))
    await system.stop(some[0])
    await settled()
    with pytest.raises(NoRoutee):
        await router.ask(Who())
    await router.tell(Who())
    await settled()
    assert [(str(letter.to), letter.reason) for letter in system.router.letters.newest] == [
        (str(router.address), "no_such_address")
    ]
    assert system.router.cells[router.address].restarts == 0


@on_stage()
async def test_a_group_follows_its_key(system: System) -> None:
    key = Key[Run]("players")
    router = system.spawn(group(round_robin(), key))
    with pytest.raises(NoRoutee):
        await router.ask(Run(step=lambda self: self.ctx.address))
    one, two = system.spawn(Spec(Player)), system.spawn(Spec(Player))
    for player in (one, two):
        await player.ask(Run(step=lambda self: self.ctx.register(key)))
    await settled()
    found = [await router.ask(Run(step=lambda self: self.ctx.address)) for _ in range(3)]
    assert found == [one.address, two.address, one.address]
    await one.ask(Run(step=lambda self: self.ctx.deregister(key)))
    await settled()
    assert await router.ask(Run(step=lambda self: self.ctx.address)) == two.address


@on_stage()
async def test_a_told_message_reaches_one_routee(system: System) -> None:
    heard: list[str] = []
    router = system.spawn(group(round_robin(), members(system, "ab", heard)))
    for key in "123":
        await router.tell(Who(key=key))
    await settled()
    assert sorted(heard) == ["a1", "a3", "b2"]
