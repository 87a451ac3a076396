"""An ask is a call: inline where it can be, structured always, completed exactly once."""

import contextlib
from typing import Any

import pytest
import trio

from actors.actor import Actor, Spec
from actors.address import Address
from actors.errors import (
    ActorCrashed,
    ActorStopped,
    AskCycle,
    AskTimeout,
    DeadLettered,
    DirtyRefusal,
)
from actors.handlers import receive
from actors.ref import Ref
from runtime.inline import DEPTH_MAX
from runtime.lab.simulation import simulate
from runtime.router import YIELD_EVERY
from runtime.system import System
from tests.runtime.cast import (
    Bang,
    Foreign,
    Note,
    Player,
    Refusal,
    Run,
    Wait,
    crash,
    itself,
    on_stage,
    play,
    refuse,
    rest,
    settled,
)


@on_stage()
async def test_an_ask_of_an_idle_actor_runs_in_the_callers_task(system: System) -> None:
    actor = system.spawn(Spec(Player))

    async def whose(_: Any) -> trio.lowlevel.Task:
        return trio.lowlevel.current_task()

    me = trio.lowlevel.current_task()
    assert await actor.ask(Run(step=lambda _: trio.lowlevel.current_task())) is me
    assert await actor.ask(Wait(step=whose)) is me


@on_stage()
async def test_an_ask_of_a_busy_actor_waits_its_turn_in_another_task(system: System) -> None:
    actor = system.spawn(Spec(Player))
    await actor.tell(rest(10))
    await settled()
    began = trio.current_time()  # noqa: TID251 -- virtual
    task = await actor.ask(Run(step=lambda _: trio.lowlevel.current_task()))
    assert task is not trio.lowlevel.current_task()
    assert trio.current_time() - began > 0  # noqa: TID251 -- virtual


@on_stage()
async def test_a_suspended_handler_does_not_hold_the_others(system: System) -> None:
    heard: list[str] = []
    sleepers = [system.spawn(Spec(Player, (heard,))) for _ in range(50)]
    for sleeper in sleepers:
        await sleeper.tell(rest(10))
    other = system.spawn(Spec(Player, (heard,)))
    await other.tell(Note(text="through"))
    await settled()
    assert heard == ["through"]


