"""Where a flow stands still: `why` and `stuck` tell which stage waits for whose items, whose demand, or its own work."""

from collections.abc import Sequence

import trio

from actors import Address
from patterns.flow import Flow, pulled, source
from runtime import System
from runtime.observe import stuck, why
from tests.runtime.cast import on_stage, settled


async def never(_: str) -> None:
    await trio.sleep(1_000)


async def nothing(_: int) -> Sequence[int]:
    await trio.sleep(1_000)
    return []


class Look:
    """What `why` says of a stage of the one flow, addresses without the flow's."""

    def __init__(self, system: System) -> None:
        self._system = system
        (self._flow,) = [one for one in system.router.cells if one.name.startswith("flowactor")]

    def why(self, stage: str) -> list[str]:
        address = f"{self._flow}/{stage}"
        lines = why.as_text(why.why(self._system, Address(address)), address).splitlines()
        return [line.replace(f"{self._flow}/", "").strip() for line in lines if "waits" in line]

    def stuck(self) -> list[str]:
        text = stuck.as_text(stuck.stuck(self._system)).replace(f"{self._flow}/", "")
        return text.replace("  idle mailbox=0", "").splitlines()


@on_stage()
async def test_behind_a_slow_sink_the_stages_wait_for_demand_up_to_the_source(system: System) -> None:
    flow = source(range(1_000)).map(str).to(never, at_once=2)
    async with flow.open(system, window=8), trio.open_nursery() as nursery:
        await settled()
        look = Look(system)
        assert look.why("1-source") == [
            "waits for demand beyond 16 items of 2-map",
            "waits for demand beyond 8 items of 3-sink",
            "waits for its function, 2 under way",
        ]
        assert look.stuck()[0] == (
            "1-source -> (demand beyond 16 items) 2-map -> (demand beyond 8 items) 3-sink -> (its function, 2 under way)"
        )
        nursery.cancel_scope.cancel()


@on_stage()
async def test_without_items_the_stages_wait_for_what_they_have_asked_for_down_from_the_consumer(
    system: System,
) -> None:
    flow = pulled(nothing).map(str).batch(4)
    async with flow.open(system, window=8) as items, trio.open_nursery() as nursery:
        nursery.start_soon(anext, items)
        await settled()
        look = Look(system)
        assert look.why("4-exit") == [
            "waits for 8 items of 3-batch",
            "waits for 8 items of 2-map",
            "waits for 8 items of 1-pulled",
            "waits for its function, 1 under way",
        ]
        nursery.cancel_scope.cancel()


@on_stage()
async def test_a_merge_names_those_whose_items_do_not_come(system: System) -> None:
    flow = source([1]).merge(pulled(nothing), pulled(nothing))
    async with flow.open(system, window=8) as items, trio.open_nursery() as nursery:
        assert await anext(items) == 1
        nursery.start_soon(anext, items)
        await settled()
        assert Look(system).why("4-merge")[:2] == [
            "waits for 8 items of 2-pulled",
            "waits for 8 items of 3-pulled",
        ]
        nursery.cancel_scope.cancel()


@on_stage()
async def test_a_throttle_waits_for_its_time_and_the_exit_for_its_consumer(system: System) -> None:
    flow: Flow[int] = source(range(1_000)).throttle(per_second=0.1)
    async with flow.open(system, window=2) as items:
        assert await anext(items) == 0
        await settled()
        look = Look(system)
        assert look.why("2-throttle") == ["waits for the end of its 10 s"]
        await trio.sleep(1_000)
        assert look.why("2-throttle") == [
            "waits for demand beyond 2 items of 3-exit",
            "waits for its consumer, who has not said that it has seen 2 items",
        ]


@on_stage()
async def test_a_flow_that_is_over_waits_for_nothing_but_its_consumer(system: System) -> None:
    async with source([1]).map(str).open(system) as items:
        assert await anext(items) == "1"
        await settled()
        look = Look(system)
        assert (look.why("1-source"), look.why("2-map")) == ([], [])


@on_stage()
async def test_who_has_passed_on_all_that_it_was_asked_for_and_holds_nothing_waits_for_items(
    system: System,
) -> None:
    there = [list(range(8))]

    async def take(room: int) -> Sequence[int]:
        return there.pop() if there else await nothing(room)

    async with pulled(take).map(str).open(system, window=8):
        await settled()
        assert Look(system).why("2-map")[0] == "waits for 8 items of 1-pulled"
