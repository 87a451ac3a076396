"""Law 8 for any course of failures: who lives, and who began anew how often, is what a plain model says.

The model knows nothing of tasks and times: a list of children in their order, and for each failure the rule of
the strategy. Each failure is played to its end before the next, so that the two can be compared step by step.
"""

from dataclasses import dataclass, field

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.actor import Spec
from actors.supervision import Backoff, Intensity, Restart, Strategy
from runtime.clock import VirtualClock
from runtime.system import System
from tests.runtime.cast import Player, Run, crash, settled, unlogged
from tests.runtime.family import Child, ForAll, RestForOne, family

PARENTS: dict[Strategy, type[Player]] = {
    Strategy.ONE_FOR_ONE: Player,
    Strategy.ONE_FOR_ALL: ForAll,
    Strategy.REST_FOR_ONE: RestForOne,
}


@dataclass
class Model:
    """What the specification says, in as few words as possible."""

    strategy: Strategy
    types: dict[str, Restart]
    limit: int
    starts: dict[str, int] = field(default_factory=dict[str, int])
    counted: int = 0
    over: bool = False

    def __post_init__(self) -> None:
        self.starts = dict.fromkeys(sorted(self.types), 1)

    def stop(self, name: str) -> None:
        self.starts.pop(name, None)

    def fail(self, name: str, bad_starts: dict[str, int]) -> None:
        if name not in self.starts:
            return
        if self.types[name] is Restart.TEMPORARY:
            del self.starts[name]
            return
        self._count()
        order = list(self.starts)
        group = {
            Strategy.ONE_FOR_ALL: order,
            Strategy.REST_FOR_ONE: order[order.index(name) :],
        }.get(self.strategy, [name])
        for one in group:
            if self.types[one] is Restart.TEMPORARY:
                del self.starts[one]
                continue
            for _ in range(bad_starts.get(one, 0)):
                self.starts[one] += 1
                self._count()
            self.starts[one] += 1

    def _count(self) -> None:
        self.counted += 1
        self.over = self.over or self.counted > self.limit


Step = tuple[str, str, dict[str, int]]
names = st.sampled_from("abcd")
steps = st.lists(
    st.tuples(
        st.sampled_from(["fail", "fail", "fail", "stop"]),
        names,
        st.dictionaries(names, st.integers(1, 2), max_size=2),
    ),
    max_size=8,
)
types = st.fixed_dictionaries({name: st.sampled_from(list(Restart)) for name in "abcd"})


async def play_course(system: System, model: Model, course: list[Step]) -> None:
    parent, children, heard = await family(
        system,
        PARENTS[model.strategy],
        "abcd",
        intensity=Intensity(model.limit, within=1e9),
        spec=lambda name: {"restart": model.types[name], "backoff": Backoff(first=1, most=4)},
    )
    refs = dict(zip("abcd", children, strict=True))
    for what, name, bad_starts in course:
        cells = system.router.cells
        if what == "stop":
            model.stop(name)
            await system.stop(refs[name])
        elif refs[name].address in cells:
            Child.fails.update(bad_starts)
            model.fail(name, bad_starts)
            await refs[name].tell(Run(step=crash))
            await trio.sleep(1_000)
            Child.fails.clear()
        if model.over:
            assert cells[parent.address].restarts == 1
            assert not any(ref.address in cells for ref in children)
            return
        alive = {cell.address.name: cell for cell in cells.values() if cell.address != parent.address}
        assert set(alive) == set(model.starts)
        assert cells[parent.address].restarts == 0
        for one, cell in alive.items():
            assert heard.count(f"{one} starts") == model.starts[one] - 1
            assert cell.restarts == model.starts[one] - 1
    await settled()


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(list(PARENTS)), types, st.integers(0, 12), steps)
def test_who_lives_is_what_the_strategy_prescribes(
    strategy: Strategy, of: dict[str, Restart], limit: int, course: list[Step]
) -> None:
    clock = VirtualClock(autojump=True)
    system = System(clock=clock, intensity=Intensity(1_000))

    async def main() -> None:
        async with system:
            await play_course(system, Model(strategy, of, limit), course)

    with unlogged():
        trio.run(main, clock=clock)
    assert not system.router.cells
    assert len(system.timers) == 0


def test_the_model_counts_a_group_once_and_each_bad_start() -> None:
    model = Model(Strategy.ONE_FOR_ALL, dict.fromkeys("ab", Restart.PERMANENT), 2)
    model.fail("a", {"b": 1})
    assert (model.starts, model.counted, model.over) == ({"a": 2, "b": 3}, 2, False)
    assert Spec(Child).restart is Restart.PERMANENT
