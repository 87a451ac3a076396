"""Where turns are suspended: the waiting tasks' frames, read when somebody asks. A turn pays nothing for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import trio

from actors.address import Address
from runtime.cell import Cell
from runtime.driving import drive
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


def suspended() -> dict[Cell, Suspended]:
    """The turns that wait at this moment; called in a Trio run, and never awaits."""
    found: dict[Cell, Suspended] = {}
    root = trio.lowlevel.current_root_task()
    tasks = [] if root is None else [root]
    while tasks:
        task = tasks.pop()
        for nursery in task.child_nurseries:
            tasks += nursery.child_tasks
        speaker = task.context.get(SPEAKER)  # set in what a handler's own nursery runs
        _read(task.coro, None if speaker is None else speaker.cell, found)
    return found


def _read(coro: Any, cell: Cell | None, found: dict[Cell, Suspended]) -> None:
    """One task's frames, from the outermost on: a turn's may lie within another's, which has asked it."""
    turn = None if cell is None else found.setdefault(cell, Suspended())
    place = ""
    for frame in frames(coro):
        names = frame.f_locals
        room = str(frame.f_globals.get("__name__", "")).split(".")
        if frame.f_code is drive.__code__:
            _placed(turn, place)
            turn, place = found.setdefault(names["turn"].cell, Suspended()), ""
            turn.since = names.get("_since")
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
        if frame.f_code is drive.__code__:
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
