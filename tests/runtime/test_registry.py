"""The registry and the groups: who is found, from when and until when, and what subscribers are told."""

from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.actor import Actor, Spec
from actors.address import Address
from actors.errors import ActorCrashed, CommitFailed, KeyTaken
from actors.event import Key, Listing
from actors.handlers import receive
from actors.ref import Ref
from actors.signals import Terminated
from runtime.events import ActorHasStopped
from runtime.lab.simulation import simulate
from runtime.store import Disk, MemoryStore
from runtime.system import System
from tests.runtime.cast import (
    Bang,
    Keeper,
    Note,
    Player,
    Run,
    crash,
    keeper,
    keeping,
    on_stage,
    play,
    settled,
    unlogged,
)

PLAYERS = Key[Run | Note]("players")
ONE = Key[Run | Note]("one", single=True)


class Mourner(Actor[ActorHasStopped]):
    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    @receive(ActorHasStopped)
    def on_stopped(self, message: ActorHasStopped) -> None:
        self.seen.append(message)


class Reader(Actor[Listing]):
    def __init__(self, seen: list[Listing]) -> None:
        self.seen = seen

    @receive(Listing)
    def on_listing(self, message: Listing) -> None:
        self.seen.append(message)


def registers(key: Key[Any]) -> Run:
    return Run(step=lambda self: self.ctx.register(key))


def deregisters(key: Key[Any]) -> Run:
    return Run(step=lambda self: self.ctx.deregister(key))


@on_stage()
async def test_an_actor_is_found_by_its_key_until_it_ends(system: System) -> None:
    actor = system.spawn(Spec(Player))
    assert system.registry.find(PLAYERS) == []
    await actor.ask(registers(PLAYERS))
    (found,) = system.registry.find(PLAYERS)
    assert await found.ask(Note(text="a")) == 1
    await system.stop(actor)
    assert system.registry.find(PLAYERS) == []
    assert system.registry.empty


@on_stage()
async def test_a_key_is_kept_while_its_actor_restarts(system: System) -> None:
    actor = system.spawn(Spec(Player))
    await actor.ask(registers(PLAYERS))
    for _ in range(2):
        with pytest.raises(ActorCrashed):
            await actor.ask(Run(step=crash))
        assert system.registry.find(PLAYERS) == [actor]


@on_stage()
async def test_a_turn_that_crashes_has_registered_nothing(system: System) -> None:
    actor, other = system.spawn(Spec(Player)), system.spawn(Spec(Player))

    def registers_and_crashes(self: Player) -> None:
        self.ctx.register(ONE)
        assert self.ctx.find(ONE) == []
        raise Bang

    with pytest.raises(ActorCrashed):
        await actor.ask(Run(step=registers_and_crashes))
    await other.ask(registers(ONE))
    assert system.registry.find(ONE) == [other]


@on_stage()
async def test_a_single_key_has_one_holder(system: System) -> None:
    first, second = system.spawn(Spec(Player)), system.spawn(Spec(Player))
    await first.ask(registers(ONE))
    await first.ask(registers(ONE))

    def tries(self: Player) -> bool:
        try:
            self.ctx.register(ONE)
        except KeyTaken:
            return True
        return False

    assert await second.ask(Run(step=tries))
    await first.ask(deregisters(ONE))
    assert not await second.ask(Run(step=tries))
    assert system.registry.find(ONE) == [second]


@on_stage()
async def test_a_subscriber_gets_the_full_list_and_then_the_changes(system: System) -> None:
    seen: list[Listing] = []
    first, second = system.spawn(Spec(Player, name="1")), system.spawn(Spec(Player, name="2"))
    await first.ask(registers(PLAYERS))
    system.registry.subscribe(PLAYERS, system.spawn(Spec(Reader, (seen,))))
    await settled()
    await second.ask(registers(PLAYERS))
    await settled()
    await system.stop(first)
    await settled()
    assert [listing.of(PLAYERS) for listing in seen] == [(first,), (first, second), (second,)]
    assert [(listing.came, listing.gone) for listing in seen] == [
        (("/1",), ()),
        (("/2",), ()),
        ((), ("/1",)),
    ]
    assert seen[0].of(ONE) == ()


@on_stage(patterns=[keeping()])
async def test_who_holds_a_key_is_not_passivated(system: System) -> None:
    holder, other = keeper(system, "a"), keeper(system, "b")
    await holder.ask(registers(PLAYERS))
    await other.ask(Note(text="x"))
    await trio.sleep(1_000)
    assert holder.address in system.router.cells
    assert other.address not in system.router.cells
    assert system.registry.find(PLAYERS) == [holder]


