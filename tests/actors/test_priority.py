"""A lane by priority, beside a list that is searched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.mailbox import Mailbox, Overflow
from actors.priority import OVERTAKEN_MAX, PriorityLane

Item = tuple[int, int]
"""Rank, and which one it is."""


def rank(item: Item) -> float:
    return item[0]


def lane_of(*items: Item) -> PriorityLane[Item]:
    lane = PriorityLane(rank)
    for item in items:
        lane.append(item)
    return lane


def test_the_smallest_rank_goes_first_and_of_equal_ones_the_oldest() -> None:
    lane = lane_of((2, 0), (1, 1), (2, 2), (1, 3))
    assert list(lane) == [(1, 1), (1, 3), (2, 0), (2, 2)]
    assert [lane.popleft() for _ in range(4)] == [(1, 1), (1, 3), (2, 0), (2, 2)]
    with pytest.raises(IndexError):
        lane.popleft()


def test_what_is_put_back_goes_before_all_ranks() -> None:
    lane = lane_of((1, 0))
    lane.appendleft((9, 1))
    lane.appendleft((8, 2))
    assert [lane.popleft() for _ in range(3)] == [(8, 2), (9, 1), (1, 0)]


def test_the_oldest_goes_first_after_64_overtakings() -> None:
    lane = lane_of((9, 0), (9, 1))
    taken: list[Item] = []
    for number in range(3 * OVERTAKEN_MAX):
        lane.append((1, number))
        taken.append(lane.popleft())
    assert [index for index, item in enumerate(taken) if item[0] == 9] == [
        OVERTAKEN_MAX,
        2 * OVERTAKEN_MAX + 1,
    ]


def test_a_full_mailbox_drops_the_oldest_and_not_the_first() -> None:
    mailbox = Mailbox[Item](2, lane_of((5, 0), (1, 1)))
    assert mailbox.offer((3, 2), Overflow.DROP_OLDEST) == (True, (5, 0))
    assert mailbox.drain() == [(1, 1), (3, 2)]
    assert len(mailbox) == 0


def test_the_heap_stays_small_though_the_oldest_goes_by_another_way() -> None:
    lane = lane_of((0, 0))
    for number in range(10_000):
        lane.append((9, number))
        lane.pop_oldest()
    assert len(lane) == 1
    assert len(lane._heap) < 100  # pyright: ignore[reportPrivateUsage] -- what nobody else can see


@given(
    st.lists(
        st.one_of(st.integers(0, 3), st.sampled_from(["take", "oldest", "remove", "back"])), max_size=200
    )
)
def test_it_does_what_a_list_that_is_searched_would_do(steps: list[int | str]) -> None:
    lane, plain, overtaken = PriorityLane(rank), list[Item](), 0
    for number, step in enumerate(steps):
        if isinstance(step, int):
            lane.append((step, number))
            plain.append((step, number))
        elif not plain:
            continue
        elif step == "take":
            first = plain[0] if overtaken == OVERTAKEN_MAX else min(plain, key=rank)
            overtaken = 0 if first == plain[0] else overtaken + 1
            plain.remove(first)
            assert lane.popleft() == first
        elif step == "back":
            lane.appendleft((0, number))
            assert lane.popleft() == (0, number)
        elif step == "oldest":
            overtaken = 0
            assert lane.pop_oldest() == plain.pop(0)
        else:
            lane.remove(plain.pop())
            overtaken = overtaken if plain else 0
        assert len(lane) == len(plain)
        assert list(lane) == sorted(plain, key=rank)
