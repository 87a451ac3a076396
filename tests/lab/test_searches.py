"""What each search promises: bounds that certify, all schedules but equivalent ones, a reduction that goes on learning."""

from collections.abc import Callable

import pytest

from actors import Actor, Message, Spec, receive
from runtime import Entropy, System
from runtime.lab.bounded import Bounded, Exhaustive, delays
from runtime.lab.choices import STEP, Alternative, Choices, Default, Plan, Point, Strategy, actor_of
from runtime.lab.explore import Search, explore, search_of
from runtime.lab.guided import Guided
from runtime.lab.sharing import Sharing
from runtime.lab.simulation import Program, attempt
from runtime.lab.strategies import Pct, Pos, Walk
from samples.bugs import double_timer, five_hits, lost_update

pytestmark = pytest.mark.lab


def alternative(name: str, kin: str = "") -> Alternative:
    return Alternative(name, kin or name, actor_of(name))


def point(*names: str, current: str = "") -> Point:
    return Point(0, STEP, tuple(alternative(name) for name in names), current)


def ran(strategy: Strategy, name: str, *touched: str) -> None:
    strategy.ran(alternative(name), {actor_of(name), *touched})


# --- systematic searches -------------------------------------------------------------------------------------


def orders(program: Program, search: Search, actor: str) -> tuple[set[tuple[str, ...]], int]:
    """Each order in which an actor's messages were handled, and the runs until nothing was left to try."""
    found: set[tuple[str, ...]] = set()
    runs = 0
    while (how := search.next()) is not None:
        choices = Choices(how)
        attempt(program, seed=0, choices=choices, inline=0.0)
        search.learn(choices, ())
        found.add(tuple(step.name for step in choices.steps if actor_of(step.name) == actor))
        runs += 1
    return found, runs


@pytest.mark.parametrize(
    ("program", "actor"),
    [(lost_update.fixed, "/vault"), (double_timer.fixed, "/lamp")],
    ids=["vault", "lamp"],
)
def test_sleep_sets_leave_out_runs_and_no_order(program: Program, actor: str) -> None:
    every, all_runs = orders(program, Bounded(0, delays, 1_000), actor)
    pruned, runs = orders(program, Exhaustive(0), actor)
    assert pruned == every
    assert len(every) > 1
    assert runs < all_runs


def test_an_exhaustive_search_sees_each_of_the_ten_orders_of_three_hits_and_two() -> None:
    every, _ = orders(five_hits.fixed, Exhaustive(0), "/lock")
    assert len(every) == 10


def test_an_exhaustive_search_says_when_nothing_is_left() -> None:
    explored = explore(double_timer.fixed, strategy="dfs", seeds=100)
    assert explored.complete
    assert explored.found == []


def test_a_bound_is_a_certificate_no_two_delays_open_the_lock_and_three_do() -> None:
    two = explore(five_hits.wrong, strategy="delay:2", seeds=200)
    three = explore(five_hits.wrong, strategy="delay:3", seeds=200)
    assert (two.complete, two.found) == (True, [])
    assert three.found


def test_a_search_that_was_cut_short_is_not_complete() -> None:
    assert not explore(five_hits.fixed, strategy="delay:2", seeds=3).complete


def test_a_delay_costs_what_it_passes_over_and_the_default_nothing() -> None:
    choices = Choices(Default())
    choices.next(STEP, [alternative("/b : M 1 of outside")])
    choices.next(STEP, [alternative(f"/{name} : M 2 of outside") for name in "abc"])
    made = choices.made[0]
    cost = {one.actor: delays(made, one.name) for one in made.enabled}
    assert cost == {"/b": 0, "/c": 1, "/a": 2}


# --- searches that draw --------------------------------------------------------------------------------------


def test_a_priority_is_drawn_anew_for_an_event_that_races_with_the_one_that_ran_and_for_no_other() -> None:
    def first_of(touched: str) -> set[str]:
        """Who is chosen before and after steps of others that touch this."""
        found: set[str] = set()
        strategy = Pos(Entropy(1))
        for name in ("/a : M", "/b : M"):
            strategy.choose(point(name, "/z : M"))
            ran(strategy, name, "/own")
        for number in range(30):
            found.add(strategy.choose(point("/a : M", "/b : M")))
            ran(strategy, f"/other : M {number}", touched)
        return found

    assert len(first_of("/elsewhere")) == 1
    assert len(first_of("/own")) == 2


def test_without_a_fall_the_same_actor_goes_on_and_with_one_another_takes_over() -> None:
    both = point("/a : M", "/b : M")
    for seed in range(10):
        plain, falling = Pct(Entropy(seed), 1, 20), Pct(Entropy(seed), 2, 20)
        assert len({plain.choose(both) for _ in range(20)}) == 1
        assert len({falling.choose(both) for _ in range(20)}) <= 2
    assert any(
        len({strategy.choose(both) for _ in range(20)}) == 2
        for strategy in (Pct(Entropy(seed), 2, 20) for seed in range(10))
    )


