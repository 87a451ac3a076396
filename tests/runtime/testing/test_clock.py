"""The virtual clock as a test uses it: time passes on demand, and whatever was due has run when it is back."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from actors import Actor, Message, Spec, receive
from runtime import System, VirtualClock
from runtime.clock import NeverTrue

Program = Callable[[VirtualClock], Awaitable[None]]


class Start(Message[None]):
    after: float


class Ring(Message[None]):
    pass


class Alarm(Actor[Start | Ring]):
    """It notes when it rings."""

    def __init__(self, rang: list[float]) -> None:
        self.rang = rang

    @receive(Start)
    def on_start(self, message: Start) -> None:
        self.ctx.timer("ring", message.after, Ring())

    @receive(Ring)
    def on_ring(self, message: Ring) -> None:
        self.rang.append(self.ctx.now)


@pytest.fixture(params=[False, True], ids=["standing", "jumping"])
def clock(request: pytest.FixtureRequest) -> VirtualClock:
    return VirtualClock(0.0, autojump=request.param)


async def ticks(clock: VirtualClock, every: float, into: list[float]) -> None:
    while True:
        await trio.sleep(every)
        into.append(clock.current_time())


async def test_advance_runs_what_is_due_at_its_time_and_returns_when_it_has_run(clock: VirtualClock) -> None:
    seen: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks, clock, 2.0, seen)
        await clock.advance(5)
        assert (seen, clock.current_time()) == ([2.0, 4.0], 5.0)
        await clock.advance(1)
        assert (seen, clock.current_time()) == ([2.0, 4.0, 6.0], 6.0)
        nursery.cancel_scope.cancel()


async def test_advance_runs_what_follows_from_what_was_due(clock: VirtualClock) -> None:
    seen: list[str] = []

    async def follow() -> None:
        await trio.sleep(1)
        for _ in range(50):
            await trio.lowlevel.checkpoint()
        seen.append("followed")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await clock.advance(1)
        assert seen == ["followed"]


@pytest.mark.parametrize("after", [0.1, 0.2, 0.3, 29.9, 1 / 3])
@pytest.mark.parametrize("jumps", [False, True])
def test_a_timer_of_exactly_the_seconds_advanced_has_fired(after: float, *, jumps: bool) -> None:
    clock = VirtualClock(autojump=jumps)
    rang: list[float] = []

    async def main() -> None:
        async with System(clock=clock) as system:
            alarm = system.spawn(Spec(Alarm, (rang,)))
            for count in range(1, 4):
                await alarm.ask(Start(after=after))
                await clock.advance(after)
                assert len(rang) == count

    trio.run(main, clock=clock)
    assert rang[-1] == pytest.approx(1_700_000_000 + 3 * after, abs=2e-6)


async def test_a_thousand_steps_add_up(clock: VirtualClock) -> None:
    for _ in range(1_000):
        await clock.advance(0.1)
    assert clock.current_time() == pytest.approx(100.0, abs=1e-9)


async def test_settle_runs_all_that_can_run_and_lets_no_time_pass(clock: VirtualClock) -> None:
    seen: list[float] = []

    async def work() -> None:
        for _ in range(50):
            await trio.lowlevel.checkpoint()
        seen.append(clock.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks, clock, 0.5, seen)
        nursery.start_soon(work)
        await clock.settle()
        assert seen == [0.0]
        nursery.cancel_scope.cancel()


async def test_until_stops_at_the_moment_at_which_it_is_true(clock: VirtualClock) -> None:
    seen: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks, clock, 2.0, seen)
        await clock.until(lambda: len(seen) == 3)
        assert clock.current_time() == 6.0
        await clock.until(lambda: True)
        assert clock.current_time() == 6.0
        nursery.cancel_scope.cancel()


async def test_until_says_that_it_never_will_be_when_nothing_is_due(clock: VirtualClock) -> None:
    expected = "not true within 5 virtual seconds: nothing is due any more, so it never will be"
    with pytest.raises(NeverTrue, match=expected):
        await clock.until(lambda: False, within=5)
    assert clock.current_time() == 5.0


async def test_until_gives_up_when_its_time_is_over_though_something_is_always_due(
    clock: VirtualClock,
) -> None:
    seen: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticks, clock, 1.0, seen)
        with pytest.raises(NeverTrue, match=r"not true within 3.5 virtual seconds$"):
            await clock.until(lambda: False, within=3.5)
        assert (seen, clock.current_time()) == ([1.0, 2.0, 3.0], 3.5)
        nursery.cancel_scope.cancel()


async def test_an_advance_that_is_cancelled_moves_time_no_further(clock: VirtualClock) -> None:
    with trio.move_on_after(2):
        await clock.advance(10)
    assert clock.current_time() == 2.0
    await clock.settle()
    assert clock.current_time() == 2.0


def test_a_standing_clock_stands_still_after_an_advance_that_was_cancelled() -> None:
    clock = VirtualClock(0.0)
    seen: list[float] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ticks, clock, 1.0, seen)
            with trio.move_on_after(1.5):
                await clock.advance(10)
            await trio.testing.wait_all_tasks_blocked()
            assert (seen, clock.current_time()) == ([1.0], 1.5)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=clock)


async def test_two_advances_at_once_each_end_at_their_own_time(clock: VirtualClock) -> None:
    ends: list[float] = []

    async def advance(seconds: float) -> None:
        await clock.advance(seconds)
        ends.append(clock.current_time())

    async with trio.open_nursery() as nursery:
        for seconds in (3.0, 10.0, 1.0):
            nursery.start_soon(advance, seconds)
    assert ends == [1.0, 3.0, 10.0]


async def test_time_never_goes_back(clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="time never goes back"):
        await clock.advance(-1)