@on_stage()
async def test_an_ask_cancelled_before_its_turn_never_happens(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    await actor.tell(rest(10))
    with trio.move_on_after(1):
        await actor.ask(Note(text="late"))
    assert await actor.ask(Run(step=lambda _: list(heard))) == []


@pytest.mark.parametrize("queued", [False, True])
def test_an_asker_cancelled_in_the_turn_waits_for_the_handlers_cleanup(queued: bool) -> None:  # noqa: FBT001
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = system.spawn(Spec(Player, (heard,)))

        async def long(_: Any) -> None:
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(3)
                heard.append("cleaned")

        if queued:
            await actor.tell(rest(1))
            await trio.lowlevel.checkpoint()
        with trio.move_on_after(5) as scope:
            await actor.ask(Wait(step=long))
        assert scope.cancelled_caught
        assert heard == ["cleaned"]
        assert await actor.ask(Note(text="goes on")) == 2

    run_on_stage(program)


def run_on_stage(program: Any) -> None:
    on_stage()(program)()


@on_stage()
async def test_a_cancelled_handler_that_answers_all_the_same_answers_its_asker(system: System) -> None:
    actor = system.spawn(Spec(Player))

    async def stubborn(_: Any) -> str:
        with trio.CancelScope(shield=True):
            await trio.sleep(3)
        return "done"

    await actor.tell(rest(1))
    await trio.lowlevel.checkpoint()
    with trio.move_on_after(2) as scope:
        assert await actor.ask(Wait(step=stubborn)) == "done"
    assert scope.cancel_called


@on_stage()
async def test_a_cancelled_handler_that_defers_all_the_same_keeps_nobody(system: System) -> None:
    actor = system.spawn(Spec(Player))

    async def stubborn(self: Player) -> Any:
        with trio.CancelScope(shield=True):
            await trio.sleep(3)
        return self.ctx.defer("k")

    await actor.tell(rest(1))
    await trio.lowlevel.checkpoint()
    with trio.move_on_after(2) as scope:
        await actor.ask(Wait(step=stubborn))
    assert scope.cancelled_caught
    assert await actor.ask(Run(step=lambda self: len(self.ctx.deferred))) == 0


@on_stage()
async def test_a_cycle_of_asks_raises_with_its_chain(system: System) -> None:
    ring = [system.spawn(Spec(Player, name=name)) for name in "abc"]
    seen: list[AskCycle] = []

    def asks(at: int) -> Wait:
        async def step(_: Any) -> Any:
            try:
                return await ring[(at + 1) % 3].ask(asks(at + 1))
            except AskCycle as cycle:
                seen.append(cycle)
                return "cycle"

        return Wait(step=step)

    assert await ring[0].ask(asks(0)) == "cycle"
    assert [cycle.chain for cycle in seen] == [["/c", "/a", "/b", "/c"]]


@on_stage()
async def test_two_actors_that_ask_each_other_do_not_hang(system: System) -> None:
    a, b = system.spawn(Spec(Player, name="a")), system.spawn(Spec(Player, name="b"))

    async def back(_: Any) -> Any:
        return await a.ask(Note(text="x"))

    async def there(_: Any) -> Any:
        return await b.ask(Wait(step=back))

    with pytest.raises(ActorCrashed) as crashed:
        await a.ask(Wait(step=there))
    causes: list[BaseException] = [crashed.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    assert isinstance(causes[-1], AskCycle)
    assert causes[-1].chain == ["/b", "/a", "/b"]


@on_stage()
async def test_asks_that_cross_do_not_hang(system: System) -> None:
    """Neither is asked inline: both are busy when they ask."""
    a, b = system.spawn(Spec(Player, name="a")), system.spawn(Spec(Player, name="b"))
    ends: list[str] = []

    def asks(other: Ref[Any]) -> Wait:
        async def step(_: Any) -> None:
            await trio.sleep(1)
            try:
                await other.ask(Note(text="x"))
                ends.append("answered")
            except AskCycle:
                ends.append("cycle")

        return Wait(step=step)

    await a.tell(asks(b))
    await b.tell(asks(a))
    await trio.sleep(5)
    assert sorted(ends) == ["answered", "cycle"]


@on_stage()
async def test_an_ask_of_oneself_is_a_cycle(system: System) -> None:
    actor = system.spawn(Spec(Player, name="a"))

    async def self_ask(self: Player) -> Any:
        with pytest.raises(AskCycle) as cycle:
            await self.ctx.me.ask(Note(text="x"))
        return cycle.value.chain

    assert await actor.ask(Wait(step=self_ask)) == ["/a", "/a"]


@on_stage()
async def test_whoever_asked_a_crashed_actor_is_told_at_once(system: System) -> None:
    actor = system.spawn(Spec(Player))
    with pytest.raises(ActorCrashed) as crashed:
        await actor.ask(Run(step=crash))
    assert isinstance(crashed.value.__cause__, Bang)


@on_stage()
async def test_whoever_waits_for_a_stopped_actor_is_told_at_once(system: System) -> None:
    actor = system.spawn(Spec(Player))
    ends: list[str] = []

    async def ask(message: Any) -> None:
        try:
            await actor.ask(message)
        except ActorStopped:
            ends.append("told")

    async with trio.open_nursery() as nursery:
        await actor.tell(rest(100))
        await settled()
        for _ in range(3):
            nursery.start_soon(ask, Note(text="x"))
        await settled()
        await system.stop(actor)
    assert ends == ["told"] * 3


@on_stage()
async def test_a_refusal_leaves_the_actor_alone(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    marked = await actor.ask(Run(step=itself))
    with pytest.raises(Refusal):
        await actor.ask(Run(step=refuse))
    await actor.tell(Run(step=refuse))
    assert await actor.ask(Run(step=itself)) == marked


@on_stage()
async def test_a_refusal_after_an_output_is_a_crash(system: System) -> None:
    actor, other = system.spawn(Spec(Player)), system.spawn(Spec(Player))

    def dirty(self: Player) -> None:
        self.ctx.tell(other, Note(text="should not leave"))
        raise Refusal

    with pytest.raises(ActorCrashed) as crashed:
        await actor.ask(Run(step=dirty))
    assert isinstance(crashed.value.__cause__, DirtyRefusal)
    assert await other.ask(Note(text="first")) == 1


@on_stage()
async def test_a_timeout_says_whether_the_turn_had_begun(system: System) -> None:
    actor = system.spawn(Spec(Player))
    with pytest.raises(AskTimeout) as inline:
        await actor.ask(rest(10), within=1)
    assert inline.value.begun
    await actor.tell(rest(10))
    with pytest.raises(AskTimeout) as waiting:
        await actor.ask(rest(10), within=1)
    assert not waiting.value.begun
    with pytest.raises(AskTimeout) as queued:
        await actor.ask(rest(10), within=15)
    assert queued.value.begun


@on_stage()
async def test_a_chain_of_asks_goes_through_the_queue_when_it_is_deep(system: System) -> None:
    me = trio.lowlevel.current_task()
    length = 3 * DEPTH_MAX
    chain = [system.spawn(Spec(Player)) for _ in range(length)]
    inline: list[bool] = []

    def go_on(at: int) -> Wait:
        async def step(_: Any) -> int:
            inline.append(trio.lowlevel.current_task() is me)
            return 1 if at + 1 == length else 1 + await chain[at + 1].ask(go_on(at + 1))

        return Wait(step=step)

    assert await chain[0].ask(go_on(0)) == length
    assert inline == [True] * DEPTH_MAX + [False] * (length - DEPTH_MAX)


@on_stage()
async def test_an_ask_of_nobody_and_of_a_foreign_message_is_a_dead_letter(system: System) -> None:
    nobody = system.ref(Address("/nobody"))
    with pytest.raises(DeadLettered) as unknown:
        await nobody.ask(Note(text="x"))
    assert unknown.value.reason == "no_such_address"
    actor: Ref[Any] = system.spawn(Spec(Player))
    with pytest.raises(DeadLettered) as foreign:
        await actor.ask(Foreign())
    assert foreign.value.reason == "unhandled"
    await actor.tell(rest(10))
    await settled()
    with pytest.raises(DeadLettered):
        await actor.ask(Foreign())


@on_stage()
async def test_askers_in_a_nursery_of_a_handler_are_all_answered(system: System) -> None:
    one, two = system.spawn(Spec(Player)), system.spawn(Spec(Player))

    async def both(_: Any) -> int:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.ask, rest(10))
            nursery.start_soon(two.ask, rest(10))
        return await one.ask(Note(text="a")) + await two.ask(Note(text="b"))

    assert await system.spawn(Spec(Player)).ask(Wait(step=both)) == 2


# --- cleanups that fail, and handlers that answer nothing -----------------------------------------------------


async def one_second(_: Player) -> None:
    await trio.sleep(1)


def failing_cleanup(*, nursery: bool) -> Wait:
    async def sleep_and_fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("cleanup")

    async def step(_: Player) -> None:
        if not nursery:
            await sleep_and_fail()
            return
        async with trio.open_nursery() as inner:
            inner.start_soon(sleep_and_fail)
            inner.start_soon(trio.sleep_forever)

    return Wait(step=step)


@pytest.mark.parametrize("nursery", [False, True])
@pytest.mark.parametrize("busy", [False, True])
def test_a_cleanup_that_fails_while_its_asker_is_cancelled_is_a_crash_and_the_askers_own_cancellation(
    *, nursery: bool, busy: bool
) -> None:
    async def program(system: System) -> None:
        actor = system.spawn(Spec(Player))
        await settled()
        if busy:
            await actor.tell(Wait(step=one_second))
        with trio.move_on_after(5) as cut:
            await actor.ask(failing_cleanup(nursery=nursery))
        assert cut.cancelled_caught
        await settled()
        assert system.router.cells[actor.address].restarts == 1
        assert await actor.ask(Note(text="a")) == 1

    play(program)


@on_stage()
async def test_a_handler_that_returns_what_nobody_awaits_has_crashed(system: System) -> None:
    async def late() -> int:
        return 1

    actor = system.spawn(Spec(Player))
    await settled()

    def coroutine(_: Player) -> object:
        return late()

    def generator(_: Player) -> object:
        return (letter for letter in "ab")

    for step in (coroutine, generator):
        with pytest.raises(ActorCrashed, match="the handler of Run returned a"):
            await actor.ask(Run(step=step))


class Gate(Actor[Note | Wait]):
    """Quick at first, then slow."""

    initial = "quick"

    @receive(Note, state="quick")
    def on_quick(self, message: Note) -> int:
        return len(message.text)

    @receive(Note, state="slow")
    async def on_slow(self, message: Note) -> int:
        await trio.sleep(1_000)
        return len(message.text)

    @receive(Wait)
    def on_wait(self, message: Wait) -> None:
        del message
        self.ctx.become("slow")


@pytest.mark.parametrize("seed", range(20))
def test_an_ask_that_lets_others_run_first_keeps_its_deadline_whatever_they_have_changed(seed: int) -> None:
    async def program(system: System) -> None:
        gate = system.spawn(Spec(Gate))
        for _ in range(YIELD_EVERY - 1):
            await gate.ask(Note(text=""))
        with trio.fail_after(2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(gate.tell, rest(0))
                with contextlib.suppress(AskTimeout):
                    await gate.ask(Note(text=""), within=1)

    simulate(program, seed=seed)
