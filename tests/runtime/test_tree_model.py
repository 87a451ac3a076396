"""Law 8 for trees: who lives, and who began anew how often, is what a plain model says, three levels deep.

Any strategies, restart types, intensities, windows and significant children; failures and ends at any depth, starts
that fail. Law 7 comes along: an incarnation ends once, and after all below it.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors.actor import Spec, StartReason, StopReason
from actors.address import Address
from actors.supervision import AutoShutdown, Backoff, Directive, Intensity, Restart, Strategy
from runtime.clock import VirtualClock
from runtime.system import System
from tests.runtime.cast import Bang, Player, Run, crash, unlogged
from tests.runtime.tree_model import Ambiguous, Model, Node, Plan

PAUSE = 100_000.0
"""Seconds from one step to the next: whatever follows from one is over by then."""
TAKES = (0.0, 10.0, 0.1)
"""Seconds that a start takes, by depth: a family is up before its supervisor's next sibling is."""


class Woe(Exception):
    """Ends whoever it is raised in."""


class Alarm(Exception):
    """Escalated, by those who are told to."""


@dataclass
class World:
    starts: Counter[str] = field(default_factory=Counter[str])
    bad: Counter[str] = field(default_factory=Counter[str])
    up: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    """Incarnations between their `started` and their `stopped`."""
    orphans: list[str] = field(default_factory=list[str])
    """Who lived on when an actor above had stopped."""


class Branch(Player):
    """It starts the children that its plan has."""

    def __init__(self, world: World, plan: Plan) -> None:
        super().__init__()
        self.world, self.plan = world, plan

    @override
    async def started(self, reason: StartReason) -> None:
        path = str(self.ctx.address)
        self.world.up.add((path, id(self)))
        await trio.sleep(TAKES[path.count("/") - 1])
        self.world.starts[path] += 1
        if self.world.bad[path]:
            self.world.bad[path] -= 1
            raise Bang("does not start")
        for place, child in enumerate(self.plan.children):
            self.ctx.spawn(spec_of(self.world, child, str(place), self.plan.auto))

    @override
    def stopped(self, reason: StopReason) -> None:
        path = str(self.ctx.address)
        self.world.up.remove((path, id(self)))
        self.world.orphans += [other for other, _ in self.world.up if other.startswith(path + "/")]


KINDS: dict[tuple[Strategy, AutoShutdown], type[Branch]] = {
    (strategy, auto): type(
        f"{strategy.name}_{auto.name}", (Branch,), {"strategy": strategy, "auto_shutdown": auto}
    )
    for strategy in (Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE)
    for auto in AutoShutdown
}


def spec_of(world: World, plan: Plan, name: str, above: AutoShutdown) -> Spec[Any]:
    alarm = Directive.ESCALATE if plan.escalates else Directive.RESTART
    return Spec(
        KINDS[plan.strategy, plan.auto],
        (world, plan),
        name=name,
        start_timeout=PAUSE,
        restart=plan.restart,
        backoff=Backoff(first=0),
        intensity=Intensity(plan.limit, within=plan.window),
        directives=((Woe, Directive.STOP), (Alarm, alarm)),
        significant=plan.significant
        and above is not AutoShutdown.NEVER
        and plan.restart is not Restart.PERMANENT,
    )


def raises(error: Exception) -> Run:
    def step(_: Any) -> None:
        raise error

    return Run(step=step)


def messages() -> dict[str, Run]:
    return {
        "crash": Run(step=crash),
        "woe": raises(Woe()),
        "alarm": raises(Alarm()),
        "leave": Run(step=lambda self: self.ctx.stop()),
    }


def foresee(model: Model, what: str, node: Node) -> None:
    match what:
        case "stop":
            model.stop(node)
        case "leave" | "woe":
            model.leave(node)
        case _:
            model.fail(node, alarm=what == "alarm")


def agree(system: System, world: World, model: Model) -> None:
    cells = {str(address): cell.restarts for address, cell in system.router.cells.items()}
    assert cells == {node.path: node.restarts for node in model.alive}
    assert +world.starts == +model.starts
    assert {path for path, _ in world.up} == set(cells)
    assert len(world.up) == len(cells)


Step = tuple[str, int, dict[int, int]]


async def play_course(system: System, world: World, top: Plan, course: list[Step]) -> None:
    system.spawn(spec_of(world, top, "0", AutoShutdown.NEVER))
    model = Model(top)
    await trio.sleep(PAUSE)
    agree(system, world, model)
    paths = list(model.starts)
    for what, pick, bad in course:
        if not model.alive:
            break
        model.now += PAUSE
        model.bad = Counter({paths[place % len(paths)]: times for place, times in bad.items()})
        world.bad = model.bad.copy()
        node = model.alive[pick % len(model.alive)]
        ref = system.ref(Address(node.path))
        try:
            foresee(model, what, node)
        except Ambiguous:
            return
        if what == "stop":
            await system.stop(ref)
        else:
            await ref.tell(messages()[what])
        await trio.sleep(PAUSE)
        agree(system, world, model)


def plans(depth: int) -> st.SearchStrategy[Plan]:
    below = st.lists(plans(depth - 1), min_size=depth - 1, max_size=3) if depth > 1 else st.just([])
    return st.builds(
        Plan,
        st.sampled_from([Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE]),
        st.sampled_from(list(AutoShutdown)),
        st.sampled_from([Restart.PERMANENT, Restart.TRANSIENT, Restart.TRANSIENT, Restart.TEMPORARY]),
        st.booleans(),
        st.booleans(),
        st.sampled_from([0, 1, 2, 5]),
        st.sampled_from([1.5 * PAUSE, 1e9]),
        below.map(tuple),
    )


steps = st.tuples(
    st.sampled_from(["crash", "crash", "crash", "crash", "alarm", "woe", "leave", "stop"]),
    st.integers(0, 12),
    st.dictionaries(st.integers(0, 12), st.integers(1, 3), max_size=2),
)


@settings(max_examples=100, deadline=None)
@given(plans(3), st.lists(steps, min_size=1, max_size=10))
def test_a_tree_is_what_strategies_restart_types_and_intensities_prescribe(
    top: Plan, course: list[Step]
) -> None:
    clock = VirtualClock(autojump=True)
    system = System(clock=clock, intensity=Intensity(10_000))
    world = World()
    top = replace(top, escalates=False, restart=Restart.PERMANENT)  # else it ends the system, or soon itself

    async def main() -> None:
        async with system:
            await play_course(system, world, top, course)

    with unlogged():
        trio.run(main, clock=clock)
    assert not system.router.cells
    assert world.orphans == [], "law 7: its children first"
    assert not world.up, "law 7: each incarnation that was started has stopped once"
    assert len(system.timers) == 0
