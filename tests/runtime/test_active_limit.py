"""A bound on how many addressed actors live at once: above it those go that nobody has used for longest."""

from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Spec, StopReason
from actors.address import Address
from actors.errors import BadSpec, StartFailed
from runtime.cell import Cell
from runtime.lab.simulation import simulate
from runtime.passivation import HELD_LOOKS, Passivation
from runtime.system import System
from tests.runtime.cast import (
    Keeper,
    Note,
    Player,
    Run,
    answering,
    itself,
    keeper,
    keeping,
    on_stage,
    settled,
)


async def write_to(system: System, numbers: range) -> None:
    for number in numbers:
        await keeper(system, str(number)).ask(Note(text="x"))
    await settled()


def alive(system: System) -> list[str]:
    return [address.name for address in system.router.cells]


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=1_000))], active_limit=50)
async def test_no_more_live_at_once_than_the_limit_and_all_come_back(system: System) -> None:
    for begins in range(0, 200, 10):
        await write_to(system, range(begins, begins + 10))
        assert len(alive(system)) <= 50
    await write_to(system, range(200, 210))
    assert len(alive(system)) == 50
    for number in range(210):
        assert await keeper(system, str(number)).ask(Note(text="x")) == 2


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=1_000))], active_limit=20)
async def test_who_is_in_use_stays_while_strangers_come_and_go(system: System) -> None:
    used = [await keeper(system, f"used-{number}").ask(Run(step=itself)) for number in range(5)]
    for stranger in range(500):
        await write_to(system, range(stranger, stranger + 1))
        number = stranger % 5
        assert await keeper(system, f"used-{number}").ask(Run(step=itself)) is used[number]
    assert len(alive(system)) == 20


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=1_000))], active_limit=20)
async def test_the_one_that_nobody_has_used_for_longest_goes_first(system: System) -> None:
    await write_to(system, range(21))
    assert "0" not in alive(system)
    await write_to(system, range(1, 6))
    await write_to(system, range(30, 33))
    assert sorted(set(map(str, range(1, 21))) - set(alive(system))) == ["6", "7", "8"]


@on_stage(patterns=[answering(lambda _: Spec(Player, idle_after=1_000))], active_limit=3_000)
async def test_one_goes_though_all_are_in_use(system: System) -> None:
    for _ in range(2):
        await write_to(system, range(3_000))
    await write_to(system, range(3_000, 3_001))
    assert len(alive(system)) == 3_000


def hold(actor: Keeper) -> Any:
    return actor.ctx.defer("k", deadline=100, on_deadline="late")


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=1_000))], active_limit=3)
async def test_who_holds_something_stays_whatever_the_limit_and_goes_when_it_may(system: System) -> None:
    came: list[str] = []

    async def wait(number: int) -> None:
        came.append(await keeper(system, f"waits-{number}").ask(Run(step=hold)))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(wait, number)
        await trio.sleep(1)
        await write_to(system, range(5))
        assert sorted(alive(system))[-10:] == [f"waits-{number}" for number in range(10)]
        assert len(alive(system)) <= 11
    assert came == ["late"] * 10
    await write_to(system, range(5, 6))
    assert len(alive(system)) == 3


class SlowToGo(Keeper):
    @override
    async def stopping(self, reason: StopReason) -> None:
        await trio.sleep(2)


@on_stage(patterns=[keeping(Spec(SlowToGo, idle_after=1_000))], active_limit=10)
async def test_who_takes_his_time_to_go_makes_room_for_one_not_for_many(system: System) -> None:
    await write_to(system, range(11))
    await trio.sleep(1)
    await write_to(system, range(11, 12))
    await trio.sleep(5)
    assert len(alive(system)) == 10


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=None))], active_limit=3)
async def test_who_never_goes_does_not_go_above_the_limit_either(system: System) -> None:
    await write_to(system, range(10))
    assert len(alive(system)) == 10


def spec_of(address: Address) -> Spec[Any]:
    return Spec(Player, (1, 2, 3) if address.name.startswith("bad") else (), idle_after=1_000)


@on_stage(patterns=[answering(spec_of)], active_limit=3)
async def test_activations_that_fail_neither_take_a_place_nor_give_one(system: System) -> None:
    for number in range(10):
        with pytest.raises(StartFailed):
            await keeper(system, f"bad-{number}").ask(Note(text="x"))
    await write_to(system, range(3))
    assert len(alive(system)) == 3
    await write_to(system, range(3, 4))
    assert len(alive(system)) == 3


@on_stage()
async def test_an_activation_looks_at_few_of_those_that_may_not_go(system: System) -> None:
    looked_at: list[Cell] = []
    passivation = Passivation(system.timers, system.clock.now, looked_at.append, active_limit=10)
    for number in range(1_000):
        before = len(looked_at)
        passivation.watch(Cell(Address.of("held", str(number)), Spec(Player), system.root))
        await settled()
        assert len(looked_at) - before <= HELD_LOOKS
    assert len(looked_at) > 10_000


@pytest.mark.parametrize("limit", [0, -1, "5", 1.5, True, None])
def test_a_limit_that_is_no_whole_number_of_at_least_one_is_refused_by_name(limit: Any) -> None:
    async def program(_: System) -> None:
        pass

    said = f"active_limit is a whole number of at least 1, not {limit!r}"
    with pytest.raises(BadSpec, match=said):
        System(active_limit=limit)
    with pytest.raises(BadSpec, match=said):
        simulate(program, seed=0, active_limit=limit)
