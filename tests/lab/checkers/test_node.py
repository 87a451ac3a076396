"""Checkers of a running node, and of what its actors say of their lives."""

from typing import Any

import pytest
import trio

from actors import Actor, Deferred, Message, Ref, Spec, receive
from actors.supervision import Intensity
from runtime import System, VirtualClock
from runtime.lab.checkers import Bounded, Lives, Said, no_leaks, quiescent, supervision
from runtime.lab.simulation import simulate
from runtime.lab.verdict import Ok, Violation
from runtime.testing import Leaks
from tests.runtime.cast import unlogged

pytestmark = pytest.mark.lab


class Work(Message[None]):
    seconds: float


class Feed(Message[None]):
    to: Any
    count: int


class Hold(Message[None]):
    pass


class Worker(Actor[Work | Hold]):
    @receive(Work)
    async def on_work(self, message: Work) -> None:
        await trio.sleep(message.seconds)

    @receive(Hold)
    def on_hold(self, message: Hold) -> Deferred[None]:
        return self.ctx.defer("held")


class Feeder(Actor[Feed]):
    @receive(Feed)
    async def on_feed(self, message: Feed) -> None:
        for _ in range(message.count):
            await message.to.tell(Work(seconds=1.0))


async def feed(system: System, count: int) -> None:
    worker: Ref[Any] = system.spawn(Spec(Worker, name="worker"))
    feeder: Ref[Feed] = system.spawn(Spec(Feeder, name="feeder"))
    await feeder.ask(Feed(to=worker, count=count))


@pytest.mark.parametrize(
    ("bounds", "good"),
    [({"mailbox": 5}, True), ({"mailbox": 3}, False), ({"age": 4.5}, True), ({"age": 2.5}, False)],
)
def test_a_mailbox_and_a_message_that_pass_their_bound_are_found(
    bounds: dict[str, Any], *, good: bool
) -> None:
    async def program(system: System) -> object:
        bounded = Bounded(system, **bounds)
        await feed(system, 5)
        for _ in range(6):
            await trio.sleep(1)
            bounded.verdict()
        return bounded.verdict()

    verdict = simulate(program, seed=0).result
    if good:
        assert verdict == Ok("bounded")
    else:
        assert isinstance(verdict, Violation)
        assert verdict.property == "/worker"


def test_a_mailbox_that_was_too_full_for_a_moment_between_two_effects_is_found() -> None:
    async def program(system: System) -> object:
        bounded = Bounded(system, mailbox=2)
        await feed(system, 4)
        await trio.sleep(60)
        return bounded.verdict()

    assert isinstance(simulate(program, seed=0).result, Violation)


def test_a_node_that_becomes_quiet_in_time_is_quiescent_and_one_that_does_not_is_named() -> None:
    async def program(system: System) -> tuple[object, object]:
        await feed(system, 5)
        return await quiescent(system, within=3), await quiescent(system, within=3)

    early, late = simulate(program, seed=0).result
    assert isinstance(early, Violation)
    assert early.property == "/worker"
    assert late == Ok("quiescent")


@pytest.mark.parametrize("leaves", [False, True])
def test_an_asker_that_is_held_back_for_ever_is_a_leak(*, leaves: bool) -> None:
    found: list[Leaks] = []

    async def program(system: System) -> None:
        leaks = Leaks(system)
        found.append(leaks)
        leaks.begin()
        worker: Ref[Any] = system.spawn(Spec(Worker, name="worker"))
        async with trio.open_nursery() as nursery:
            if leaves:
                nursery.start_soon(worker.ask, Hold())
            await trio.sleep(1)
            assert isinstance(system.clock, VirtualClock)
            await leaks.look_inside(system.clock)
            nursery.cancel_scope.cancel()

    with unlogged():
        simulate(program, seed=0)
    found[0].look_behind()
    verdict = no_leaks(found[0])
    assert (
        verdict == Ok("no_leaks")
        if not leaves
        else isinstance(verdict, Violation) and verdict.property == "askers"
    )


