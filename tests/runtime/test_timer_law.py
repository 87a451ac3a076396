"""Law 10 for any course of events: no timer comes after its cancel or from a past incarnation, and a rate keeps to its grid."""

from dataclasses import dataclass
from typing import Any, Literal

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors.actor import Actor, Spec, StartReason
from actors.handlers import receive
from actors.message import Message
from actors.supervision import Backoff, Intensity
from runtime.system import System
from tests.runtime.cast import Run, Wait, crash, play, rest

NEAR = 1e-4
"""Seconds: times are sums of floats, and now is a large one."""


@dataclass(frozen=True)
class Setting:
    key: str
    after: float
    every: float | None
    mode: Literal["delay", "rate"]


class Tick(Message[None]):
    number: int
    takes: float
    missed: int = 0


@dataclass
class Running:
    """A timer as the model has it: when it comes next at the earliest, and how often it has."""

    setting: Setting
    first: float
    not_before: float
    fired: int = 0


class Clockwork(Actor[Run | Wait | Tick]):
    """It holds what comes against what was set: `running` is the model, `wrong` what it did not foresee."""

    def __init__(self, wrong: list[str], running: dict[int, Running]) -> None:
        self.wrong = wrong
        self.running = running

    @override
    async def started(self, reason: StartReason) -> None:
        self.running.clear()

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Tick)
    async def on_tick(self, message: Tick) -> None:
        timer = self.running.get(message.number)
        if timer is None:
            self.wrong.append(f"{message.number} was cancelled, replaced, or is of a past incarnation")
            return
        now, every = self.ctx.now, timer.setting.every
        if now < timer.not_before - NEAR:
            self.wrong.append(f"{message.number} comes {timer.not_before - now} s early")
        timer.fired += 1 + message.missed
        if every is None:
            del self.running[message.number]
        elif timer.setting.mode == "rate":
            due = [int((now - timer.first + near) / every) + 1 for near in (-NEAR, NEAR)]
            if not due[0] <= timer.fired <= due[1]:
                self.wrong.append(f"{message.number} has come {timer.fired} times and not {due}")
            timer.not_before = timer.first + timer.fired * every
        await trio.sleep(message.takes)
        if every is not None and timer.setting.mode == "delay":
            timer.not_before = self.ctx.now + every

    def end(self, key: str) -> None:
        for number in [number for number, timer in self.running.items() if timer.setting.key == key]:
            del self.running[number]


def sets(number: int, setting: Setting, takes: float, waits: float) -> Wait:
    async def step(self: Clockwork) -> None:
        await trio.sleep(waits)  # what is due meanwhile waits in the mailbox
        self.end(setting.key)
        first = self.ctx.now + setting.after
        self.running[number] = Running(setting, first, first)
        tick = Tick(number=number, takes=takes)
        self.ctx.timer(setting.key, setting.after, tick, every=setting.every, mode=setting.mode)

    return Wait(step=step)


def cancels(key: str, waits: float = 0.0) -> Wait:
    async def step(self: Clockwork) -> None:
        await trio.sleep(waits)
        self.end(key)
        self.ctx.cancel(key)

    return Wait(step=step)


# three timers never keep their actor busy: their messages go first, and no other would have a turn
keys = st.sampled_from("abc")
seconds = st.sampled_from([0.0, 0.3, 0.7, 2.9, 11.3])
settings_of = st.builds(
    Setting, keys, seconds, st.none() | st.sampled_from([0.4, 1.1, 3.7]), st.sampled_from(["delay", "rate"])
)
steps = st.tuples(
    st.sampled_from(["set", "set", "cancel", "works", "works", "rest", "rest", "rest", "crash"]),
    settings_of,
    st.sampled_from([0.0, 0.0, 0.1]),
    seconds,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=1, max_size=25))
def test_no_timer_comes_early_or_after_its_end_and_a_rate_keeps_to_its_grid(
    course: list[tuple[str, Setting, float, float]],
) -> None:
    wrong: list[str] = []
    running: dict[int, Running] = {}

    async def program(system: System) -> None:
        actor = system.spawn(Spec(Clockwork, (wrong, running), backoff=Backoff(first=0.2)))
        for number, (what, setting, takes, length) in enumerate(course):
            match what:
                case "set":
                    await actor.tell(sets(number, setting, takes, length))
                case "cancel":
                    await actor.tell(cancels(setting.key, length))
                case "works":
                    await actor.tell(rest(length))
                case "crash":
                    await actor.tell(Run(step=crash))
                case _:
                    await trio.sleep(length)
        await trio.sleep(50)
        for key in "abc":
            await actor.ask(cancels(key))
        await trio.sleep(50)

    play(program, intensity=Intensity(1_000))
    assert wrong == []
    assert running == {}
