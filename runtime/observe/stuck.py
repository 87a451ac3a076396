"""Why it is stuck: who waits for whom at this moment, as plain values and as text. One look that never awaits.

An actor waits for the reply of one it has asked, for room in the mailbox of one it has told, or for what it says itself
(`actors.awaiting`). A deferred asker and
a suspended turn wait for the outside world: they are shown, but nobody stands behind them.
"""

from collections.abc import Sequence
from typing import Any

from actors.address import Address
from runtime.cell import BLOCKED, Cell
from runtime.observe.looks import awaits_of, status_of
from runtime.system import System

SHOWN_MAX = 1_000
"""Actors that one look names."""


def stuck(system: System) -> list[dict[str, Any]]:
    """Every actor that waits, is waited for by another, or holds askers back; in the order of their addresses."""
    cells = list(system.router.cells.values())
    waits = {cell: told for cell in cells if (told := _waits(cell))}
    awaited = {of for told in waits.values() for of, _ in told}
    found = [
        cell
        for cell in cells
        if cell in waits or cell.deferred or cell.scope is not None or cell.address in awaited
    ]
    found.sort(key=lambda cell: cell.address)
    return [_look(cell, waits.get(cell, ())) for cell in found[:SHOWN_MAX]]


def _waits(cell: Cell) -> Sequence[tuple[Address | None, str]]:
    if not cell.waits:
        return awaits_of(cell)
    what = "room in its mailbox" if cell.status is BLOCKED else "reply"
    return [*((target.address, what) for target in cell.waits), *awaits_of(cell)]


def _look(cell: Cell, waits: Sequence[tuple[Address | None, str]]) -> dict[str, Any]:
    of = [(address, words) for address, words in waits if address is not None]
    node: dict[str, Any] = {
        "path": cell.address,
        "status": status_of(cell),
        "mailbox": len(cell.mailbox) if cell.mailbox is not None else 0,
        "waits_for": [address for address, _ in of],
        "why": next((words for _, words in of or waits), ""),
        "deferred": [f"{key}: {type(one.message).__name__}" for key, one in (cell.deferred or {}).items()][
            :10
        ],
    }
    return node


def as_text(found: list[dict[str, Any]]) -> str:
    """A line for each actor that waits, with the whole chain behind it; a chain that bites its own tail says so."""
    if not found:
        return "nobody waits"
    known = {node["path"]: node for node in found}
    return "\n".join(_line(node, known) for node in found)


def _line(node: dict[str, Any], known: dict[str, dict[str, Any]]) -> str:
    line = f"{node['path']}  {node['status']} mailbox={node['mailbox']}"
    if node["deferred"]:
        line += f" holds back {', '.join(node['deferred'])}"
    seen, here = {node["path"]}, node
    while here["waits_for"]:
        following = here["waits_for"][0]
        line += f" -> ({here['why']}) {following}"
        if following in seen:
            return f"{line} (a circle)"
        seen.add(following)
        if following not in known:
            return line
        here = known[following]
    return f"{line} -> ({here['why']})" if here["why"] else line
