"""Rules of faults in a simulation: the queue and a durable ledger outlive each that a real machine can have."""

from typing import TypeVar

import pytest
import trio
from typing_extensions import override

from actors import Address, DurableActor, Message, Ref, Spec, Stored, receive
from actors.durable import Append
from actors.errors import ActorError
from patterns.queue.messages import (
    CreateQueue,
    DeleteMessage,
    ReceiveMessage,
    SendEntry,
    SendMessage,
)
from patterns.queue.pattern import pattern as queue_pattern
from runtime import Pattern, System
from runtime.faults.rule import Effect, Gate, Match, Rule
from runtime.lab.choices import Choices, Plan
from runtime.lab.run_faults import heal
from runtime.lab.simulation import simulate
from runtime.lab.wrong_clock import WrongClock
from tests.lab.queue_world import NAMES, drain, queue_address

pytestmark = pytest.mark.lab


class Book(Message[None]):
    id: str


class Read(Message[tuple[str, ...]]):
    """What is booked, in its order."""


class Ledger(DurableActor[Book | Read]):
    @override
    async def load(self, stored: Stored) -> None:
        self.booked = [value.decode() for _, value in await stored.records("book", 0)]

    @receive(Book)
    def on_book(self, message: Book) -> None:
        if message.id not in self.booked:
            self.ctx.stage(Append("book", len(self.booked), message.id.encode()))
            self.booked.append(message.id)

    @receive(Read)
    async def on_read(self, _: Read) -> tuple[str, ...]:
        await self.ctx.read(["none"])
        return tuple(self.booked)


R = TypeVar("R")
ORDERS = queue_address("orders")
PATTERNS = [Pattern("books", {"ledger": lambda _: Spec(Ledger)}), queue_pattern]


def rule(name: str, effect: Effect, *, at: str, rate: float = 0.15, **match: str) -> Rule:
    return Rule(
        name=name, match=Match.model_validate({"at": at, **match}), gate=Gate(rate=rate), effect=effect
    )


FAULTS = {
    one.name: one
    for one in (
        rule("crash", Effect(crash=True), at="effect"),
        rule("pause", Effect(pause=45.0), at="effect", rate=0.05),
        rule("jump", Effect(jump=-86_400.0), at="effect"),
        rule("drift", Effect(drift=500.0), at="effect", rate=0.05),
        rule("refused", Effect(refuse=True), at="turn", of="[BS]*"),
        rule("unstarted", Effect(refuse=True), at="start", rate=0.5),
        rule("full", Effect(full=True), at="disk"),
        rule("slow", Effect(slow=20.0), at="disk", rate=0.05),
        rule("answer-lost", Effect(ack_lost=True), at="disk"),
        rule("fsync-kept", Effect(fsync_error="kept"), at="disk"),
        rule("fsync-gone", Effect(fsync_error="gone"), at="disk"),
        rule("unreadable", Effect(read_error=True), at="disk", rate=0.3),
    )
}


async def insist(system: System, to: Address, message: Message[R]) -> R:
    """Ask until it is answered, as a client does that does not know what has become of its last try."""
    ref: Ref[Message[R]] = system.ref(to)
    while True:
        try:
            return await ref.ask(message)
        except ActorError:
            await trio.sleep(0.5)


async def book(system: System) -> tuple[str, ...]:
    """Two clients book ten each; then all faults end, and the ledger is read."""
    ledger = Address.of("ledger", "one")

    async def client(name: str) -> None:
        for number in range(10):
            await insist(system, ledger, Book(id=f"{name}{number}"))
            seen = await insist(system, ledger, Read())
            assert f"{name}{number}" in seen, "what was acknowledged is there"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client, "a")
        nursery.start_soon(client, "b")
    await heal(system)
    return await insist(system, ledger, Read())


