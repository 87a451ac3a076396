"""No output leaves before everything its actor has staged is durable."""

from collections.abc import Sequence
from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Spec
from actors.address import Address
from actors.durable import Append, DeletePrefix, Put
from actors.errors import (
    ActorCrashed,
    CommitFailed,
    DirtySuspension,
    NotInADurableTurn,
    NotOwner,
    OutcomeUnknown,
    StartFailed,
    StoreFull,
)
from runtime.commit import STAGED_MAX
from runtime.store import Batch, MemoryStore, Outcome
from runtime.store.port import StoreBroken
from runtime.system import System
from tests.runtime.cast import (
    Bang,
    Keeper,
    Note,
    Player,
    Refusal,
    Run,
    Wait,
    crash,
    itself,
    keeper,
    keeping,
    play,
    refuse,
    rest,
    settled,
)

ADDRESS = Address("/keep/k")
READ_TIME = 4.0


class Slow(MemoryStore):
    """A commit takes a second, a read four; it keeps what it was given, commit by commit."""

    def __init__(self) -> None:
        self.seconds: float = 1.0
        super().__init__(commit_time=lambda: self.seconds)
        self.given: list[list[Batch]] = []

    @property
    @override
    def immediate(self) -> bool:
        return not self.seconds

    @override
    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        self.given.append(list(batches))
        return await super().commit(batches)

    @override
    async def get(self, actor: Address, keys: Sequence[str]) -> list[bytes | None]:
        await trio.sleep(READ_TIME)
        return await super().get(actor, keys)


class Askers:
    """Each asks in a task of its own; what came, and when, stands in `came`."""

    def __init__(self, nursery: trio.Nursery, system: System) -> None:
        self.came: dict[str, Any] = {}
        self.at: dict[str, float] = {}
        self._nursery = nursery
        self._system = system
        self._begin = system.clock.now()

    async def ask(self, name: str, ref: Any, message: Any) -> None:
        """Returns when the turn has had its chance to run."""
        self._nursery.start_soon(self._asks, name, ref, message)
        await settled()

    async def _asks(self, name: str, ref: Any, message: Any) -> None:
        try:
            self.came[name] = await ref.ask(message)
        except Exception as error:  # noqa: BLE001
            self.came[name] = error
        self.at[name] = round(self._system.clock.now() - self._begin, 3)


def durable(test: Any) -> Any:
    """A test of `async def test(system, store, askers)` in virtual time, over a slow store."""

    def run() -> None:
        store = Slow()

        async def program(system: System) -> None:
            async with trio.open_nursery() as nursery:
                await test(system, store, Askers(nursery, system))

        play(program, store=store, patterns=[keeping()])
        assert not store.disk.under_way

    run.__name__ = test.__name__
    return run


async def rows(store: MemoryStore, address: Address = ADDRESS) -> list[str]:
    return [value.decode() for _, value in await store.scan(address, "n/")]


def kept(self: Keeper) -> list[str]:
    return list(self.kept)


@durable
async def test_a_reply_leaves_when_its_commit_is_durable(system: System, store: Slow, askers: Askers) -> None:
    await askers.ask("a", keeper(system), Note(text="a"))
    assert askers.came == {}
    await trio.sleep(2)
    assert askers.came == {"a": 1}
    assert askers.at == {"a": 1.0}
    assert await rows(store) == ["a"]


@durable
async def test_askers_of_one_actor_share_a_commit(system: System, store: Slow, askers: Askers) -> None:
    for text in "abcdef":
        await askers.ask(text, keeper(system), Note(text=text))
    await trio.sleep(5)
    assert askers.at == {"a": 1.0, **dict.fromkeys("bcdef", 2.0)}
    assert [len(batches[0].writes) for batches in store.given] == [1, 5]
    assert await rows(store) == list("abcdef")


@durable
async def test_actors_share_a_commit(system: System, store: Slow, askers: Askers) -> None:
    for name in "abcd":
        await askers.ask(name, keeper(system, name), Note(text=name))
    await trio.sleep(5)
    assert [len(batches) for batches in store.given] == [1, 3]


@durable
async def test_a_turn_that_stages_nothing_waits_behind_earlier_stages(
    system: System, store: Slow, askers: Askers
) -> None:
    await askers.ask("writes", keeper(system), Note(text="a"))
    await askers.ask("reads", keeper(system), Run(step=kept))
    await askers.ask("refused", keeper(system), Run(step=refuse))
    await trio.sleep(5)
    assert askers.at == dict.fromkeys(("writes", "reads", "refused"), 1.0)
    assert askers.came["reads"] == ["a"]
    assert isinstance(askers.came["refused"], Refusal)


