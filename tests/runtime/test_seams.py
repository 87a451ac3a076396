"""What falls between two rooms: askers that leave, mail that moves, and failures that come while something else ends."""

from collections.abc import Sequence
from typing import Any

import trio
from typing_extensions import override

from actors.actor import Spec, StartReason, StopReason
from actors.address import Address
from actors.errors import ActorStopped, CommitFailed, RateLimited, StartFailed
from actors.ref import Ref
from actors.signals import Terminated
from actors.supervision import Intensity
from runtime.cell import STOPPING
from runtime.interceptors import RateLimiter, Scope
from runtime.store import MemoryStore
from runtime.store.port import Batch, Outcome, Refused, StoreBroken
from runtime.system import System
from tests.runtime.cast import (
    Bang,
    Keeper,
    Lively,
    Note,
    Player,
    Run,
    Wait,
    keeper,
    keeping,
    on_stage,
    refuse,
    rest,
    settled,
)


async def ask_into(came: list[Any], actor: Ref[Any], message: Any) -> None:
    try:
        came.append(await actor.ask(message))
    except Exception as error:  # noqa: BLE001
        came.append(type(error))


def forward_to(target: Ref[Any]) -> Run:
    return Run(step=lambda self: self.ctx.forward(target))


class SlowToStop(Player):
    @override
    async def stopping(self, reason: StopReason) -> None:
        await trio.sleep(2)


async def stopping(system: System, ref: Ref[Any]) -> None:
    """Wait until it is being passivated."""
    await trio.sleep(11)  # looked at after 5 seconds and after 10
    assert system.router.cells[ref.address].status is STOPPING


# --- askers that leave ------------------------------------------------------------------------------------


async def leaves_and_sleeps(actor: Ref[Any], message: Any, seconds: float, slept: list[str]) -> None:
    with trio.move_on_after(seconds):
        await actor.ask(message)
    await trio.sleep(60)
    slept.append("slept on")


@on_stage()
async def test_a_forwarded_message_whose_asker_has_left_behind_a_full_mailbox_never_happens(
    system: System,
) -> None:
    ran: list[str] = []
    slept: list[str] = []
    target, front = system.spawn(Spec(Player, capacity=1)), system.spawn(Spec(Player))

    async def step(self: Player) -> Any:
        if self.ctx.address == front.address:
            return self.ctx.forward(target)
        ran.append("ran")
        await trio.sleep(1)
        return None

    async with trio.open_nursery() as nursery:
        nursery.start_soon(target.ask, rest(10))
        await settled()
        nursery.start_soon(target.ask, Note(text="fills"))
        await settled()
        nursery.start_soon(leaves_and_sleeps, front, Wait(step=step), 2, slept)
    assert (ran, slept) == ([], ["slept on"])


@on_stage(patterns=[keeping(Spec(SlowToStop, ([],), idle_after=5.0))])
async def test_a_message_that_moved_with_a_passivation_never_happens_for_an_asker_that_left(
    system: System,
) -> None:
    ran: list[str] = []
    slept: list[str] = []

    async def step(_: Player) -> None:
        ran.append("ran")
        await trio.sleep(1)

    ref = keeper(system)
    await ref.ask(Note(text="a"))
    await stopping(system, ref)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ref.ask, rest(10))
        await settled()
        nursery.start_soon(leaves_and_sleeps, ref, Wait(step=step), 4, slept)
    assert (ran, slept) == ([], ["slept on"])


@on_stage()
async def test_a_handler_that_cancels_its_own_asker_does_not_cut_the_next_turn(system: System) -> None:
    scope = trio.CancelScope()
    actor = system.spawn(Spec(Player))

    async def cancels(_: Player) -> None:
        scope.cancel()

    async def asks() -> None:
        with scope:
            await actor.ask(Wait(step=cancels))

    came: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.ask, rest(1))
        await settled()
        nursery.start_soon(asks)
        await settled()
        for message in (rest(1), Note(text="next")):
            nursery.start_soon(ask_into, came, actor, message)
            await settled()
    assert came == [None, 1]


# --- askers that nobody would have told -------------------------------------------------------------------


@on_stage()
async def test_a_forwarded_asker_is_told_when_the_full_target_stops(system: System) -> None:
    came: list[Any] = []
    others: list[Any] = []
    target, front = system.spawn(Spec(Player, capacity=1)), system.spawn(Spec(Player))
    await settled()
    async with trio.open_nursery() as nursery:
        for message in (rest(10), Note(text="fills")):
            nursery.start_soon(ask_into, others, target, message)
            await settled()
        nursery.start_soon(ask_into, came, front, forward_to(target))
        await settled()
        await system.stop(target)
    assert came == [ActorStopped]


@on_stage()
async def test_a_forwarded_message_takes_one_token_and_without_one_its_asker_is_told(system: System) -> None:
    came: list[Any] = []
    heard: list[str] = []
    target, front = system.spawn(Spec(Player, (heard,))), system.spawn(Spec(Player))

    def step(self: Player) -> Any:
        return self.ctx.forward(target) if self.ctx.address == front.address else "answered"

    await settled()
    RateLimiter(Scope(target.address), system.clock.now, rate=0.001, burst=1).install(system.router)
    for _ in range(2):
        await ask_into(came, front, Run(step=step))
    assert came == ["answered", RateLimited]


