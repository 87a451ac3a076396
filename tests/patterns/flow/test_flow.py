"""What a flow's operators make of its items, and what becomes of a flow that is left or fails."""

from collections.abc import AsyncIterator, Callable, Generator, Sequence
from itertools import count, pairwise
from typing import Any, Never, assert_type

import pytest
import trio

from actors import Actor, Deferred, Message, Spec, receive
from patterns.flow import Flow, FlowMisused, Report, StageEnded, Undelivered, pulled, source
from runtime import System, VirtualClock
from tests.runtime.cast import on_stage, play


async def collected(system: System, flow: Flow[object], *, window: int = 8) -> list[object]:
    async with flow.open(system, window=window) as items:
        return [item async for item in items]


async def slowly(number: int) -> str:
    await trio.sleep((number * 7) % 5 + 1)
    return str(number)


def types_of_items_follow_the_operators() -> None:
    """For the type checkers alone."""
    numbers = source([1, 2, 3])
    assert_type(numbers, Flow[int])
    assert_type(numbers.map(str), Flow[str])
    assert_type(numbers.map(slowly, at_once=2), Flow[str])
    assert_type(numbers.batch(2), Flow[list[int]])
    assert_type(numbers.to(print), Flow[Never])
    assert_type(numbers.merge(source(["a"])), Flow[int | str])
    assert_type(numbers.by_key(str, lanes=2, through=lambda lane: lane.map(str)), Flow[str])


# --- operators -----------------------------------------------------------------------------------------


@on_stage()
async def test_a_map_that_runs_several_at_once_keeps_the_order_of_its_items(system: System) -> None:
    flow = source(range(20)).map(slowly, at_once=4)
    assert await collected(system, flow) == [str(number) for number in range(20)]


@on_stage()
async def test_a_map_runs_no_more_at_once_than_it_says(system: System) -> None:
    under_way: set[int] = set()
    most: list[int] = []

    async def watched(number: int) -> int:
        under_way.add(number)
        most.append(len(under_way))
        await trio.sleep(1)
        under_way.remove(number)
        return number

    before = system.clock.now()
    await collected(system, source(range(12)).map(watched, at_once=3))
    assert max(most) == 3
    assert system.clock.now() - before == pytest.approx(4)


@on_stage()
async def test_a_batch_is_whole_or_its_first_item_has_waited_or_it_is_the_last(system: System) -> None:
    gaps = [0, 0, 0, 0, 5, 0]

    async def take(_: int) -> Sequence[int]:
        if not gaps:
            return []
        await trio.sleep(gaps.pop(0))
        return [6 - len(gaps)]

    assert await collected(system, pulled(take).batch(3, within=1.0)) == [[1, 2, 3], [4], [5, 6]]


@on_stage()
async def test_a_throttle_spaces_its_items_evenly_and_makes_up_for_nothing(system: System) -> None:
    start = system.clock.now()
    at: list[float] = []

    async def take(count: int) -> Sequence[int]:
        if len(at) == 0:
            await trio.sleep(10)
            return [1, 2]
        await trio.sleep(10)
        return [3, 4] if len(at) == 2 else []

    flow = pulled(take).throttle(per_second=2).map(lambda _: at.append(system.clock.now() - start))
    await collected(system, flow)
    assert at == pytest.approx([10, 10.5, 20.5, 21], abs=0.51)
    assert [later - sooner >= 0.499 for sooner, later in pairwise(at)] == [True] * 3


@on_stage()
async def test_a_merge_takes_from_each_in_turn_and_ends_with_the_last(system: System) -> None:
    endless = pulled(lambda _: _forever())
    async with endless.merge(source(range(5))).open(system) as items:
        assert [await anext(items) for _ in range(5)] == list(range(5))
    assert await collected(system, source("ab").merge(source("cd"), source("e"))) != []
    merged = await collected(system, source("ab").merge(source("cd"), source("e")))
    assert sorted(map(str, merged)) == list("abcde")


async def _forever() -> Sequence[int]:
    await trio.sleep_forever()
    raise AssertionError


@on_stage()
async def test_items_of_one_key_keep_their_order_whichever_lane_is_slow(system: System) -> None:
    words = [f"{key}{number}" for number in range(10) for key in "abc"]

    async def work(word: str) -> str:
        await trio.sleep(ord(word[0]) - ord("a"))
        return word

    flow = source(words).by_key(lambda word: word[0], lanes=3, through=lambda lane: lane.map(work, at_once=2))
    got = [str(word) for word in await collected(system, flow)]
    assert got != words
    for key in "abc":
        assert [word for word in got if word[0] == key] == [word for word in words if word[0] == key]


