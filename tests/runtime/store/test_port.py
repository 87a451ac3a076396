"""What every store keeps to."""

from collections.abc import Sequence
from typing import Any

import pytest

from actors.address import Address
from actors.durable import Append, Delete, DeletePrefix, Put, Trim, WakeAt, Write
from runtime.store import BadWrite, Batch, Durable, FenceLost, Outcome, Refused, Store
from runtime.store.port import KEY_MAX, VALUE_MAX

A, B, C = Address("/a"), Address("/b"), Address("/c")


async def commit(store: Store, actor: Address, expected: int, *writes: Write) -> Outcome:
    [outcome] = await store.commit([Batch(actor, expected, writes)])
    return outcome


def causes(outcomes: Sequence[Outcome]) -> list[type[Exception] | None]:
    return [type(one.cause) if isinstance(one, Refused) else None for one in outcomes]


async def test_an_actor_never_written_is_empty(store: Store) -> None:
    assert await store.version(A) == 0
    assert await store.get(A, ["k"]) == [None]
    assert await store.scan(A, "") == []
    assert await store.records(A, "log", 0) == []
    assert await store.bounds(A, "log") == (0, 0)
    assert await store.due(1e12) == []


async def test_each_commit_raises_the_version_by_one(store: Store) -> None:
    assert await commit(store, A, 0, Put("k", b"1")) == Durable(1)
    assert await commit(store, A, 1, Put("k", b"2")) == Durable(2)
    assert await store.version(A) == 2
    assert await store.get(A, ["k", "absent"]) == [b"2", None]


async def test_a_lost_fence_leaves_one_batch_out_and_the_others_in(store: Store) -> None:
    await commit(store, A, 0, Put("k", b"old"))
    outcomes = await store.commit(
        [
            Batch(B, 0, [Put("k", b"b")]),
            Batch(A, 0, [Put("k", b"stale")]),
            Batch(C, 0, [Append("l", 0, b"c")]),
        ]
    )
    assert causes(outcomes) == [None, FenceLost, None]
    assert await store.get(A, ["k"]) == [b"old"]
    assert (await store.get(B, ["k"]), await store.records(C, "l", 0)) == ([b"b"], [(0, b"c")])


async def test_an_oversized_row_refuses_the_whole_of_its_batch_alone(store: Store) -> None:
    outcomes = await store.commit(
        [
            Batch(A, 0, [Put("small", b""), Put("big", bytes(VALUE_MAX + 1))]),
            Batch(B, 0, [Put("k" * (KEY_MAX + 1), b"")]),
            Batch(C, 0, [Put("k" * KEY_MAX, bytes(VALUE_MAX))]),
        ]
    )
    assert causes(outcomes) == [BadWrite, BadWrite, None]
    assert await store.get(A, ["small"]) == [None]
    assert await store.version(A) == 0


@pytest.mark.parametrize("value", ["text", ["a", "list"], None, 3, bytearray(b"b"), memoryview(b"m")])
async def test_a_value_that_is_no_bytes_refuses_its_own_batch_alone(store: Store, value: Any) -> None:
    outcomes = await store.commit(
        [
            Batch(A, 0, [Put("k", value)]),
            Batch(B, 0, [Append("l", 0, value)]),
            Batch(C, 0, [Put("k", b"good")]),
        ]
    )
    assert causes(outcomes) == [BadWrite, BadWrite, None]
    assert await store.get(C, ["k"]) == [b"good"]


async def test_a_key_is_measured_in_bytes_and_holds_no_lone_surrogate(store: Store) -> None:
    assert causes([await commit(store, A, 0, Put("é" * KEY_MAX, b""))]) == [BadWrite]
    assert causes([await commit(store, A, 0, Put("\ud800", b""))]) == [BadWrite]


async def test_an_append_with_a_gap_or_twice_is_refused(store: Store) -> None:
    await commit(store, A, 0, Append("l", 0, b"0"), Append("l", 1, b"1"))
    assert causes([await commit(store, A, 1, Append("l", 3, b"3"))]) == [BadWrite]
    assert causes([await commit(store, A, 1, Append("l", 1, b"again"))]) == [BadWrite]
    assert await store.records(A, "l", 0) == [(0, b"0"), (1, b"1")]


async def test_trim_keeps_the_end_of_the_log(store: Store) -> None:
    await commit(store, A, 0, *(Append("l", n, b"%d" % n) for n in range(4)))
    await commit(store, A, 1, Trim("l", 3))
    assert await store.bounds(A, "l") == (3, 4)
    assert await store.records(A, "l", 0) == [(3, b"3")]
    await commit(store, A, 2, Trim("l", 99))
    assert await store.bounds(A, "l") == (4, 4)
    assert await commit(store, A, 3, Append("l", 4, b"4")) == Durable(4)


async def test_append_and_trim_in_one_batch_take_effect_in_their_order(store: Store) -> None:
    await commit(store, A, 0, Append("l", 0, b"0"), Append("l", 1, b"1"), Trim("l", 1), Append("l", 2, b"2"))
    assert await store.bounds(A, "l") == (1, 3)
    assert await store.records(A, "l", 0) == [(1, b"1"), (2, b"2")]


async def test_put_delete_prefix_and_put_in_one_batch_take_effect_in_their_order(store: Store) -> None:
    await commit(store, A, 0, Put("p/old", b""), Put("q", b"q"))
    await commit(
        store, A, 1, Put("p/1", b"x"), DeletePrefix("p/"), Put("p/1", b"y"), Put("q", b"Q"), Delete("q")
    )
    assert await store.scan(A, "") == [("p/1", b"y")]


