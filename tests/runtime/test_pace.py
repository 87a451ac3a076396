"""How long one cell may keep the others, and the other tasks, waiting."""

from itertools import groupby
from typing import Any

import trio

from actors.actor import Actor, Spec
from actors.handlers import receive
from actors.message import Message
from runtime.clock import VirtualClock
from runtime.pace import CHECKPOINT_EVERY, LOOK_EVERY, SHORT, STRETCH_MAX, VISIT_MAX, Pace
from runtime.system import System


class WorkingClock(VirtualClock):
    """Time that a handler's work takes, too."""

    def work(self, seconds: float) -> None:
        self._elapsed += seconds


class Work(Message[None]):
    seconds: float


class Worker(Actor[Work]):
    def __init__(self, clock: WorkingClock, turns: list[str]) -> None:
        self.clock = clock
        self.turns = turns

    @receive(Work)
    def on_work(self, message: Work) -> None:
        self.turns.append(self.ctx.address)
        self.clock.work(message.seconds)


def worked(
    seconds: float, *, workers: int = 20, each: int = 100, after: float = 0.0
) -> tuple[list[int], list[float]]:
    """How many turns of one actor came in a row, and for how long another task did not run, in their order."""
    clock, turns, gaps = WorkingClock(autojump=True), list[str](), list[float]()

    async def look() -> None:
        before = clock.now()
        while len(turns) < workers * each:
            await trio.lowlevel.checkpoint()
            gaps.append(clock.now() - before)
            before = clock.now()

    async def main() -> None:
        async with System(clock=clock) as system, trio.open_nursery() as nursery:
            refs: list[Any] = [system.spawn(Spec(Worker, (clock, turns))) for _ in range(workers)]
            await trio.sleep(after)
            for ref in refs:
                for _ in range(each):
                    await ref.tell(Work(seconds=seconds))
            nursery.start_soon(look)

    trio.run(main, clock=clock)
    return [len(list(run)) for _, run in groupby(turns)], gaps


def test_a_cell_has_its_turn_for_sixteen_short_messages() -> None:
    rows, _ = worked(0.0)
    assert set(rows) == {VISIT_MAX, 100 % VISIT_MAX}


def test_the_time_in_which_nobody_had_mail_is_not_the_time_of_turns() -> None:
    rows, _ = worked(0.0, after=60.0)
    assert max(rows[LOOK_EVERY:]) == VISIT_MAX


def test_a_cell_whose_turns_are_long_has_its_turn_for_one() -> None:
    rows, _ = worked(0.001)
    assert rows[:LOOK_EVERY] == [VISIT_MAX] * LOOK_EVERY  # they have to show first
    assert max(rows[LOOK_EVERY:]) == 1


def test_other_tasks_run_every_few_milliseconds_beside_long_turns() -> None:
    _, gaps = worked(0.001)
    stretch = STRETCH_MAX + 0.0011  # the turn in which it ends included
    late = [gap for gap in gaps if gap > 2 * stretch]  # of two tasks, either may run first each time
    assert len(late) <= 1  # the stretch in which they showed


def test_turns_are_long_from_the_first_stretch_that_takes_long_until_one_is_short() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    pace.begin()
    now += STRETCH_MAX * 1.1
    assert pace.over(LOOK_EVERY)
    assert (pace.most, pace.every) == (1, 1)
    pace.begin()
    now += SHORT * 1.1
    assert pace.over(CHECKPOINT_EVERY)
    assert (pace.most, pace.every) == (1, 1)
    pace.begin()
    now += SHORT * 0.9
    assert not pace.over(CHECKPOINT_EVERY - 1)
    assert pace.over(CHECKPOINT_EVERY)
    assert (pace.most, pace.every) == (VISIT_MAX, LOOK_EVERY)


def test_what_other_tasks_take_is_not_the_time_of_turns() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    now += 60.0
    pace.begin()
    assert not pace.over(LOOK_EVERY)
    assert pace.most == VISIT_MAX
