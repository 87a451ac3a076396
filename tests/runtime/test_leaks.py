"""After a system has been left, nothing of it is left."""

import gc
import tracemalloc
from contextlib import suppress
from typing import Any

import trio

from actors.actor import Spec
from actors.address import Address
from actors.errors import ActorError
from actors.supervision import Intensity
from runtime.clock import VirtualClock
from runtime.pattern import Pattern
from runtime.store import MemoryStore
from runtime.system import System
from tests.runtime.cast import (
    Keeper,
    Lively,
    Note,
    Player,
    Run,
    Wait,
    crash,
    keeper,
    keeping,
    on_stage,
    rest,
    settled,
)


async def forever(_: Any = None) -> None:
    await trio.sleep_forever()


def as_note(_: Any) -> Note:
    return Note(text="x")


async def ask(ref: Any, message: Any) -> None:
    with suppress(ActorError):
        await ref.ask(message)


async def stir(system: System, nursery: trio.Nursery) -> None:
    """Leave behind as much as can be left."""
    for number in range(5):
        actor = system.spawn(Spec(Lively, ([],), name=f"a{number}"))
        nursery.start_soon(ask, actor, Run(step=lambda self: self.ctx.defer("d")))
        nursery.start_soon(ask, keeper(system, str(number)), Note(text="x"))
        await actor.tell(Run(step=lambda self: self.ctx.timer("t", 10_000, Note(text="x"))))
        await actor.tell(Run(step=lambda self: self.ctx.pipe(forever, as_note)))
        await actor.tell(Run(step=lambda self: self.ctx.spawn(Spec(Lively, ([],)))))
        await settled()
        nursery.start_soon(ask, actor, Wait(step=forever))
        nursery.start_soon(ask, actor, Note(text="waits"))
        await actor.tell(Run(step=crash if number % 2 else str))
    await settled()


def test_tasks_cells_timers_and_askers_are_gone_when_the_system_is_left() -> None:
    clock = VirtualClock(autojump=True)
    system = System(
        clock=clock,
        patterns=[keeping(Spec(Keeper, idle_after=None))],
        store=MemoryStore(commit_time=lambda: 1.0),
        drain_grace=2,
    )

    async def main() -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        async with trio.open_nursery() as nursery, system:
            await stir(system, nursery)
            assert trio.lowlevel.current_statistics().tasks_living > before + 20
        assert trio.lowlevel.current_statistics().tasks_living == before

    trio.run(main, clock=clock)
    assert system.router.cells == {}
    assert len(system.timers) == 0
    assert system.root.children == {}
    assert all(not supervisor.children for supervisor in system.prefixes.values())
    assert system.commit.idle


@on_stage()
async def test_an_actor_that_spawns_and_stops_in_one_turn_leaves_no_task(system: System) -> None:
    await settled()
    before = trio.lowlevel.current_statistics().tasks_living

    def last_words(self: Player) -> None:
        self.ctx.spawn(Spec(Player))
        self.ctx.stop()

    for _ in range(30):
        await system.spawn(Spec(Player)).ask(Run(step=last_words))
    await trio.sleep(10)
    assert trio.lowlevel.current_statistics().tasks_living == before
    assert not system.router.cells


@on_stage(intensity=Intensity(restarts=10_000))
async def test_a_thousand_crashes_keep_no_old_state_alive(system: System) -> None:
    alive: list[int] = []

    class Heavy(Player):
        def __init__(self) -> None:
            super().__init__()
            alive.append(1)

        def __del__(self) -> None:
            alive.pop()

    actor = system.spawn(Spec(Heavy))
    for _ in range(1_000):
        await ask(actor, Run(step=crash))
    await actor.ask(Note(text="up"))
    gc.collect()
    assert len(alive) == 1


def test_memory_is_flat_over_many_rounds_of_activation_and_passivation() -> None:
    rounds, width = 20, 500

    def factory(_: Address) -> Spec[Any]:
        return Spec(Player, idle_after=10)

    async def program(system: System) -> None:
        for number in range(rounds):
            for index in range(width):
                await system.ref(Address(f"/p/{number}-{index}")).ask(Note(text="x"))
            await trio.sleep(25)
            assert not system.router.cells
            if number == rounds // 4:
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])

    sizes: list[int] = []
    tracemalloc.start(1)
    try:
        on_stage(patterns=[Pattern("p", {"p": factory})])(program)()
    finally:
        tracemalloc.stop()
    early, late = sizes
    assert late - early < 15 * rounds * width * 3 // 4, "under 15 bytes a round"


@on_stage(patterns=[keeping(Spec(Keeper, idle_after=10))], store=MemoryStore())
async def test_a_cancelled_asker_leaves_nothing_in_the_mailbox(system: System) -> None:
    actor = keeper(system)
    await actor.tell(rest(5))
    await settled()
    for _ in range(50):
        with trio.move_on_after(0.01):
            await actor.ask(Note(text="x"))
    assert await actor.ask(Note(text="x")) == 1
