"""The page that a search leaves behind: what failed, as a picture and beside a run that does not; safe to open anywhere."""

import re
from html.parser import HTMLParser

import pytest
import trio
from typing_extensions import override

from actors import Actor, Message, Ref, Spec, receive
from runtime import System
from runtime.lab.diagram import TURN, laid_out
from runtime.lab.explore import Explored, explore
from runtime.lab.film import film
from runtime.lab.film_diff import parting, side_by_side
from runtime.lab.lives import Recipe, crashes
from runtime.lab.plots import mailbox_lengths, waits
from runtime.lab.report import Find, Searched, report
from samples.bugs import double_timer, five_hits, lost_update

pytestmark = pytest.mark.lab

VOID = {"meta", "path", "rect", "line", "circle"}


class Elements(HTMLParser):
    """What stands on a page; refuses one whose elements do not close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


async def unsafe(system: System) -> None:
    raise AssertionError("<script>alert(1)</script>")


def test_a_page_shows_each_find_once_as_a_picture_with_its_command() -> None:
    explored = explore(lost_update.wrong)
    recipe = explored.found[0].recipe
    find = Find(
        recipe, film(lost_update.wrong, recipe), "pytest a --lab-replay b", film(lost_update.wrong, Recipe(0))
    )
    page = report("bugs", searches=[Searched("pos", explored)], finds=[find, find])
    names = Elements(page).names
    assert names.count("section") == 2
    assert page.count('<svg class="lab"') == 2
    assert page.count("<pre>pytest a --lab-replay b</pre>") == 2
    assert re.search(r"2 ways to fail</span>\s+in 3 runs", page)
    assert page.count('<tr class="parts">') == 2


def test_a_page_needs_no_network_and_runs_no_script_whatever_a_test_says() -> None:
    find = Find(Recipe(0), film(unsafe, Recipe(0)), "again <b>")
    page = report("<title>", searches=[], finds=[find])
    names = Elements(page).names
    assert not {"script", "link", "img", "iframe", "object", "b"} & set(names)
    assert not re.search(r"(src|href)=\"(?!#)|url\((?!#)|@import", page)


def test_a_search_that_found_nothing_says_so_and_what_was_tried() -> None:
    page = report(
        "bugs", searches=[Searched("dfs", Explored([], runs=12, complete=True, longest=4))], finds=[]
    )
    Elements(page)
    assert re.search(r"nothing found</span>\s+in 12 runs", page)
    assert "everything was tried" in page


def test_a_power_cut_stands_among_the_faults() -> None:
    recipe = Recipe(0, crashes([4]))
    page = report("bugs", searches=[], finds=[Find(recipe, film(lost_update.fixed, recipe), "again")])
    assert "<h3>Faults</h3>" in page
    assert page.count('<path class="fault"') == 2, "in the diagram and in the plot of the mailboxes"


def test_two_films_part_where_the_first_choice_differs() -> None:
    fails = film(lost_update.wrong, explore(lost_update.wrong).found[0].recipe)
    passes = film(lost_update.wrong, Recipe(0))
    pairs = side_by_side(fails, passes)
    first = parting(pairs)
    assert first is not None
    assert [pair.one for pair in pairs[:first]] == list(fails.shots[:first])
    assert [pair.one for pair in pairs if pair.one is not None] == list(fails.shots)
    assert [pair.other for pair in pairs if pair.other is not None] == list(passes.shots)
    assert parting(side_by_side(fails, fails)) is None


def test_a_mailbox_grows_with_what_is_sent_and_shrinks_with_what_is_handled() -> None:
    class Count(Message[None]):
        pass

    class Slow(Actor[Count]):
        @receive(Count)
        async def on_count(self, _: Count) -> None:
            await trio.sleep(2)

    class Many(Actor[Count]):
        @receive(Count)
        def on_count(self, message: Count) -> None:
            for _ in range(3):
                self.ctx.tell(slow[0], message)

    slow: list[Ref[Count]] = []

    async def program(system: System) -> None:
        slow.append(system.spawn(Spec(Slow, name="slow")))
        await system.spawn(Spec(Many, name="many")).ask(Count())
        await trio.sleep(10)

    diagram = laid_out(film(program, Recipe(0)))
    lengths = mailbox_lengths(diagram)
    assert next(iter(lengths)) == "slow"
    assert max(lengths["slow"]) == 3
    assert lengths["slow"][-1] == 0
    assert [wait for _, wait in waits(diagram)] == [0, 0, 2, 4]


def test_messages_of_one_step_are_one_in_the_plot() -> None:
    recipe = explore(five_hits.wrong).found[0].recipe
    for line in mailbox_lengths(laid_out(film(five_hits.wrong, recipe))).values():
        assert min(line) == 0


def test_a_step_without_effects_has_its_time_too() -> None:
    diagram = laid_out(film(double_timer.wrong, Recipe(0)))
    due = [row for row in diagram.rows if row.kind == TURN and row.label == "Due"]
    assert due
    assert all(row.cause is not None and diagram.rows[row.cause].time == row.time for row in due)