async def send_and_delete(system: System) -> tuple[set[str], set[str], list[str]]:
    """What was sent, what was deleted, and what is left when all faults have ended."""
    sent: set[str] = set()
    deleted: set[str] = set()
    await insist(system, NAMES, CreateQueue(name="orders", attributes={}))

    async def produce(name: str) -> None:
        for number in range(6):
            body = f"{name}{number}"
            await insist(system, ORDERS, SendMessage(entry=SendEntry(body, group=None), sender="0"))
            sent.add(body)

    async def consume() -> None:
        for _ in range(6):
            got = await insist(system, ORDERS, ReceiveMessage(count=2, wait=1))
            for message in got.messages:
                await insist(system, ORDERS, DeleteMessage(receipt_handle=message.receipt_handle))
                deleted.add(message.body)

    async with trio.open_nursery() as nursery:
        for start in (produce, produce):
            nursery.start_soon(start, "ab"[len(nursery.child_tasks)])
        nursery.start_soon(consume)
    await heal(system)
    return sent, deleted, await drain(system)


SEEDS = range(8)


@pytest.mark.parametrize("name", FAULTS)
def test_a_ledger_has_booked_each_once_whatever_goes_wrong(name: str) -> None:
    happened = 0
    for seed in SEEDS:
        run = simulate(book, seed=seed, patterns=PATTERNS, faults=[FAULTS[name]])
        assert sorted(run.result) == sorted(f"{client}{number}" for client in "ab" for number in range(10))
        assert run.faults == [] or run.dead_rules == []
        happened += len(run.faults)
    assert happened, "the rule has acted"


@pytest.mark.parametrize("name", FAULTS)
def test_a_queue_loses_no_message_whatever_goes_wrong(name: str) -> None:
    happened = 0
    for seed in SEEDS:
        run = simulate(send_and_delete, seed=seed, patterns=PATTERNS, faults=[FAULTS[name]])
        sent, deleted, left = run.result
        assert sent - deleted <= set(
            left
        )  # a body may be there twice: a client sends anew what it has no answer to
        assert set(left) <= {f"{client}{number}" for client in "ab" for number in range(6)}
        happened += len(run.faults)
    assert happened, "the rule has acted"


EACH = [FAULTS[name] for name in ("crash", "jump", "full", "answer-lost", "fsync-gone", "unstarted")]


def test_faults_happen_again_by_their_names_alone_whatever_their_rules_would_draw() -> None:
    first = simulate(book, seed=3, patterns=PATTERNS, faults=EACH)
    assert len({name.partition(" : ")[2].partition(" ")[0] for name in first.faults}) > 3
    never = [one.model_copy(update={"gate": Gate(rate=0.0)}) for one in EACH]
    again = simulate(
        book,
        seed=3,
        patterns=PATTERNS,
        faults=never,
        choices=Choices(Plan(first.plan), faults=first.faults),
    )
    assert (again.faults, again.plan) == (first.faults, first.plan)
    assert again.steps == first.steps


def test_without_one_of_its_names_a_fault_does_not_happen() -> None:
    first = simulate(book, seed=3, patterns=PATTERNS, faults=EACH)
    fewer = Choices(Plan(first.plan), faults=first.faults[1:])
    run = simulate(book, seed=3, patterns=PATTERNS, faults=EACH, choices=fewer)
    assert first.faults[0] not in run.faults
    assert set(run.faults) <= set(first.faults)


def test_the_same_seed_gives_the_same_faults_and_the_same_digest() -> None:
    runs = [simulate(book, seed=5, patterns=PATTERNS, faults=EACH) for _ in range(2)]
    assert runs[0].faults
    assert (runs[0].faults, runs[0].digest) == (runs[1].faults, runs[1].digest)


def test_a_rule_that_never_acts_changes_nothing_of_a_run() -> None:
    never = FAULTS["crash"].model_copy(update={"gate": Gate(rate=0.0)})
    plain = simulate(book, seed=5, patterns=PATTERNS)
    assert simulate(book, seed=5, patterns=PATTERNS, faults=[never]).digest == plain.digest


def test_a_rule_that_nothing_has_matched_is_said_after_the_run() -> None:
    nobody = rule("nobody", Effect(crash=True), at="effect", actor="/nobody/*")
    run = simulate(book, seed=1, patterns=PATTERNS, faults=[nobody, FAULTS["crash"]])
    assert run.dead_rules == ["nobody"]


