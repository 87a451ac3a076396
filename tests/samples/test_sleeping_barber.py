"""The sample's shop, in virtual time."""

import trio

from runtime import System
from samples.sleeping_barber.shop import CUT, Day, busy_day, open_shop, visit
from tests.runtime.cast import on_stage


@on_stage()
async def test_a_barber_who_sleeps_is_woken_and_one_customer_is_served_at_a_time(system: System) -> None:
    day, shop = Day(), open_shop(system, chairs=2)
    await trio.sleep(1)
    before = system.clock.now()
    async with trio.open_nursery() as nursery:
        for name in ("ada", "bob"):
            nursery.start_soon(visit, shop, name, day)
    assert sorted(day.cut) == ["ada", "bob"]
    assert round((system.clock.now() - before) / CUT) == 2


@on_stage()
async def test_who_finds_no_chair_is_turned_away_and_a_chair_is_free_as_soon_as_its_customer_leaves(
    system: System,
) -> None:
    day, shop = Day(), open_shop(system, chairs=1)
    await trio.sleep(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(visit, shop, "in the chair", day)
        await trio.sleep(CUT / 10)
        with trio.move_on_after(CUT / 10):
            await visit(shop, "in a hurry", day)
        nursery.start_soon(visit, shop, "waits", day)
        await trio.sleep(CUT / 10)
        await visit(shop, "too late", day)
    assert day.cut == ["in the chair", "waits"]
    assert day.turned_away == ["too late"]


@on_stage()
async def test_every_customer_of_a_busy_day_is_cut_turned_away_or_gone(system: System) -> None:
    day = await busy_day(system)
    assert len(day.cut) + len(day.turned_away) + len(day.gave_up) == 10
    assert day.gave_up == ["customer 1"]
    assert day.turned_away != []