def test_a_sticky_walk_stays_as_often_as_it_is_told() -> None:
    def stays(share: float) -> int:
        walk = Walk(Entropy(1), share)
        return sum(walk.choose(point("/a : M", "/b : M", current="/b")) == "/b : M" for _ in range(1_000))

    assert 400 < stays(0.0) < 600
    assert stays(0.9) > 900


async def one_message(system: System) -> None:
    await system.spawn(Spec(Bystander, name="one")).tell(Go(steps=2))


def test_a_state_is_what_the_actors_hold_and_what_waits_for_them() -> None:
    choices = Choices(Default(), looks=True)
    attempt(one_message, seed=0, choices=choices, inline=0.0)
    again = Choices(Default(), looks=True)
    attempt(one_message, seed=1, choices=again, inline=0.0)
    assert choices.states == again.states
    assert len(choices.states) > 2


def test_a_guided_search_goes_on_from_a_plan_that_has_reached_a_new_state() -> None:
    search = Guided(1)
    kept, plain = (Choices(Walk(Entropy(seed)), looks=True) for seed in (1, 2))
    attempt(five_hits.fixed, seed=0, choices=kept, inline=0.0)
    attempt(five_hits.fixed, seed=0, choices=plain, inline=0.0)
    search.next()
    search.learn(kept, ())
    assert search.states == len(kept.states)
    plan = search.next()
    assert isinstance(plan, Plan)
    follower = Choices(plan)
    attempt(five_hits.fixed, seed=0, choices=follower, inline=0.0)
    assert plan.followed > 0
    assert plan.skipped == 0
    search.learn(plain, ())
    assert search.states == len(kept.states | plain.states)


@pytest.mark.parametrize("strategy", ["", "best", "pct", "pct:many", "pos:3", "dfs:2", "delay", "sticky:"])
def test_a_strategy_that_there_is_not_is_refused_by_its_name(strategy: str) -> None:
    with pytest.raises(ValueError, match=f"no strategy '{strategy}'"):
        search_of(strategy, [0])


def test_without_a_seed_nothing_is_tried() -> None:
    with pytest.raises(ValueError, match="without a seed"):
        explore(lost_update.fixed, seeds=0)


# --- local first ---------------------------------------------------------------------------------------------


def step(name: str, *touched: str) -> Choices:
    """A run of one step."""
    choices = Choices(Default())
    choices.next(STEP, [alternative(name)])
    for actor in touched:
        choices.touch(actor)
    choices.over()
    return choices


def test_what_one_sender_alone_has_talked_to_is_local_until_another_does() -> None:
    sharing = Sharing()
    sharing.learn(step("/a : M", "/c"))
    sharing.learn(step("/c : N"))
    assert sharing.local() == ("/a : M", "/c : N")
    sharing.learn(step("/b : M", "/c"))
    assert sharing.local() == ()


@pytest.mark.parametrize("shared", ["*timers", "*registry", "*store", "*supervision"])
def test_what_all_actors_share_is_never_local(shared: str) -> None:
    sharing = Sharing()
    sharing.learn(step("/a : M", shared))
    assert sharing.local() == ()


class Go(Message[None]):
    steps: int


class Bystander(Actor[Go]):
    @receive(Go)
    def on_go(self, message: Go) -> None:
        if message.steps:
            self.ctx.tell(self.ctx.ref(self.ctx.address), Go(steps=message.steps - 1))


def among_bystanders(program: Program) -> Program:
    """Eight actors of twelve steps each that have nothing to do with it."""

    async def together(system: System) -> None:
        for number in range(8):
            await system.spawn(Spec(Bystander, name=f"bystander-{number}")).tell(Go(steps=12))
        await program(system)

    return together


@pytest.mark.parametrize(("strategy", "runs"), [("pos", 15), ("delay:1", 9)])
def test_bystanders_cost_no_runs_and_no_choices(strategy: str, runs: int) -> None:
    explored = explore(among_bystanders(lost_update.wrong), strategy=strategy, seeds=runs)
    assert explored.found


def test_a_certificate_among_bystanders_takes_few_runs() -> None:
    assert explore(among_bystanders(lost_update.fixed), strategy="delay:1", seeds=30).complete


def test_bystanders_are_choices_only_until_they_are_known() -> None:
    sharing = Sharing()
    program = among_bystanders(lost_update.fixed)

    def free(make: Callable[[], Strategy]) -> int:
        choices = Choices(make(), frozenset(sharing.local()))
        attempt(program, seed=0, choices=choices, inline=0.0)
        sharing.learn(choices)
        return sum(choice.free for choice in choices.made)

    first, *_, last = [free(lambda: Walk(Entropy(3))) for _ in range(3)]
    assert first > 100
    assert last < 20
