"""Any store against a plain model: random commits, good and bad, with the store closed and opened in between."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.address import Address
from actors.durable import Append, Delete, DeletePrefix, Put, Trim, WakeAt, Write
from runtime.store import Batch, Disk, Durable, MemoryStore, PowerCut, SqliteStore, Store

ACTORS = [Address("/a"), Address("/b"), Address("/c")]
LOGS = ["x", "y"]
KEYS = st.text("ab/\0é\U0010ffff", max_size=3)
VALUES = st.binary(max_size=4)
OFFSETS = st.integers(0, 8)


def writes() -> st.SearchStrategy[Write]:
    return st.one_of(
        st.builds(Put, KEYS, VALUES),
        st.builds(Delete, KEYS),
        st.builds(DeletePrefix, KEYS),
        st.builds(Append, st.sampled_from(LOGS), st.just(-1), VALUES),
        st.builds(Trim, st.sampled_from(LOGS), OFFSETS),
        st.builds(WakeAt, st.none() | st.floats(0, 100)),
    )


@dataclass
class Model:
    """One actor as a dictionary and lists."""

    version: int = 0
    rows: dict[str, bytes] = field(default_factory=dict[str, bytes])
    logs: dict[str, list[bytes]] = field(default_factory=lambda: {log: [] for log in LOGS})
    first: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LOGS, 0))
    wake_at: float | None = None

    def after(self, batch: Batch) -> "Model":
        new = Model(batch.expected + 1, dict(self.rows), dict(self.logs), dict(self.first), self.wake_at)
        for write in batch.writes:
            new.write(write)
        return new

    def write(self, write: Write) -> None:
        match write:
            case Put(key, value):
                self.rows[key] = value
            case Delete(key):
                self.rows.pop(key, None)
            case DeletePrefix(prefix):
                self.rows = {key: value for key, value in self.rows.items() if not key.startswith(prefix)}
            case Append(log, _, value):
                self.logs[log] = [*self.logs[log], value]
            case Trim(log, before):
                self.first[log] = max(self.first[log], min(before, len(self.logs[log])))
            case WakeAt(time):
                self.wake_at = time


def batch_of(actor: Address, model: Model, drawn: Iterable[Write], fence: int) -> Batch:
    """A batch whose appends fit; with `fence` 1 its expected version does not."""
    ends = {log: len(model.logs[log]) for log in LOGS}
    fitting: list[Write] = []
    for write in drawn:
        if isinstance(write, Append):
            fitting.append(Append(write.log, ends[write.log], write.value))
            ends[write.log] += 1
        else:
            fitting.append(write)
    return Batch(actor, model.version + fence, fitting)


async def seen(store: Store, actor: Address) -> Model:
    """What the store says of the actor, in the model's form."""
    model = Model(await store.version(actor), dict(await store.scan(actor, "")))
    for log in LOGS:
        first, end = await store.bounds(actor, log)
        records = await store.records(actor, log, 0)
        assert [offset for offset, _ in records] == list(range(first, end))
        model.first[log], model.logs[log] = first, [b""] * first + [value for _, value in records]
    model.wake_at = {name: at for at, name in await store.due(1e12)}.get(actor)
    return model


def shown(model: Model) -> Model:
    """The model without the records that a reader no longer sees."""
    logs = {log: [b""] * model.first[log] + kept[model.first[log] :] for log, kept in model.logs.items()}
    return Model(model.version, model.rows, logs, model.first, model.wake_at)


BATCH = st.tuples(st.lists(writes(), max_size=6), st.sampled_from([0, 0, 0, 1]))
COMMIT = st.dictionaries(st.sampled_from(ACTORS), BATCH, min_size=1)
STEPS = st.lists(COMMIT | st.just("reopen"), max_size=12)
Commit = dict[Address, tuple[list[Write], int]]


async def follow(opener: Callable[[], Store], steps: list[Commit | str]) -> None:
    models = {actor: Model() for actor in ACTORS}
    store = opener()
    for step in steps:
        if isinstance(step, str):
            await store.aclose()
            store = opener()
        else:
            batches = [batch_of(actor, models[actor], *drawn) for actor, drawn in step.items()]
            outcomes = await store.commit(batches)
            for batch, outcome in zip(batches, outcomes, strict=True):
                good = batch.expected == models[batch.actor].version
                assert isinstance(outcome, Durable) == good
                if good:
                    models[batch.actor] = models[batch.actor].after(batch)
        for actor in ACTORS:
            assert await seen(store, actor) == shown(models[actor])
    await store.aclose()


@given(STEPS)
@settings(deadline=None)
def test_the_memory_store_is_what_the_model_says_over_any_reopening(steps: list[Commit | str]) -> None:
    disk = Disk()
    trio.run(follow, lambda: MemoryStore(disk), steps)


@given(STEPS)
@settings(deadline=None, max_examples=50)
def test_the_sqlite_store_is_what_the_model_says_over_any_reopening(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Commit | str]
) -> None:
    folder = tmp_path_factory.mktemp("node")
    trio.run(follow, lambda: SqliteStore(folder, lambda: 0.0), steps)


@given(st.lists(COMMIT, min_size=1, max_size=5), st.integers(0, 3))
@settings(deadline=None)
def test_a_crash_at_any_place_leaves_each_batch_whole_or_absent_and_the_acknowledged_ones_there(
    commits: list[Commit], torn: int
) -> None:
    for place in range(1, 2 * len(commits) + 1):
        trio.run(crash_at, place, commits, torn)


async def crash_at(place: int, commits: list[Commit], torn: int) -> None:
    disk = Disk()
    disk.faults.crash_at, disk.faults.torn = place, torn
    store = MemoryStore(disk)
    models = {actor: Model() for actor in ACTORS}
    under_way: list[Batch] = []
    with pytest.raises(PowerCut):  # noqa: PT012 -- which of the commits meets the crash is the point
        for commit in commits:
            under_way = [batch_of(actor, models[actor], *drawn) for actor, drawn in commit.items()]
            for outcome, batch in zip(await store.commit(under_way), under_way, strict=True):
                if isinstance(outcome, Durable):
                    models[batch.actor] = models[batch.actor].after(batch)
    disk.crash()
    fitting = [batch for batch in under_way if batch.expected == models[batch.actor].version]
    # before the write the first `torn` batches may stay; behind it, all
    for batch in fitting[: torn if place % 2 else None]:
        models[batch.actor] = models[batch.actor].after(batch)
    reopened = MemoryStore(disk)
    for actor in ACTORS:
        assert await seen(reopened, actor) == shown(models[actor])
