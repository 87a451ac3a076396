"""What a failure leads to, decided without anything running."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.actor import Actor, Spec
from actors.durable import DurableActor
from actors.errors import BadSpec
from actors.handlers import receive
from actors.message import Message
from actors.supervision import (
    Backoff,
    Directive,
    Escalate,
    Failures,
    History,
    Intensity,
    Restart,
    RestartIn,
    Restarts,
    Retry,
    StopIt,
    Strategy,
)


def history(intensity: Intensity | None = None) -> History:
    return History(Restarts(intensity or Intensity()), Failures())


def spec(**options: Any) -> Spec[Any]:
    return Spec(Actor[Any], **options)


def test_the_delays_are_those_documented() -> None:
    backoff = Backoff(jitter=0)
    assert [backoff.delay(failures, 0.5) for failures in range(1, 6)] == [0, 0.1, 0.2, 0.4, 0.8]
    assert backoff.delay(10_000, 0.5) == 30


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_jitter_stays_within_its_share(failures: int, fraction: float) -> None:
    plain = Backoff(jitter=0).delay(failures, 0)
    assert 0.8 * plain - 1e-9 <= Backoff(jitter=0.2).delay(failures, fraction) <= 1.2 * plain + 1e-9


@given(st.lists(st.floats(0, 20), max_size=60), st.integers(0, 5))
def test_no_window_holds_more_restarts_than_allowed(gaps: list[float], most: int) -> None:
    restarts, now, made = Restarts(Intensity(most, within=30)), 0.0, list[float]()
    for gap in gaps:
        now += gap
        if not restarts.another(now):
            assert len([at for at in made if at > now - 30]) >= most
            return
        made.append(now)
        assert len([at for at in made if at > now - 30]) <= most


def test_a_quiet_time_begins_the_series_anew() -> None:
    failures = Failures()
    assert [failures.another(now, 60) for now in (100, 110, 165, 226)] == [1, 2, 3, 1]


def test_the_directive_and_the_restart_type_decide() -> None:
    error = ValueError()
    assert history().decide(spec(), error, 0, 0.5) == RestartIn(0)
    assert history().decide(spec(restart=Restart.TRANSIENT), error, 0, 0.5) == RestartIn(0)
    assert history().decide(spec(restart=Restart.TEMPORARY), error, 0, 0.5) == StopIt()
    stop = spec(directives=((ValueError, Directive.STOP),))
    assert history().decide(stop, error, 0, 0.5) == StopIt()
    escalate = spec(directives=((ValueError, Directive.ESCALATE),))
    assert history().decide(escalate, error, 0, 0.5) == Escalate(limit=False)
    assert history(Intensity(0)).decide(spec(), error, 0, 0.5) == Escalate(limit=True)


def test_the_first_directive_that_matches_wins() -> None:
    ordered = spec(directives=((LookupError, Directive.STOP), (KeyError, Directive.ESCALATE)))
    assert ordered.directive(KeyError()) is Directive.STOP
    assert ordered.directive(ValueError()) is Directive.RESTART


def test_of_a_group_the_most_severe_leaf_wins() -> None:
    policy = spec(directives=((KeyError, Directive.STOP), (OSError, Directive.ESCALATE)))
    group = ExceptionGroup("a", [ValueError(), ExceptionGroup("b", [KeyError()])])
    assert policy.directive(group) is Directive.STOP
    assert policy.directive(ExceptionGroup("c", [group, OSError()])) is Directive.ESCALATE


@pytest.mark.parametrize(
    "build",
    [
        lambda: Backoff(first=-1),
        lambda: Backoff(first=2, most=1),
        lambda: Backoff(factor=0.5),
        lambda: Backoff(jitter=1),
        lambda: Intensity(restarts=-1),
        lambda: Intensity(within=0),
        lambda: spec(capacity=0),
        lambda: spec(start_timeout=0),
        lambda: spec(stop_grace=-1),
    ],
)
def test_a_policy_that_cannot_be_is_refused_at_once(build: Any) -> None:
    with pytest.raises(BadSpec):
        build()


@pytest.mark.parametrize(
    ("strategy", "failed", "group"),
    [
        (Strategy.ONE_FOR_ONE, "b", ["b"]),
        (Strategy.DYNAMIC, "b", ["b"]),
        (Strategy.ONE_FOR_ALL, "b", ["a", "b", "c"]),
        (Strategy.REST_FOR_ONE, "b", ["b", "c"]),
        (Strategy.REST_FOR_ONE, "a", ["a", "b", "c"]),
        (Strategy.REST_FOR_ONE, "gone", ["gone"]),
    ],
)
def test_a_strategy_says_who_is_restarted_with_whom(
    strategy: Strategy, failed: str, group: list[str]
) -> None:
    assert strategy.group(["a", "b", "c"], failed) == group


def test_a_failure_that_joins_a_group_restart_counts_for_its_backoff_alone() -> None:
    one = History(Restarts(Intensity(1)), Failures())
    policy = spec(backoff=Backoff(first=1, jitter=0))
    assert one.decide(policy, ValueError(), 0, 0.5) == RestartIn(0)
    assert one.decide(policy, ValueError(), 1, 0.5, joined=True) == RestartIn(1)
    assert one.decide(policy, ValueError(), 2, 0.5) == Escalate(limit=True)


def test_directives_are_ordered_by_their_severity() -> None:
    order = [Directive.RESUME, Directive.RESTART, Directive.STOP, Directive.ESCALATE]
    kinds: list[type[Exception]] = [KeyError, ValueError, OSError, LookupError]
    policy = spec(directives=tuple(zip(kinds, order, strict=True)))
    for place, directive in enumerate(order):
        leaves = [kind() for kind in kinds[: place + 1]]
        assert policy.directive(ExceptionGroup("all", leaves)) is directive
        assert policy.directive(ExceptionGroup("all", leaves[::-1])) is directive


class Ping(Message[None]):
    pass


class Kept(DurableActor[Ping]):
    @receive(Ping)
    def on_ping(self, message: Ping) -> None: ...


def family(**attributes: Any) -> Any:
    return type("Family", (Actor,), attributes)


RESUMING = ((ValueError, Directive.RESUME),)


@pytest.mark.parametrize(
    "build",
    [
        lambda: spec(significant=True),
        lambda: Spec(Kept, directives=RESUMING),
        lambda: Retry(0),
        lambda: family(strategy=Strategy.DYNAMIC),
        lambda: family(template=spec()),
        lambda: family(strategy=Strategy.DYNAMIC, template=spec(name="one")),
        lambda: family(strategy=Strategy.DYNAMIC, template=spec(significant=True, restart=Restart.TEMPORARY)),
    ],
)
def test_a_family_that_cannot_be_is_refused_at_once(build: Any) -> None:
    with pytest.raises(BadSpec):
        build()


OPTIONS = [field.name for field in fields(Spec)]


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_is_not_of_its_type_is_refused_by_name(option: str) -> None:
    options: dict[str, Any] = {"actor": Actor[Any], option: object()}
    with pytest.raises(BadSpec, match=f"^{option} is .*not <object"):
        Spec(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"restart": "temporary"},
        {"overflow": "refuse"},
        {"args": "abc"},
        {"args": [1]},
        {"backoff": 1},
        {"intensity": 3},
        {"poison": 3},
        {"capacity": 5.5},
        {"capacity": True},
        {"idle_after": True},
        {"start_timeout": True},
        {"stop_grace": False},
        {"idle_after": "5"},
        {"start_timeout": float("nan")},
        {"directives": {ValueError: Directive.STOP}},
        {"directives": (ValueError, Directive.STOP)},
        {"directives": ((ValueError, "stop"),)},
        {"directives": ((int, Directive.STOP),)},
        {"directives": ((ValueError(), Directive.STOP),)},
    ],
)
def test_an_option_that_would_silently_be_something_else_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadSpec, match=next(iter(options))):
        spec(**options)


def test_an_instance_is_no_class_to_build_from() -> None:
    instance: Any = Actor[Any]()
    with pytest.raises(BadSpec, match=r"Spec\(X\)"):
        Spec(instance)


@pytest.mark.parametrize(
    "attributes",
    [
        {"strategy": "one_for_all"},
        {"auto_shutdown": "any"},
        {"elsewhere": "refuse"},
        {"initial": None},
        {"template": Actor},
        {"deferred_max": "5"},
        {"max_turn": None},
    ],
)
def test_a_class_whose_option_is_not_of_its_type_is_refused_by_name(attributes: dict[str, Any]) -> None:
    with pytest.raises(BadSpec, match=f"Family.{next(iter(attributes))} is |a Spec is needed"):
        family(**attributes)


def test_what_looks_odd_and_is_allowed() -> None:
    spec(intensity=Intensity(restarts=0), restart=Restart.PERMANENT)
    spec(significant=True, restart=Restart.TRANSIENT)
    spec(directives=RESUMING)
    Spec(Kept, directives=((ValueError, Directive.STOP),))
    spec(idle_after=None, stop_grace=0, start_timeout=1, backoff=Backoff(), priority=id)
