"""Fixtures for pytest-trio. One line in a conftest.py: `pytest_plugins = ["runtime.testing.fixtures"]`.

    async def test_the_bill_comes_a_second_later(system: System, clock: VirtualClock, probe: Probe[Bill]) -> None:
        till = system.spawn(Spec(Till, (probe.ref,)))
        await till.tell(Buy(item="tea"))
        await clock.advance(1)
        assert (await probe.expect(Bill)).total == 3

A test that asks for one of them runs inside `async with system`, in virtual time that jumps when nothing can run,
with seed 0 for chance and for the order of tasks. A test that would wait for ever raises Stuck; a green one that
leaves something behind raises Leaked. What the system is made of says a fixture of one's own:

    @pytest.fixture
    def system_options() -> dict[str, Any]:
        return {"patterns": [pattern]}
"""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import pytest
import trio

from runtime.clock import VirtualClock
from runtime.entropy import Entropy
from runtime.lab.determinism import fixed_task_order
from runtime.lab.stuck import Stuck
from runtime.observe import stuck
from runtime.system import System
from runtime.testing.leaks import Leaks
from runtime.testing.probe import Probe
from runtime.testing.unwrapped import unwrapped
from runtime.workers import InlineWorkers

pytest_plugins = ["runtime.testing.lab_plugin"]
SEED = 0


@pytest.fixture
def clock() -> VirtualClock:
    """The test's time: `advance`, `settle`, `until`."""
    return VirtualClock(autojump=True)


@pytest.fixture
def system_options() -> dict[str, Any]:
    """Arguments of `System`: a module or a conftest overrides it."""
    return {}


@pytest.fixture
def system(clock: VirtualClock, system_options: dict[str, Any]) -> System:
    """A system that runs for as long as the test does."""
    options: dict[str, Any] = {"entropy": Entropy(SEED), "workers": InlineWorkers(), **system_options}
    return System(clock=clock, **options)


@pytest.fixture
def leaks(system: System) -> Leaks:
    """What the test leaves behind, and may."""
    return Leaks(system)


@pytest.fixture
def probe(system: System) -> Probe[Any]:
    """An actor that keeps all it is sent."""
    return Probe(system, "probe")


# --- the run of a test ---------------------------------------------------------------------------------


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Give each test that asks for a fixture above a run of its own, before pytest-trio gives it the usual one.

    pytest-trio takes a clock from a test's own arguments alone, not from those of its fixtures.
    """
    for item in items:
        if not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(_body(item)):
            continue
        if "system" in item.fixturenames:
            item.fixturenames.extend(name for name in ("leaks",) if name not in item.fixturenames)
        if {"clock", "system"} & set(item.fixturenames):
            item.add_marker(pytest.mark.trio(run=partial(_run, item)), append=False)


def _body(item: pytest.Function) -> Callable[..., Any]:
    hypothesis: Any = getattr(item.obj, "hypothesis", None)
    body: Callable[..., Any] = item.obj if hypothesis is None else hypothesis.inner_test
    return body


def _run(
    item: pytest.Function,
    test: Callable[[], Awaitable[None]],
    *,
    clock: Any = None,
    instruments: Sequence[Any] = (),
) -> None:
    """`trio.run`, on the test's clock and in its system."""
    found, system, leaks = (item.funcargs.get(name) for name in ("clock", "system", "leaks"))
    main: Callable[[], Awaitable[None]] = test
    if not isinstance(found, VirtualClock):  # a fixture of the same name, of somebody else
        trio.run(main, clock=clock, instruments=instruments)  # pytest-trio's own
        return
    if isinstance(system, System) and isinstance(leaks, Leaks):
        main = partial(_in_system, test, found, system, leaks)
    with fixed_task_order(SEED):
        unwrapped(partial(trio.run, main, clock=found, instruments=instruments))


async def _in_system(
    test: Callable[[], Awaitable[None]], clock: VirtualClock, system: System, leaks: Leaks
) -> None:
    who: list[str] = []
    try:
        with trio.CancelScope() as scope:
            clock.stuck = partial(_give_up, system, who, scope)
            leaks.begin()
            async with system:
                await test()
                await leaks.look_inside(clock)
    finally:
        if who:  # what pytest-trio makes of the cancellation tells nobody anything
            raise Stuck(
                f"nothing can run and nothing is due: the test would wait for ever\n{who[0]}"
            ) from None
    leaks.look_behind()
    leaks.check()


def _give_up(system: System, who: list[str], scope: trio.CancelScope) -> None:
    """Nothing will ever run again: cancel the test; if that does not help, end the run."""
    assert len(who) < 10, "nothing can run, not even what was cancelled"
    who.append(stuck.as_text(stuck.stuck(system)))
    scope.cancel()
