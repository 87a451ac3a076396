"""The rate limiter and the circuit breaker: what they let through, what they refuse, and when again."""

from contextlib import nullcontext
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.actor import Spec
from actors.address import Address
from actors.errors import ActorCrashed, AskTimeout, CircuitOpen, RateLimited
from actors.supervision import Intensity
from runtime.interceptors import CircuitBreaker, RateLimiter, Scope, State
from runtime.system import System
from tests.runtime.cast import Note, Player, Refusal, Run, crash, on_stage, refuse, rest, settled

HERE = Scope(Address("/p"))


@on_stage()
async def test_more_than_the_burst_is_refused_until_a_token_is_back(system: System) -> None:
    actor = system.spawn(Spec(Player, name="p"))
    RateLimiter(HERE, system.clock.now, rate=2, burst=2).install(system.router)
    await actor.ask(Note(text="a"))
    await actor.ask(Note(text="b"))
    with pytest.raises(RateLimited) as limited:
        await actor.ask(Note(text="c"))
    assert limited.value.retry_after == 0.5
    await actor.tell(Note(text="a tell is a dead letter"))
    assert system.letters.counts["refused_by_policy"] == 2
    await trio.sleep(limited.value.retry_after)
    assert await actor.ask(Note(text="d")) == 3


@on_stage()
async def test_a_limit_is_for_its_scope_alone(system: System) -> None:
    below = Scope(Address("/p"), below=True)
    assert Address("/p/child") in below
    assert Address("/pp") not in below
    assert Address("/p/child") not in HERE
    other = system.spawn(Spec(Player, name="other"))
    RateLimiter(below, system.clock.now, rate=1, burst=1).install(system.router)
    for _ in range(3):
        await other.ask(Note(text="x"))


@given(st.lists(st.floats(0, 3), max_size=80), st.integers(1, 5), st.floats(0.1, 10))
def test_no_window_sees_more_than_the_burst_and_what_its_length_earns(
    pauses: list[float], burst: int, rate: float
) -> None:
    now = 0.0
    limiter = RateLimiter(HERE, lambda: now, rate=rate, burst=burst)
    passed: list[float] = []
    for pause in pauses:
        now += pause
        refusal = limiter(HERE.address, None)
        if refusal is None:
            passed.append(now)
        else:
            assert 0 < refusal.retry_after <= 1 / rate
    for first, start in enumerate(passed):
        for count, end in enumerate(passed[first:], 1):
            assert count <= burst + (end - start) * rate + 1e-6


def now(breaker: CircuitBreaker) -> State:
    """Asked anew: the type checkers would keep what it was."""
    return breaker.state


async def fail(actor: Any, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ActorCrashed):
            await actor.ask(Run(step=crash))


@on_stage(intensity=Intensity(restarts=1_000))
async def test_a_circuit_opens_at_its_failures_and_closes_by_a_trial(system: System) -> None:
    actor = system.spawn(Spec(Player, name="p"))
    breaker = CircuitBreaker(HERE, system.clock.now, failures=3, reset_after=30)
    breaker.install(system.router)
    await fail(actor, 3)
    assert now(breaker) is State.OPEN
    with pytest.raises(CircuitOpen) as is_open:
        await actor.ask(Note(text="a"))
    await trio.sleep(is_open.value.retry_after)
    assert await actor.ask(Note(text="the trial")) == 1
    assert now(breaker) is State.CLOSED
    await fail(actor, 2)
    assert now(breaker) is State.CLOSED


@on_stage(intensity=Intensity(restarts=1_000))
async def test_a_trial_that_fails_opens_the_circuit_anew(system: System) -> None:
    actor = system.spawn(Spec(Player, name="p"))
    breaker = CircuitBreaker(HERE, system.clock.now, failures=2, reset_after=30)
    breaker.install(system.router)
    await fail(actor, 2)
    await trio.sleep(30)
    await fail(actor, 1)
    assert now(breaker) is State.OPEN
    with pytest.raises(CircuitOpen) as is_open:
        await actor.ask(Note(text="a"))
    assert is_open.value.retry_after > 29


@on_stage(intensity=Intensity(restarts=1_000))
async def test_one_trial_at_a_time(system: System) -> None:
    actor = system.spawn(Spec(Player, name="p"))
    breaker = CircuitBreaker(HERE, system.clock.now, failures=1, reset_after=30)
    breaker.install(system.router)
    await fail(actor, 1)
    await trio.sleep(30)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor.ask, rest(5))
        await settled()
        assert now(breaker) is State.HALF_OPEN
        with pytest.raises(CircuitOpen):
            await actor.ask(Note(text="second"))
    assert now(breaker) is State.CLOSED


@on_stage()
async def test_a_refusal_is_an_answer_and_a_timeout_a_failure(system: System) -> None:
    actor = system.spawn(Spec(Player, name="p"))
    breaker = CircuitBreaker(HERE, system.clock.now, failures=2, reset_after=30)
    breaker.install(system.router)
    for _ in range(5):
        with pytest.raises(Refusal):
            await actor.ask(Run(step=refuse))
    for _ in range(2):
        with pytest.raises(AskTimeout):
            await actor.ask(rest(10), within=1)
    assert now(breaker) is State.OPEN


@on_stage(intensity=Intensity(restarts=1_000))
async def test_an_answer_to_what_was_asked_before_it_opened_does_not_close_it(system: System) -> None:
    scope = Scope(Address("/p"), below=True)
    slow, bad = system.spawn(Spec(Player, name="p")), system.spawn(Spec(Player, name="q"))
    breaker = CircuitBreaker(scope, system.clock.now, failures=1, reset_after=30)
    breaker.install(system.router)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slow.ask, rest(5))
        await settled()
        breaker.judge(slow.address, ActorCrashed("another one's"))
        await bad.ask(Note(text="out of scope"))
    assert now(breaker) is State.OPEN


@on_stage()
async def test_a_breaker_judges_what_a_door_asks_too(system: System) -> None:
    actor = system.spawn(Spec(Player, name="p"))
    breaker = CircuitBreaker(HERE, system.clock.now, failures=1)
    breaker.install(system.router)
    with pytest.raises(ActorCrashed):
        await system.router.ask_watched(actor.address, Run(step=crash), nullcontext)
    assert now(breaker) is State.OPEN
    with pytest.raises(CircuitOpen):
        await system.router.ask_watched(actor.address, Note(text="a"), nullcontext)
