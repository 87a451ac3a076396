"""Where turns are suspended: the waiting tasks' frames, read when somebody asks.

A turn that does not wait pays nothing for it; one that does, 0.35 us for each wait, at which `runtime.driving.drive`
looks at the clock. What is read from its frame by name, it says itself: `turn`, `variables`, `coro`, `_since`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import trio

from actors.address import Address
from runtime.cell import Cell
from runtime.driving import drive
from runtime.reentrance import OWN, Own
from runtime.router import SPEAKER

ROOMS = frozenset({"actors", "outcome", "runtime", "trio"})
"""Packages whose frames say nothing to who asks where a handler waits."""


@dataclass(slots=True)
class Asked:
    """One ask of a turn that has no answer yet."""

    to: Address
    message: str
    room: bool = False
    """There is no room for it in the mailbox yet."""


@dataclass(slots=True)
class Suspended:
    """What a suspended turn waits for."""

    message: str = ""
    """The kind of what it handles."""
    since: float | None = None
    """When its present wait began, in Trio's time."""
    places: list[str] = field(default_factory=list[str])
    """`file:line in function`: of the handler, and of each task that it has started."""
    asked: list[Asked] = field(default_factory=list[Asked])
    let_in: Address | None = None
    """Whose ask it handles, if it is a turn within another's pause."""


Turns = dict[tuple[Cell, Own | None], Suspended]


def suspended() -> dict[Cell, list[Suspended]]:
    """The turns that wait at this moment, of each actor the outermost first; called in a Trio run, and never awaits."""
    found: Turns = {}
    root = trio.lowlevel.current_root_task()
    tasks = [] if root is None else [root]
    while tasks:
        task = tasks.pop()
        for nursery in task.child_nurseries:
            tasks += nursery.child_tasks
        speaker = task.context.get(SPEAKER)  # set in what a handler's own nursery runs
        turn = None if speaker is None else _turn_of(speaker.cell, task.context.get(OWN), found)
        _read(task.coro, turn, found)
    turns: dict[Cell, list[Suspended]] = {}
    for (cell, _), turn in sorted(found.items(), key=_outermost_first):
        if turn.since is not None or turn.places or turn.asked:
            turns.setdefault(cell, []).append(turn)
    return turns


def _outermost_first(found: tuple[tuple[Cell, Own | None], Suspended]) -> tuple[bool, float]:
    (_, own), turn = found
    return own is not None, turn.since or 0.0


def _turn_of(cell: Cell, own: Own | None, found: Turns) -> Suspended:
    asker = None if own is None or own.asker is None else own.asker.address
    return found.setdefault((cell, own), Suspended(let_in=asker))


def _read(coro: Any, turn: Suspended | None, found: Turns) -> None:
    """One task's frames, from the outermost on: a turn's may lie within another's, which has asked it."""
    place = ""
    for frame in frames(coro):
        names = frame.f_locals
        room = str(frame.f_globals.get("__name__", "")).split(".")
        if frame.f_code is drive.__code__:
            _placed(turn, place)
            turn, place = _turn_of(names["turn"].cell, names["variables"].get(OWN), found), ""
            turn.since = names.get(
                "_since"
            )  # unset: it is in its first step, and this look is in that very turn
        elif turn is None:
            continue
        elif room[0] not in ROOMS:
            if not place and not turn.message:
                turn.message = _handled(frame)
            place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        elif room == ["runtime", "router"] and "to" in names and "message" in names:
            _asked(turn, Asked(names["to"], type(names["message"]).__name__))
        elif room == ["runtime", "delivery"] and turn.asked:
            turn.asked[-1].room = True
    _placed(turn, place)


def frames(coro: Any) -> Iterator[FrameType]:
    """What awaits what, from the outermost on; a handler is awaited by nobody, its driver holds it."""
    while coro is not None:
        frame = next(
            (found for name in ("cr_frame", "gi_frame", "ag_frame") if (found := getattr(coro, name, None))),
            None,
        )
        if frame is None:
            return
        yield frame
        if frame.f_code in (drive.__code__, Own.steps.__code__):
            coro = frame.f_locals["coro"]
        else:
            names = ("cr_await", "gi_yieldfrom", "ag_await")
            coro = next((found for name in names if (found := getattr(coro, name, None))), None)


def _handled(frame: FrameType) -> str:
    """What a handler was called with."""
    code = frame.f_code
    message = frame.f_locals.get(code.co_varnames[1]) if code.co_argcount == 2 else None
    return "" if message is None else type(message).__name__


def _asked(turn: Suspended, ask: Asked) -> None:
    if not (turn.asked and turn.asked[-1] == ask):  # several frames of one ask
        turn.asked.append(ask)


def _placed(turn: Suspended | None, place: str) -> None:
    if turn is not None and place:
        turn.places.append(place)
