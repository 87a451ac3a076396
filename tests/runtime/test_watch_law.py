"""Laws 7 and 9 for any course of events: one Terminated for each watch that holds, behind all else, and none after unwatch."""

from collections import Counter
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors.actor import Actor, Spec, StopReason
from actors.handlers import receive
from actors.message import Message
from actors.ref import Ref
from actors.signals import Terminated
from actors.supervision import Backoff, Intensity, Restart
from runtime.system import System
from tests.runtime.cast import Player, Run, Wait, crash, play, rest

WATCHERS = 2
SUBJECTS = 2
Log = list[tuple[str, str]]


class Told(Message[None]):
    """A subject says something."""

    subject: str


class Watcher(Actor[Run | Wait | Told | Terminated]):
    def __init__(self, log: Log, up: Counter[str]) -> None:
        self.log = log
        self.up = up

    @receive(Run)
    def on_run(self, message: Run) -> Any:
        return message.step(self)

    @receive(Wait)
    async def on_wait(self, message: Wait) -> Any:
        return await message.step(self)

    @receive(Told)
    def on_told(self, message: Told) -> None:
        self.log.append(("told", message.subject))

    @receive(Terminated)
    def on_terminated(self, message: Terminated) -> None:
        early = self.up[message.address.name] > 0
        self.log.append(("terminated early" if early else "terminated", str(message.address)))


class Subject(Player):
    """Its incarnations that are not yet stopped are counted in `up`."""

    def __init__(self, up: Counter[str], name: str) -> None:
        super().__init__()
        self.up, self.name = up, name
        up[name] += 1

    @override
    async def stopping(self, reason: StopReason) -> None:
        await trio.sleep(0.1)

    @override
    def stopped(self, reason: StopReason) -> None:
        self.up[self.name] -= 1


class Stage:
    def __init__(self, system: System) -> None:
        self.system = system
        self.up: Counter[str] = Counter()
        self.logs: list[Log] = [[] for _ in range(WATCHERS)]
        self.watchers: list[Ref[Any]] = [system.spawn(Spec(Watcher, (log, self.up))) for log in self.logs]
        self.count = 0
        self.subjects: list[Ref[Any]] = [self.spawn(number) for number in range(SUBJECTS)]

    def spawn(self, number: int) -> Ref[Any]:
        """The first of them is not restarted: its crash is its end."""
        self.count += 1
        mortal = number == 0
        name = f"subject-{self.count}"
        return self.system.spawn(
            Spec(
                Subject,
                (self.up, name),
                name=name,
                restart=Restart.TEMPORARY if mortal else Restart.PERMANENT,
                backoff=Backoff(first=0.3),
            )
        )

    async def step(self, what: str, watcher: int, subject: int, seconds: float) -> None:
        who, whom, log = self.watchers[watcher], self.subjects[subject], self.logs[watcher]

        async def changes(self: Watcher) -> None:
            await trio.sleep(seconds)  # what is due meanwhile waits in its mailbox
            log.append((what, str(whom.address)))
            self.ctx.watch(whom) if what == "watch" else self.ctx.unwatch(whom)

        match what:
            case "watch" | "unwatch":
                await who.tell(Wait(step=changes))
            case "says":
                told = Told(subject=str(whom.address))
                await whom.tell(Run(step=lambda self: self.ctx.tell(who, told)))
            case "crash":
                await whom.tell(Run(step=crash))
            case "works":
                await whom.tell(rest(seconds))
            case "stop":
                await self.system.stop(whom)
                self.subjects[subject] = self.spawn(subject)
            case _:
                await trio.sleep(seconds)


def check(log: Log) -> None:
    watched: set[str] = set()
    gone: set[str] = set()
    for what, subject in log:
        match what:
            case "watch":
                watched.add(subject)
            case "unwatch":
                watched.discard(subject)
            case "terminated":
                assert subject in watched, "law 9: one for each watch, and none after unwatch"
                watched.remove(subject)
                gone.add(subject)
            case "terminated early":
                raise AssertionError("law 7: Terminated is behind the watched one's stopped")
            case _:
                assert subject not in gone, "law 9: after the last message of the watched one"
    assert not watched, "law 9: whoever has ended, each watch has had its Terminated"


steps = st.tuples(
    st.sampled_from(["watch", "watch", "unwatch", "unwatch", "says", "crash", "works", "stop", "stop"]),
    st.integers(0, WATCHERS - 1),
    st.integers(0, SUBJECTS - 1),
    st.sampled_from([0.0, 0.0, 0.2, 0.5]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=30))
def test_each_watch_that_holds_has_one_terminated_behind_all_that_was_sent(
    course: list[tuple[str, int, int, float]],
) -> None:
    stages: list[Stage] = []

    async def program(system: System) -> None:
        stage = Stage(system)
        stages.append(stage)
        for step in course:
            await stage.step(*step)
        await trio.sleep(100)
        for ref in stage.subjects:
            await system.stop(ref)
        await trio.sleep(100)

    play(program, intensity=Intensity(1_000))
    for log in stages[0].logs:
        check(log)
    assert not any(stages[0].up.values()), "law 7: each incarnation has stopped once"
