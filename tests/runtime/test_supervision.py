"""What becomes of failures: restarts, backoff, limits, stops, escalation."""

from itertools import pairwise
from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorCrashed, ActorRestarted, ActorStopped, NameTaken, RestartLimit, StartFailed
from actors.supervision import Backoff, Directive, Intensity, Restart
from runtime.entropy import Entropy
from runtime.supervisor import DEPTH_MAX
from runtime.system import System
from tests.runtime.cast import Bang, Lively, Note, Player, Run, Wait, crash, on_stage, play, rest, settled


def many(times: int = 1_000) -> Intensity:
    return Intensity(restarts=times)


class Starts(Player):
    """It writes down when it is built."""

    def __init__(self, times: list[float]) -> None:
        super().__init__()
        times.append(trio.current_time())  # noqa: TID251 -- virtual


@on_stage(intensity=many())
async def test_a_crash_makes_a_new_actor_at_the_old_address(system: System) -> None:
    actor = system.spawn(Spec(Player))
    assert await actor.ask(Note(text="a")) == 1
    assert await actor.ask(Note(text="b")) == 2
    with pytest.raises(ActorCrashed):
        await actor.ask(Run(step=crash))
    assert await actor.ask(Note(text="c")) == 1


@on_stage(intensity=many())
async def test_restarts_wait_as_the_backoff_says(system: System) -> None:
    times: list[float] = []
    actor = system.spawn(Spec(Starts, (times,), backoff=Backoff(first=1, most=6, jitter=0)))
    for _ in range(6):
        with pytest.raises(ActorCrashed):
            await actor.ask(Run(step=crash))
        await actor.ask(Note(text="up again"))
    assert [round(after - before, 6) for before, after in pairwise(times)] == [
        0, 1, 2, 4, 6, 6,
    ]  # fmt: skip


@on_stage(intensity=many(), entropy=Entropy(7))
async def test_a_quiet_time_begins_the_backoff_anew_and_jitter_spreads_it(system: System) -> None:
    times: list[float] = []
    backoff = Backoff(first=10, jitter=0.2, reset_after=60)
    actor = system.spawn(Spec(Starts, (times,), backoff=backoff))
    for _ in range(2):
        await actor.tell(Run(step=crash))
    await trio.sleep(100)
    waited = times[2] - times[1]
    assert 8 <= waited <= 12
    assert waited != 10
    await actor.tell(Run(step=crash))
    await settled()
    assert len(times) == 4
    assert round(times[3] - 100, 3) == 0


def failing(message: Any, times: int, spec: Spec[Any], **options: Any) -> Any:
    """Crash an actor below the root some times, and leave the system."""

    async def program(system: System) -> None:
        actor = system.spawn(spec)
        for _ in range(times):
            await actor.tell(message)
        await trio.sleep(1_000)

    return play(program, **options)


def test_too_many_restarts_leave_the_system_as_a_group() -> None:
    spec = Spec(Player, name="child", backoff=Backoff(first=0))
    with pytest.raises(ExceptionGroup) as group:
        failing(Run(step=crash), 3, spec, intensity=Intensity(restarts=2, within=30))
    (limit,) = group.value.exceptions
    assert isinstance(limit, RestartLimit)
    assert isinstance(limit.__cause__, Bang)
    assert "/child" in "".join(limit.__notes__)


def test_a_supervisor_at_its_limit_names_its_last_failures() -> None:
    def fails(error: Exception) -> Run:
        def step(_: Any) -> None:
            raise error

        return Run(step=step)

    async def program(system: System) -> None:
        actors = [system.spawn(Spec(Player, backoff=Backoff(first=0))) for _ in range(2)]
        await actors[0].tell(fails(KeyError("too early to count")))
        await trio.sleep(31)
        for actor, error in zip(actors * 2, (ValueError("a"), OSError("b"), Bang("c" * 9_000)), strict=False):
            await actor.tell(fails(error))
            await settled()
        await trio.sleep(1)

    with pytest.raises(ExceptionGroup) as group:
        play(program, intensity=Intensity(restarts=2, within=30))
    (limit,) = group.value.exceptions
    assert limit.__notes__[0].startswith("the last causes: ValueError: a; OSError: b; Bang: cc")
    assert len(limit.__notes__[0]) < 300