@on_stage()
async def test_a_broadcast_gives_every_item_to_every_branch_at_the_pace_of_the_slowest(
    system: System,
) -> None:
    fast: list[int] = []
    slow: list[int] = []
    ahead: list[int] = []

    async def slow_sink(number: int) -> None:
        await trio.sleep(1)
        slow.append(number)
        ahead.append(len(fast) - len(slow))

    flow = source(range(50)).broadcast(
        lambda lane: lane.to(fast.append), lambda lane: lane.to(slow_sink, at_once=1)
    )
    report = await flow.run(system, window=4)
    assert fast == slow == list(range(50))
    assert max(ahead) <= 2 * 4
    assert report == Report(drawn=50, delivered=100)


@on_stage()
async def test_a_branch_that_drops_its_oldest_slows_nobody_and_says_what_it_dropped(system: System) -> None:
    start = system.clock.now()
    fast: list[int] = []
    slow: list[int] = []

    async def tick(number: int) -> int:
        await trio.sleep(0.1)
        return number

    async def slow_sink(number: int) -> None:
        await trio.sleep(1)
        slow.append(number)

    def all_came(number: int) -> None:
        fast.append(number)
        if number == 99:
            assert system.clock.now() - start == pytest.approx(10)

    flow = (
        source(range(100))
        .map(tick, at_once=1)
        .broadcast(
            lambda lane: lane.to(all_came),
            lambda lane: lane.drop_oldest(3).to(slow_sink, at_once=1),
        )
    )
    report = await flow.run(system, window=4)
    assert fast == list(range(100))
    assert slow[-3:] == [97, 98, 99]
    assert report.dropped == 100 - len(slow) > 0


@on_stage()
async def test_a_key_need_not_be_text(system: System) -> None:
    def lanes(key: Callable[[int], object]) -> Flow[str]:
        number = count()

        def lane(flow: Flow[int]) -> Flow[str]:
            mine = next(number)
            return flow.map(lambda item: f"{mine}:{item}")

        return source(range(40)).by_key(key, lanes=3, through=lane)

    by_number = [str(one) for one in await collected(system, lanes(lambda item: item % 8))]
    by_text = [str(one) for one in await collected(system, lanes(lambda item: str(item % 8)))]
    assert sorted(by_number) == sorted(by_text)
    assert {one[0] for one in by_number} == set("012")


# --- bounds --------------------------------------------------------------------------------------------


@on_stage()
async def test_a_slow_sink_slows_the_source_and_no_mailbox_or_buffer_grows(system: System) -> None:
    window, drawn, ahead = 8, 0, 0
    mailboxes, buffers = 0, 0

    def numbers() -> Generator[int]:
        nonlocal drawn
        while drawn < 2_000:
            drawn += 1
            yield drawn

    def look() -> None:
        nonlocal mailboxes, buffers
        for cell in system.router.cells.values():
            mailboxes = max(mailboxes, len(cell.mailbox or ()))
            for inlet in getattr(cell.actor, "inlets", ()):
                buffers = max(buffers, len(inlet.buffer))

    async def sink(number: int) -> None:
        nonlocal ahead
        look()
        ahead = max(ahead, drawn - number)
        await trio.sleep(1)
        look()

    flow = source(numbers()).map(lambda number: number).map(lambda number: number)
    report = await flow.to(sink, at_once=1).run(system, window=window)
    assert report == Report(drawn=2_000, delivered=2_000)
    assert 0 < buffers <= window
    assert mailboxes <= 2
    assert ahead <= 3 * window + 1  # three inlets, and the one that the sink works at


@on_stage()
async def test_with_a_window_of_one_only_what_is_asked_for_is_drawn(system: System) -> None:
    drawn: list[int] = []

    def numbers() -> Generator[int]:
        for number in range(100):
            drawn.append(number)
            yield number

    async with source(numbers()).open(system, window=1) as items:
        assert await anext(items) == 0
        await trio.sleep(1)
        assert drawn == [0]


# --- its consumer's scope ------------------------------------------------------------------------------


