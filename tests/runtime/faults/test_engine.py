"""The engine alone: gates, budgets, limits and chance, with a clock that is a number."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.entropy import Entropy
from runtime.faults.engine import Faults
from runtime.faults.expression import parse
from runtime.faults.rule import BlastRadius, Effect, FaultFile, Gate, Limits, Match, Rule
from runtime.faults.window import Window


class World:
    """Faults at a time that a test sets."""

    def __init__(self, *rules: Rule, seed: int = 1, limits: Limits | None = None) -> None:
        self.now = 1_000.0
        self.faults = Faults(lambda: self.now, Entropy(seed))
        self.window = Window(lambda: self.now, self.faults.counts)
        self.faults.figures = self.window
        self.faults.put(FaultFile(faults=rules, limits=limits or Limits()), armed=True)

    def meet(self, **facts: str) -> list[str]:
        self.faults.request_seen()
        return [effect.kind for effect in self.faults.meet("door", facts, "it")]

    def hits(self, times: int, **facts: str) -> list[int]:
        """Which of so many are hit, counted from 1."""
        return [place for place in range(1, times + 1) if self.meet(**facts)]


def rule(
    name: str = "a",
    effect: Effect | None = None,
    *,
    stack: bool = False,
    match: dict[str, Any] | None = None,
    **gate: Any,
) -> Rule:
    wanted = Match(at="door", **(match or {}))
    return Rule(
        name=name, match=wanted, gate=Gate(**gate), effect=effect or Effect(silence=True), stack=stack
    )


@pytest.mark.parametrize(
    ("gate", "hits"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 2}, [2]),
        ({"nth": (1, 4)}, [1, 4]),
        ({"skip": 4}, [5, 6]),
        ({"skip": 2, "nth": 1}, [3]),
        ({"budget": 2}, [1, 2]),
        ({"once_per_run": True}, [1]),
        ({"rate": 0}, []),
    ],
)
def test_a_gate_takes_those_that_it_says(gate: dict[str, Any], hits: list[int]) -> None:
    assert World(rule(**gate)).hits(6) == hits


def test_counts_are_each_clients_own_and_the_budget_is_the_rules() -> None:
    world = World(rule(per="client", skip=1, budget=3))
    assert world.hits(3, client="a") == [2, 3]
    assert world.hits(3, client="b") == [2]


def test_a_rule_acts_from_after_until_until_and_in_the_first_part_of_each_period() -> None:
    world = World(rule(after=10, until=100, every=20, for_=5))
    hit: list[int] = []
    for second in range(120):
        world.now = 1_000.0 + second
        if world.meet():
            hit.append(second)
    assert hit == [*range(20, 25), *range(40, 45), *range(60, 65), *range(80, 85)]
    assert world.faults.live() == set()


def test_a_rule_waits_for_its_expression() -> None:
    world = World(rule(while_="error_rate(5xx, 30 s) > 0.4"))
    assert world.meet() == []
    world.window.add("SendMessage", 503, 0.1)
    assert world.meet() == ["silence"]


def test_the_first_rule_wins_and_one_that_stacks_lets_the_next_act_too() -> None:
    slow, refused = Effect(latency=1), Effect(error="SlowDown")
    assert World(rule("a", slow), rule("b", refused)).meet() == ["latency"]
    assert World(rule("a", slow, stack=True), rule("b", refused)).meet() == ["latency", "error"]


def test_all_fields_of_a_match_must_fit() -> None:
    world = World(rule(match={"operation": "Send*", "resource": "orders-?"}))
    assert world.meet(operation="SendMessage", resource="orders-1") == ["silence"]
    assert world.meet(operation="SendMessage", resource="orders-11") == []
    assert world.meet(operation="ReceiveMessage", resource="orders-1") == []
    assert world.meet(operation="SendMessage") == []


def test_the_total_ends_all_rules() -> None:
    world = World(rule("a", budget=2), rule("b"), limits=Limits(total=3))
    assert world.hits(9) == [1, 2, 3]
    assert world.faults.live() == set()


@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_no_more_than_the_share_of_requests_is_ever_hit(seed: int, rate: float, share: float) -> None:
    limits = Limits(blast_radius=BlastRadius(share_of_requests=share))
    world = World(rule(rate=rate), seed=seed, limits=limits)
    for seen in range(1, 60):
        world.meet()
        assert world.faults.counts["a"] <= share * seen


def test_one_more_rule_changes_no_other_rules_draws() -> None:
    mine = rule("a", rate=0.3, stack=True)
    world, with_other = World(mine), World(rule("b", rate=0.5, stack=True), mine)

    def hit(one: World) -> list[int]:
        return [place for place in range(100) if one.meet() and one.faults.injected[-1].rule == "a"]

    assert hit(world) == hit(with_other)


def test_a_rule_that_has_matched_nothing_is_dead_and_one_whose_gate_held_it_back_is_not() -> None:
    world = World(rule("never", match={"operation": "X"}), rule("held", after=5))
    world.meet(operation="Y")
    assert world.faults.dead() == ["never"]


def test_arming_anew_begins_anew_but_for_what_may_happen_once_in_a_run() -> None:
    world = World(rule("a", budget=1, stack=True), rule("b", once_per_run=True))
    assert world.hits(2) == [1]
    for name in ("a", "b"):
        world.faults.disarm(name)
        world.faults.arm(name)
    world.meet()
    assert world.faults.counts == {"a": 2, "b": 1}


def test_a_rule_that_stays_in_the_set_goes_on_as_it_stands() -> None:
    world = World(rule("a", budget=3), rule("b"))
    assert world.hits(2) == [1, 2]
    world.faults.put(FaultFile(faults=(rule("a", budget=3),)), armed=True)
    assert world.hits(5) == [1]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("error_rate(5xx, 30 s) > 0.3", True),
        ("error_rate(503, 30s) == 0.25", True),
        ("error_rate(4xx, 30 s) > 0", False),
        ("p50(Send*, 30 s) <= 0.1 and p99(Send*, 30 s) >= 200 ms", True),
        ("requests(*, 1 s) > 0 or requests(*, 30 s) == 4", True),
        ("requests(*, 1 s) > 0 and requests(*, 30 s) == 4", False),
        ("faults(a) >= 1", True),
        ("p99(Nothing, 30 s) == 0", True),
        ("0.2 < p99(SendMessage, 30 s)", True),
    ],
)
def test_an_expression_says_what_is_true_of_the_last_seconds(text: str, holds: bool) -> None:  # noqa: FBT001
    world = World(rule("a", budget=1))
    world.meet()
    for status, took in ((200, 0.01), (200, 0.1), (503, 0.3), (0, 0.2)):
        world.window.add("SendMessage", status, took)
    world.now += 5
    assert parse(text).holds(world.window) is holds


def test_what_is_older_than_the_window_does_not_count() -> None:
    world = World()
    world.window.add("SendMessage", 503, 0.1)
    world.now += 31
    assert parse("error_rate(5xx, 30 s) == 0").holds(world.window)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p99",
        "p99(A, 3 s)",
        "p99(A) > 1",
        "p99(A, 3 s) > ",
        "x > 1",
        "1 > 2 3",
        "error_rate(9xx, 3 s) > 1",
        "p99(A, 700 s) > 1",
        "a" * 501,
        "__import__('os')",
        "1 = 1",
        "(1 > 2)",
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@given(st.text(alphabet="p9(,) <>=5x3s.and or", max_size=40))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = parse(text)
    except ValueError:
        return
    assert expression.holds(World().window) in {True, False}
