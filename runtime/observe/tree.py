"""The live supervision tree: one snapshot that never awaits, as plain values and as text.

A node may hold a million actors: a snapshot is as long as its reader wants it, and counts what it leaves out.
"""

from typing import Any

from runtime.cell import Cell
from runtime.observe.looks import kind_of, status_of
from runtime.supervisor import DEPTH_MAX, Supervisor
from runtime.system import System

LINES = 1_000
"""Lines that the text of a snapshot has, unless its reader says otherwise."""
LINES_MAX = 10_000
"""More in one look would hold up the node: these take it 40 ms."""

Level = list[tuple[dict[str, Any], Supervisor]]


def snapshot(system: System, *, lines: int = LINES, depth: int = DEPTH_MAX) -> dict[str, Any]:
    """The tree from the root down, JSON-ready: as much as `as_text` shows in `lines`, `depth` levels below the root.

    Upper levels come first, and families of one level share alike what is left of the lines. `more` of a node counts
    the children that are not named, `actors` of the root all that live. Prefixes are named whatever `lines` says.
    """
    root = _supervisor(system.root)
    root["actors"] = len(system.router.cells)
    prefixes = [(_supervisor(one), one) for one in system.prefixes.values()]
    level: Level = [family for family in ((root, system.root), *prefixes) if family[1].children]
    left = lines - 1 - len(prefixes) - len(level)
    for _ in range(depth):
        level, left = _fill(level, max(left, 0))
    for node, family in level:
        node["more"] = len(family.children)
    root["children"] += [node for node, _ in prefixes]
    return root


def _fill(level: Level, left: int) -> tuple[Level, int]:
    """Name the children of a level; the families below them, and how many lines are left.

    Each family has one line for itself already, be it for a child or for the count of those that are not named.
    """
    below: Level = []
    level.sort(key=lambda family: len(family[1].children))  # what a small one does not need, a large one gets
    for place, (node, family) in enumerate(level):
        room = 1 + left // (len(level) - place)
        named, used = _named(family, room)
        node["children"] = [_cell(cell) for cell in named]
        if len(named) < len(family.children):
            node["more"] = len(family.children) - len(named)
        below += [
            (child, cell.children)
            for child, cell in zip(node["children"], named, strict=True)
            if _is_parent(cell)
        ]
        left -= used - 1
    return below, left


def _named(family: Supervisor, room: int) -> tuple[list[Cell], int]:
    """The children that are named in `room` lines, and how many of these are used."""
    named: list[Cell] = []
    used = 0
    for cell in family.children.values():
        if used + _lines(cell) > room:
            break
        named.append(cell)
        used += _lines(cell)
    else:
        return named, used
    while used == room and named:  # the count of the others has a line too
        used -= _lines(named.pop())
    return named, used + 1


def _is_parent(cell: Cell) -> bool:
    return isinstance(cell.children, Supervisor) and bool(cell.children.children)


def _lines(cell: Cell) -> int:
    return 2 if _is_parent(cell) else 1


def _supervisor(supervisor: Supervisor) -> dict[str, Any]:
    return {"path": supervisor.path, "kind": "supervisor", **_policy(supervisor), "children": []}


def _policy(supervisor: Supervisor) -> dict[str, Any]:
    return {
        "strategy": supervisor.kind.strategy.name.lower(),
        "restart_intensity": {
            "restarts": supervisor.intensity.restarts,
            "within": supervisor.intensity.within,
            "counted": "each child alone" if supervisor.one_by_one else "all children together",
        },
        "auto_shutdown": supervisor.kind.auto_shutdown.name.lower(),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    node: dict[str, Any] = {
        "path": cell.address,
        "kind": kind_of(cell),
        "status": status_of(cell),
        "mailbox": len(cell.mailbox) if cell.mailbox is not None else 0,
        "handled": cell.handled,
        "restarts": cell.restarts,
        "deferred": len(cell.deferred) if cell.deferred else 0,
        "incarnation": cell.incarnation,
    }
    if cell.last_error:
        node["last_error"] = cell.last_error
    if isinstance(cell.children, Supervisor):
        node.update(_policy(cell.children), children=[])
    return node


def as_text(tree: dict[str, Any]) -> str:
    """A line for each actor, indented by level."""
    lines: list[str] = []
    _write(tree, "", "", lines)
    return "\n".join(lines)


def _write(node: dict[str, Any], lead: str, below: str, lines: list[str]) -> None:
    lines.append(f"{lead}{node['path']}  {_facts(node)}")
    children: list[dict[str, Any]] = node.get("children", [])
    more = node.get("more", 0)
    for place, child in enumerate(children):
        last = place == len(children) - 1 and not more
        _write(child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), lines)
    if more:
        lines.append(f"{below}└─ and {more} more")


def _facts(node: dict[str, Any]) -> str:
    if node["kind"] == "supervisor":
        return _rules(node)
    facts = f"{node['kind']} {node['status']} mailbox={node['mailbox']} handled={node['handled']} restarts={node['restarts']}"
    if node["deferred"]:
        facts += f" deferred={node['deferred']}"
    if "strategy" in node:
        facts += f" {_rules(node)}"
    return facts + (f" last_error={node['last_error']!r}" if "last_error" in node else "")


def _rules(node: dict[str, Any]) -> str:
    """How a supervisor answers failures; a port of OTP once swapped its two defaults, and nobody saw."""
    intensity = node["restart_intensity"]
    follows = "" if node["auto_shutdown"] == "never" else f", ends with {node['auto_shutdown']} significant"
    return (
        f"[{node['strategy']}, {intensity['restarts']} restarts in {intensity['within']:g} s, "
        f"{intensity['counted']}{follows}]"
    )