@on_stage()
async def test_leaving_the_loop_closes_the_source_ends_the_stages_and_says_what_was_not_delivered(
    system: System,
) -> None:
    closed: list[bool] = []

    def numbers() -> Generator[int]:
        try:
            yield from range(1_000)
        finally:
            closed.append(True)

    async with source(numbers()).map(lambda number: -number).open(system, window=4) as items:
        async for item in items:
            if item == -5:
                break
    report = items.report
    assert closed == [True]
    assert not system.router.cells
    assert report.delivered == 6
    left = [abs(one.item) for one in report.undelivered]
    assert sorted(left) == list(range(6, report.drawn))


@on_stage()
async def test_a_consumer_that_is_cancelled_has_ended_what_was_under_way(system: System) -> None:
    ended: list[int] = []

    async def work(number: int) -> int:
        try:
            await trio.sleep(10)
        finally:
            with trio.move_on_after(2, shield=True):
                await trio.sleep(1)  # what it has to put in order takes its time
            ended.append(number)
        return number

    flow = source(range(100)).map(work, at_once=3).open(system, window=4)
    with trio.move_on_after(15) as scope:
        async with flow as items:
            async for _ in items:
                pass
    assert scope.cancelled_caught
    assert sorted(ended) == [0, 1, 2, 3, 4, 5]
    assert sorted(one.item for one in flow.report.undelivered) == list(range(3, flow.report.drawn))
    assert not system.router.cells


def test_a_flow_ends_with_a_system_that_is_cancelled_as_a_whole() -> None:
    clock = VirtualClock(autojump=True)

    system = System(clock=clock)

    async def main() -> None:
        with trio.move_on_after(3):
            async with system:
                await source(range(100)).map(slowly, at_once=2).run(system)

    trio.run(main, clock=clock)
    assert not system.router.cells


@on_stage()
async def test_a_request_that_was_cancelled_loses_nothing(system: System) -> None:
    async with source(range(10)).map(slowly, at_once=1).open(system) as items:
        got: list[str] = []
        while len(got) < 10:
            with trio.move_on_after(0.5):
                got.append(await anext(items))
    assert got == [str(number) for number in range(10)]


class Boom(Exception):
    pass


def explodes(number: int) -> int:
    if number == 3:
        raise Boom(number)
    return number


@on_stage()
async def test_a_function_that_raises_fails_the_flow_with_its_error_and_its_stage(system: System) -> None:
    got: list[int] = []
    flow = source(range(10)).map(explodes).open(system, window=2)
    with pytest.RaisesGroup(pytest.RaisesExc(Boom, match="3")) as caught:
        async with flow as items:
            async for item in items:
                got.append(item)  # noqa: PERF401 -- what came before is kept
    assert got == list(range(len(got)))
    assert "2-map" in caught.value.exceptions[0].__notes__[0]
    assert flow.report.delivered == len(got)
    assert Undelivered("2-map", 3) in flow.report.undelivered
    assert not system.router.cells


@on_stage()
async def test_a_failure_that_the_loop_has_not_met_is_raised_by_the_block(system: System) -> None:
    with pytest.RaisesGroup(Boom):
        async with source(range(10)).map(explodes).open(system, window=8) as items:
            await anext(items)
            await trio.sleep(1)


@on_stage()
async def test_an_async_function_and_a_source_that_raise_fail_the_flow_too(system: System) -> None:
    async def later(number: int) -> int:
        await trio.sleep(1)
        return explodes(number)

    with pytest.RaisesGroup(Boom):
        await source(range(10)).to(later, at_once=2).run(system)
    with pytest.RaisesGroup(Boom):
        await source(explodes(number) for number in range(10)).run(system)
    with pytest.RaisesGroup(Boom):
        await source(range(10)).by_key(lambda n: str(explodes(n)), lanes=2, through=lambda f: f).run(system)


@pytest.mark.parametrize("kind", ["source", "map", "exit"])
def test_a_stage_that_ends_before_its_flow_fails_it(kind: str) -> None:
    async def test(system: System) -> None:
        opened = source(range(100)).map(slowly, at_once=1).open(system, window=4)
        with pytest.RaisesGroup(Exception):
            async with opened as items:
                await anext(items)
                stage = next(address for address in system.router.cells if address.endswith(kind))
                await system.stop(system.ref(stage))
                async for _ in items:
                    pass
        assert [StageEnded] == [type(failure) for failure in opened.report.failures]
        assert not system.router.cells

    play(test)


# --- between actors ------------------------------------------------------------------------------------


class Take(Message[list[int]]):
    count: int


class Put(Message[None]):
    number: int


