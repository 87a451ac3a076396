"""Timers that come again, and the timeout of a silent mailbox."""

from typing import Any

import pytest
import trio
from typing_extensions import override

from actors.actor import Actor, Spec
from actors.handlers import receive
from actors.mailbox import Overflow
from actors.message import Message
from actors.signals import ReceiveTimeout
from runtime.system import System
from tests.runtime.cast import Note, Run, Wait, crash, on_stage, settled


class Tick(Message[None]):
    """It is time."""

    missed: int = 0
    takes: float = 0.0


class Clockwork(Actor[Tick | Run | Note | ReceiveTimeout]):
    """It notes the seconds since its start at which something came."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log
        self.began = 0.0

    @override
    async def started(self, reason: object) -> None:
        self.began = self.ctx.now

    @receive(Tick)
    async def on_tick(self, message: Tick) -> None:
        self.log.append((round(self.ctx.now - self.began, 3), message.missed))
        if message.takes:
            await trio.sleep(message.takes)

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Note)
    def on_note(self, message: Note) -> int:
        return 0

    @receive(ReceiveTimeout)
    def on_timeout(self, message: ReceiveTimeout) -> None:
        self.log.append(round(self.ctx.now - self.began, 3))


def every(seconds: float, mode: Any, takes: float = 0.0) -> Run:
    return Run(step=lambda self: self.ctx.timer("tick", seconds, Tick(takes=takes), every=seconds, mode=mode))


@on_stage()
async def test_a_delay_begins_again_when_the_turn_has_ended(system: System) -> None:
    log: list[Any] = []
    actor = system.spawn(Spec(Clockwork, (log,)))
    await settled()
    await actor.ask(every(10, "delay", takes=3))
    await trio.sleep(40)
    assert [at for at, _ in log] == [10, 23, 36]


@on_stage()
async def test_a_rate_keeps_to_its_grid_and_merges_what_was_missed(system: System) -> None:
    log: list[Any] = []
    actor = system.spawn(Spec(Clockwork, (log,)))
    await settled()
    await actor.ask(every(10, "rate"))
    await trio.sleep(15)

    await actor.ask(Run(step=lambda self: self.ctx.timer("hold", 0, Tick(takes=30))))
    await trio.sleep(41)
    # 10, then the turn from 15 to 45 holds up those of 20, 30 and 40: one message, and on with the grid
    assert log == [(10, 0), (15, 0), (45, 2), (50, 0)]


@on_stage()
async def test_a_periodic_timer_ends_by_cancel_by_its_key_and_with_its_incarnation(system: System) -> None:
    log: list[Any] = []
    actor = system.spawn(Spec(Clockwork, (log,)))
    await settled()
    await actor.ask(every(10, "delay"))
    await trio.sleep(15)
    await actor.ask(Run(step=lambda self: self.ctx.cancel("tick")))
    await trio.sleep(30)
    assert len(log) == 1
    await actor.ask(every(10, "rate"))
    await actor.ask(Run(step=lambda self: self.ctx.timer("tick", 5, Tick())))
    await trio.sleep(30)
    assert len(log) == 2
    for mode in ("delay", "rate"):
        await actor.ask(every(10, mode))
        await actor.tell(Run(step=crash))
        await trio.sleep(30)
        assert len(log) == 2


@on_stage()
async def test_a_tick_may_cancel_its_own_timer(system: System) -> None:
    log: list[Any] = []

    class Thrice(Actor[Tick | Run]):
        @receive(Tick)
        def on_tick(self, message: Tick) -> None:
            log.append(self.ctx.now)
            if len(log) == 3:
                self.ctx.cancel("tick")

        @receive(Run)
        def on_run(self, message: Run) -> Any:
            return message.step(self)

    for mode in ("delay", "rate"):
        log.clear()
        actor = system.spawn(Spec(Thrice))
        await settled()
        await actor.ask(every(10, mode))
        await trio.sleep(100)
        assert len(log) == 3
    assert len(system.timers) == 0


@on_stage()
async def test_a_silent_mailbox_is_reported_and_its_own_timers_do_not_break_the_silence(
    system: System,
) -> None:
    log: list[Any] = []
    actor = system.spawn(Spec(Clockwork, (log,)))
    await settled()
    await actor.ask(Run(step=lambda self: self.ctx.receive_timeout(10)))
    await trio.sleep(6)
    await actor.ask(Note(text="a"))
    await actor.ask(Run(step=lambda self: self.ctx.timer("own", 5, Tick())))
    await trio.sleep(11)
    assert log == [(11, 0), 16]
    await trio.sleep(10)
    assert log[2:] == [26]
    await actor.ask(Run(step=lambda self: self.ctx.receive_timeout(None)))
    await trio.sleep(60)
    assert log[3:] == []


@on_stage()
async def test_a_period_of_nothing_and_an_unknown_mode_are_refused(system: System) -> None:
    actor = system.spawn(Spec(Clockwork, ([],)))
    await settled()

    def step(self: Clockwork) -> str:
        for bad in (0.0, -1.0, float("inf"), float("nan")):
            with pytest.raises(ValueError, match="every is a finite number of seconds, more than 0"):
                self.ctx.timer("t", 1, Tick(), every=bad)
            with pytest.raises(ValueError, match="after is a finite number of seconds, more than 0"):
                self.ctx.receive_timeout(bad)
        wrong: Any = "fixed"
        with pytest.raises(ValueError, match="mode is 'delay' or 'rate'"):
            self.ctx.timer("t", 1, Tick(), every=1, mode=wrong)
        return "refused"

    assert await actor.ask(Run(step=step)) == "refused"


@on_stage()
async def test_a_receive_timeout_that_is_refused_leaves_the_one_before(system: System) -> None:
    log: list[Any] = []
    actor = system.spawn(Spec(Clockwork, (log,)))
    await actor.ask(Run(step=lambda self: self.ctx.receive_timeout(10)))

    def step(self: Clockwork) -> None:
        with pytest.raises(ValueError, match="after is a finite number of seconds, more than 0"):
            self.ctx.receive_timeout(0)

    await actor.ask(Run(step=step))
    await trio.sleep(15)
    assert len(log) == 1


@on_stage()
async def test_a_cut_turn_leaves_the_receive_timeout_as_it_was(system: System) -> None:
    log: list[Any] = []

    class Waiter(Actor[Wait | Run | ReceiveTimeout]):
        @receive(Wait)
        async def on_wait(self, message: Wait) -> Any:
            return await message.step(self)

        @receive(Run)
        def on_run(self, message: Run) -> Any:
            return message.step(self)

        @receive(ReceiveTimeout)
        def on_silence(self, _: ReceiveTimeout) -> None:
            log.append(self.ctx.now - began)

    async def step(self: Waiter) -> None:
        self.ctx.receive_timeout(1)
        await trio.sleep(100)

    actor, began = system.spawn(Spec(Waiter)), system.clock.now()
    await actor.ask(Run(step=lambda self: self.ctx.receive_timeout(10)))
    with trio.move_on_after(3):
        await actor.ask(Wait(step=step))
    await trio.sleep(20)
    assert log == [10, 20]


def ticking_without_a_pause(log: list[Any], **spec: Any) -> Spec[Any]:
    """Ticks of 15 seconds, one due every 10: the next one is there when one ends."""

    class Busy(Actor[Tick | Note | Run]):
        @override
        async def started(self, reason: object) -> None:
            self.ctx.timer("tick", 10, Tick(), every=10, mode="rate")

        @receive(Tick)
        async def on_tick(self, message: Tick) -> None:
            log.append(message.missed)
            await trio.sleep(15)

        @receive(Note)
        def on_note(self, message: Note) -> int:
            log.append(message.text)
            return 0

        @receive(Run)
        def on_run(self, message: Run) -> Any:
            return message.step(self)

    return Spec(Busy, **spec)


@on_stage()
async def test_between_ticks_that_last_longer_than_their_period_comes_the_mail_there_is(
    system: System,
) -> None:
    log: list[Any] = []
    actor = system.spawn(ticking_without_a_pause(log))
    await settled()
    await trio.sleep(12)
    for text in "ab":
        await actor.tell(Note(text=text))
    await trio.sleep(16)
    await actor.tell(Note(text="c"))
    await trio.sleep(14)
    # at 10, 25, 40: floor(42 / 10) = 4 were due, one of them merged
    assert log == [0, "a", "b", 0, "c", 1]


@on_stage()
async def test_a_tick_that_another_turn_holds_up_goes_before_the_mail(
    system: System,
) -> None:
    log: list[Any] = []
    actor = system.spawn(Spec(Clockwork, (log,)))
    await settled()
    await actor.ask(every(10, "rate", takes=3))
    await trio.sleep(14)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.ask, Run(step=lambda self: self.ctx.timer("hold", 0, Tick(takes=8))))
        await trio.sleep(1)
        await actor.tell(Run(step=lambda _: log.append("mail")))
    await trio.sleep(12)
    assert log == [(10, 0), (14, 0), (22, 0), "mail"]


@on_stage()
async def test_a_mailbox_that_drops_its_oldest_message_drops_no_tick(system: System) -> None:
    log: list[Any] = []
    actor = system.spawn(ticking_without_a_pause(log, capacity=2, overflow=Overflow.DROP_OLDEST))
    await settled()
    await trio.sleep(22)
    for text in "abc":
        await actor.tell(Note(text=text))
    await trio.sleep(20)
    assert log == [0, 0, "b", "c", 1]
