"""Pools: routees that live and end with their router, and as many as there is work for."""

from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.actor import Spec
from actors.address import Address
from actors.errors import ActorCrashed, BadSpec, DeadLettered
from actors.ref import Ref
from actors.supervision import Restart
from patterns.routers import Size, pool, round_robin, smallest_mailbox
from patterns.routers.ring import Ring
from runtime.pattern import Pattern
from runtime.system import System
from tests.patterns.routers.company import Do, Member, Who
from tests.runtime.cast import Bang, on_stage, settled


def children(system: System, router: Ref[Any]) -> list[str]:
    return sorted(a.name for a in system.router.cells if a.startswith(f"{router.address}/"))


@on_stage()
async def test_a_pools_routees_are_its_children_and_end_with_it(system: System) -> None:
    router = system.spawn(pool(round_robin(), Spec(Member, ("m",)), 3))
    assert await router.ask(Who()) == "m"
    assert len(children(system, router)) == 3
    await system.stop(router)
    assert children(system, router) == []


@on_stage()
async def test_a_pools_routee_that_crashes_comes_back_alone(system: System) -> None:
    router = system.spawn(pool(round_robin(), Spec(Member, ("m",)), 2))

    async def crashes(_: str) -> None:
        raise Bang

    with pytest.raises(ActorCrashed):
        await router.ask(Do(step=crashes))
    await settled()
    assert [await router.ask(Who()) for _ in range(4)] == ["m"] * 4
    cells = system.router.cells.values()
    restarts = {cell.address.name: cell.restarts for cell in cells if cell.address != router.address}
    assert sorted(restarts.values()) == [0, 1]
    assert system.router.cells[router.address].restarts == 0


@on_stage()
async def test_a_pools_routee_that_ends_for_good_is_left_out(system: System) -> None:
    router = system.spawn(pool(round_robin(), Spec(Member, ("m",), restart=Restart.TEMPORARY), 2))

    async def crashes(_: str) -> None:
        raise Bang

    with pytest.raises(ActorCrashed):
        await router.ask(Do(step=crashes))
    await settled()
    assert [await router.ask(Who()) for _ in range(3)] == ["m"] * 3


@on_stage()
async def test_a_pool_grows_and_shrinks_by_one_each_ten_seconds(system: System) -> None:
    router = system.spawn(pool(smallest_mailbox(), Spec(Member, ("m",)), Size(1, 3)))
    done: list[str] = []

    async def sleeps(name: str) -> None:
        await trio.sleep(35)
        done.append(name)

    for _ in range(6):
        await router.tell(Do(step=sleeps))
    seen: list[int] = []
    await trio.sleep(5)
    seen.append(len(children(system, router)))
    await trio.sleep(10)
    seen.append(len(children(system, router)))
    for _ in range(6):
        await router.tell(Do(step=sleeps))
    await trio.sleep(10)
    seen.append(len(children(system, router)))
    await trio.sleep(5_000)
    seen.append(len(children(system, router)))
    assert seen == [1, 2, 3, 1]
    assert done == ["m"] * 12


def test_a_size_that_cannot_be_is_refused() -> None:
    for least, most in ((0, 1), (2, 1)):
        with pytest.raises(BadSpec, match="1 <= least <= most"):
            Size(least, most)
    with pytest.raises(BadSpec, match="a name of its own"):
        pool(round_robin(), Spec(Member, ("m",), name="only"), 2)


@given(st.lists(st.integers(0, 3), max_size=9), st.integers(1, 4), st.integers(0, 5))
def test_a_step_leads_into_the_bounds_and_never_out(backlogs: list[int], least: int, more: int) -> None:
    size = Size(least, least + more)
    after = len(backlogs) + size.step(backlogs)
    if len(backlogs) < least:
        assert after == len(backlogs) + 1
    elif len(backlogs) <= size.most:
        assert least <= after <= size.most
        if after < len(backlogs):
            assert 0 in backlogs
            assert max(backlogs) <= 1
        if after > len(backlogs):
            assert 0 not in backlogs


@given(st.integers(2, 12), st.integers(0, 10**6))
def test_a_routee_that_comes_takes_about_its_share_of_keys_and_moves_no_other(count: int, seed: int) -> None:
    members = [f"/{seed}/{number}" for number in range(count)]
    before, after = Ring(members), Ring([*members, "/new"])
    moved = 0
    for key in map(str, range(1_000)):
        if before.owner(key) != after.owner(key):
            assert after.owner(key) == "/new"
            moved += 1
    assert 0.4 / (count + 1) <= moved / 1_000 <= 2.0 / (count + 1)


def workers(address: Address) -> Spec[Who | Do] | None:
    return pool(smallest_mailbox(), Spec(Member, ("m",)), 4) if address == "/work" else None


@on_stage(patterns=[Pattern("work", {"work": workers})])
async def test_a_pool_at_the_address_of_a_prefix_is_its_stateless_workers(system: System) -> None:
    work: Ref[Who | Do] = system.ref(Address.of("work"))
    at_once = [0]

    async def step(_: str) -> None:
        at_once.append(at_once[-1] + 1)
        await trio.sleep(1)
        at_once.append(at_once[-1] - 1)

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(work.ask, Do(step=step))
    assert max(at_once) == 4
    assert len(children(system, work)) == 4
    with pytest.raises(DeadLettered):
        await system.ref(Address.of("work", "somebody")).ask(Who())
    await trio.sleep(5_000)
    assert len(children(system, work)) == 4, "it has children: it is not passivated"
