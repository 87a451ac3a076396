"""Samples of what is kept: chosen from a store, and a store made of each."""

import json

import pytest

from actors.address import Address
from actors.durable import Append, Put, Trim, Write
from actors.records import BadRecord
from runtime.kept_samples import samples_of, store_of
from runtime.store import Batch, MemoryStore


async def stored(**actors: list[Write]) -> MemoryStore:
    store = MemoryStore(clock=lambda: 7.5)
    for name, writes in actors.items():
        await store.commit([Batch(Address.of("shop", name), 0, writes)])
    return store


async def chosen(**actors: list[Write]) -> set[str]:
    samples = await samples_of(await stored(**actors))
    return {json.loads(sample)["actor"].rpartition("/")[2] for sample in samples.values()}


def event(version: int, text: str = "") -> bytes:
    return b'{"type":"Sold","version":%d,"data":{"text":"%s"}}' % (version, text.encode())


async def test_a_store_made_of_a_sample_holds_the_same_rows_logs_and_time() -> None:
    writes: list[Write] = [
        Put("row/1", b"text"),
        Put("row/2", b"\xff\x00"),
        Append("log", 0, b"a"),
        Append("log", 1, b"\xff"),
    ]
    writes += [Trim("log", 1), Append("gone", 0, b"b"), Trim("gone", 1)]
    store = await stored(a=writes)
    [sample] = (await samples_of(store)).values()
    again = store_of(sample)
    [a] = await again.actors()
    assert a == "/shop/a"
    assert await again.scan(a, "") == [("row/1", b"text"), ("row/2", b"\xff\x00")]
    assert await again.logs(a) == ["gone", "log"]
    assert await again.records(a, "log", 0) == [(1, b"\xff")]
    assert [await again.bounds(a, log) for log in ("log", "gone")] == [(1, 2), (1, 1)]
    assert await again.latest() == 7.5


async def test_of_each_version_the_smallest_actor_that_has_it_is_taken() -> None:
    actors: dict[str, list[Write]] = {
        "large": [Put("sold/1", event(1, "a long text"))],
        "small": [Put("sold/1", event(1))],
        "vast": [Put("sold/1", event(1, "a long text"))],
        "newer": [Put("sold/1", event(2, "a long text"))],
    }
    assert await chosen(**actors) == {"small", "newer"}


async def test_a_type_and_version_within_a_value_count_too() -> None:
    within = b'{"call":[%s]}'
    actors: dict[str, list[Write]] = {
        "one": [Put("call/1", within % event(1))],
        "two": [Put("call/1", within % event(2))],
    }
    assert await chosen(**actors) == {"one", "two"}


async def test_each_table_and_each_log_is_taken_though_it_tells_no_version() -> None:
    actors: dict[str, list[Write]] = {
        "rows": [Put("msg/1", b"\xff")],
        "others": [Put("st/1", b"\xff")],
        "log": [Append("msg", 0, b"\xff")],
        "as rows": [Put("msg/2", b"\xff\xff")],
    }
    assert await chosen(**actors) == {"rows", "others", "log"}


async def test_the_same_content_has_the_same_name_whenever_it_is_saved() -> None:
    first = await samples_of(await stored(a=[Put("n", b"1")]))
    assert await samples_of(await stored(a=[Put("n", b"1")])) == first
    other = await samples_of(await stored(a=[Put("n", b"2")]))
    assert not other.keys() & first.keys()


@pytest.mark.parametrize(
    "sample",
    [
        b"no json",
        b"{}",
        b'{"form":2,"actor":"/a","latest":0,"rows":{},"logs":{}}',
        b'{"form":1,"actor":"a","latest":0,"rows":{},"logs":{}}',
        b'{"form":1,"actor":"/a","latest":0,"rows":{"n":5},"logs":{}}',
        b'{"form":1,"actor":"/a","latest":0,"rows":{"n":{}},"logs":{}}',
        b'{"form":1,"actor":"/a","latest":0,"rows":{},"logs":{"x":[]}}',
    ],
)
def test_what_is_no_sample_is_a_bad_record(sample: bytes) -> None:
    with pytest.raises(BadRecord):
        store_of(sample)
