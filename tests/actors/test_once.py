"""The newest ids are kept, whatever size the ring has had before."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.once import Ring
from actors.records import dumped
from actors.testing.table import Table

NAMES = st.lists(st.sampled_from("abcdefghijklmnop"), max_size=12)
LIVES = st.lists(st.tuples(st.integers(1, 6), NAMES), min_size=1, max_size=8)


def begun(table: Table, most: int) -> Ring:
    """A ring of `most` ids, read back."""
    ring = Ring(most)
    trio.run(ring.load, table)
    return ring


def once(ring: Ring, table: Table, name: str) -> bool:
    """Whether it is new; it is kept."""
    if name in ring:
        return False
    table.commit([ring.write(name)])
    ring.add(name)
    return True


@pytest.mark.parametrize(("before", "after"), [(5, 3), (3, 5), (3, 4), (4, 1), (1, 4)])
def test_a_ring_of_another_size_forgets_none_of_the_newest(before: int, after: int) -> None:
    table = Table()
    ring = begun(table, before)
    for name in "abcdefg":
        assert once(ring, table, name)
    ring = begun(table, after)
    for name in "hi":
        assert once(ring, table, name)
    ring = begun(table, after)
    kept = "abcdefghi"[-min(before + 2, after) :]
    assert [name for name in "abcdefghi" if name in ring] == list(kept)


@given(LIVES)
def test_the_newest_ids_are_known_over_any_course_of_sizes_and_rows_stay_bounded(
    lives: list[tuple[int, list[str]]],
) -> None:
    table, newest = Table(), list[str]()
    for most, names in lives:
        ring, newest = begun(table, most), newest[-most:]
        for name in names:
            if once(ring, table, name):
                newest = [*newest, name][-most:]
            assert all(one in ring for one in newest)
    assert len(table.rows) <= max(most for most, _ in lives)


def test_an_id_that_has_been_kept_twice_counts_as_the_newer_of_both() -> None:
    rows = {f"~once/{place:08}": dumped({"number": place, "id": name}) for place, name in enumerate("abca")}
    table = Table(rows)
    ring = begun(table, 3)
    assert once(ring, table, "d")
    assert [name for name in "abcd" if name in begun(table, 3)] == ["a", "c", "d"]