def test_a_rule_at_a_door_is_refused_by_a_run_that_has_none() -> None:
    at_door = Rule(name="door", match=Match(at="door"), effect=Effect(silence=True))
    with pytest.raises(ValueError, match="door: this run has no door; it has disk, effect, start, turn"):
        simulate(book, seed=1, patterns=PATTERNS, faults=[at_door])


def test_no_fault_happens_after_the_run_has_healed() -> None:
    always = rule("all", Effect(crash=True), at="effect", rate=1.0, kind="stage")

    async def program(system: System) -> tuple[str, ...]:
        ledger: Ref[Book | Read] = system.ref(Address.of("ledger", "one"))
        with pytest.raises(ActorError):
            await ledger.ask(Book(id="a"))
        await heal(system)
        await insist(system, Address.of("ledger", "one"), Book(id="b"))
        return await insist(system, Address.of("ledger", "one"), Read())

    assert simulate(program, seed=1, patterns=PATTERNS, faults=[always]).result == ("b",)


class Tick(Message[None]):
    pass


class Times(Message[tuple[tuple[float, float], ...]]):
    """`now` and `wall` at each tick, since the first one asked."""


class Watch(DurableActor[Tick | Times]):
    @override
    async def load(self, stored: Stored) -> None:
        self.ticks: list[tuple[float, float]] = []

    @receive(Tick)
    def on_tick(self, _: Tick) -> None:
        self.ticks.append((self.ctx.now, self.ctx.wall))
        if len(self.ticks) < 4:
            self.ctx.timer("tick", 10, Tick())

    @receive(Times)
    def on_times(self, _: Times) -> tuple[tuple[float, float], ...]:
        return tuple(self.ticks)


def ticks_under(effect: Effect) -> list[tuple[float, float]]:
    """Four ticks, ten seconds apart; between the second and the third something happens. Times since the first."""

    async def program(system: System) -> tuple[tuple[float, float], ...]:
        watch: Ref[Tick | Times] = system.ref(Address.of("watch", "one"))
        await watch.ask(Tick())
        await trio.sleep(15)
        await watch.ask(Times())
        await trio.sleep(40)
        return await watch.ask(Times())

    one = Rule(name="a", match=Match(at="effect", kind="reply"), gate=Gate(nth=(2,)), effect=effect)
    ticks = simulate(
        program, seed=1, patterns=[Pattern("watch", {"watch": lambda _: Spec(Watch)})], faults=[one]
    ).result
    start = ticks[0]
    return [(round(now - start[0], 6), round(wall - start[1], 6)) for now, wall in ticks]


def test_the_wall_clock_jumps_and_timers_do_not() -> None:
    assert ticks_under(Effect(jump=-3600.0)) == [(0, 0), (10, 10), (20, -3580), (30, -3570)]


def test_the_wall_clock_drifts_from_where_it_begins_to() -> None:
    assert ticks_under(Effect(drift=100_000.0)) == [(0, 0), (10, 10), (20, 20.5), (30, 31.5)]


def test_timers_are_late_by_a_pause_of_the_node_and_by_no_more() -> None:
    assert ticks_under(Effect(pause=7.0)) == [(0, 0), (10, 10), (22, 22), (32, 32)]


def test_what_the_disk_cannot_read_crashes_the_turn_that_reads_it() -> None:
    unreadable = Rule(
        name="unreadable", match=Match(at="disk"), gate=Gate(skip=1, nth=(1,)), effect=Effect(read_error=True)
    )

    async def program(system: System) -> tuple[str, ...]:
        ledger: Ref[Book | Read] = system.ref(Address.of("ledger", "one"))
        await ledger.ask(Book(id="a"))  # the first read is that of its load
        with pytest.raises(ActorError) as caught:
            await ledger.ask(Read())
        assert isinstance(caught.value.__cause__, OSError)
        return await ledger.ask(Read())

    assert simulate(program, seed=1, patterns=PATTERNS, faults=[unreadable]).result == ("a",)


def test_a_wall_clock_keeps_what_it_has_gained_until_it_is_set_right() -> None:
    clock = WrongClock()
    clock.drift(100_000.0)
    clock.pause(10.0)
    clock.drift(0.0)
    clock.pause(10.0)
    assert round(clock.wall() - clock.now(), 6) == 1.0
    clock.right()
    assert clock.wall() == clock.now()