@durable
async def test_tells_pipes_and_resolves_leave_behind_the_commit_in_order(
    system: System, store: Slow, askers: Askers
) -> None:
    heard: list[str] = []
    other = system.spawn(Spec(Player, (heard,)))

    async def piped() -> None:
        await trio.sleep(0.1)
        heard.append("piped")

    def out(self: Keeper) -> None:
        self.ctx.tell(other, Note(text="told"))
        self.note("a")
        self.ctx.resolve("d", "resolved")
        self.ctx.pipe(piped, lambda _: Note(text="piped"))

    await askers.ask("deferred", keeper(system), Run(step=lambda self: self.ctx.defer("d")))
    await askers.ask("out", keeper(system), Run(step=out))
    assert heard == []
    await trio.sleep(1.5)
    assert heard == ["told", "piped"]
    assert askers.at == {"deferred": 1.0, "out": 1.0}
    assert askers.came["deferred"] == "resolved"
    await trio.sleep(5)


@durable
async def test_a_refused_commit_discards_the_incarnation_and_fails_later_turns(
    system: System, store: Slow, askers: Askers
) -> None:
    await keeper(system).ask(Note(text="kept"))
    heard: list[str] = []
    other = system.spawn(Spec(Player, (heard,)))

    def tells(self: Keeper) -> int:
        self.ctx.tell(other, Note(text="never"))
        return self.note("first")

    store.disk.faults.read_only = True
    await askers.ask("first", keeper(system), Run(step=tells))
    await askers.ask("gathered", keeper(system), Note(text="gathered"))
    await askers.ask("reads", keeper(system), Run(step=kept))
    await trio.sleep(1.5)
    assert {name: type(error) for name, error in askers.came.items()} == dict.fromkeys(
        ("first", "gathered", "reads"), CommitFailed
    )
    assert await keeper(system).ask(Run(step=kept)) == ["kept"]
    assert heard == []
    assert len(store.given) == 2


@durable
async def test_a_full_store_refuses_before_memory_is_touched_and_writes_come_back(
    system: System, store: Slow, askers: Askers
) -> None:
    await keeper(system).ask(Note(text="a"))
    store.disk.faults.full = True
    with pytest.raises(CommitFailed):
        await keeper(system).ask(Note(text="fails"))
    marked = await keeper(system).ask(Run(step=itself))
    for _ in range(3):
        with pytest.raises(StoreFull):
            await keeper(system).ask(Note(text="refused"))
    assert await keeper(system).ask(Run(step=kept)) == ["a"]
    assert await keeper(system).ask(Run(step=itself)) == marked, "nothing is discarded"
    store.disk.faults.full = False
    await trio.sleep(3)
    assert await keeper(system).ask(Note(text="b")) == 2
    assert await rows(store) == ["a", "b"]


@pytest.mark.parametrize("truth", ["kept", "gone"])
def test_a_lost_answer_is_unknown_to_the_asker_and_known_after_a_reload(truth: Any) -> None:
    @durable
    async def program(system: System, store: Slow, askers: Askers) -> None:
        store.disk.faults.answer_lost = truth
        with pytest.raises(OutcomeUnknown):
            await keeper(system).ask(Note(text="a"))
        store.disk.faults.answer_lost = None
        assert await keeper(system).ask(Run(step=kept)) == (["a"] if truth == "kept" else [])
        await keeper(system).ask(Note(text="b"))
        assert await rows(store) == (["a", "b"] if truth == "kept" else ["b"])

    program()


class InDoubt(Slow):
    """While `doubt` holds it does not say what it has kept."""

    doubt = False

    @override
    async def version(self, actor: Address) -> int:
        if self.doubt:
            raise StoreBroken("the file cannot be opened anew yet")
        return await super().version(actor)


def test_an_actor_waits_for_a_store_in_doubt_however_long_and_is_back_within_a_second() -> None:
    store = InDoubt()

    async def program(system: System) -> None:
        assert await keeper(system).ask(Run(step=kept)) == []
        store.disk.faults.answer_lost, store.doubt = "kept", True
        with pytest.raises(OutcomeUnknown):
            await keeper(system).ask(Note(text="a"))
        store.disk.faults.answer_lost = None
        other = system.ref(Address("/keep/other"))
        for _ in range(30):
            for ref in (keeper(system), other):
                with pytest.raises(StartFailed, match="opened anew"):
                    await ref.ask(Run(step=kept))
        await keeper(system).tell(Note(text="told"))
        await trio.sleep(60)
        store.doubt = False
        await trio.sleep(1)
        asked_at = system.clock.now()
        assert await other.ask(Run(step=kept)) == []
        assert await keeper(system).ask(Run(step=kept)) == ["a", "told"]
        assert system.clock.now() <= asked_at + 1.1, "the commit of what was told takes a second"

    play(program, store=store, patterns=[keeping()])