# --- lives ---------------------------------------------------------------------------------------------------


def lives(*said: tuple[Said, str, Any]) -> Lives:
    """Of who starts or stops the incarnation, of who watches or hears the other; a second apart."""
    told = Lives()
    for at, (what, address, more) in enumerate(said):
        if what is Said.QUIET:
            told.quiet(at)
        elif isinstance(more, int):
            told.say(what, address, at, incarnation=more)
        else:
            told.say(what, address, at, other=more)
    return told


START, STOP, WATCH, UNWATCH = Said.STARTED, Said.STOPPED, Said.WATCHED, Said.UNWATCHED
HEAR, END, QUIET = Said.HEARD, Said.TERMINATED, Said.QUIET
BOTH = (START, "/a", 1), (START, "/b", 1), (WATCH, "/a", "/b")
FAMILY = (START, "/a", 1), (START, "/a/b", 1)


@pytest.mark.parametrize(
    "said",
    [
        (*FAMILY, (STOP, "/a/b", 1), (START, "/a/b", 2), (STOP, "/a/b", 2), (STOP, "/a", 1)),
        (*BOTH, (HEAR, "/a", "/b"), (STOP, "/b", 1), (END, "/a", "/b"), (QUIET, "", 0), (STOP, "/a", 1)),
        (*BOTH, (UNWATCH, "/a", "/b"), (STOP, "/b", 1), (QUIET, "", 0), (STOP, "/a", 1)),
        (*BOTH, (STOP, "/a", 1), (STOP, "/b", 1), (QUIET, "", 0)),
    ],
)
def test_lives_as_supervision_promises_them_are_accepted(said: Any) -> None:
    assert supervision(lives(*said), Intensity(3, within=30)) == Ok("supervision")


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ((*FAMILY, (STOP, "/a", 1), (STOP, "/a/b", 1)), "has stopped before /a/b"),
        ((*FAMILY, (STOP, "/a/b", 1), (STOP, "/a/b", 1), (STOP, "/a", 1)), "has stopped, and was not up"),
        ((*FAMILY, (STOP, "/a/b", 1)), "incarnation 1 never stopped"),
        ((*BOTH, (END, "/a", "/b"), (STOP, "/b", 1), (STOP, "/a", 1)), "which is still up"),
        ((*BOTH, (STOP, "/b", 1), (END, "/a", "/b"), (END, "/a", "/b"), (STOP, "/a", 1)), "does not watch"),
        (
            (*BOTH, (UNWATCH, "/a", "/b"), (STOP, "/b", 1), (END, "/a", "/b"), (STOP, "/a", 1)),
            "does not watch",
        ),
        (
            (*BOTH, (STOP, "/b", 1), (END, "/a", "/b"), (HEAR, "/a", "/b"), (STOP, "/a", 1)),
            "behind its Terminated",
        ),
        ((*BOTH, (STOP, "/b", 1), (QUIET, "", 0), (STOP, "/a", 1)), "no Terminated came of /b"),
    ],
)
def test_lives_that_break_a_promise_are_found(said: Any, detail: str) -> None:
    verdict = supervision(lives(*said))
    assert isinstance(verdict, Violation)
    assert detail in verdict.detail


def restarts(seconds: float) -> Lives:
    """Four restarts of one family, so far apart."""
    told = Lives()
    for number in range(5):
        child = f"/a/{number % 2}"
        told.say(START, child, number * seconds, incarnation=number + 1)
        told.say(STOP, child, number * seconds, incarnation=number + 1)
    return told


def test_a_family_that_begins_anew_more_often_than_its_intensity_allows_is_found() -> None:
    assert supervision(restarts(10.1), Intensity(3, within=30)) == Ok("supervision")
    verdict = supervision(restarts(9.9), Intensity(3, within=30))
    assert isinstance(verdict, Violation)
    assert verdict.property == "/a"
