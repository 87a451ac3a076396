"""A turn that holds the loop is named while it does; one that awaits never is."""

import gc
import threading  # noqa: TID251 -- a handler that holds the loop waits for the watchdog's thread
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import structlog
import trio
from typing_extensions import override

from actors import Actor, Address, Message, Spec, StopReason, enter, receive
from runtime import System, VirtualClock
from runtime.observe.metrics import openmetrics
from runtime.watchdog import Held, Watchdog

PATIENCE = 30.0
"""Real seconds after which a handler gives up: nobody has named it."""


class Hold(Message[bool]):
    """Hold the loop until something is logged; False: nothing was."""


class Pass(Message[bool]):
    """Ask another to hold it."""


class Late(Message[bool]):
    """Hold it after a wait."""


class Holder(Actor[Hold | Late]):
    def __init__(self, noticed: threading.Event) -> None:
        self.noticed = noticed

    @receive(Hold)
    def on_hold(self, message: Hold) -> bool:
        return hold(self.noticed)

    @receive(Late)
    async def on_late(self, message: Late) -> bool:
        await trio.lowlevel.checkpoint()
        return hold(self.noticed)


def hold(noticed: threading.Event) -> bool:
    return noticed.wait(PATIENCE)


class Done(Message[None]):
    """Its pipe has ended."""


class Outside(Actor[Hold | Done]):
    """It holds the loop outside its turns, in the one place that `where` names."""

    def __init__(self, where: str, noticed: threading.Event) -> None:
        self.where = where
        self.noticed = noticed
        self.hold_in("__init__")

    def hold_in(self, place: str) -> None:
        if place == self.where:
            hold(self.noticed)

    async def work(self) -> None:
        await trio.lowlevel.checkpoint()
        hold(self.noticed)

    def made(self, _: object) -> Done:
        self.hold_in("made")
        return Done()

    @receive(Hold)
    def on_hold(self, message: Hold) -> Any:
        if self.where in {"pipe", "made"}:
            self.ctx.pipe(self.work if self.where == "pipe" else trio.lowlevel.checkpoint, self.made)
        return self.ctx.answer(self.work) if self.where == "answer" else None

    @receive(Done)
    def on_done(self, message: Done) -> None:
        """Nothing is left to do."""

    @override
    def stopped(self, reason: StopReason) -> None:
        self.hold_in("stopped")


class Entering(Actor[Hold]):
    """It holds the loop as it enters its first state."""

    initial = "slow"

    def __init__(self, noticed: threading.Event) -> None:
        self.noticed = noticed

    @enter("slow")
    def on_slow(self) -> None:
        hold(self.noticed)

    @receive(Hold, state="slow")
    def on_hold(self, message: Hold) -> bool:
        return False


class Passer(Actor[Pass]):
    def __init__(self, holder: Any) -> None:
        self.holder = holder

    @receive(Pass)
    async def on_pass(self, message: Pass) -> bool:
        return bool(await self.holder.ask(Hold()))


class Again(Message[bool]):
    """Let in by its chain."""


class Back(Actor[Again]):
    def __init__(self, host: Any) -> None:
        self.host = host

    @receive(Again)
    async def on_again(self, message: Again) -> bool:
        return bool(await self.host.ask(message))


class Host(Actor[Pass | Again]):
    """It holds the loop in a turn within its own."""

    def __init__(self, noticed: threading.Event) -> None:
        self.noticed = noticed

    @receive(Pass)
    async def on_pass(self, message: Pass) -> bool:
        return bool(await self.ctx.ref(Address("/back")).ask(Again()))

    @receive(Again, reentrant="chain")
    def on_again(self, message: Again) -> bool:
        return hold(self.noticed)


Events = list[dict[str, Any]]


def noticed_by(do: Callable[[System, threading.Event], Any]) -> tuple[bool, Events, System]:
    """What a handler has answered, and every log line."""
    lines: Events = []
    noticed = threading.Event()

    def note(_: Any, __: str, line: Any) -> Any:
        lines.append(dict(line))
        noticed.set()
        raise structlog.DropEvent

    async def main() -> tuple[bool, Events, System]:
        async with System(slow_turn=0.02) as system:
            return await do(system, noticed), lines, system

    before: dict[str, Any] = structlog.get_config()
    structlog.configure(processors=[note], wrapper_class=structlog.make_filtering_bound_logger(30))
    try:
        return trio.run(main)
    finally:
        structlog.configure(**before)


async def asked(system: System, noticed: threading.Event) -> bool:
    return await system.spawn(Spec(Holder, (noticed,), name="holder")).ask(Hold())


async def asked_late(system: System, noticed: threading.Event) -> bool:
    return await system.spawn(Spec(Holder, (noticed,), name="holder")).ask(Late())


async def told(system: System, noticed: threading.Event) -> bool:
    await system.spawn(Spec(Holder, (noticed,), name="holder")).tell(Hold())
    await trio.lowlevel.checkpoint()
    return await trio.to_thread.run_sync(noticed.wait, PATIENCE)  # noqa: TID251 -- the loop is held meanwhile


async def passed_on(system: System, noticed: threading.Event) -> bool:
    holder = system.spawn(Spec(Holder, (noticed,), name="holder"))
    return await system.spawn(Spec(Passer, (holder,), name="passer")).ask(Pass())


