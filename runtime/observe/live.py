"""`callboard tree --watch`: a running node on a screen, drawn anew at each interval; to a file, a page for each.

The node is asked for as much of its tree as the screen has lines. When it does not answer, its last picture stays,
with its age, until it is back: a restart of the node is something that one watches.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import trio
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from runtime.observe.tree import LINES, as_text

LISTS_SHARE = 3
"""The lists have one line of so many, and the tree the others."""
ROWS_MAX = 10
"""Rows of the two lists on a screen."""
HEIGHT_MIN = 16
"""Lines of a screen that has room for the lists too."""
ALARMING = {"restarting", "blocked", "stopping", "starting"}
"""States that a healthy actor is in for a moment only."""


class NoNode(Exception):
    """Nobody answered; the text says why."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a node has told of itself: its pages `tree` and `hot`."""

    tree: dict[str, Any]
    hot: dict[str, Any]


Fetch = Callable[[int], Awaitable[Look]]
"""A look at the node, its tree in so many lines. Raises NoNode."""


async def watch(fetch: Fetch, console: Console, *, name: str, interval: float) -> None:
    """Show the node every `interval` seconds until cancelled; `name` says which one it is."""
    if console.is_terminal:
        await _on_screen(fetch, console, name, interval)
    else:
        await _as_pages(fetch, console, interval)


async def _on_screen(fetch: Fetch, console: Console, name: str, interval: float) -> None:
    last, missed, why = None, 0, ""
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                last, missed = await fetch(_tree_lines(console.height)), 0
            except NoNode as error:
                missed, why = missed + 1, str(error)
            live.update(screen(last, console.height, name=name, away=why if missed else ""), refresh=True)
            await trio.sleep(interval)


async def _as_pages(fetch: Fetch, console: Console, interval: float) -> None:
    away = ""
    while True:
        try:
            page, away = as_page(await fetch(LINES)), ""
        except NoNode as error:
            page, away = "" if away else f"{error}\n", str(error)
        console.file.write(page)
        console.file.flush()
        await trio.sleep(interval)


def as_page(look: Look) -> str:
    """A look as plain text."""
    lines = [as_text(look.tree)]
    lines += [" ".join(("slow", *_handler(one))) for one in look.hot["handlers"]]
    lines += [" ".join(("hot", *_actor(one))) for one in look.hot["actors"]]
    return "\n".join((*lines, "", ""))


# --- a screen ----------------------------------------------------------------------------------------------


def screen(look: Look | None, height: int, *, name: str, away: str) -> RenderableType:
    """The picture of a node on `height` lines; `away` says why it does not answer, if it does not."""
    if look is None:
        return _line(f"waiting: {away}", "bold red")
    state = f"  gone, this is how it was: {away}" if away else f"  {look.tree['actors']:,} actors"
    head = _line(name, "bold") + Text(_printable(state), "bold red" if away else "")
    tree = _tree(look.tree)
    rows = _rows(height)
    if not rows:
        return Group(head, tree)
    return Group(head, _lists(look.hot, rows), tree)


def _rows(height: int) -> int:
    """How long the lists are, without their headings."""
    return min(height // LISTS_SHARE - 2, ROWS_MAX) if height >= HEIGHT_MIN else 0


def _tree_lines(height: int) -> int:
    rows = _rows(height)
    return max(height - 1 - (rows + 2 if rows else 0), 1)


def _tree(root: dict[str, Any]) -> Tree:
    """Guides and all; a node needs one line, whatever its text."""
    drawn = Tree(_label(root, ""), guide_style="dim")
    _branch(drawn, root)
    return drawn


def _branch(drawn: Tree, node: dict[str, Any]) -> None:
    for child in node.get("children", ()):
        _branch(drawn.add(_label(child, node["path"])), child)
    if node.get("more"):
        drawn.add(_line(f"and {node['more']:,} more", "dim"))


def _label(node: dict[str, Any], parent: str) -> Text:
    name = node["path"] if parent in {"", "/"} else node["path"].removeprefix(parent + "/")
    label = _line(name, "bold" if "children" in node else "")
    if node["kind"] == "supervisor":
        return label.append(f"  {node['strategy']}", "dim")
    label.append(f"  {_printable(node['kind'])} ", "dim")
    label.append(node["status"], "red" if node["status"] in ALARMING else "green")
    for key, style in (("mailbox", "yellow"), ("restarts", "red"), ("deferred", "cyan")):
        if node[key]:
            label.append(f" {key} {node[key]:,}", style)
    label.append(f" handled {node['handled']:,}", "dim")
    if "last_error" in node:
        label.append(f" {_printable(node['last_error'])}", "red")
    return label


def _lists(hot: dict[str, Any], rows: int) -> Table:
    both = Table.grid(expand=True, padding=(0, 2))
    both.add_column(ratio=1)
    both.add_column(ratio=1)
    slow = _list("slowest handlers", "p50", "p99", "max", "turns/s")
    for handler in hot["handlers"][:rows]:
        slow.add_row(*_handler(handler))
    hottest = _list("hottest actors", "busy", "turns/s")
    for actor in hot["actors"][:rows]:
        hottest.add_row(*_actor(actor))
    for table in (slow, hottest):
        for _ in range(rows - table.row_count):
            table.add_row("")
    both.add_row(slow, hottest)
    both.add_row("")
    return both


def _list(first: str, *others: str) -> Table:
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(first, no_wrap=True, overflow="ellipsis", ratio=1)
    for name in others:
        table.add_column(name, no_wrap=True, justify="right")
    return table


def _handler(handler: dict[str, Any]) -> tuple[str, ...]:
    times = [_duration(handler[key]) for key in ("p50", "p99", "max")]
    return _printable(f"{handler['actor']}.{handler['message']}"), *times, _rate(handler["turns_per_second"])


def _actor(actor: dict[str, Any]) -> tuple[str, ...]:
    return _printable(actor["path"]), f"{actor['busy']:.1%}", _rate(actor["turns_per_second"])


def _line(text: str, style: str = "") -> Text:
    return Text(_printable(text), style, no_wrap=True, overflow="ellipsis")


def _printable(text: str) -> str:
    """An error's text may hold what a client sent: no control characters of his reach the terminal, and no line ends."""
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 0.001)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.0f} us"


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.1f}"
