"""The live tree: what a look at it names, what it counts instead, and how long it gets."""

import json
from contextlib import nullcontext
from typing import Any

import pytest

from actors import Actor, Address, Message, Spec, receive
from runtime.config import Settings
from runtime.door.admin import with_pages
from runtime.door.http import Request, Response
from runtime.node import Node, open_node
from runtime.observe.tree import as_text, snapshot
from runtime.pattern import Pattern
from runtime.system import System
from tests.runtime.cast import Player, Run, on_stage


class Grow(Message[None]):
    """Spawn `children`, each of them with `grandchildren` of its own."""

    children: int
    grandchildren: int = 0


class Parent(Actor[Grow]):
    @receive(Grow)
    def on_grow(self, message: Grow) -> None:
        for number in range(message.children):
            child = self.ctx.spawn(Spec(Parent, name=f"c{number}"))
            if message.grandchildren:
                self.ctx.tell(child, Grow(children=message.grandchildren))


async def grow(system: System, name: str, children: int, grandchildren: int = 0) -> None:
    message = Grow(children=children, grandchildren=grandchildren)
    await system.spawn(Spec(Parent, name=name)).ask(message)
    await system.dispatcher.quiet()


def families(node: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Of each node with children: how many are named, and how many are not."""
    children = node.get("children", [])
    found = {node["path"]: (len(children), node.get("more", 0))} if children or node.get("more") else {}
    for child in children:
        found |= families(child)
    return found


@on_stage()
async def test_a_tree_that_fits_is_shown_whole(system: System) -> None:
    await grow(system, "a", 3, 2)
    whole = snapshot(system, lines=11)
    assert families(whole) == {"/": (1, 0), "/a": (3, 0), "/a/c0": (2, 0), "/a/c1": (2, 0), "/a/c2": (2, 0)}
    assert len(as_text(whole).splitlines()) == 11
    assert whole["actors"] == 10


@on_stage()
async def test_no_look_is_longer_than_the_lines_it_was_given_and_none_that_are_needed_stay_empty(
    system: System,
) -> None:
    await grow(system, "wide", 40)
    await grow(system, "deep", 10, 10)
    everything = 1 + 2 + 40 + 10 + 100
    for lines in range(3, 170):
        text = as_text(snapshot(system, lines=lines)).splitlines()
        assert len(text) <= min(lines, everything)
        assert len(text) >= min(lines, everything) - 2  # a parent needs two, and may be the next


@on_stage()
async def test_what_is_left_out_is_counted_and_small_families_are_not_crowded_out_by_a_large_one(
    system: System,
) -> None:
    await grow(system, "large", 500)
    await grow(system, "small", 3)
    assert families(snapshot(system, lines=20)) == {"/": (2, 0), "/large": (13, 487), "/small": (3, 0)}


@on_stage()
async def test_depth_ends_the_tree_and_says_how_many_stand_below(system: System) -> None:
    await grow(system, "a", 3, 2)
    assert families(snapshot(system, depth=0)) == {"/": (0, 1)}
    assert families(snapshot(system, depth=2)) == {
        "/": (1, 0),
        "/a": (3, 0),
        "/a/c0": (0, 2),
        "/a/c1": (0, 2),
        "/a/c2": (0, 2),
    }
    assert as_text(snapshot(system, depth=0)).splitlines()[1] == "└─ and 1 more"


@on_stage(
    patterns=[Pattern("book", {"book": lambda _: Spec(Player)}), Pattern("pen", {"pen": lambda _: None})]
)
async def test_prefixes_are_named_even_when_there_is_no_line_for_anything_else(system: System) -> None:
    for name in ("a", "b"):
        await system.ref(Address.of("book", name)).ask(Run(step=lambda _: None))
    text = as_text(snapshot(system, lines=0)).splitlines()
    assert [line.split()[:2] for line in text[1:]] == [["├─", "/book"], ["│", "└─"], ["└─", "/pen"]]
    assert text[2].endswith("and 2 more")


async def got(node: Node, query: str) -> Response:
    """What a client gets of the tree's page."""

    async def nothing_else(_: Request) -> Response:
        return Response(404)

    target = f"/_callboard/tree?{query}"
    request = Request("GET", target, "/_callboard/tree", query, {}, b"", nullcontext)
    return await with_pages({("GET", "/_callboard/tree"): node.tree}, {}, nothing_else)(request)


async def test_the_page_takes_lines_and_depth() -> None:
    async with open_node(Settings(port=0, data=None), []) as node:
        await grow(node.system, "a", 50)
        tree = json.loads((await got(node, "lines=10&depth=5")).body)
        assert families(tree) == {"/": (1, 0), "/a": (7, 43)}


@pytest.mark.parametrize(
    "query", ["lines=10001", "lines=-1", "lines=", "depth=65", "lines=%D9%A3", "limit=5"]
)
async def test_a_wrong_query_is_a_400_that_says_what_is_right(query: str) -> None:
    async with open_node(Settings(port=0, data=None), []) as node:
        refused = await got(node, query)
        assert refused.status == 400
        assert json.loads(refused.body)["error"].startswith(
            (
                "lines is a whole number of 0 to 10000",
                "depth is a whole number of 0 to 64",
                "no parameter limit",
            )
        )
