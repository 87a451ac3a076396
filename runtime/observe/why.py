"""Why an actor does not answer: the wait-for graph from its address on, as plain values and as sentences.

One look that never awaits. Nothing is kept for it: whom a turn waits for, since when and at which line stands in the
frames of the tasks that wait; what an actor waits for between its turns it says itself (`actors.awaiting`).
"""

from collections import Counter, deque
from typing import Any

from actors.address import Address
from runtime.cell import Cell
from runtime.clock import loop_time
from runtime.observe.looks import awaits_of, kind_of, status_of
from runtime.observe.suspended import Suspended, suspended
from runtime.system import System

SHOWN_MAX = 100
"""Actors that one look names, and deferred keys of each."""

ROOM, REPLY = "room in the mailbox", "the reply"


def why(system: System, address: Address) -> list[dict[str, Any]]:
    """The actor, then those that it waits for, and so on; empty if nobody is up at the address."""
    cells, turns = system.router.cells, suspended()
    waiting, seen = deque([address]), {address}
    found: list[dict[str, Any]] = []
    while waiting and len(found) < SHOWN_MAX:
        cell = cells.get(waiting.popleft())
        if cell is None:
            continue
        node = _look(cell, turns.get(cell, Suspended()))
        found.append(node)
        for wait in node["waits"]:
            if wait["path"] is not None and wait["path"] not in seen:
                seen.add(wait["path"])
                waiting.append(wait["path"])
    return found


def _look(cell: Cell, turn: Suspended) -> dict[str, Any]:
    mailbox, deferred = cell.mailbox, cell.deferred or {}
    mail = [] if mailbox is None else mailbox.waiting()
    return {
        "path": cell.address,
        "kind": kind_of(cell),
        "status": status_of(cell),
        "handles": turn.message,
        "at": turn.places,
        "seconds": None if turn.since is None else round(loop_time() - turn.since, 3),
        "waits": _waits(cell, turn),
        "mailbox": dict(Counter(type(one.message).__name__ for one in mail)),
        "deferred": {key: type(one.message).__name__ for key, one in list(deferred.items())[:SHOWN_MAX]},
        "deferred_count": len(deferred),
    }


def _waits(cell: Cell, turn: Suspended) -> list[dict[str, Any]]:
    waits: list[dict[str, Any]] = [
        {"path": str(ask.to), "for": ROOM if ask.room else REPLY, "message": ask.message}
        for ask in turn.asked
    ]
    if cell.blocked:
        to, envelope = cell.blocked[0]
        waits.append({"path": str(to), "for": ROOM, "message": type(envelope.message).__name__})
    for of, words in awaits_of(cell):
        waits.append({"path": None if of is None else str(of), "for": words, "message": ""})
    return waits


def as_text(found: list[dict[str, Any]], address: str) -> str:
    """A paragraph for each actor: what it does and waits for, what waits for it."""
    if not found:
        return f"nobody is up at {address}"
    waits = {
        node["path"]: [wait["path"] for wait in node["waits"] if wait["path"] is not None] for node in found
    }
    lines: list[str] = []
    for node in found:
        lines.append(f"{node['path']} ({node['kind']}) {_state(node)}")
        lines += [f"  {one}" for one in _facts(node, waits)]
    return "\n".join(lines)


def _state(node: dict[str, Any]) -> str:
    state = f"is {node['status']}"
    if node["handles"]:
        state += f" in {node['handles']}"
    return state if node["seconds"] is None else f"{state}, for {node['seconds']:.3g} s"


def _facts(node: dict[str, Any], waits: dict[str, list[str]]) -> list[str]:
    facts = [f"at {place}" for place in node["at"]]
    facts += [_wait(wait, node["path"], waits) for wait in node["waits"]]
    if node["mailbox"]:
        kinds = ", ".join(f"{count} {kind}" for kind, count in node["mailbox"].items())
        facts.append(f"has {sum(node['mailbox'].values())} in its mailbox: {kinds}")
    if node["deferred"]:
        keys = ", ".join(f"{key} ({kind})" for key, kind in node["deferred"].items())
        facts.append(f"holds back {node['deferred_count']}: {keys}")
    return facts


def _wait(wait: dict[str, Any], here: str, waits: dict[str, list[str]]) -> str:
    told = f"waits for {wait['for']}"
    if wait["path"] is None:
        return told
    told += f" of {wait['path']}"
    if wait["message"]:
        told += f" ({wait['message']})"
    return f"{told}: a circle" if _leads(wait["path"], here, waits) else told


def _leads(here: str, back: str, waits: dict[str, list[str]]) -> bool:
    """Whether who lives `here` waits, over any number of others, for who lives at `back`."""
    seen: set[str] = set()
    paths = [here]
    while paths:
        path = paths.pop()
        if path == back:
            return True
        if path not in seen:
            seen.add(path)
            paths += waits.get(path, ())
    return False