async def let_in(system: System, noticed: threading.Event) -> bool:
    host = system.spawn(Spec(Host, (noticed,), name="host"))
    system.spawn(Spec(Back, (host,), name="back"))
    return await host.ask(Pass())


def test_a_turn_within_anothers_pause_that_blocks_is_named() -> None:
    answer, lines, _ = noticed_by(let_in)
    assert answer
    named = [(line["actor"], line["handler"], line["message"]) for line in lines]
    assert named == [("/host", "Host.on_again", "Again")]


def test_a_handler_that_blocks_is_named_with_its_stack_while_it_blocks() -> None:
    answer, lines, _ = noticed_by(asked)
    assert answer
    (line,) = lines
    assert line["event"] == "slow_turn"
    assert (line["actor"], line["handler"], line["message"]) == ("/holder", "Holder.on_hold", "Hold")
    assert line["stack"].index("in on_hold") < line["stack"].index("in hold\n")
    assert "dispatcher" not in line["stack"]


def test_it_is_named_when_it_was_told() -> None:
    answer, lines, _ = noticed_by(told)
    assert answer
    assert [line["message"] for line in lines] == ["Hold"]


def test_it_is_named_when_it_blocks_after_a_wait() -> None:
    answer, lines, _ = noticed_by(asked_late)
    assert answer
    assert [(line["handler"], line["message"]) for line in lines] == [("Holder.on_late", "Late")]


def test_the_one_that_blocks_is_named_and_not_the_one_that_asked_it() -> None:
    answer, lines, _ = noticed_by(passed_on)
    assert answer
    assert [(line["actor"], line["handler"]) for line in lines] == [("/holder", "Holder.on_hold")]


@pytest.mark.parametrize(
    ("where", "handler"),
    [
        ("__init__", "__init__"),
        ("stopped", "stopped"),
        ("pipe", "work"),
        ("made", "made"),
        ("answer", "work"),
    ],
)
def test_who_blocks_outside_a_turn_is_named_as_well(where: str, handler: str) -> None:
    async def do(system: System, noticed: threading.Event) -> None:
        actor = system.spawn(Spec(Outside, (where, noticed), name="outside"))
        await actor.ask(Hold())
        if handler in {"work", "made"}:
            await trio.to_thread.run_sync(noticed.wait, PATIENCE)  # noqa: TID251 -- the loop is held meanwhile
        await system.stop(actor)

    _, lines, system = noticed_by(do)
    assert [(line["event"], line["actor"], line["handler"], line["message"]) for line in lines] == [
        ("slow_turn", "/outside", f"Outside.{handler}", None)
    ]
    assert system.watchdog is not None
    assert system.watchdog.counts == {"Outside": 1}


def test_who_blocks_as_it_enters_its_first_state_is_named() -> None:
    async def do(system: System, noticed: threading.Event) -> bool:
        return await system.spawn(Spec(Entering, (noticed,))).ask(Hold())

    _, lines, _ = noticed_by(do)
    assert [line["handler"] for line in lines] == ["Entering.on_slow"]


def test_slow_turns_are_counted_by_actor_class() -> None:
    _, _, system = noticed_by(asked)
    page = trio.run(openmetrics, system, 0, 0)
    assert 'callboard_slow_turns_total{actor="Holder"} 1' in page.splitlines()


def test_there_is_no_watchdog_in_virtual_time_nor_where_it_is_off() -> None:
    assert System(clock=VirtualClock()).watchdog is None
    assert System(slow_turn=None).watchdog is None
    assert System().watchdog is not None


# --- who holds the loop, decided without a thread ---------------------------------------------------------


def test_a_turn_holds_the_loop_from_the_first_look_that_finds_it() -> None:
    held: Held[str] = Held(1.0)
    assert held.look(["a"], 10.0, came_round=True) is None
    assert held.look(["a"], 10.9, came_round=False) is None
    assert held.look(["a"], 11.0, came_round=False) == ("a", 1.0)


def test_it_is_told_once() -> None:
    held: Held[str] = Held(1.0)
    held.look(["a", "b"], 0.0, came_round=True)
    assert held.look(["a", "b"], 1.0, came_round=False) == ("b", 1.0)
    assert held.look(["a", "b"], 9.0, came_round=False) is None
    assert held.look(["a"], 9.0, came_round=False) is None


def test_a_turn_that_lets_others_run_does_not_hold_the_loop() -> None:
    held: Held[str] = Held(1.0)
    for now in range(10):
        assert held.look(["a"], float(now), came_round=True) is None


def test_many_short_turns_are_no_slow_one_but_who_asks_them_all_is() -> None:
    held: Held[object] = Held(1.0)
    asker = object()
    assert held.look([asker, object()], 0.0, came_round=True) is None
    assert held.look([asker, object()], 0.5, came_round=False) is None
    assert held.look([asker, object()], 1.0, came_round=False) == (asker, 1.0)


def test_a_look_keeps_nothing_of_what_the_frames_hold() -> None:
    class Body:
        """Such as a message of a megabyte."""

    dog = Watchdog(0.1, lambda: 0.0)

    def looked() -> weakref.ref[Body]:
        body = Body()
        dog._loop = 0  # pyright: ignore[reportPrivateUsage]
        dog._look()  # pyright: ignore[reportPrivateUsage]
        return weakref.ref(body)

    gc.disable()
    try:
        assert looked()() is None
    finally:
        gc.enable()
