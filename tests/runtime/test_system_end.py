"""Leaving a system that is cancelled from outside, or that fails, while commits are under way."""

from typing import Any

import pytest
import trio
from typing_extensions import override

from actors import Actor, Backoff, Directive, Message, Ref, Spec, StartReason, StopReason, receive
from actors.durable import DurableActor, Put
from actors.errors import Stopping
from runtime import System, VirtualClock
from runtime.store import MemoryStore
from runtime.workers import InlineWorkers
from tests.runtime.cast import Lively, Note, Player, Run, Wait, answering, crash, keeper, play, rest, settled


class Write(Message[None]):
    pass


class Fall(Message[None]):
    pass


class Writer(DurableActor[Write]):
    @receive(Write)
    def on_write(self, message: Write) -> None:
        self.ctx.stage(Put("k", b"v"))


class Faller(Actor[Fall]):
    @receive(Fall)
    def on_fall(self, message: Fall) -> None:
        raise LookupError("no way on")


def slow_store() -> MemoryStore:
    return MemoryStore(commit_time=lambda: 0.05)


async def write_for_ever(system: System) -> None:
    writer = system.spawn(Spec(Writer))
    while True:
        await writer.ask(Write())


def test_a_system_cancelled_from_outside_is_left_though_commits_are_under_way() -> None:
    clock = VirtualClock(autojump=True)

    async def main() -> bool:
        with trio.move_on_after(0.53) as cancelled:
            async with System(store=slow_store(), clock=clock) as system, trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(write_for_ever, system)
        return cancelled.cancelled_caught

    assert trio.run(main, clock=clock)


def test_an_escalation_is_left_as_a_group_though_commits_are_under_way() -> None:
    clock = VirtualClock(autojump=True)

    async def main() -> None:
        async with System(store=slow_store(), clock=clock) as system, trio.open_nursery() as nursery:
            nursery.start_soon(write_for_ever, system)
            faller = system.spawn(Spec(Faller, directives=((LookupError, Directive.ESCALATE),)))
            await trio.sleep(0.53)
            await faller.tell(Fall())
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as raised:
        trio.run(main, clock=clock)
    (cause,) = raised.value.exceptions
    assert isinstance(cause, LookupError)