@on_stage()
async def test_a_group_is_told_and_left_at_the_end_of_the_incarnation(system: System) -> None:
    heard: list[list[str]] = [[], []]
    members = [system.spawn(Spec(Player, (one,))) for one in heard]
    for member in members:
        await member.ask(Run(step=lambda self: self.ctx.join("orders")))
    await system.groups.publish("orders", Note(text="all"))
    await settled()
    with pytest.raises(ActorCrashed):
        await members[0].ask(Run(step=crash))
    assert system.groups.members("orders") == [members[1]]
    await members[0].ask(Run(step=lambda self: self.ctx.publish("orders", Note(text="rest"))))
    await settled()
    assert heard == [["all"], ["all", "rest"]]
    await members[1].ask(Run(step=lambda self: self.ctx.leave("orders")))
    assert len(system.groups) == 0


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["register", "deregister", "stop"]), st.integers(0, 2)), max_size=12
)


async def act(system: System, what: str, actor: Ref[Any], held: list[Ref[Any]]) -> None:
    """One step, and the same to the model."""
    if actor.address not in system.router.cells:
        return
    if what == "register":
        await actor.ask(registers(PLAYERS))
        if actor not in held:
            held.append(actor)
        return
    await (system.stop(actor) if what == "stop" else actor.ask(deregisters(PLAYERS)))
    if actor in held:
        held.remove(actor)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 1_000))
def test_listings_end_at_what_is_registered_and_tell_no_change_twice(steps: list[Step], seed: int) -> None:
    seen: list[Listing] = []

    async def program(system: System) -> None:
        actors: list[Ref[Any]] = [system.spawn(Spec(Player, name=str(number))) for number in range(3)]
        system.registry.subscribe(PLAYERS, system.spawn(Spec(Reader, (seen,))))
        held: list[Ref[Any]] = []
        for what, who in steps:
            await act(system, what, actors[who], held)
            assert system.registry.find(PLAYERS) == held
        await trio.sleep(1)
        assert list(seen[-1].of(PLAYERS)) == held

    with unlogged():
        simulate(program, seed=seed)
    known: list[str] = []
    for listing in seen:
        assert not set(listing.came) & set(known)
        assert set(listing.gone) <= set(known)
        known = [ref.address for ref in listing.refs]


def test_nothing_is_left_when_the_system_has_ended() -> None:
    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player))
        await actor.ask(registers(PLAYERS))
        await actor.ask(Run(step=lambda self: self.ctx.join("g")))
        system.registry.subscribe(PLAYERS, system.spawn(Spec(Reader, ([],))))

    system = play(program)
    assert system.registry.empty
    assert len(system.groups) == 0


def test_a_key_taken_in_a_turn_whose_commit_fails_is_free_again() -> None:
    disk = Disk()

    async def program(system: System) -> None:
        actor, other = keeper(system), system.spawn(Spec(Player))
        await actor.ask(Note(text="awake"))

        def registers_and_stages(self: Keeper) -> None:
            self.ctx.register(ONE)
            self.note("row")
            disk.faults.full = True

        with pytest.raises(CommitFailed):
            await actor.ask(Run(step=registers_and_stages))
        await other.ask(registers(ONE))
        assert system.registry.find(ONE) == [other]

    play(program, patterns=[keeping()], store=MemoryStore(disk))


@on_stage()
async def test_a_key_is_gone_before_a_watcher_is_told_of_the_end(system: System) -> None:
    found: list[list[Ref[Any]]] = []

    class Watcher(Actor[Run | Terminated]):
        @receive(Run)
        def on_run(self, message: Run) -> Any:
            return message.step(self)

        @receive(Terminated)
        def on_terminated(self, message: Terminated) -> None:
            found.append([*self.ctx.find(PLAYERS)])

    actor, mourner = system.spawn(Spec(Player)), system.spawn(Spec(Watcher))
    await actor.ask(registers(PLAYERS))
    await mourner.ask(Run(step=lambda self: self.ctx.watch(actor)))
    assert system.registry.find(PLAYERS) == [actor]
    await system.stop(actor)
    await settled()
    assert found == [[]]


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 1_000))
def test_members_and_listeners_miss_nothing_whatever_the_schedule(steps: list[Step], seed: int) -> None:
    seen: list[Any] = []
    heard: list[str] = []
    ended: list[Address] = []
    expected = 0

    async def program(system: System) -> None:
        nonlocal expected
        system.events.subscribe(system.spawn(Spec(Mourner, (seen,))), ActorHasStopped)
        actors = [system.spawn(Spec(Player, (heard,), name=str(number))) for number in range(3)]
        members: set[Address] = set()
        for what, who in steps:
            actor = actors[who]
            if actor.address in ended:
                continue
            if what == "stop":
                await system.stop(actor)
                ended.append(actor.address)
                members.discard(actor.address)
            elif what == "register":
                await actor.ask(Run(step=lambda self: self.ctx.join("g")))
                members.add(actor.address)
            else:
                await actor.ask(Run(step=lambda self: self.ctx.leave("g")))
                members.discard(actor.address)
            assert {ref.address for ref in system.groups.members("g")} == members
            await system.groups.publish("g", Note(text="all"))
            expected += len(members)
            await trio.sleep(1)

    with unlogged():
        simulate(program, seed=seed)
    assert len(heard) == expected
    assert [event.address for event in seen if event.address.name in "012"][: len(ended)] == ended
