"""The live view of a node: what its screen shows, and that it outlives the node that it shows."""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
from rich.console import Console

from actors import Spec
from runtime.observe.live import Look, NoNode, as_page, screen, watch
from runtime.observe.tree import LINES, snapshot
from runtime.system import System
from tests.runtime.cast import Player, Run, on_stage
from tests.runtime.test_tree import grow

HOT: dict[str, Any] = {
    "seconds": 5.0,
    "handlers": [
        {
            "actor": "Counter",
            "message": f"Add{number}",
            "turns_per_second": 1_234.0,
            "p50": 0.000_012,
            "p99": 0.0123,
            "max": 1.5,
        }
        for number in range(20)
    ],
    "actors": [{"path": f"/c{number}", "turns_per_second": 3.21, "busy": 0.25} for number in range(20)],
}
COLD: dict[str, Any] = {"seconds": 5.0, "handlers": [], "actors": []}
SIZES = [(width, height) for width in (40, 80, 200) for height in (5, 15, 16, 24, 60)]


def drawn(look: Look | None, width: int = 120, height: int = 40, away: str = "") -> list[str]:
    """The lines of the picture, without their blanks at the end."""
    console = Console(width=width, height=height, file=io.StringIO())
    lines = console.render_lines(screen(look, height, name="http://here", away=away), pad=False)
    return ["".join(part.text for part in line).rstrip() for line in lines]


class Enough(Exception):
    """Ends a view from within."""


async def lines_asked(console: Console) -> int:
    """How many lines of the tree the view asks for on such a screen."""
    asked: list[int] = []

    async def fetch(lines: int) -> Look:
        asked.append(lines)
        raise Enough

    with pytest.raises(Enough):
        await watch(fetch, console, name="http://here", interval=1.0)
    return asked[0]


def terminal(width: int = 120, height: int = 40) -> Console:
    return Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@on_stage()
async def test_an_actor_shows_its_state_its_mail_its_restarts_and_its_last_error(system: System) -> None:
    player = system.spawn(Spec(Player, name="a"))

    def fail(_: Player) -> None:
        raise ValueError("no such thing")

    await player.tell(Run(step=fail))
    await trio.sleep(60)
    text = "\n".join(drawn(Look(snapshot(system), COLD)))
    assert re.search(r"/a  Player idle restarts 1 handled 1 ValueError: no such thing", text)


@on_stage()
async def test_a_child_is_named_without_the_path_of_its_parent(system: System) -> None:
    await grow(system, "a", 2)
    text = "\n".join(drawn(Look(snapshot(system), COLD)))
    assert "── c0  Parent" in text
    assert "/a/c0" not in text


@on_stage()
async def test_the_lists_show_slow_handlers_and_hot_actors_with_their_units(system: System) -> None:
    text = "\n".join(drawn(Look(snapshot(system), HOT)))
    assert re.search(r"Counter\.Add0 +12 us +12\.3 ms +1\.5 s +1,234", text)
    assert re.search(r"/c0 +25\.0% +3\.2", text)


@on_stage()
async def test_the_picture_fits_every_screen_however_many_actors_there_are(system: System) -> None:
    await grow(system, "a" * 90, 300)
    await grow(system, "b", 20, 5)
    for width, height in SIZES:
        lines = drawn(
            Look(snapshot(system, lines=await lines_asked(terminal(width, height))), HOT), width, height
        )
        assert height - 2 <= len(lines) <= height, (width, height)
        assert max(map(len, lines)) <= width
        assert any("more" in line for line in lines)


@on_stage()
async def test_what_a_client_wrote_into_an_error_cannot_steer_the_terminal(system: System) -> None:
    player = system.spawn(Spec(Player, name="a"))

    def fail(_: Player) -> None:
        raise ValueError("\x1b[2J\r\nowned")

    await player.tell(Run(step=fail))
    await trio.sleep(60)
    look = Look(snapshot(system), COLD)
    assert any("ValueError: ?[2J??owned" in line for line in drawn(look))
    assert "\x1b" not in as_page(look)


def node_that(*answers: Look | NoNode) -> Callable[[int], Any]:
    """Gives these answers, one for each look, and then it is enough."""
    left: Iterator[Look | NoNode] = iter(answers)

    async def fetch(_: int) -> Look:
        answer = next(left, None)
        if answer is None:
            raise Enough
        if isinstance(answer, NoNode):
            raise answer
        return answer

    return fetch


async def seen(*answers: Look | NoNode, console: Console) -> str:
    with pytest.raises(Enough):
        await watch(node_that(*answers), console, name="http://here", interval=0.0)
    return written(console)


TREE: dict[str, Any] = {
    "path": "/",
    "kind": "supervisor",
    "strategy": "one_for_one",
    "restart_intensity": {"restarts": 3, "within": 30.0, "counted": "all children together"},
    "auto_shutdown": "never",
    "children": [],
    "actors": 7,
}


async def test_the_screen_is_given_back_with_its_cursor_when_the_view_ends() -> None:
    shown = await seen(Look(TREE, COLD), console=terminal())
    assert shown.index("\x1b[?1049h") < shown.index("7 actors") < shown.index("\x1b[?1049l")
    assert shown.index("\x1b[?25l") < shown.rindex("\x1b[?25h")


async def test_a_node_that_goes_away_leaves_its_last_picture_and_is_shown_again_when_it_is_back() -> None:
    here, away = Look(TREE, COLD), NoNode("no node answers")
    shown = await seen(away, here, away, here, console=terminal())
    frames = [frame for frame in shown.split("\x1b[H") if "http" in frame or "node" in frame]
    assert "waiting: no node answers" in frames[0]
    assert "7 actors" in frames[1]
    assert "gone, this is how it was: no node answers" in frames[2]
    assert "one_for_one" in frames[2]
    assert "7 actors" in frames[3]
    assert "no node answers" not in frames[3]


async def test_what_is_no_terminal_gets_plain_pages_and_one_line_when_the_node_goes_away() -> None:
    plain = Console(file=io.StringIO(), width=20)
    here, away = Look(TREE, HOT), NoNode("no node answers")
    shown = await seen(here, away, away, away, here, console=plain)
    assert "\x1b" not in shown
    assert shown.count("no node answers\n") == 1
    assert shown.count("/  [one_for_one, 3 restarts in 30 s, all children together]\n") == 2
    assert "slow Counter.Add0 12 us 12.3 ms 1.5 s 1,234\n" in shown
    assert "hot /c0 25.0% 3.2\n" in shown


async def test_what_is_no_terminal_gets_the_tree_as_the_command_without_watch_prints_it() -> None:
    assert await lines_asked(Console(file=io.StringIO())) == LINES
