"""A real SIGINT at every point of a system's life: it ends by KeyboardInterrupt, nothing hangs, no answer was a lie.

The points are those at which Python looks for signals in our code: as a function of ours begins, and behind each call
into C. There a profile function raises the signal; in which task it arrives, Trio decides, as always.
"""

import dis
import functools
import gc
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
import trio

import actors
import runtime
from actors.actor import Actor, Spec
from actors.errors import ActorCrashed
from actors.handlers import receive
from actors.message import Message
from runtime.clock import VirtualClock
from runtime.lab.determinism import fixed_task_order
from runtime.store import Disk, MemoryStore
from runtime.system import System
from tests.runtime.cast import Note, Player, Wait, keeper, keeping, rest, unlogged

pytestmark = [pytest.mark.lab, pytest.mark.slow]
OURS = tuple(str(Path(str(room.__file__)).parent) for room in (actors, runtime))
NEVER = 1_000_000


@dataclass
class Life:
    """One run: how many points it has passed, and what it has come to."""

    ctrl_c_at: int
    disk: Disk = field(default_factory=Disk)
    answered: int = 0
    points: int = 0
    where: str = ""

    def at_point(self, frame: FrameType, event: str, _of: object) -> None:
        """A profile function."""
        code = frame.f_code
        begins = event == "call" and frame.f_lasti <= first_step(code)
        if not (begins or event == "c_return") or not code.co_filename.startswith(OURS):
            return
        self.points += 1
        if self.points == self.ctrl_c_at:
            sys.setprofile(None)
            self.where = f"point {self.points}: {code.co_qualname}:{frame.f_lineno}"
            signal.raise_signal(signal.SIGINT)

    def run(self) -> BaseException | None:
        """The error that it ends with."""
        clock = VirtualClock(autojump=True)
        store = MemoryStore(self.disk, clock=clock.now, commit_time=lambda: 0.001)
        with unlogged(), fixed_task_order(1):
            sys.setprofile(self.at_point)
            try:
                trio.run(self.main, System(clock=clock, store=store, patterns=[keeping()]), clock=clock)
            except BaseException as error:  # noqa: BLE001 -- what it is, is the test
                return error
            finally:
                sys.setprofile(None)
        return None

    async def main(self, system: System) -> None:
        with trio.fail_after(60):
            async with system, trio.open_nursery() as nursery:
                nursery.start_soon(self.notes, system)
                nursery.start_soon(crowd, system)
                nursery.start_soon(circle, system)

    async def notes(self, system: System) -> None:
        ref = keeper(system)
        for text in ("a", "b"):
            self.answered = await ref.ask(Note(text=text))
            await ref.tell(Note(text="told"))


async def crowd(system: System) -> None:
    """More than a mailbox takes, of an actor that is busy."""
    busy = system.spawn(Spec(Player, capacity=1))
    await busy.tell(rest(0.01))
    for text in "abc":
        await busy.tell(Note(text=text))


class Comes(Message[None]):
    """Let in by its chain."""


class Host(Actor[Wait | Comes]):
    @receive(Wait)
    async def on_wait(self, message: Wait) -> None:
        await message.step(self)

    @receive(Comes, reentrant="chain")
    async def on_comes(self, message: Comes) -> None:
        self.ctx.spawn(Spec(Player))
        await trio.sleep(0.01)


async def circle(system: System) -> None:
    """A turn within another's pause."""
    host, guest = system.spawn(Spec(Host)), system.spawn(Spec(Player))

    async def back(_: Any) -> None:
        await host.ask(Comes())

    async def out(_: Any) -> None:
        await guest.ask(Wait(step=back))

    with suppress(ActorCrashed):  # an actor of the circle was stopped first
        await host.ask(Wait(step=out))


@functools.cache
def first_step(code: CodeType) -> int:
    """Where a function begins; a coroutine that goes on is "called" too, but sees no signal there."""
    return next(step.offset for step in dis.get_instructions(code) if step.opname == "RESUME")


def rows(disk: Disk) -> list[str]:
    return [key for kept in disk.kept.values() for key in kept.rows]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # it came just before
def test_ctrl_c_at_any_point_ends_the_system_by_keyboard_interrupt_alone_and_every_answer_given_is_in_the_store() -> (
    None
):
    Life(NEVER).run()  # what is done but once in a process is done
    whole = Life(NEVER)
    assert whole.run() is None
    assert whole.points > 500
    assert len(rows(whole.disk)) == 4
    for point in range(1, whole.points + 1):
        life = Life(point)
        error = life.run()
        if not life.where:  # a point fewer than in the run that was counted
            assert point > whole.points - 10
            break
        assert type(error) is KeyboardInterrupt, f"{life.where}: {error!r}"
        kept = sorted(rows(life.disk))
        assert len(kept) >= life.answered, life.where
        assert kept == sorted(rows(whole.disk))[: len(kept)], life.where
    gc.collect()  # while that warning is expected
