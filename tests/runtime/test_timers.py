"""Time comes as messages."""

from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.errors import ActorCrashed, TimerLimit
from actors.timers import TIMERS_MAX
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, crash, on_stage, rest, settled


def timer(key: str, after: float, text: str) -> Run:
    return Run(step=lambda self: self.ctx.timer(key, after, Note(text=text)))


@on_stage()
async def test_a_timer_comes_at_its_time_and_not_before(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    await actor.ask(timer("late", 20, "late"))
    await actor.ask(timer("soon", 10, "soon"))
    await trio.sleep(9.9)
    assert heard == []
    await trio.sleep(0.2)
    assert heard == ["soon"]
    await trio.sleep(10)
    assert heard == ["soon", "late"]


@on_stage()
async def test_the_same_key_replaces(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))
    await actor.ask(timer("t", 5, "first"))
    await actor.ask(timer("t", 10, "second"))
    await trio.sleep(100)
    assert heard == ["second"]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_cancel_beats_a_message_that_waits_in_the_mailbox(replaced: bool) -> None:  # noqa: FBT001
    async def program(system: System) -> None:
        heard: list[str] = []
        actor = system.spawn(Spec(Player, (heard,)))
        await actor.ask(timer("t", 1, "stale"))

        async def cancels(self: Player) -> None:
            await trio.sleep(5)
            if replaced:
                self.ctx.timer("t", 5, Note(text="new"))
            else:
                self.ctx.cancel("t")

        await actor.ask(Wait(step=cancels))
        await trio.sleep(100)
        assert heard == (["new"] if replaced else [])

    on_stage()(program)()


@on_stage()
async def test_no_timer_of_a_past_incarnation_comes(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    async def waits_in_the_mailbox(self: Player) -> None:
        self.ctx.timer("now", 1, Note(text="stale"))
        self.ctx.timer("later", 10, Note(text="stale too"))
        await trio.sleep(5)
        crash(self)

    with pytest.raises(ActorCrashed):
        await actor.ask(Wait(step=waits_in_the_mailbox))
    await trio.sleep(100)
    assert heard == []
    assert system.letters.counts == {}
    assert len(system.timers) == 0


@on_stage()
async def test_timers_are_bounded_and_do_not_go_back(system: System) -> None:
    actor = system.spawn(Spec(Player))

    def many(self: Player) -> Any:
        for number in range(TIMERS_MAX):
            self.ctx.timer(str(number), 1, Note(text="x"))
        self.ctx.timer("0", 2, Note(text="a replacement is not one more"))
        with pytest.raises(TimerLimit):
            self.ctx.timer("more", 1, Note(text="x"))
        with pytest.raises(ValueError, match="at least 0"):
            self.ctx.timer("0", -1, Note(text="x"))

    await actor.ask(Run(step=many))
    await trio.sleep(10)
    assert await actor.ask(Run(step=lambda self: len(self.heard))) == TIMERS_MAX


@on_stage()
async def test_now_stands_still_in_a_turn_until_it_waits(system: System) -> None:
    actor = system.spawn(Spec(Player))

    async def looks(self: Player) -> list[float]:
        first = self.ctx.now
        await trio.sleep(7)
        return [first, self.ctx.now]

    first, then = await actor.ask(Wait(step=looks))
    assert round(then - first, 6) == 7


@on_stage()
async def test_a_timer_of_no_time_comes_behind_the_turn(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    def sets(self: Player) -> None:
        self.ctx.timer("t", 0, Note(text="timer"))
        self.heard.append("turn")

    await actor.ask(Run(step=sets))
    await settled()
    assert heard == ["turn", "timer"]


@on_stage()
async def test_a_timer_of_no_time_comes_behind_the_mail_there_is_and_any_other_before_it(
    system: System,
) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,)))

    def sets(self: Player) -> None:
        self.ctx.timer("none", 0, Note(text="no time"))
        self.ctx.timer("some", 1, Note(text="some time"))

    await actor.tell(Run(step=sets))
    await actor.tell(rest(5))
    await actor.tell(Note(text="mail"))
    await trio.sleep(20)
    assert heard == ["some time", "mail", "no time"]