class Polite(Faller):
    @override
    def on_fall(self, message: Fall) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Redefined without the mark: it is still the handler."""


async def test_a_handler_that_a_subclass_redefines_is_the_handler() -> None:
    async with System() as system:
        await system.spawn(Spec(Polite)).ask(Fall())
        assert not system.letters.counts


async def test_a_timer_that_is_set_again_and_again_leaves_no_heap_behind() -> None:
    class Tick(Message[None]):
        pass

    class Clockwork(Actor[Tick]):
        @receive(Tick)
        def on_tick(self, message: Tick) -> None:
            for _ in range(20_000):
                self.ctx.timer("k", 3_600.0, Tick())

    async with System() as system:
        await system.spawn(Spec(Clockwork)).ask(Tick())
        assert len(system.timers._heap) < 5_000  # pyright: ignore[reportPrivateUsage]
        assert len(system.timers) == 1


class SlowToStart(Lively):
    @override
    async def started(self, reason: StartReason) -> None:
        await trio.sleep(4)
        await super().started(reason)


def test_a_system_that_stops_waits_for_mail_of_actors_that_are_starting() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        await keeper(system).tell(Note(text="mail"))

    play(program, patterns=[answering(lambda _: Spec(SlowToStart, (heard,)))])
    assert heard[:2] == ["started Activated", "mail"]


def test_a_system_that_stops_waits_for_mail_of_actors_that_are_backing_off() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player, (heard,), backoff=Backoff(first=5, jitter=0)))
        await actor.tell(Run(step=crash))
        await actor.tell(Run(step=crash))
        await actor.tell(Note(text="mail"))
        await settled()

    system = play(program)
    assert heard == ["mail"]
    assert system.letters.counts == {"crashed": 2}


def test_a_system_that_stops_does_not_wait_for_actors_that_back_off_without_mail() -> None:
    ended: list[float] = []

    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player, backoff=Backoff(first=9, jitter=0)))
        await actor.tell(Run(step=crash))
        await actor.tell(Run(step=crash))
        await settled()
        ended.append(system.clock.now())

    system = play(program)
    assert system.clock.now() == ended[0]


def test_an_actor_may_be_stopped_while_its_system_is_being_cancelled() -> None:
    clock, heard = VirtualClock(autojump=True), list[str]()

    async def main() -> None:
        with trio.move_on_after(1):
            async with System(clock=clock) as system:
                actor = system.spawn(Spec(Lively, (heard,)))
                try:
                    await trio.sleep_forever()
                finally:
                    with trio.move_on_after(2, shield=True):
                        await trio.sleep(1)
                        await system.stop(actor)
                        heard.append("has ended")

    trio.run(main, clock=clock)
    assert heard == ["started Fresh", "stopping STOP", "stopped STOP", "has ended"]


def test_who_cancels_a_system_that_drains_does_not_wait_for_the_rest_of_its_grace() -> None:
    clock = VirtualClock(autojump=True)

    async def main() -> float:
        began = clock.now()
        with trio.move_on_after(2):
            async with System(clock=clock, drain_grace=60) as system:
                await system.spawn(Spec(Player)).tell(rest(1_000))
                await settled()
        return clock.now() - began

    assert trio.run(main, clock=clock) < 10


class Struck(InlineWorkers):
    """Something comes up while the system winds up: a second Ctrl-C."""

    @override
    async def aclose(self) -> None:
        raise KeyboardInterrupt


def test_whatever_comes_up_while_a_system_ends_it_leaves_nothing_behind() -> None:
    async def main() -> None:
        async with System(clock=clock, workers=Struck()) as system:
            await system.spawn(Spec(Player)).tell(Note(text="x"))

    clock = VirtualClock(autojump=True)
    with pytest.raises(KeyboardInterrupt):
        trio.run(main, clock=clock)


def test_nothing_can_be_begun_in_a_system_that_has_ended_and_the_error_says_so() -> None:
    refs: list[Ref[Any]] = []

    async def program(system: System) -> None:
        refs.append(system.spawn(Spec(Player)))

    system = play(program)

    async def afterwards() -> None:
        with pytest.raises(Stopping, match="has ended"):
            system.spawn(Spec(Player))
        with pytest.raises(Stopping, match="has ended"):
            await refs[0].ask(Note(text="a"))
        with pytest.raises(Stopping, match="has ended"):
            await refs[0].tell(Note(text="a"))

    trio.run(afterwards)
    assert not system.router.cells


class Late(Player):
    """It spawns once more when it is cleaned up, and writes down how that ended."""

    def __init__(self, heard: list[str], system: System) -> None:
        super().__init__(heard)
        self.system = system

    @override
    def stopped(self, reason: StopReason) -> None:
        try:
            self.system.spawn(Spec(Player))
        except Stopping as error:
            self.heard.append(str(error))


def test_nobody_is_spawned_from_outside_while_the_system_shuts_down() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        system.spawn(Spec(Late, (heard, system)))

    play(program)  # which finds that no cell is left
    assert heard == ["the system is shutting down"]


def test_a_turn_may_spawn_while_its_system_drains() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        async def step(_: Player) -> None:
            await trio.sleep(1)
            await system.spawn(Spec(Player, (heard,))).tell(Note(text="in the drain"))

        await system.spawn(Spec(Player)).tell(Wait(step=step))
        await settled()

    play(program)
    assert heard == ["in the drain"]


def test_a_turn_that_outlives_the_drain_spawns_nobody_any_more() -> None:
    heard: list[str] = []

    async def program(system: System) -> None:
        async def step(_: Player) -> None:
            try:
                await trio.sleep(1_000)
            finally:
                try:
                    system.spawn(Spec(Player))
                except Stopping as error:
                    heard.append(str(error))

        await system.spawn(Spec(Player)).tell(Wait(step=step))
        await settled()

    play(program, drain_grace=1.0)
    assert heard == ["/ is ending, with all its children"]


class Slow(MemoryStore):
    """It takes its time to say who is to be woken."""

    @override
    async def due(self, until: float, limit: int = 1_000, after: Any = None) -> list[Any]:
        await trio.sleep(10)
        return []


class Broken(MemoryStore):
    @override
    async def due(self, until: float, limit: int = 1_000, after: Any = None) -> list[Any]:
        raise OSError("the disk is gone")


def test_a_system_whose_store_fails_as_it_is_entered_raises_that_and_leaves_nothing_behind() -> None:
    async def main() -> None:
        system = System(store=Broken())
        with pytest.raises(OSError, match="the disk is gone"):
            async with system:
                raise AssertionError("nobody gets in")
        with pytest.raises(Stopping):
            system.spawn(Spec(Player))

    trio.run(main)


def test_a_system_that_is_cancelled_as_it_is_entered_leaves_nothing_behind() -> None:
    clock = VirtualClock(autojump=True)

    async def main() -> None:
        with trio.move_on_after(1) as entering:
            async with System(store=Slow(), clock=clock):
                raise AssertionError("nobody gets in")
        assert entering.cancelled_caught

    trio.run(main, clock=clock)


class Sleepy(Player):
    """Is not up before a long while."""

    @override
    async def started(self, reason: StartReason) -> None:
        await trio.sleep(1_000)


def test_an_actor_that_is_still_starting_does_not_hold_up_a_block_that_is_left_by_an_exception() -> None:
    clock = VirtualClock(autojump=True)

    async def main() -> None:
        async with System(clock=clock) as system:
            system.spawn(Spec(Sleepy, start_timeout=2_000))
            await settled()
            began.append(clock.now())
            raise KeyError("left")

    began: list[float] = []
    with pytest.raises(ExceptionGroup) as raised:
        trio.run(main, clock=clock)
    assert raised.group_contains(KeyError, match="left")
    assert began == [clock.now()]


def test_ctrl_c_leaves_the_block_alone_though_an_ask_in_a_nursery_of_it_fails_of_it() -> None:
    async def interrupted(_: Player) -> None:
        raise KeyboardInterrupt

    async def main(system: System) -> None:
        async with system, trio.open_nursery() as nursery:
            player = system.spawn(Spec(Player))
            nursery.start_soon(player.ask, Wait(step=interrupted))

    with pytest.raises(KeyboardInterrupt):
        trio.run(main, System())


def test_an_error_beside_a_ctrl_c_is_not_lost() -> None:
    async def fails_too() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise KeyError("lost?")

    async def main() -> None:
        async with System(), trio.open_nursery() as nursery:
            nursery.start_soon(fails_too)
            await settled()
            raise KeyboardInterrupt

    with pytest.raises(BaseExceptionGroup) as raised:
        trio.run(main)
    assert raised.group_contains(KeyError, match="lost")
    assert raised.group_contains(KeyboardInterrupt)
