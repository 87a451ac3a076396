"""What holds for any course of events: order, answers, restarts, ends, and that nothing is left.

Hypothesis plays a course (spawn, tell, ask, cancel an ask, crash, stop, let time pass) in virtual time; the
model is the list of what each sender has sent.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors.actor import Spec, StartReason, StopReason
from actors.errors import ActorError
from actors.ref import Ref
from actors.supervision import Backoff, Intensity
from runtime.clock import VirtualClock
from runtime.system import System
from tests.runtime.cast import Bang, Player, Wait, settled, unlogged

ACTORS = 3


@dataclass
class World:
    """What the actors and the askers have seen."""

    handled: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    crashed: set[int] = field(default_factory=set[int])
    in_a_turn: set[str] = field(default_factory=set[str])
    life: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    sent: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    answers: Counter[int] = field(default_factory=Counter[int])
    asked: set[int] = field(default_factory=set[int])
    cancelled: set[int] = field(default_factory=set[int])


class Subject(Player):
    """It writes its life and its turns into the world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @override
    async def started(self, reason: StartReason) -> None:
        self.world.life.append(("started", f"{self.ctx.address} {id(self)}"))
        await trio.sleep(0.05)

    @override
    def stopped(self, reason: StopReason) -> None:
        self.world.life.append(("stopped", f"{self.ctx.address} {id(self)}"))


def turn(world: World, number: int, seconds: float, *, crashes: bool) -> Wait:
    """A turn that takes its time, alone, and may crash."""

    async def step(self: Subject) -> int:
        name = self.ctx.address
        assert name not in world.in_a_turn, "one at a time"
        world.in_a_turn.add(name)
        try:
            world.handled.setdefault(name, []).append(number)
            if seconds:
                await trio.sleep(seconds)
            if crashes:
                world.crashed.add(number)
                raise Bang
        finally:
            world.in_a_turn.discard(name)
        return number

    return Wait(step=step)


Step = tuple[str, int, float]
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.sampled_from(["tell", "tell", "ask", "ask", "give up", "crash", "crash asked", "stop", "rest"]),
        st.integers(0, ACTORS - 1),
        st.sampled_from([0.0, 0.0, 0.1, 0.5]),
    ),
    max_size=40,
)


class Course:
    """One course of events; each sender's messages go to one actor, in the order of their numbers."""

    def __init__(self, system: System, nursery: trio.Nursery) -> None:
        self.world = World()
        self.system = system
        self.nursery = nursery
        self.refs: list[Ref[Any]] = []
        self.count = 0
        for _ in range(ACTORS):
            self.refs.append(self._spawn())

    def _spawn(self) -> Ref[Any]:
        spec: Spec[Any] = Spec(Subject, (self.world,), backoff=Backoff(first=0.2), capacity=100)
        return self.system.spawn(spec)

    async def step(self, what: str, index: int, seconds: float) -> None:
        ref = self.refs[index]
        if what == "rest":
            await trio.sleep(seconds)
        elif what == "stop":
            await self.system.stop(ref)
            self.refs[index] = self._spawn()
        else:
            await self._send(what, ref, seconds)

    async def _send(self, what: str, ref: Ref[Any], seconds: float) -> None:
        self.count += 1
        self.world.sent.setdefault(ref.address, []).append(self.count)
        message = turn(self.world, self.count, seconds, crashes="crash" in what)
        if what in {"tell", "crash"}:
            await ref.tell(message)
        else:
            self.world.asked.add(self.count)
            self.nursery.start_soon(self._ask, self.count, ref, message, what == "give up")
        await settled()

    async def _ask(self, number: int, ref: Ref[Any], message: Any, gives_up: bool) -> None:  # noqa: FBT001
        with trio.move_on_after(0.2 if gives_up else 1_000_000) as scope:
            with suppress(ActorError):
                assert await ref.ask(message) == number
            self.world.answers[number] += 1
        if scope.cancelled_caught:
            self.world.cancelled.add(number)


def is_in_order(handled: list[int], sent: list[int]) -> bool:
    rest = iter(sent)
    return all(number in rest for number in handled)


def play_course(course_of: list[Step]) -> tuple[World, System]:
    clock = VirtualClock(autojump=True)
    system = System(clock=clock, intensity=Intensity(restarts=1_000))
    worlds: list[World] = []

    async def main() -> None:
        before = trio.lowlevel.current_statistics().tasks_living
        with trio.fail_after(100_000):
            async with trio.open_nursery() as nursery, system:
                course = Course(system, nursery)
                worlds.append(course.world)
                for step in course_of:
                    await course.step(*step)
        assert trio.lowlevel.current_statistics().tasks_living == before

    with unlogged():
        trio.run(main, clock=clock)
    return worlds[0], system


@settings(max_examples=60, deadline=None)
@given(steps)
def test_the_laws_hold_for_any_course_of_events(course: list[Step]) -> None:
    world, system = play_course(course)
    letters = system.letters.counts
    for address, sent in world.sent.items():
        handled = world.handled.get(address, [])
        assert is_in_order(handled, sent), "law 2: first in, first out for each pair"
        assert len(set(handled)) == len(handled), "law 6: each at most once"
    for number in world.asked:
        assert (number in world.cancelled) + world.answers[number] == 1, "law 3: each ask ends exactly once"
    total = sum(len(handled) for handled in world.handled.values())
    sent_in_all = sum(len(sent) for sent in world.sent.values())
    assert total + letters["stopped"] + len(world.cancelled) >= sent_in_all, (
        "law 6: nothing is lost in silence"
    )
    assert total + letters["stopped"] <= sent_in_all, "law 6: handled or a dead letter, never both"
    told_crashes = len(world.crashed - world.asked)
    assert letters["crashed"] == told_crashes, "law 6: a told message that crashed is a dead letter"
    life = Counter(world.life)
    for (event, who), times in life.items():
        other = "stopped" if event == "started" else "started"
        assert times == life[other, who], "law 7: stopped once for each incarnation that was started"
    assert not system.router.cells, "law 12: nothing is left"
    assert len(system.timers) == 0, "law 12: nothing is left"
