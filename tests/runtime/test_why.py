"""Why an actor does not answer: told while it waits, with the line at which it does."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

import trio
from typing_extensions import override

from actors.actor import Actor, Spec
from actors.address import Address
from actors.awaiting import Awaiting
from actors.handlers import receive
from actors.ref import Ref
from runtime.observe.stuck import as_text as stuck_as_text
from runtime.observe.stuck import stuck
from runtime.observe.why import as_text, why
from runtime.system import System
from tests.runtime.cast import Note, Player, Run, Wait, on_stage, settled


async def sleeps(_: Player) -> None:
    await trio.sleep(100)


async def asks(_: Player, target: Ref[Any], message: Any) -> Any:
    return await target.ask(message)


async def asks_in_a_task(_: Player, target: Ref[Any], message: Any) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(target.ask, message)


def asking(target: Ref[Any], message: Any, how: Callable[..., Awaitable[Any]] = asks) -> Wait:
    return Wait(step=partial(how, target=target, message=message))


def line(step: Callable[..., Any], word: str) -> str:
    """Where `word` stands in the function, as a place is told."""
    lines, first = inspect.getsourcelines(step)
    (number,) = (number for number, text in enumerate(lines, first) if word in text)
    return f"test_why.py:{number} in {step.__name__}"


def told(system: System, address: str) -> list[str]:
    """The lines, files by their names alone."""
    text = as_text(why(system, Address(address)), address)
    return text.replace(f"{Path(__file__).parent}/", "").splitlines()


@on_stage()
async def test_the_chain_is_told_from_the_address_on_with_lines_messages_and_seconds(system: System) -> None:
    first, second, third = (system.spawn(Spec(Player, name=name)) for name in ("a", "b", "c"))
    await settled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(third.ask, Wait(step=sleeps))
        await trio.sleep(2)
        nursery.start_soon(first.ask, asking(second, asking(third, Note(text="x"))))
        await trio.sleep(12)
        assert told(system, "/a") == [
            "/a (Player) is suspended in Wait, for 12 s",
            f"  at {line(asks, 'return await')}",
            "  waits for the reply of /b (Wait)",
            "/b (Player) is suspended in Wait, for 12 s",
            f"  at {line(asks, 'return await')}",
            "  waits for the reply of /c (Note)",
            "/c (Player) is suspended in Wait, for 14 s",
            f"  at {line(sleeps, 'trio.sleep')}",
            "  has 1 in its mailbox: 1 Note",
        ]
        assert told(system, "/c")[0] == "/c (Player) is suspended in Wait, for 14 s"


@on_stage()
async def test_a_turn_of_the_run_queue_and_a_task_of_a_handler_are_seen_too(system: System) -> None:
    first, second = (system.spawn(Spec(Player, name=name)) for name in ("a", "b"))
    await settled()
    await second.tell(Wait(step=sleeps))
    await first.tell(asking(second, Note(text="x"), asks_in_a_task))
    await settled()
    assert told(system, "/a") == [
        "/a (Player) is suspended in Wait, for 0 s",
        f"  at {line(asks_in_a_task, 'async with')}",
        "  waits for the reply of /b (Note)",
        *told(system, "/b"),
    ]
    await trio.sleep(200)


@on_stage()
async def test_an_asker_that_is_held_back_and_a_sender_without_room_say_so(system: System) -> None:
    keeper, sender = system.spawn(Spec(Player, name="k")), system.spawn(Spec(Player, name="s"))
    full = system.spawn(Spec(Player, name="t", capacity=1))
    await settled()

    def floods(self: Player) -> None:
        for number in range(3):
            self.ctx.tell(full, Note(text=str(number)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.ask, asking(keeper, Run(step=lambda self: self.ctx.defer("key"))))
        nursery.start_soon(full.ask, Wait(step=sleeps))
        await settled()
        assert told(system, "/s")[2:] == [
            "  waits for the reply of /k (Run)",
            "/k (Player) is idle",
            "  holds back 1: key (Run)",
        ]
        await keeper.ask(Run(step=lambda self: self.ctx.resolve("key", None)))
        await settled()
        await sender.tell(Run(step=floods))
        await settled()
        assert told(system, "/s")[:2] == [
            "/s (Player) is blocked",
            "  waits for room in the mailbox of /t (Note)",
        ]
        await settled()
        nursery.start_soon(keeper.ask, asking(full, Note(text="x")))
        await settled()
        assert "  waits for room in the mailbox of /t (Note)" in told(system, "/k")


@on_stage()
async def test_a_circle_through_an_ask_that_is_held_back_is_named(system: System) -> None:
    first, second, other = (system.spawn(Spec(Player, name=name)) for name in ("a", "b", "c"))
    await settled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first.ask, asking(second, Run(step=lambda self: self.ctx.defer("key"))))
        await settled()
        nursery.start_soon(second.ask, asking(first, Note(text="x")))
        nursery.start_soon(other.ask, asking(first, Note(text="y")))
        await settled()
        circles = [line.strip() for line in told(system, "/c") if line.startswith("  waits")]
        assert circles == [
            "waits for the reply of /a (Note)",
            "waits for the reply of /b (Run): a circle",
            "waits for the reply of /a (Note): a circle",
        ]
        nursery.cancel_scope.cancel()


@on_stage()
async def test_nobody_at_the_address_is_said(system: System) -> None:
    assert told(system, "/nobody") == ["nobody is up at /nobody"]
    system.spawn(Spec(Player, name="idle"))
    await settled()
    assert told(system, "/idle") == ["/idle (Player) is idle"]


class Printer(Player, Awaiting):
    """It waits for whatever stands in `heard`."""

    @override
    def awaits(self) -> Sequence[tuple[Address | None, str]]:
        return [(Address.of("tray"), self.heard[0]), (None, "somebody to come")]


@on_stage()
async def test_what_an_actor_says_that_it_waits_for_is_told_and_one_that_cannot_say_lives(
    system: System,
) -> None:
    printer = system.spawn(Spec(Printer, name="printer"))
    system.spawn(Spec(Player, name="tray"))
    await settled()
    assert told(system, "/printer")[1:] == [
        "  waits for what it cannot say: IndexError: list index out of range"
    ]
    assert await printer.ask(Note(text="paper")) == 1
    assert told(system, "/printer") == [
        "/printer (Printer) is idle",
        "  waits for paper of /tray",
        "  waits for somebody to come",
        "/tray (Player) is idle",
    ]
    assert stuck_as_text(stuck(system)).splitlines() == [
        "/printer  idle mailbox=0 -> (paper) /tray",
        "/tray  idle mailbox=0",
    ]


class Vague(Player, Awaiting):
    """It answers what `said` is."""

    said: Sequence[tuple[Address | None, str]] = ()

    @override
    def awaits(self) -> Sequence[tuple[Address | None, str]]:
        return self.said


@on_stage()
async def test_an_actor_that_answers_no_pairs_is_told_of_as_one_that_cannot_say(system: System) -> None:
    vague = system.spawn(Spec(Vague, name="vague"))
    wrong: list[Any] = [5, "tray", [("tray",)], [(None, 5)], [([], "paper")], ["ab"]]
    for said in [*wrong, map(int, "ab")]:
        await vague.ask(Run(step=methodcaller("__setattr__", "said", said)))
        [node] = stuck(system)
        assert node["why"].startswith("what it cannot say: "), said
        assert told(system, "/vague")[1].startswith("  waits for what it cannot say: "), said


class Back(Wait):
    """As `Wait`, let in by its chain."""


class Open(Player, Actor[Run | Wait | Note | Back]):
    @receive(Back, reentrant="chain")
    async def on_back(self, message: Back) -> Any:
        return await message.step(self)


@on_stage()
async def test_a_turn_within_anothers_pause_is_told_of_apart_and_closes_no_circle(system: System) -> None:
    first, second, third = (system.spawn(Spec(Open, name=name)) for name in ("a", "b", "c"))
    await settled()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(third.ask, Wait(step=sleeps))
        back = Back(step=partial(asks_in_a_task, target=third, message=Note(text="x")))
        nursery.start_soon(first.ask, asking(second, asking(first, back)))
        await trio.sleep(12)
        assert told(system, "/a")[:8] == [
            "/a (Open) is suspended in Wait, for 12 s",
            f"  at {line(asks, 'return await')}",
            "  waits for the reply of /b (Wait)",
            "  within it, Back of /b is suspended, for 12 s",
            f"    at {line(asks_in_a_task, 'async with')}",
            "    waits for the reply of /c (Note)",
            "/b (Open) is suspended in Wait, for 12 s",
            f"  at {line(asks, 'return await')}",
        ]
        assert told(system, "/b")[2] == "  waits for the reply of /a (Back), which lets it in"
        assert "/c (Open) is suspended in Wait, for 12 s" in told(system, "/a")


@on_stage()
async def test_a_circle_that_a_turn_within_anothers_pause_has_closed_is_one(system: System) -> None:
    first, second, third = (system.spawn(Spec(Open, name=name)) for name in ("a", "b", "c"))
    await settled()
    async with trio.open_nursery() as nursery:
        held = Run(step=lambda self: self.ctx.defer("key"))
        nursery.start_soon(
            first.ask, asking(second, asking(first, Back(step=partial(asks, target=third, message=held))))
        )
        await settled()
        nursery.start_soon(third.ask, asking(first, Note(text="y")))
        await settled()
        assert "    waits for the reply of /c (Run): a circle" in told(system, "/a")
        assert "  waits for the reply of /a (Note): a circle" in told(system, "/a")
        assert "  waits for the reply of /a (Back), which lets it in" in told(system, "/a")
        nursery.cancel_scope.cancel()
