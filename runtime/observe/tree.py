"""The live supervision tree: one snapshot that never awaits, as plain values and as text."""

from typing import Any

from runtime.cell import Cell
from runtime.supervisor import Supervisor
from runtime.system import System

LINES_MAX = 1_000
"""Children of one supervisor that the snapshot names; the rest is a count."""


def snapshot(system: System) -> dict[str, Any]:
    """The tree from the root down, JSON-ready."""
    children = [_supervisor(supervisor) for supervisor in system.prefixes.values()]
    root = _supervisor(system.root)
    root["children"] = [*root["children"], *children]
    return root


def _supervisor(supervisor: Supervisor) -> dict[str, Any]:
    cells = list(supervisor.children.values())
    node: dict[str, Any] = {
        "path": supervisor.path,
        "kind": "supervisor",
        **_policy(supervisor),
        "children": [_cell(cell) for cell in cells[:LINES_MAX]],
    }
    if len(cells) > LINES_MAX:
        node["more"] = len(cells) - LINES_MAX
    return node


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
        "kind": type(cell.actor).__name__ if cell.actor is not None else "actor",
        "status": "suspended" if cell.scope is not None else cell.status.name.lower(),
        "mailbox": len(cell.mailbox) if cell.mailbox is not None else 0,
        "handled": cell.handled,
        "restarts": cell.restarts,
        "deferred": len(cell.deferred) if cell.deferred else 0,
        "incarnation": cell.incarnation,
    }
    if cell.last_error:
        node["last_error"] = cell.last_error
    if isinstance(cell.children, Supervisor):
        family = _supervisor(cell.children)
        node.update(
            {key: family[key] for key in (*_policy(cell.children), "children", "more") if key in family}
        )
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