@durable
async def test_the_fence_ends_the_actor_and_its_askers_learn_of_the_owner(
    system: System, store: Slow, askers: Askers
) -> None:
    await keeper(system).ask(Note(text="mine"))
    store.disk.write(Batch(ADDRESS, 1, [Put("n/000001", b"theirs")]))
    await askers.ask("lost", keeper(system), Note(text="lost"))
    await askers.ask("later", keeper(system), Note(text="later"))
    await trio.sleep(1.5)
    assert isinstance(askers.came["lost"], NotOwner)
    assert isinstance(askers.came["later"], CommitFailed)
    assert ADDRESS not in system.router.cells
    assert await rows(store) == ["mine", "theirs"]
    assert await keeper(system).ask(Run(step=kept)) == ["mine", "theirs"]


@durable
async def test_a_crash_drops_its_own_stage_alone(system: System, store: Slow, askers: Askers) -> None:
    def crashes(self: Keeper) -> None:
        self.note("never")
        crash(self)

    await askers.ask("earlier", keeper(system), Note(text="earlier"))
    await askers.ask("crashes", keeper(system), Run(step=crashes))
    await askers.ask("after", keeper(system), Note(text="after"))
    await trio.sleep(5)
    assert askers.came["earlier"] == 1
    assert isinstance(askers.came["crashes"], ActorCrashed)
    assert isinstance(askers.came["crashes"].__cause__, Bang)
    assert askers.came["after"] == 2
    assert await rows(store) == ["earlier", "after"]


@durable
async def test_a_crash_and_a_refused_commit_reload_once(system: System, store: Slow, askers: Askers) -> None:
    life: list[str] = []
    spec = Spec(Keeper, (life,), name="k")
    actor = system.spawn(spec)
    await actor.ask(Note(text="kept"))
    store.disk.faults.read_only = True
    await askers.ask("earlier", actor, Note(text="earlier"))
    await askers.ask("crashes", actor, Run(step=crash))
    await trio.sleep(3)
    assert isinstance(askers.came["earlier"], CommitFailed)
    assert len([line for line in life if not line.startswith("stopped")]) == 2
    assert life.count("stopped CRASHED") == 1
    assert await actor.ask(Run(step=kept)) == ["kept"]


@durable
async def test_an_asker_that_hangs_up_at_a_read_costs_no_reload(
    system: System, store: Slow, askers: Askers
) -> None:
    marked = await keeper(system).ask(Run(step=itself))

    async def reads(self: Keeper) -> int:
        await self.ctx.read(["x"])
        return self.note("never")

    with trio.move_on_after(READ_TIME / 2) as hung_up:
        await keeper(system).ask(Wait(step=reads))
    assert hung_up.cancelled_caught
    assert await keeper(system).ask(Run(step=itself)) == marked
    assert await keeper(system).ask(Run(step=kept)) == []
    assert store.given == []


@pytest.mark.parametrize("queued", [False, True])
def test_a_turn_cancelled_after_it_has_staged_discards(queued: bool) -> None:  # noqa: FBT001
    @durable
    async def program(system: System, store: Slow, askers: Askers) -> None:
        async def dirty(self: Keeper) -> None:
            self.note("never")
            await trio.sleep(100)

        await askers.ask("earlier", keeper(system), Note(text="earlier"))
        if queued:
            await askers.ask("busy", keeper(system), rest(0.2))
        with trio.move_on_after(0.5) as hung_up:
            await keeper(system).ask(Wait(step=dirty))
        assert hung_up.cancelled_caught
        assert await keeper(system).ask(Run(step=kept)) == ["earlier"]
        assert await rows(store) == ["earlier"]

    program()


@durable
async def test_an_asker_that_hangs_up_while_the_commit_is_under_way_undoes_nothing(
    system: System, store: Slow, askers: Askers
) -> None:
    with trio.move_on_after(0.5) as hung_up:
        await keeper(system).ask(Note(text="a"))
    assert hung_up.cancelled_caught
    assert await keeper(system).ask(Run(step=kept)) == ["a"]
    assert await rows(store) == ["a"]


