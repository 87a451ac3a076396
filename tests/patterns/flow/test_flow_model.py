"""Any flow against plain lists: the same items, in the same order for each key; and whatever happens to it, each item is accounted for."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.flow import Flow, Report, pulled, source
from runtime import System
from runtime.entropy import Entropy
from runtime.lab.simulation import simulate
from tests.runtime.cast import play, unlogged

Item = tuple[str, int]
"""Its key, and its place among those of the key."""


async def rest(item: Item) -> Item:
    await trio.sleep((item[1] * 13 % 7) / 10)
    return item


Operator = Callable[[Flow[Item]], Flow[Item]]


def mapped(flow: Flow[Item]) -> Flow[Item]:
    return flow.map(lambda item: item)


def mapped_at_once(at_once: int) -> Operator:
    return lambda flow: flow.map(rest, at_once=at_once)


def by_lanes(lanes: int) -> Operator:
    return lambda flow: flow.by_key(lambda item: item[0], lanes=lanes, through=mapped_at_once(2))


def throttled(rate: float) -> Operator:
    return lambda flow: flow.throttle(per_second=rate)


def kept(flow: Flow[Item]) -> Flow[Item]:
    return flow.drop_oldest(1_000)


def merged_with_nothing(flow: Flow[Item]) -> Flow[Item]:
    return flow.merge(source(list[Item]()))


OPERATORS: st.SearchStrategy[Operator] = st.one_of(
    st.sampled_from([mapped, kept, merged_with_nothing]),
    st.integers(1, 5).map(mapped_at_once),
    st.integers(1, 4).map(by_lanes),
    st.floats(0.5, 100).map(throttled),
)


def of_key(items: Sequence[Item], key: str) -> list[Item]:
    return [item for item in items if item[0] == key]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=25), min_size=1, max_size=3),
    st.lists(OPERATORS, max_size=5),
    st.integers(1, 9),
    st.integers(1, 7),
    st.one_of(st.none(), st.floats(0.05, 2)),
)
def test_a_flow_gives_what_lists_give(
    keys: list[list[str]],
    operators: list[Operator],
    window: int,
    count: int,
    within: float | None,
) -> None:
    sources = [
        [(f"{number}{key}", place) for place, key in enumerate(text)] for number, text in enumerate(keys)
    ]
    flows = [source(items) for items in sources]
    flow = flows[0].merge(*flows[1:])
    for operator in operators:
        flow = operator(flow)

    async def program(system: System) -> None:
        async with flow.batch(count, within=within).open(system, window=window) as items:
            batches = [batch async for batch in items]
        given_ = [item for items in sources for item in items]
        got = [item for batch in batches for item in batch]
        assert Counter(got) == Counter(given_)
        for key in {item[0] for item in given_}:
            assert of_key(got, key) == of_key(given_, key)
        assert all(1 <= len(batch) <= count for batch in batches)
        if within is None:
            assert all(len(batch) == count for batch in batches[:-1])

    play(program)


# --- the lab -------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What everybody outside the flow has seen."""

    drawn: list[int] = field(default_factory=list[int])
    sunk: list[int] = field(default_factory=list[int])
    got: list[int] = field(default_factory=list[int])
    under_way: int = 0
    report: Report | None = None
    failed: bool = False
    leaked: int = 0


class Boom(Exception):
    pass


def numbers_of(report: Report) -> list[int]:
    found: list[int] = []

    def look(item: Any) -> None:
        if isinstance(item, list):
            for one in item:  # pyright: ignore[reportUnknownVariableType]
                look(one)
        else:
            found.append(item)

    for one in report.undelivered:
        look(one.item)
    return found


def a_flow(chance: Entropy, seen: Seen, crash_at: int) -> Flow[list[int]]:
    """A diamond with every kind of stage, in which a function raises at one item of most seeds."""
    where = chance.below(4)
    cleanup = chance.fraction() / 2
    total = 60

    async def take(count: int) -> Sequence[int]:
        await trio.sleep(chance.fraction())
        fresh = list(range(len(seen.drawn), min(total, len(seen.drawn) + 1 + chance.below(count))))
        seen.drawn += fresh
        return fresh

    def check(place: int, number: int) -> int:
        if place == where and number == crash_at:
            raise Boom(number)
        return number

    async def work(number: int) -> int:
        seen.under_way += 1
        try:
            await trio.sleep(chance.fraction() * 2)
        finally:
            with trio.move_on_after(1, shield=True):
                await trio.sleep(cleanup)
            seen.under_way -= 1
        return check(0, number)

    async def sink(number: int) -> None:
        await trio.sleep(chance.fraction())
        seen.sunk.append(check(1, number))

    def lane(flow: Flow[int]) -> Flow[int]:
        return flow.map(work, at_once=1 + chance.below(4))

    return (
        pulled(take)
        .map(lambda number: check(2, number))
        .broadcast(
            lambda flow: flow.to(sink, at_once=2),
            lambda flow: flow.by_key(lambda number: str(number % 5), lanes=3, through=lane),
        )
        .throttle(per_second=20)
        .map(lambda number: check(3, number))
        .batch(4, within=0.5)
    )


@pytest.mark.lab
@pytest.mark.parametrize("first", range(0, 100, 10))
def test_whoever_crashes_or_leaves_nothing_leaks_or_comes_twice_and_the_rest_is_known(first: int) -> None:
    with unlogged():
        for seed in range(first, first + 10):
            chance, seen = Entropy(seed), Seen()
            leave_after = chance.fraction() * 20
            leave_at = chance.below(40)
            flow = a_flow(chance, seen, crash_at=chance.below(100))
            window = 1 + chance.below(9)

            async def program(
                system: System,
                flow: Flow[list[int]] = flow,
                seen: Seen = seen,
                window: int = window,
                leave_after: float = leave_after,
                leave_at: int = leave_at,
            ) -> None:
                opened = flow.open(system, window=window)
                try:
                    with trio.move_on_after(leave_after):
                        async with opened as items:
                            async for batch in items:
                                seen.got += batch
                                if len(seen.got) > leave_at:
                                    break
                except* Boom:
                    seen.failed = True
                seen.report = opened.report
                seen.leaked = len(system.router.cells) + len(system.timers)

            simulate(program, seed=seed)
            accounted(seen, seed)


def accounted(seen: Seen, seed: int) -> None:
    report = seen.report
    assert report is not None
    assert seen.leaked == 0, f"seed {seed}: actors or timers are left"
    assert seen.under_way == 0, f"seed {seed}: work that nobody waits for"
    assert len(set(seen.got)) == len(seen.got), f"seed {seed}: delivered twice"
    assert len(set(seen.sunk)) == len(seen.sunk), f"seed {seed}: sunk twice"
    for key in range(5):
        mine = [number for number in seen.got if number % 5 == key]
        assert mine == sorted(mine), f"seed {seed}: out of order"
    left = Counter(numbers_of(report))
    for number in seen.drawn:
        copies = (number in seen.got) + (number in seen.sunk) + left[number]
        # before the broadcast there is one of it, behind it there are two
        whole = 1 if left[number] == 1 and copies == 1 else 2
        assert copies == whole, f"seed {seed}: {number} was lost, or is there {copies} times"
    assert set(left) <= set(seen.drawn)
    assert report.drawn == len(seen.drawn)
    assert seen.failed == any(isinstance(failure, Boom) for failure in report.failures)