@on_stage()
async def test_supervisors_nest_to_a_depth_and_no_deeper(system: System) -> None:
    actor = system.spawn(Spec(Player))
    for _ in range(DEPTH_MAX):
        actor = await actor.ask(Run(step=lambda self: self.ctx.spawn(Spec(Player))))
    with pytest.raises(ActorCrashed) as crashed:
        await actor.ask(Run(step=lambda self: self.ctx.spawn(Spec(Player))))
    assert isinstance(crashed.value.__cause__, StartFailed)


def test_as_many_restarts_as_are_allowed_are_forgiven() -> None:
    spec = Spec(Player, name="child", backoff=Backoff(first=0))
    failing(Run(step=crash), 2, spec, intensity=Intensity(restarts=2, within=30))


def test_escalation_past_the_root_has_the_cause_as_its_leaf() -> None:
    spec = Spec(Player, name="child", directives=((Bang, Directive.ESCALATE),))
    with pytest.raises(ExceptionGroup) as group:
        failing(Run(step=crash), 1, spec)
    (leaf,) = group.value.exceptions
    assert isinstance(leaf, Bang)
    assert any("/child" in note for note in leaf.__notes__)
    assert "/child handled Run" in leaf.__notes__


def test_two_causes_are_two_leaves() -> None:
    async def program(system: System) -> None:
        spec = Spec(Player, directives=((Bang, Directive.ESCALATE),))
        one, two = system.spawn(spec), system.spawn(spec)
        await one.tell(Run(step=crash))
        await two.tell(Run(step=crash))
        await trio.sleep(10)

    with pytest.raises(ExceptionGroup) as group:
        play(program)
    assert [type(leaf) for leaf in group.value.exceptions] == [Bang, Bang]


@pytest.mark.parametrize(
    "policy", [{"directives": ((Bang, Directive.STOP),)}, {"restart": Restart.TEMPORARY}]
)
def test_a_child_that_is_to_stop_stops_and_its_siblings_go_on(policy: dict[str, Any]) -> None:
    async def program(system: System) -> None:
        heard: list[str] = []
        child = system.spawn(Spec(Lively, (heard,), name="child", **policy))
        sibling = system.spawn(Spec(Player))
        with pytest.raises(ActorCrashed):
            await child.ask(Run(step=crash))
        await settled()
        assert heard[-1] == "stopped CRASHED"
        assert child.address not in system.router.cells
        assert await sibling.ask(Note(text="on")) == 1

    play(program)


@on_stage()
async def test_a_group_out_of_a_handler_is_judged_by_its_most_severe_leaf(system: System) -> None:
    spec = Spec(Player, name="c", directives=((KeyError, Directive.STOP), (Bang, Directive.RESTART)))
    actor = system.spawn(spec)

    def group(_: Any) -> None:
        raise ExceptionGroup("two", [Bang(), ExceptionGroup("deep", [KeyError()])])

    with pytest.raises(ActorCrashed):
        await actor.ask(Run(step=group))
    await settled()
    assert actor.address not in system.router.cells


@on_stage()
async def test_an_actor_supervises_what_it_spawns(system: System) -> None:
    heard: list[str] = []

    def spawns(self: Player) -> Any:
        return self.ctx.spawn(Spec(Lively, (heard,), name="child"))

    parent = system.spawn(Spec(Player, name="parent"))
    child = await parent.ask(Run(step=spawns))
    assert child.address == "/parent/child"
    await child.ask(Note(text="hello"))
    with pytest.raises(ActorCrashed):
        await child.ask(Run(step=crash))
    await child.ask(Note(text="again"))
    assert await parent.ask(Note(text="untouched")) == 1
    assert heard == ["started Fresh", "hello", "stopped CRASHED", "started Restarted", "again"]


@on_stage()
async def test_a_supervisor_at_its_limit_fails_itself_and_takes_its_children_along(system: System) -> None:
    heard: list[str] = []

    def spawns(self: Player) -> list[Any]:
        spec: Spec[Any] = Spec(Lively, (heard,), backoff=Backoff(first=0))
        return [self.ctx.spawn(spec), self.ctx.spawn(spec)]

    parent = system.spawn(Spec(Player, name="parent", intensity=Intensity(restarts=0)))
    assert await parent.ask(Note(text="x")) == 1
    first, second = await parent.ask(Run(step=spawns))
    await second.ask(Note(text="up"))
    heard.clear()
    with pytest.raises(ActorCrashed):
        await first.ask(Run(step=crash))
    await settled()
    assert await parent.ask(Note(text="begun anew")) == 1
    assert sorted(heard) == ["stopped CRASHED", "stopped CRASHED", "stopping CRASHED"]
    assert second.address not in system.router.cells


