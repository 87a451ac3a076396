"""What becomes of the message that crashed its actor, of its asker, and of all else that the actor had."""

from typing import Any

import pytest
import trio

from actors.actor import Spec
from actors.address import Address
from actors.errors import ActorCrashed, ActorRestarted, ActorStopped, StartFailed
from actors.ref import Ref
from actors.supervision import Backoff, Directive, Intensity, Restart, Retry
from runtime.system import System
from tests.runtime.cast import (
    Bang,
    Lively,
    Note,
    Player,
    Run,
    Wait,
    answering,
    crash,
    on_stage,
    rest,
    settled,
)

MANY = Intensity(restarts=100)
NO_WAIT = Backoff(first=0.1, jitter=0)


class Tries:
    """A step that crashes so many times, and then answers."""

    def __init__(self, crashes: int) -> None:
        self.crashes = crashes
        self.made = 0

    def __call__(self, actor: Player) -> str:
        self.made += 1
        if self.made <= self.crashes:
            raise Bang(f"try {self.made}")
        actor.heard.append("done")
        return "done"


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("directives", [(), ((Bang, Directive.RESUME),)])
def test_a_message_is_tried_again_and_its_asker_waits_for_the_last_try(inline: bool, directives: Any) -> None:  # noqa: FBT001
    async def program(system: System) -> None:
        spec = Spec(Player, poison=Retry(2), directives=directives, backoff=Backoff(first=5, jitter=0))
        actor = system.spawn(spec)
        for crashes in (2, 3):
            tries = Tries(crashes)
            if not inline:
                await actor.tell(rest(1))
                await settled()
            if crashes == 2:
                assert await actor.ask(Run(step=tries)) == "done"
            else:
                with pytest.raises(ActorCrashed) as crashed:
                    await actor.ask(Run(step=tries))
                assert str(crashed.value.__cause__) == "try 3"
            assert tries.made == 3

    on_stage(intensity=MANY)(program)()


@on_stage(intensity=MANY)
async def test_a_told_message_is_tried_first_and_its_order_is_kept(system: System) -> None:
    heard: list[str] = []
    actor = system.spawn(Spec(Player, (heard,), poison=Retry(3)))
    await actor.tell(Run(step=Tries(3)))
    await actor.tell(Note(text="second"))
    await actor.tell(Run(step=Tries(9)))
    await actor.tell(Note(text="last"))
    await trio.sleep(10)
    assert heard == ["done", "second", "last"]
    (letter,) = system.letters.newest
    assert (letter.reason, letter.message) == ("crashed", "Run")
    assert "Bang: try 4" in letter.trace
    assert "Traceback" in letter.trace


@on_stage(intensity=MANY)
async def test_a_dropped_message_is_a_dead_letter_with_its_traceback(system: System) -> None:
    actor = system.spawn(Spec(Player))
    await actor.tell(Run(step=crash))
    await settled()
    (letter,) = system.letters.newest
    assert "in crash" in letter.trace


@on_stage(intensity=MANY)
async def test_who_hangs_up_while_its_message_waits_to_be_tried_again_is_free_and_it_is_not_tried(
    system: System,
) -> None:
    actor = system.spawn(Spec(Player, poison=Retry(50), backoff=Backoff(first=20, jitter=0)))
    tries = Tries(50)
    with trio.move_on_after(10) as scope:
        await actor.ask(Run(step=tries))
    assert scope.cancelled_caught
    await trio.sleep(100)
    assert tries.made == 2
    assert await actor.ask(Note(text="x")) == 1


@on_stage()
async def test_an_actor_that_stops_at_its_limit_drops_what_it_would_try_again(system: System) -> None:
    parent = system.spawn(Spec(Player, intensity=Intensity(1)))
    spec = Spec(Player, poison=Retry(50))
    child: Ref[Any] = await parent.ask(Run(step=lambda self: self.ctx.spawn(spec)))
    with pytest.raises(ActorCrashed):
        await child.ask(Run(step=Tries(50)))


@on_stage(intensity=MANY)
async def test_a_timers_message_is_not_tried_again(system: System) -> None:
    actor = system.spawn(Spec(Player, poison=Retry(5)))
    tries = Tries(5)
    await actor.ask(Run(step=lambda self: self.ctx.timer("t", 1, Run(step=tries))))
    await trio.sleep(10)
    assert tries.made == 1


# --- the table: what a restart, and a stop, does to what ---------------------------------------------------


class Told:
    """How an ask ended."""

    def __init__(self) -> None:
        self.end: Any = None

    async def ask(self, ref: Ref[Any], message: Any) -> None:
        try:
            self.end = await ref.ask(message)
        except Exception as error:  # noqa: BLE001 -- it is what is looked at
            self.end = type(error)


TABLE: list[tuple[str, Any, Any]] = [
    ("its asker", ActorCrashed, ActorStopped),
    ("an ask in the mailbox", "handled", ActorStopped),
    ("a tell in the mailbox", "handled", "stopped"),
    ("a deferred ask", ActorRestarted, ActorStopped),
    ("a timer", "cancelled", "cancelled"),
    ("a child", "stopped first", "stopped first"),
    ("the address", "kept", "gone"),
    ("its ctx", "fenced", "fenced"),
    ("its memory", "new", "gone"),
]