class NeverStarts(Player):
    @override
    async def started(self, reason: StartReason) -> None:
        await trio.sleep(1)
        raise Bang("no start")


@on_stage(patterns=[keeping(Spec(NeverStarts, ([],), capacity=1))])
async def test_who_waits_for_room_is_told_of_a_failed_start_too(system: System) -> None:
    came: list[Any] = []
    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(ask_into, came, keeper(system), Note(text=f"{number}"))
    assert came == [StartFailed] * 4


@on_stage(patterns=[keeping(Spec(SlowToStop, ([],), idle_after=5.0, capacity=1))])
async def test_nobody_is_lost_to_a_passivation_with_a_full_mailbox(system: System) -> None:
    came: list[Any] = []
    ref = keeper(system)
    await ref.ask(Note(text="a"))
    await stopping(system, ref)
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(ask_into, came, ref, Note(text=f"{number}"))
    assert len(came) == 3
    assert all(isinstance(one, int) for one in came)


# --- failures while something else ends -------------------------------------------------------------------


class RefusesOnce(MemoryStore):
    """Each commit takes a second; the one that `refusing` is set for is refused."""

    refusing = False

    def __init__(self) -> None:
        super().__init__(commit_time=lambda: 1.0)

    @override
    async def commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        if not self.refusing:
            return await super().commit(batches)
        self.refusing = False
        await trio.sleep(1.0)
        return [Refused(StoreBroken("no")) for _ in batches]


class LastWords(Keeper):
    @override
    async def stopping(self, reason: StopReason) -> None:
        self.note("last words")


STORE = RefusesOnce()


@on_stage(store=STORE, patterns=[keeping(Spec(LastWords))])
async def test_an_actor_whose_commit_fails_while_it_stops_writes_nothing_more(system: System) -> None:
    came: list[Any] = []
    ref = keeper(system)
    await ref.ask(Note(text="one"))
    STORE.refusing = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_into, came, ref, Note(text="two"))
        await settled()
        await system.stop(ref)
    assert came == [CommitFailed]
    assert await STORE.scan(ref.address, "") == [("n/000000", b"one")]


@on_stage()
async def test_an_error_in_what_a_watch_makes_of_its_message_is_the_watchers_crash(system: System) -> None:
    watcher, target = system.spawn(Spec(Player)), system.spawn(Spec(Player))
    await settled()

    def broken(_: Terminated) -> Any:
        raise Bang("broken")

    await watcher.ask(Run(step=lambda self: self.ctx.watch(target, broken)))
    await system.stop(target)
    await settled()
    assert system.router.cells[watcher.address].restarts == 1


@on_stage()
async def test_a_full_disk_in_a_periodic_timers_turn_is_no_crash_and_the_timer_goes_on(
    system: System,
) -> None:
    starts: list[str] = []

    class Ticking(Keeper):
        @override
        async def started(self, reason: StartReason) -> None:
            starts.append(type(reason).__name__)
            self.ctx.timer("tick", 1.0, Run(step=lambda self: self.note("tick")), every=1.0)

    store = system.store
    assert isinstance(store, MemoryStore)
    actor = system.spawn(Spec(Ticking))
    await trio.sleep(2.5)
    store.disk.faults.full = True
    await trio.sleep(10)
    store.disk.faults.full = False
    await trio.sleep(3)
    kept = await actor.ask(Run(step=lambda self: len(self.kept)))
    # the commit that finds the disk full costs the incarnation, whose memory is ahead of it; nothing else does
    assert starts == ["Fresh", "Activated"]
    assert system.router.cells[actor.address].restarts == 0
    assert kept >= 4


@on_stage()
async def test_a_refusal_in_a_periodic_timers_turn_is_no_crash(system: System) -> None:
    heard: list[str] = []

    class Refusing(Lively):
        @override
        async def started(self, reason: StartReason) -> None:
            await super().started(reason)
            self.ctx.timer("tick", 1.0, Run(step=refuse), every=1.0)

    actor = system.spawn(Spec(Refusing, (heard,)))
    await trio.sleep(5.5)
    assert heard == ["started Fresh"]
    assert system.router.cells[actor.address].handled == 5


@on_stage(intensity=Intensity(100))
async def test_a_death_pact_within_started_is_one_failure(system: System) -> None:
    heard: list[str] = []
    pacts = [True]

    class Bound(Lively):
        @override
        async def started(self, reason: StartReason) -> None:
            await super().started(reason)
            if pacts:
                pacts.clear()
                for name in ("/nobody", "/nowhere"):
                    self.ctx.watch(self.ctx.ref(Address(name)))

    actor = system.spawn(Spec(Bound, (heard,)))
    await trio.sleep(30)
    assert system.router.cells[actor.address].restarts == 1
    assert [one for one in heard if one.startswith("started")] == ["started Fresh", "started Restarted"]
    assert len([one for one in heard if one.startswith("stopped")]) == 1