@on_stage()
async def test_two_children_that_escalate_at_once_restart_their_parent_once(system: System) -> None:
    heard: list[str] = []

    class Parent(Lively):
        pass

    def spawns(self: Player) -> list[Any]:
        spec: Spec[Any] = Spec(Player, directives=((Bang, Directive.ESCALATE),))
        return [self.ctx.spawn(spec), self.ctx.spawn(spec)]

    parent = system.spawn(Spec(Parent, (heard,), name="parent"))
    for child in await parent.ask(Run(step=spawns)):
        await child.tell(Run(step=crash))
    await trio.sleep(10)
    assert heard == ["started Fresh", "stopped CRASHED", "started Restarted"]


@on_stage(intensity=many())
async def test_the_children_of_a_crashed_actor_end_before_its_backoff_begins(system: System) -> None:
    heard: list[str] = []

    def spawns(self: Player) -> Any:
        return self.ctx.spawn(Spec(Lively, (heard,), name="child"))

    parent = system.spawn(Spec(Player, name="p", backoff=Backoff(first=20, jitter=0)))
    await parent.tell(Run(step=crash))
    child = await parent.ask(Run(step=spawns))
    await child.ask(Note(text="up"))
    await parent.tell(Run(step=crash))
    await trio.sleep(5)
    assert heard[-1] == "stopped CRASHED"
    assert await parent.ask(Note(text="back")) == 1


@on_stage(intensity=many())
async def test_an_actor_that_waits_for_its_restart_can_be_stopped(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Lively, (heard,), backoff=Backoff(first=20, jitter=0)))
    await actor.tell(Run(step=crash))
    await actor.tell(Run(step=crash))
    await trio.sleep(1)
    ends: list[str] = []

    async def ask() -> None:
        try:
            await actor.ask(Note(text="x"))
        except ActorStopped:
            ends.append("told")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settled()
        await system.stop(actor)
    await trio.sleep(100)
    assert ends == ["told"]
    assert heard.count("stopped CRASHED") == 2
    assert len([line for line in heard if line.startswith("started")]) == 2


@on_stage()
async def test_names_are_unique_among_siblings_and_counted_when_none_is_given(system: System) -> None:
    system.spawn(Spec(Player, name="a"))
    with pytest.raises(NameTaken):
        system.spawn(Spec(Player, name="a"))
    addresses = [system.spawn(Spec(Player)).address for _ in range(2)]
    assert addresses == ["/player-1", "/player-2"]


async def shielded(_: Any) -> str:
    with trio.CancelScope(shield=True):
        await trio.sleep(50)
    return "too late"


@pytest.mark.parametrize("inline", [True, False])
def test_a_turn_that_outlives_its_incarnation_leaves_its_successor_alone(inline: bool) -> None:  # noqa: FBT001
    heard: list[str] = []

    async def long(_: Any) -> None:
        heard.append("long begins")
        await trio.sleep(100)
        heard.append("long ends")

    async def told(parent: Any) -> None:
        with pytest.raises(ActorRestarted):
            await parent.ask(Wait(step=shielded))
        heard.append("told")

    async def program(system: System) -> None:
        parent = system.spawn(Spec(Player, (heard,), name="parent", stop_grace=2))
        spec: Spec[Any] = Spec(Player, directives=((Bang, Directive.ESCALATE),))
        child = await parent.ask(Run(step=lambda self: self.ctx.spawn(spec)))
        if not inline:
            await parent.tell(rest(1))
            await settled()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(told, parent)
            await trio.sleep(5)
            await child.tell(Run(step=crash))
            await trio.sleep(10)
            await parent.tell(Wait(step=long))
            await settled()
            await parent.tell(Note(text="after"))
            await parent.ask(Note(text="last"))

    play(program)
    assert heard.pop(1 if inline else 0) == "told"
    assert heard == ["long begins", "long ends", "after", "last"]
