"""Stored samples: actors as one release has kept them, in files that every later release must read back.

An actor is kept whole, since its rows are read together: as JSON, its values as text where they are UTF-8. Of each
table or log and each type and version in it, the smallest actor that has it is taken. It holds users' data.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from typing import Any, cast

from actors.address import Address
from actors.records import BadRecord, Data, dumped, loaded
from runtime.store.disk import Disk, Kept, Log
from runtime.store.memory import MemoryStore
from runtime.store.port import Store

FORM = 1
"""Version of a sample's own form."""
Shape = tuple[str, int, str, str, int]
"""First segment and depth of an address, a table or log, and the type and version of what is kept there."""


async def samples_of(store: Store) -> dict[str, bytes]:
    """Name of a file -> what to write there; the same content has the same name, and no other has it."""
    samples: dict[str, bytes] = {}
    for address in await _chosen(store):
        sample = dumped(await _sample(store, address))
        digest = blake2b(sample, digest_size=8).hexdigest()
        samples[f"{address.segments[0]}-{digest}.json"] = sample
    return samples


def store_of(sample: bytes) -> MemoryStore:
    """A store that holds a sample's one actor. Raises BadRecord."""
    disk = Disk()
    match loaded(sample):
        case {"form": form, "actor": str() as actor, "latest": latest, "rows": rows, "logs": logs} if (
            form == FORM
        ):
            try:
                disk.latest = float(latest)
                disk.kept[Address(actor)] = Kept(
                    1,
                    {key: _bytes(value) for key, value in rows.items()},
                    {name: _log(**log) for name, log in logs.items()},
                )
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise BadRecord(f"a damaged sample: {error}") from error
        case _:
            raise BadRecord(f"no sample of form {FORM}")
    return MemoryStore(disk)


async def _chosen(store: Store) -> list[Address]:
    smallest: dict[Shape, tuple[int, Address]] = {}
    page = await store.actors()
    while page:
        for address in page:
            size, shapes = await _look(store, address)
            for shape in shapes:
                smallest[shape] = min(smallest.get(shape, (size, address)), (size, address))
        page = await store.actors(after=page[-1])
    return sorted({address for _, address in smallest.values()})


async def _look(store: Store, address: Address) -> tuple[int, set[Shape]]:
    """How many bytes are kept of the actor, and in which shapes."""
    size, shapes = 0, set[Shape]()
    kind, depth = address.segments[0], len(address.segments)

    def add(table: str, value: bytes) -> None:
        nonlocal size
        size += len(value)
        shapes.update((kind, depth, table, name, version) for name, version in _versions(value))

    await _each_row(
        store, address, lambda key, value: add(key.partition("/")[0] if "/" in key else "", value)
    )
    for log in await store.logs(address):
        await _each_record(store, address, log, partial(add, f"/{log}"))
    return size, shapes


def _versions(value: bytes) -> set[tuple[str, int]]:
    """The types and versions that a value tells; of one that tells none, that it is there."""
    try:
        found = set(_told(json.loads(value)))
    except (ValueError, RecursionError):
        found = set[tuple[str, int]]()
    return found or {("", 0)}


def _told(found: object) -> Iterator[tuple[str, int]]:
    match found:
        case {"type": str() as name, "version": int() as version}:
            yield name, version
        case dict():
            for value in cast("dict[str, object]", found).values():
                yield from _told(value)
        case list():
            for value in cast("list[object]", found):
                yield from _told(value)
        case _:
            pass


async def _sample(store: Store, address: Address) -> Data:
    rows: dict[str, object] = {}
    logs: dict[str, object] = {}
    await _each_row(store, address, lambda key, value: rows.update({key: _text(value)}))
    for log in await store.logs(address):
        records: list[bytes] = []
        await _each_record(store, address, log, records.append)
        _, end = await store.bounds(address, log)
        logs[log] = {"end": end, "records": [_text(value) for value in records]}
    return {"form": FORM, "actor": address, "latest": await store.latest(), "rows": rows, "logs": logs}


async def _each_row(store: Store, address: Address, use: Callable[[str, bytes], None]) -> None:
    after = ""
    while page := await store.scan(address, "", after):
        for key, value in page:
            use(key, value)
        after = page[-1][0]


async def _each_record(store: Store, address: Address, log: str, use: Callable[[bytes], None]) -> None:
    first = 0
    while page := await store.records(address, log, first):
        for _, value in page:
            use(value)
        first = page[-1][0] + 1


def _text(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def _bytes(kept: Any) -> bytes:
    return kept.encode() if isinstance(kept, str) else b64decode(kept["base64"])


def _log(end: int, records: list[Any]) -> Log:
    first = end - len(records)
    return Log(first, end, {first + at: _bytes(value) for at, value in enumerate(records)})