async def test_keys_are_ordered_by_their_utf_8_bytes(store: Store) -> None:
    keys = [
        "",
        "\0",
        "a",
        "a\0",
        "a/b",
        "aa",
        "z",
        "é",
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U00010000",
        "\U0010ffff",
    ]
    await commit(store, A, 0, *(Put(key, b"") for key in reversed(keys)))
    assert [key for key, _ in await store.scan(A, "")] == sorted(keys, key=str.encode) == keys


async def test_a_prefix_holds_the_greatest_keys_below_it(store: Store) -> None:
    highest = "p" + "\U0010ffff" * 5
    await commit(store, A, 0, Put(highest, b"1"), Put("q", b""), Put("o", b""))
    assert await store.scan(A, "p") == [(highest, b"1")]
    await commit(store, A, 1, DeletePrefix("p"))
    assert [key for key, _ in await store.scan(A, "")] == ["o", "q"]


async def test_pages_of_a_scan_join_without_gap_or_double(store: Store) -> None:
    keys = [f"k/{n:03d}" for n in range(25)]
    await commit(store, A, 0, *(Put(key, b"") for key in keys), Put("j", b""), Put("l", b""))
    found: list[str] = []
    while page := await store.scan(A, "k/", found[-1] if found else "", 10):
        found += [key for key, _ in page]
    assert found == keys


async def test_a_page_ends_at_a_few_mebibytes_and_the_next_one_goes_on_behind_it(store: Store) -> None:
    large = b"x" * 1_000_000
    keys = [f"k/{n:03d}" for n in range(12)]
    await commit(store, A, 0, *(Put(key, large) for key in keys), *(Append("l", n, large) for n in range(12)))
    sizes: list[int] = []
    found: list[str] = []
    while page := await store.scan(A, "k/", found[-1] if found else ""):
        sizes.append(len(page))
        found += [key for key, _ in page]
    assert (found, sizes) == (keys, [5, 5, 2])
    offsets: list[int] = []
    while records := await store.records(A, "l", len(offsets)):
        offsets += [offset for offset, _ in records]
        assert len(records) <= 5
    assert offsets == list(range(12))


async def test_a_row_of_the_largest_size_is_a_page_of_its_own(store: Store) -> None:
    await commit(store, A, 0, Put("a", bytes(VALUE_MAX)), Put("b", b""))
    assert [key for key, _ in await store.scan(A, "")] == ["a"]
    assert [key for key, _ in await store.scan(A, "", "a")] == ["b"]


async def test_due_names_each_actor_once_earliest_first(store: Store) -> None:
    await store.commit(
        [Batch(A, 0, [WakeAt(30.0)]), Batch(B, 0, [WakeAt(10.0)]), Batch(C, 0, [WakeAt(20.0)])]
    )
    await store.commit([Batch(A, 1, [WakeAt(5.0)]), Batch(C, 1, [WakeAt(None)])])
    assert await store.due(10.0) == [(5.0, A), (10.0, B)]
    assert await store.due(9.9) == [(5.0, A)]
    assert await store.due(100.0, 1) == [(5.0, A)]
    await store.commit([Batch(C, 2, [WakeAt(10.0)])])
    assert await store.due(100.0, 2, (5.0, A)) == [(10.0, B), (10.0, C)]
    assert await store.due(100.0, 2, (10.0, B)) == [(10.0, C)]
    assert await store.due(100.0, 2, (10.0, C)) == []


async def test_reset_empties_all_and_the_store_takes_new_commits(store: Store) -> None:
    await commit(store, A, 0, Put("k", b"old"), Append("l", 0, b""), WakeAt(1.0))
    assert await store.get(A, ["k"]) == [b"old"]
    await store.reset()
    assert (await store.version(A), await store.scan(A, ""), await store.due(9.0)) == (0, [], [])
    # row numbers are given again: B gets the one that A had
    assert await commit(store, B, 0, Put("k", b"b")) == Durable(1)
    assert await store.get(A, ["k"]) == [None]
    assert await commit(store, A, 0, Append("l", 0, b"")) == Durable(1)


async def test_more_keys_than_one_statement_takes_are_read_in_one_get(store: Store) -> None:
    keys = [f"{n:04d}" for n in range(1_100)]
    await commit(store, A, 0, *(Put(key, key.encode()) for key in keys))
    assert await store.get(A, keys) == [key.encode() for key in keys]


async def test_the_actors_of_which_something_is_kept_are_listed_in_order_page_by_page(store: Store) -> None:
    for actor in (C, A, B):
        await commit(store, actor, 0, Put("k", b""))
    await commit(store, Address("/a/log"), 0, Append("l", 0, b""), Trim("l", 1))
    await commit(store, Address("/a/time"), 0, WakeAt(1.0))
    await commit(store, B, 1, Delete("k"))
    assert await store.actors() == [A, "/a/log", C]
    assert await store.actors(limit=1) == [A]
    assert await store.actors(after=A, limit=1) == ["/a/log"]
    assert await store.actors(after=C) == []


async def test_the_logs_of_an_actor_are_listed_by_name(store: Store) -> None:
    await commit(store, A, 0, Append("y", 0, b""), Append("x", 0, b""), Trim("x", 1))
    await commit(store, B, 0, Append("z", 0, b""))
    assert await store.logs(A) == ["x", "y"]
    assert await store.logs(C) == []


async def test_what_is_kept_well_is_not_damaged(store: Store) -> None:
    await commit(store, A, 0, Put("k", b"1"), Append("l", 0, b"r"))
    assert await store.damage() == []
