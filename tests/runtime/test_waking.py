"""WakeAt: an actor that nobody writes to has a turn at its time, over passivation and a restart of the node."""

import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from typing_extensions import override

from actors import Address, Message, Ref, Spec, StopReason, receive
from actors.durable import DurableActor, WakeAt
from actors.errors import StoreFull
from runtime import Pattern, System, VirtualClock, waking
from runtime.cell import STOPPING
from runtime.store import Disk, MemoryStore

ALARM = Address.of("alarm", "one")


class Ring(Message[None]):
    at: float | None


class Alarm(DurableActor[Ring]):
    rung: list[float]

    def __init__(self, rung: list[float]) -> None:
        self.rung = rung

    @receive(Ring)
    def on_ring(self, message: Ring) -> None:
        self.ctx.stage(WakeAt(message.at))

    @override
    def woken(self) -> None:
        self.rung.append(self.ctx.now)
        self.ctx.stage(WakeAt(None))


def pattern(rung: list[float]) -> Pattern:
    return Pattern("alarm", {"alarm": lambda _: Spec(Alarm, (rung,), idle_after=5.0)})


def run(disk: Disk, rung: list[float], ask_at: float | None, sleep: float) -> None:
    clock = VirtualClock(1_000.0, autojump=True)

    async def main() -> None:
        async with System(patterns=[pattern(rung)], store=MemoryStore(disk), clock=clock) as system:
            alarm: Ref[Ring] = system.ref(ALARM)
            if ask_at is not None:
                await alarm.ask(Ring(at=ask_at))
            await trio.sleep(sleep)

    trio.run(main, clock=clock)


def test_a_passive_actor_is_activated_and_woken_at_its_time() -> None:
    rung: list[float] = []
    run(Disk(), rung, ask_at=1_060.0, sleep=100)
    assert rung == [1_060.0]


def test_a_time_that_came_while_the_node_was_away_is_made_up_for_at_the_start() -> None:
    rung: list[float] = []
    disk = Disk()
    run(disk, rung, ask_at=1_060.0, sleep=10)
    assert rung == []
    disk_clock = VirtualClock(5_000.0, autojump=True)

    async def main() -> None:
        async with System(patterns=[pattern(rung)], store=MemoryStore(disk), clock=disk_clock):
            await trio.sleep(1)

    trio.run(main, clock=disk_clock)
    assert rung == [5_000.0]
    run(disk, rung, ask_at=None, sleep=100)
    assert rung == [5_000.0], "it had cleared its time"


class Hesitant(Alarm):
    @override
    def woken(self) -> None:
        self.rung.append(self.ctx.now)
        if len(self.rung) == 1:
            raise LookupError("not yet")
        self.ctx.stage(WakeAt(None))


def test_an_actor_whose_turn_at_its_time_crashed_is_woken_again() -> None:
    rung: list[float] = []
    clock = VirtualClock(1_000.0, autojump=True)
    hesitant = Pattern("alarm", {"alarm": lambda _: Spec(Hesitant, (rung,))})

    async def main() -> None:
        async with System(patterns=[hesitant], store=MemoryStore(), clock=clock) as system:
            alarm: Ref[Ring] = system.ref(ALARM)
            await alarm.ask(Ring(at=1_060.0))
            await trio.sleep(200)

    trio.run(main, clock=clock)
    assert rung == [1_060.0, 1_070.0]


def test_more_times_than_a_page_holds_are_all_taken_up_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waking, "PAGE", 3)
    disk, rung = Disk(), list[float]()

    async def stage(system: System) -> None:
        for number in range(10):
            alarm: Ref[Ring] = system.ref(Address.of("alarm", f"a{number}"))
            await alarm.ask(Ring(at=5_000.0 + number // 4))

    async def sleep(_: System) -> None:
        await trio.sleep(10_000)

    for program in (stage, sleep):
        clock = VirtualClock(1_000.0, autojump=True)

        async def main(program: Any = program, clock: VirtualClock = clock) -> None:
            async with System(patterns=[pattern(rung)], store=MemoryStore(disk), clock=clock) as system:
                await program(system)

        trio.run(main, clock=clock)
    assert rung == [5_000.0] * 4 + [5_001.0] * 4 + [5_002.0] * 2


def test_a_reset_that_the_store_refuses_leaves_every_time_as_it_was() -> None:
    rung: list[float] = []
    disk = Disk()
    clock = VirtualClock(1_000.0, autojump=True)

    async def main() -> None:
        async with System(patterns=[pattern(rung)], store=MemoryStore(disk), clock=clock) as system:
            alarm: Ref[Ring] = system.ref(ALARM)
            await alarm.ask(Ring(at=1_060.0))
            disk.faults.full = True
            with pytest.raises(StoreFull):
                await system.reset()
            disk.faults.full = False
            await trio.sleep(100)

    trio.run(main, clock=clock)
    assert rung == [1_060.0]


class Rest(Message[None]):
    seconds: float


class Busy(DurableActor[Ring | Rest]):
    """It may be at work when its time comes."""

    max_turn = math.inf

    def __init__(self, rung: list[float]) -> None:
        self.rung = rung

    @receive(Ring)
    def on_ring(self, message: Ring) -> None:
        self.ctx.stage(WakeAt(message.at))

    @receive(Rest)
    async def on_rest(self, message: Rest) -> None:
        await trio.sleep(message.seconds)

    @override
    def woken(self) -> None:
        self.rung.append(self.ctx.now)
        self.ctx.stage(WakeAt(None))


async def busy(system: System, seconds: float) -> Ref[Any]:
    """It is to be woken at 1,010, and at work for so long from 1,000 on."""
    actor: Ref[Any] = system.ref(ALARM)
    await actor.ask(Ring(at=1_010.0))
    await actor.tell(Rest(seconds=seconds))
    return actor


def with_busy(program: Callable[[System], Awaitable[None]]) -> list[float]:
    rung: list[float] = []
    clock = VirtualClock(1_000.0, autojump=True)
    alarm = Pattern("alarm", {"alarm": lambda _: Spec(Busy, (rung,))})

    async def main() -> None:
        async with System(patterns=[alarm], store=MemoryStore(), clock=clock) as system:
            await program(system)

    trio.run(main, clock=clock)
    return rung


def test_an_actor_that_is_busy_at_its_time_is_woken_once() -> None:
    async def program(system: System) -> None:
        await busy(system, 95)
        await trio.sleep(90)
        assert len(system.router.cells[ALARM].mailbox or ()) == 1
        await trio.sleep(100)

    assert with_busy(program) == [1_095.0]


class SlowToGo(Alarm):
    @override
    async def stopping(self, reason: StopReason) -> None:
        await trio.sleep(2)


def test_a_time_that_comes_while_the_actor_is_passivated_wakes_it_as_soon_as_it_has_gone() -> None:
    rung: list[float] = []
    alarms = Pattern("alarm", {"alarm": lambda _: Spec(SlowToGo, (rung,), idle_after=5.0)})
    clock = VirtualClock(1_000.0, autojump=True)

    async def main() -> None:
        async with System(patterns=[alarms], clock=clock) as system:
            await system.ref(ALARM).ask(Ring(at=1_011.0))
            cell = system.router.cells[ALARM]
            await trio.sleep(10.5)
            assert cell.status is STOPPING
            await trio.sleep(100)

    trio.run(main, clock=clock)
    assert rung == [1_012.0]