@durable
async def test_a_read_sees_what_the_actor_has_staged(system: System, store: Slow, askers: Askers) -> None:
    def put(*pairs: str) -> Run:
        writes = [Put(pair[0], pair[1:].encode()) for pair in pairs]
        return Run(step=lambda self: self.ctx.stage(*writes))

    def drop(prefix: str) -> Run:
        return Run(step=lambda self: self.ctx.stage(DeletePrefix(prefix)))

    async def read(self: Keeper) -> list[bytes | None]:
        return await self.ctx.read(["a", "b", "c", "d"])

    await keeper(system).ask(put("aold", "bold", "dold"))
    await askers.ask("1", keeper(system), put("anew"))
    await askers.ask("2", keeper(system), drop("b"))
    await askers.ask("3", keeper(system), put("cnew"))
    assert await keeper(system).ask(Wait(step=read)) == [b"new", None, b"new", b"old"]
    await askers.ask("4", keeper(system), put("anewest"))
    await askers.ask("5", keeper(system), drop(""))
    await askers.ask("6", keeper(system), put("dback"))
    assert await keeper(system).ask(Wait(step=read)) == [None, None, None, b"back"]
    await trio.sleep(5)
    assert await keeper(system).ask(Wait(step=read)) == [None, None, None, b"back"]


@durable
async def test_a_durable_turn_does_not_wait_after_its_first_change(
    system: System, store: Slow, askers: Askers
) -> None:
    async def waits(self: Keeper) -> None:
        self.note("never")
        await trio.sleep(1)

    async def reads(self: Keeper) -> None:
        self.note("never")
        await self.ctx.read(["x"])

    for step in (waits, reads):
        with pytest.raises(ActorCrashed) as crashed:
            await keeper(system).ask(Wait(step=step))
        assert isinstance(crashed.value.__cause__, DirtySuspension)
    assert await keeper(system).ask(Run(step=kept)) == []
    assert await rows(store) == []


@durable
async def test_a_durable_turn_may_not_ask(system: System, store: Slow, askers: Askers) -> None:
    other = system.spawn(Spec(Player))

    async def asks(_: Keeper) -> None:
        with pytest.raises(NotInADurableTurn):
            await other.ask(Note(text="x"))

    await keeper(system).ask(Wait(step=asks))


@durable
async def test_above_the_limit_no_message_is_taken_until_the_disk_has_caught_up(
    system: System, store: Slow, askers: Askers
) -> None:
    chunk = b"x" * 2**22
    turns = 2 * STAGED_MAX // len(chunk)
    taken: list[int] = []

    def big(number: int) -> Run:
        def step(self: Keeper) -> None:
            taken.append(number)
            self.ctx.stage(Put(f"big/{number}", chunk))

        return Run(step=step)

    for number in range(turns):
        await keeper(system).tell(big(number))
    await settled()
    assert 0 < len(taken) <= STAGED_MAX // len(chunk) + 1
    await askers.ask("waits", keeper(system), Run(step=lambda _: len(taken)))
    assert len(taken) <= STAGED_MAX // len(chunk) + 1
    await trio.sleep(20)
    assert taken == list(range(turns))
    assert askers.came["waits"] == turns


@durable
async def test_what_started_stages_is_committed_too(system: System, store: Slow, askers: Askers) -> None:
    class Eager(Keeper):
        @override
        async def started(self, reason: Any) -> None:
            self.ctx.stage(Append("log", await self._end(), b"up"))

        async def _end(self) -> int:
            return len(await self.ctx.records(self.ctx.address, "log", 0))

    actor = system.spawn(Spec(Eager, name="eager"))
    await actor.ask(Note(text="a"))
    await system.stop(actor)
    again = system.spawn(Spec(Eager, name="eager"))
    assert await again.ask(Run(step=kept)) == ["a"]
    await system.stop(again)
    assert await store.bounds(again.address, "log") == (0, 2)


@durable
async def test_a_store_that_becomes_quick_while_a_commit_is_under_way_forgets_nobody(
    system: System, store: Slow, askers: Askers
) -> None:
    await askers.ask("slow", keeper(system), Note(text="a"))
    store.seconds = 0.0
    await askers.ask("quick", keeper(system), Note(text="b"))
    await trio.sleep(3)
    assert askers.came == {"slow": 1, "quick": 2}


def test_a_store_that_takes_no_time_answers_in_the_turn() -> None:
    async def program(system: System) -> None:
        assert await keeper(system).ask(Note(text="a")) == 1
        assert await rows(store) == ["a"]

    store = MemoryStore()
    play(program, store=store, patterns=[keeping()])
