"""Why it is stuck: who waits for whom at this moment, as plain values and as text. One look that never awaits.

An actor waits for the reply of one it has asked, or for room in the mailbox of one it has told. A deferred asker and
a suspended turn wait for the outside world: they are shown, but nobody stands behind them.
"""

from typing import Any

from runtime.cell import BLOCKED, Cell
from runtime.observe.looks import status_of
from runtime.system import System

SHOWN_MAX = 1_000
"""Actors that one look names."""


def stuck(system: System) -> list[dict[str, Any]]:
    """Every actor that waits, is waited for by another, or holds askers back; in the order of their addresses."""
    cells = list(system.router.cells.values())
    awaited = {target for cell in cells for target in cell.waits or ()}
    found = [
        cell for cell in cells if cell.waits or cell.deferred or cell.scope is not None or cell in awaited
    ]
    found.sort(key=lambda cell: cell.address)
    return [_look(cell) for cell in found[:SHOWN_MAX]]


def _look(cell: Cell) -> dict[str, Any]:
    node: dict[str, Any] = {
        "path": cell.address,
        "status": status_of(cell),
        "mailbox": len(cell.mailbox) if cell.mailbox is not None else 0,
        "waits_for": [target.address for target in cell.waits or ()],
        "why": "room in its mailbox" if cell.status is BLOCKED else "reply",
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
    return line
