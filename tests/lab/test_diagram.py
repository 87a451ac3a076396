"""A run as a picture: who sent what to whom, when it was handled, what the disk has taken, and where the power failed."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

import pytest
import trio

from actors import Actor, Address, Message, Ref, Spec, receive
from patterns.queue.messages import CreateQueue
from patterns.queue.pattern import pattern as queue_pattern
from runtime import Pattern, System
from runtime.lab.diagram import FAULT, RESUME, SEND, TURN, laid_out, shortened
from runtime.lab.diagram_svg import svg
from runtime.lab.diagram_text import LINES_MAX, text
from runtime.lab.explore import explore
from runtime.lab.film import Film, Shot, film
from runtime.lab.lives import Element, Kind, Recipe, crashes
from runtime.lab.simulation import Program
from samples.bugs import five_hits, lost_update, lost_wakeup
from tests.lab.queue_world import NAMES
from tests.runtime.testing.shop import Add, Counter

pytestmark = pytest.mark.lab

COUNTERS = Pattern("counter", {"counter": lambda _: Spec(Counter)})


def filmed(
    program: Program,
    *,
    seed: int = 0,
    inline: float = 0.0,
    patterns: Sequence[Pattern] = (),
    crash_at: int = 0,
) -> Film:
    """A run by the default policy."""
    option = (Element(Kind.OPTION, str(inline)),) if inline else ()
    faults = crashes([crash_at]) if crash_at else ()
    return film(program, Recipe(seed, (*faults, *option)), patterns=patterns)


def arrows(drawn: str) -> list[str]:
    """Each arrow of a text: who, what, whom."""
    heading, *lines = drawn.splitlines()
    at = {match.start(): match.group() for match in re.finditer(r"\S+", heading)}
    found: list[str] = []
    for line in lines:
        match = re.search(r"(\S)(<?)[-]+ (\S+) [-]+(>?)(\S)", line)
        if match is not None:
            left, right = at[match.start(1)], at[match.start(5)]
            begin, end = (right, left) if match[2] else (left, right)
            found.append(f"{begin} {match[3]} {end}")
    return found


def found_film() -> Film:
    return film(lost_update.wrong, explore(lost_update.wrong).found[0].recipe)


def test_the_text_shows_the_lost_update_as_it_happened() -> None:
    drawn = arrows(text(laid_out(found_film())))
    reads = [one for one in drawn if "Read vault" in one][:2]
    writes = [one for one in drawn if "Write vault" in one]
    assert {*reads} == {"ann Read vault", "bob Read vault"}
    assert {*writes} == {"ann Write vault", "bob Write vault"}
    assert max(map(drawn.index, reads)) < min(map(drawn.index, writes))


def test_a_reply_goes_back_to_who_asked() -> None:
    drawn = arrows(text(laid_out(found_film())))
    asked = sorted(
        one.split()[0] for one in drawn if one.endswith((" vault", " ann", " bob")) and "reply" not in one
    )
    answered = sorted(one.split()[2] for one in drawn if "reply" in one)
    assert answered == asked


def test_a_film_is_the_run_that_was_found() -> None:
    found = explore(lost_update.wrong).found[0]
    shown = film(lost_update.wrong, found.recipe)
    assert repr(shown.error) == repr(found.error)
    assert shown.digest == found.digest
    assert [effect.number for effect in shown.effects] == list(range(1, len(shown.effects) + 1))


def test_an_ask_that_was_driven_inline_is_shown_like_another() -> None:
    queued = laid_out(filmed(lost_update.fixed, seed=0, inline=0.0))
    inline = laid_out(filmed(lost_update.fixed, seed=0, inline=1.0))
    assert not [row for row in inline.rows if row.kind == SEND and not row.arrived]
    assert sum(row.kind == TURN for row in inline.rows) == sum(row.kind == TURN for row in queued.rows)


async def two_additions(system: System) -> None:
    counter: Ref[Add] = system.ref(Address("/counter/a"))
    async with trio.open_nursery() as nursery:
        for amount in range(2):
            nursery.start_soon(counter.ask, Add(amount=amount))


@pytest.mark.parametrize("inline", [0.0, 1.0])
def test_a_reply_is_shown_behind_the_commit_it_waited_for(inline: float) -> None:
    shown = laid_out(filmed(two_additions, seed=1, inline=inline, patterns=[COUNTERS]))
    assert shown.columns == ("ask", "ask#2", "a", "store")
    assert [one for one in arrows(text(shown)) if "reply" in one] == ["a reply ask", "a reply ask#2"]
    kinds = [row.kind for row in shown.rows]
    assert kinds.index("commit") < kinds.index("reply")


def test_a_power_cut_is_marked_and_the_next_life_goes_on_below_it() -> None:
    lines = text(laid_out(filmed(two_additions, seed=1, patterns=[COUNTERS], crash_at=3))).splitlines()
    (cut,) = [number for number, line in enumerate(lines) if line.endswith("X power cut")]
    assert not [line for line in lines[:cut] if "reply" in line]
    assert sum("reply" in line for line in lines[cut:]) == 2


async def two_queues(system: System) -> None:
    """Each is made by a pipe, and answered when the pipe has come back."""
    for name in ("a", "b"):
        await system.ref(NAMES).ask(CreateQueue(name=name))


def test_who_brings_an_actor_its_own_message_gets_no_answer() -> None:
    drawn = arrows(text(laid_out(filmed(two_queues, patterns=[queue_pattern])), lines=200))
    assert sum(one.startswith("main CreateQueue") for one in drawn) == 2
    assert sum(one.endswith("reply main") for one in drawn) == 2
    assert not [one for one in drawn if "reply pipes" in one and one.startswith("us-east-1")]


def test_time_goes_on_from_one_life_to_the_next() -> None:
    async def program(system: System) -> None:
        await trio.sleep(5)
        await system.ref(Address("/counter/a")).ask(Add(amount=1))

    times = [row.time for row in laid_out(filmed(program, patterns=[COUNTERS], crash_at=1)).rows]
    assert times == sorted(times)
    assert times[-1] >= 10


def test_a_message_that_nobody_has_handled_says_so() -> None:
    class Go(Message[None]):
        pass

    class Mute(Actor[Go]):
        @receive(Go)
        async def on_go(self, _: Go) -> None:
            await trio.sleep_forever()

    class Teller(Actor[Go]):
        @receive(Go)
        async def on_go(self, _: Go) -> None:
            for _count in range(2):
                await mute[0].tell(Go())

    mute: list[Ref[Go]] = []

    async def program(system: System) -> None:
        mute.append(system.spawn(Spec(Mute, name="mute")))
        await system.spawn(Spec(Teller, name="teller")).ask(Go())
        await trio.sleep(1)

    drawn = text(laid_out(filmed(program)))
    assert [line.endswith("(never handled)") for line in drawn.splitlines() if "tell" in line[9:]].count(
        True
    ) == 1


def test_tells_of_one_step_each_have_an_arrow() -> None:
    shown = laid_out(film(five_hits.wrong, explore(five_hits.wrong).found[0].recipe))
    assert all(row.cause is not None for row in shown.rows if row.kind == TURN)


def test_messages_between_two_keep_their_order() -> None:
    class First(Message[None]):
        pass

    class Second(Message[None]):
        pass

    class Ear(Actor[First | Second]):
        @receive(First)
        def on_first(self, _: First) -> None:
            pass

        @receive(Second)
        def on_second(self, _: Second) -> None:
            pass

    class Mouth(Actor[First]):
        @receive(First)
        async def on_first(self, message: First) -> None:
            await ear[0].tell(message)
            await ear[0].tell(Second())

    ear: list[Ref[First | Second]] = []

    async def program(system: System) -> None:
        ear.append(system.spawn(Spec(Ear, name="ear")))
        await system.spawn(Spec(Mouth, name="mouth")).ask(First())

    rows = laid_out(filmed(program)).rows
    assert [row.label for row in rows if row.kind == SEND][1:] == ["tell First", "tell Second"]


def test_what_the_lab_does_is_marked() -> None:
    shots = (Shot("/queue/a : crash", ("/queue/a",), (), fault=True),)
    shown = laid_out(Film(shots, error=None))
    assert [(row.kind, row.label) for row in shown.rows] == [(FAULT, "crash")]
    assert text(shown).splitlines()[-1].endswith("X crash")


def test_a_long_run_shows_its_last_rows_on_forty_lines() -> None:
    class Count(Message[None]):
        pass

    class Idle(Actor[Count]):
        @receive(Count)
        def on_count(self, _: Count) -> None:
            pass

    async def program(system: System) -> None:
        idle = system.spawn(Spec(Idle, name="idle"))
        for _ in range(100):
            await idle.ask(Count())

    lines = text(laid_out(filmed(program))).splitlines()
    assert len(lines) == LINES_MAX
    assert lines[1].strip() == "... 162 rows before"
    assert "reply" in lines[-1]


def test_names_are_as_short_as_they_may_be_and_stay_apart() -> None:
    names = ["main", "/queue/0/eu/orders", "/queue/0/us/orders", "/ledger/main", "/store"]
    assert shortened(names) == ("main", "eu/orders", "us/orders", "ledger/main", "store")


def test_the_svg_is_whole_without_script_or_network_and_leans_from_send_to_turn() -> None:
    shown = laid_out(film(lost_wakeup.wrong, explore(lost_wakeup.wrong).found[0].recipe))
    drawn = svg(shown, title="<lost> & found")
    tree = ET.fromstring(drawn)
    names = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert "script" not in names
    assert "http" not in drawn.replace('xmlns="http://www.w3.org/2000/svg"', "")
    messages = [element for element in tree.iter() if element.get("class") == "message"]
    assert len(messages) == sum(row.kind == TURN for row in shown.rows)
    for row in shown.rows:
        if row.kind in {TURN, RESUME} and row.cause is not None:
            assert shown.rows[row.cause].step <= row.step


def test_a_fault_is_a_cross_in_the_svg() -> None:
    shown = laid_out(filmed(two_additions, seed=1, patterns=[COUNTERS], crash_at=3))
    assert svg(shown).count('class="fault"') == 1
