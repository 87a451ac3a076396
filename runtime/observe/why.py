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
        node = _look(cell, turns.get(cell, [Suspended()]))
        found.append(node)
        for wait in _all_waits(node):
            if wait["path"] is not None and wait["path"] not in seen:
                seen.add(wait["path"])
                waiting.append(wait["path"])
    _mark_let_in(found)
    return found


def _all_waits(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Of its turn, and of those within it."""
    return [*node["waits"], *(wait for turn in node["within"] for wait in turn["waits"])]


def _mark_let_in(found: list[dict[str, Any]]) -> None:
    """An ask that came back, and is being handled: it closes no circle."""
    within = {(turn["asker"], node["path"], turn["handles"]) for node in found for turn in node["within"]}
    for node in found:
        for wait in _all_waits(node):
            if (node["path"], wait["path"], wait["message"]) in within:
                wait["let_in"] = True


def _look(cell: Cell, turns: list[Suspended]) -> dict[str, Any]:
    turn, mailbox, deferred = turns[0], cell.mailbox, cell.deferred or {}
    mail = [] if mailbox is None else mailbox.waiting()
    return {
        "path": cell.address,
        "kind": kind_of(cell),
        "status": status_of(cell),
        **_turn(turn),
        "waits": [*_asks(turn), *_waits(cell)],
        "within": [{**_turn(inner), "asker": inner.let_in, "waits": _asks(inner)} for inner in turns[1:]],
        "mailbox": dict(Counter(type(one.message).__name__ for one in mail)),
        "deferred": {key: type(one.message).__name__ for key, one in list(deferred.items())[:SHOWN_MAX]},
        "deferred_count": len(deferred),
    }


def _turn(turn: Suspended) -> dict[str, Any]:
    seconds = None if turn.since is None else round(loop_time() - turn.since, 3)
    return {"handles": turn.message, "at": turn.places, "seconds": seconds}


def _asks(turn: Suspended) -> list[dict[str, Any]]:
    return [
        {"path": str(ask.to), "for": ROOM if ask.room else REPLY, "message": ask.message}
        for ask in turn.asked
    ]


def _waits(cell: Cell) -> list[dict[str, Any]]:
    """What is no ask of its turn's."""
    waits: list[dict[str, Any]] = []
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
        node["path"]: [
            wait["path"] for wait in _all_waits(node) if wait["path"] is not None and not wait.get("let_in")
        ]
        for node in found
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
    return state + _seconds(node)


def _seconds(turn: dict[str, Any]) -> str:
    return "" if turn["seconds"] is None else f", for {turn['seconds']:.3g} s"


def _facts(node: dict[str, Any], waits: dict[str, list[str]]) -> list[str]:
    facts = [f"at {place}" for place in node["at"]]
    facts += [_wait(wait, node["path"], waits) for wait in node["waits"]]
    for turn in node["within"]:
        facts.append(f"within it, {turn['handles']} of {turn['asker']} is suspended{_seconds(turn)}")
        facts += [f"  at {place}" for place in turn["at"]]
        facts += [f"  {_wait(wait, node['path'], waits)}" for wait in turn["waits"]]
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
    if wait.get("let_in"):
        return f"{told}, which lets it in"
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