class Tank(Actor[Take | Put]):
    """It has nothing at first, and keeps who asks waiting."""

    def __init__(self) -> None:
        self.waits = 0

    @receive(Take)
    def on_take(self, message: Take) -> Deferred[list[int]]:
        self.waits += 1
        return self.ctx.defer(str(self.waits))

    @receive(Put)
    def on_put(self, message: Put) -> None:
        self.ctx.resolve(next(iter(self.ctx.deferred), ""), [message.number])


class Total(Message[int]):
    pass


class Totaling(Actor[Total]):
    @receive(Total)
    async def on_total(self, message: Total) -> int:
        total = 0
        async with source(range(10)).map(slowly, at_once=3).open(self.ctx, window=4) as items:
            async for item in items:
                total += int(item)
        return total


@on_stage()
async def test_a_producer_that_has_nothing_keeps_the_demand_and_hears_when_the_flow_is_left(
    system: System,
) -> None:
    tank = system.spawn(Spec(Tank, name="tank"))
    cell = system.router.cells[tank.address]
    async with pulled(lambda count: tank.ask(Take(count=count))).open(system) as items:
        await trio.sleep(100)
        assert len(cell.deferred or ()) == 1
        await tank.ask(Put(number=1))
        assert await anext(items) == 1
        await trio.sleep(1)
        assert len(cell.deferred or ()) == 1
    assert not cell.deferred


@on_stage()
async def test_a_flow_opened_in_a_turn_lives_below_its_actor_and_ends_with_the_turn(system: System) -> None:
    actor = system.spawn(Spec(Totaling, name="totaling"))
    assert await actor.ask(Total()) == 45
    await trio.sleep(1)
    assert set(system.router.cells) == {actor.address}
    with trio.move_on_after(1.5):
        await actor.ask(Total())
    await trio.sleep(1)
    assert set(system.router.cells) == {actor.address}
    assert await actor.ask(Total()) == 45


@on_stage()
async def test_a_flow_from_actor_to_actor_is_two_asks_and_back_pressure(system: System) -> None:
    tank = system.spawn(Spec(Tank))
    other = system.spawn(Spec(Totaling))

    async def put() -> None:
        for number in (1, 2):
            await trio.sleep(1)
            await tank.ask(Put(number=number))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(put)
        flow = pulled(lambda count: tank.ask(Take(count=count))).map(lambda _: other.ask(Total()), at_once=1)
        async with flow.open(system) as items:
            assert [await anext(items), await anext(items)] == [45, 45]


# --- misuse --------------------------------------------------------------------------------------------


def test_what_is_no_iterable_and_no_function_is_refused_when_the_flow_is_written() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1

    async def key(_: int) -> str:
        return ""

    wrong: Any
    for wrong, text in [(numbers(), r"write pulled\("), (5, "source: an iterable is needed, not 5")]:
        with pytest.raises(FlowMisused, match=text):
            source(wrong)
    wrong = 5
    for misused in (source([1]).map, source([1]).to, pulled):
        with pytest.raises(FlowMisused, match="a function is needed, not 5"):
            misused(wrong)
    for wrong in (5, key):
        with pytest.raises(FlowMisused, match="by_key: "):
            source([1]).by_key(wrong, lanes=2, through=lambda lane: lane)


def test_an_async_function_without_at_once_is_refused_at_once() -> None:
    with pytest.raises(FlowMisused, match="at_once"):
        source([1]).map(slowly)


@on_stage()
async def test_an_outlet_that_is_read_twice_or_never_is_refused_when_the_flow_is_opened(
    system: System,
) -> None:
    numbers = source([1])
    with pytest.raises(FlowMisused, match="broadcast"):
        numbers.merge(numbers.map(str)).open(system)
    with pytest.raises(FlowMisused, match="leads nowhere"):
        numbers.broadcast(lambda lane: lane, lambda _: source([2])).open(system)
    with pytest.raises(FlowMisused, match="window"):
        numbers.open(system, window=0)


@on_stage()
async def test_a_coroutine_out_of_a_plain_function_fails_the_flow_with_what_to_do(system: System) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(TypeError, match="at_once")):
        await source([1]).map(lambda number: slowly(number)).run(system)  # noqa: PLW0108 -- the trap itself


@on_stage()
async def test_one_flow_may_be_opened_twice_and_an_empty_one_ends(system: System) -> None:
    flow = source([1, 2]).map(str)
    assert await collected(system, flow) == await collected(system, flow) == ["1", "2"]
    empty: list[int] = []
    assert await collected(system, source(empty).batch(3)) == []