async def what_becomes(system: System, *, stops: bool) -> dict[str, Any]:
    """Give an actor one of each, then let it crash, or stop it, in a turn."""
    heard: list[str] = []
    actor: Ref[Any] = system.spawn(Spec(Lively, (heard,), stop_grace=1))
    asker, queued, deferred = Told(), Told(), Told()
    old = await actor.ask(Run(step=lambda self: self))

    def equip(self: Player) -> None:
        self.ctx.timer("t", 50, Note(text="timer"))
        self.ctx.spawn(Spec(Lively, (heard, "child ")))

    await actor.ask(Run(step=equip))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deferred.ask, actor, Run(step=lambda self: self.ctx.defer("k")))
        await settled()
        if stops:
            nursery.start_soon(asker.ask, actor, rest(60))
        else:
            await actor.tell(rest(1))
            nursery.start_soon(asker.ask, actor, Run(step=crash))
        await settled()
        nursery.start_soon(queued.ask, actor, Note(text="asked"))
        await settled()
        await actor.tell(Note(text="told"))
        if stops:
            await system.stop(actor)
        await trio.sleep(100)
        new = system.router.cells.get(actor.address)
        return {
            "its asker": asker.end,
            "an ask in the mailbox": "handled" if "asked" in heard else queued.end,
            "a tell in the mailbox": "handled" if "told" in heard else system.letters.newest[-1].reason,
            "a deferred ask": deferred.end,
            "a timer": "fired" if "timer" in heard else "cancelled",
            "a child": _when(heard, "child stopped", "stopped"),
            "the address": "kept" if new is not None else "gone",
            "its ctx": "fenced" if old.ctx.fenced else "alive",
            "its memory": "gone" if new is None else "kept" if new.actor is old else "new",
        }


def _when(heard: list[str], first: str, then: str) -> str:
    places = [next(i for i, line in enumerate(heard) if line.startswith(what)) for what in (first, then)]
    return "stopped first" if places[0] < places[1] else "stopped after it"


@pytest.mark.parametrize("stops", [False, True])
def test_what_a_restart_and_a_stop_do_to_what(stops: bool) -> None:  # noqa: FBT001
    async def program(system: System) -> None:
        became = await what_becomes(system, stops=stops)
        assert became == {thing: (stop if stops else restart) for thing, restart, stop in TABLE}

    on_stage()(program)()


@on_stage(intensity=MANY)
async def test_the_same_message_told_again_has_all_its_tries_again(system: System) -> None:
    actor = system.spawn(Spec(Player, poison=Retry(1), backoff=NO_WAIT))
    crashes = [True, False, True, False]
    made = 0

    def step(_: Player) -> None:
        nonlocal made
        made += 1
        if crashes[made - 1]:
            raise Bang

    message = Run(step=step)
    for tries in (2, 4):
        await actor.tell(message)
        await trio.sleep(10)
        assert made == tries
    assert system.letters.counts == {}


@on_stage()
async def test_what_its_directive_ends_for_good_is_not_tried_again(system: System) -> None:
    actor = system.spawn(Spec(Player, poison=Retry(1), directives=((Bang, Directive.STOP),)))
    tries = Tries(9)
    with pytest.raises(ActorCrashed):
        await actor.ask(Run(step=tries))
    await settled()
    assert tries.made == 1
    assert system.letters.counts == {}


@on_stage()
async def test_nothing_is_tried_again_for_an_asker_that_has_left(system: System) -> None:
    actor = system.spawn(Spec(Player, poison=Retry(1)))
    made = 0

    async def step(_: Player) -> None:
        nonlocal made
        made += 1
        try:
            await trio.sleep(5)
        except trio.Cancelled:
            raise Bang from None  # its cleanup fails

    with trio.move_on_after(1):
        await actor.ask(Wait(step=step))
    await trio.sleep(30)
    assert made == 1


@on_stage(patterns=[answering(lambda _: Spec(Player, poison=Retry(9), intensity=Intensity(3, 30)))])
async def test_an_actor_that_is_given_up_tells_who_has_crashed_it_and_refuses_the_others(
    system: System,
) -> None:
    actor, poisoner, other = system.ref(Address("/keep/a")), Told(), Told()
    tries = Tries(99)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(poisoner.ask, actor, Run(step=tries))
        await settled()
        nursery.start_soon(other.ask, actor, Note(text="behind it"))
    assert tries.made == 4
    assert (poisoner.end, other.end) == (ActorCrashed, StartFailed)


@on_stage(patterns=[answering(lambda _: Spec(Player, poison=Retry(9), intensity=Intensity(3, 30)))])
async def test_a_told_message_that_has_crashed_its_actor_for_good_is_a_dead_letter_with_its_crash(
    system: System,
) -> None:
    await system.ref(Address("/keep/a")).tell(Run(step=Tries(99)))
    await trio.sleep(30)
    (letter,) = system.letters.newest
    assert letter.reason == "crashed"
    assert "try 4" in letter.trace


@on_stage()
async def test_who_does_not_come_back_does_not_try_again_and_says_so(system: System) -> None:
    actor = system.spawn(Spec(Player, poison=Retry(1), restart=Restart.TEMPORARY))
    with pytest.raises(ActorCrashed) as crashed:
        await actor.ask(Run(step=Tries(9)))
    assert str(crashed.value.__cause__) == "try 1"
