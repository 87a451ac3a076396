"""What a test has left behind, by name: turns, askers, dead letters, cells, timers, tasks.

Some of it is wanted: `leaks.expect_letter(ref)` says so of a dead letter, `leaks.allow("turns")` of a whole kind.
"""

from typing import Any, Literal, get_args

import trio

from actors.ref import Ref
from runtime.cell import BLOCKED, BUSY, QUEUED, RESTARTING, STARTING, Cell
from runtime.clock import NeverTrue, VirtualClock
from runtime.context import TurnContext
from runtime.letters import DeadLetter
from runtime.system import System
from runtime.timers import Timer

Kind = Literal["turns", "askers", "letters", "cells", "timers", "tasks"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GRACE = 10.0
"""Virtual seconds that turns and pipes have to end, once the test has."""


class Leaked(AssertionError):
    """A green test has left something behind; the text names it."""


class Leaks:
    """The check of one system. A test asks for it only to say what it leaves on purpose."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._allowed: set[Kind] = set()
        self._expected: list[DeadLetter] = []
        self._found: dict[Kind, list[str]] = {kind: [] for kind in KINDS}
        self._tasks: set[trio.lowlevel.Task] = set()
        self._timers: list[tuple[str, dict[str, Timer]]] = []

    # --- what is wanted --------------------------------------------------------------------------------

    def allow(self, *kinds: Kind) -> None:
        """Do not look for these."""
        self._allowed.update(kinds)

    def expect_letter(self, to: Ref[Any], reason: str | None = None) -> DeadLetter:
        """The oldest dead letter to `to` that was not expected yet; it is no leak. Raises AssertionError, naming those there are."""
        left = self._letters()
        for letter in left:
            if letter.to == to.address and reason in {None, letter.reason}:
                self._expected.append(letter)
                return letter
        there = "; ".join(_letter(letter) for letter in left) or "none"
        raise AssertionError(
            f"no dead letter to {to.address}{f' ({reason})' if reason else ''}; there are: {there}"
        )

    # --- looking ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Before the system is entered."""
        self._tasks = _system_tasks()

    async def look_inside(self, clock: VirtualClock) -> None:
        """When the test has ended, and the system has not."""
        await clock.settle()
        self._found["askers"] = [
            f"{cell.address} holds back the asker of {waiting.message!r}, without a deadline"
            for cell in self._system.router.cells.values()
            for waiting in (cell.deferred or {}).values()
            if waiting.deadline is None
        ]
        if "turns" not in self._allowed:
            try:
                await clock.until(lambda: self._system.idle, within=GRACE)
            except NeverTrue:
                self._found["turns"] = self._busy()
        self._found["letters"] = [_letter(letter) for letter in self._letters()]
        cells = self._system.router.cells.values()
        self._timers = [(cell.address, cell.ctx.timers) for cell in cells if cell.ctx and cell.ctx.timers]

    def look_behind(self) -> None:
        """When the system has been left."""
        self._found["cells"] = [f"{cell}" for cell in self._system.router.cells.values()]
        self._found["timers"] = [
            f"{key!r} of {address}, which has ended"
            for address, timers in self._timers
            for key, timer in timers.items()
            if not timer.cancelled
        ]
        self._found["tasks"] = sorted(task.name for task in _system_tasks() - self._tasks)

    def left(self) -> list[tuple[Kind, str]]:
        """What was found, and is not allowed."""
        return [
            (kind, text) for kind, found in self._found.items() if kind not in self._allowed for text in found
        ]

    def check(self) -> None:
        """Raises Leaked."""
        lines = [f"  {kind}: {text}" for kind, text in self.left()]
        if lines:
            raise Leaked("the test has left behind:\n" + "\n".join(lines))

    # ---------------------------------------------------------------------------------------------------

    def _letters(self) -> list[DeadLetter]:
        return [
            letter
            for letter in self._system.letters.newest
            if not any(letter is expected for expected in self._expected)
        ]

    def _busy(self) -> list[str]:
        cells = self._system.router.cells.values()
        found = [text for cell in cells if (text := doing(cell))] or ["a commit"]
        return [f"{text} has not ended within {GRACE:g} virtual seconds" for text in found]


def doing(cell: Cell) -> str:
    """What of it is under way; empty: nothing."""
    if cell.status in {BUSY, BLOCKED, QUEUED}:
        waits = ", ".join(target.address for target in cell.waits or ())
        return f"the turn of {cell.address}{f', which waits for {waits},' if waits else ''}"
    if cell.status in {STARTING, RESTARTING} and cell.mailbox:
        return f"the start of {cell.address}, which has mail,"
    if isinstance(cell.ctx, TurnContext) and cell.ctx.pipes:
        return f"a pipe of {cell.address}"
    return ""


def _letter(letter: DeadLetter) -> str:
    sender = f" from {letter.sender}" if letter.sender else ""
    return f"{letter.message} to {letter.to}{sender} ({letter.reason})"


def _system_tasks() -> set[trio.lowlevel.Task]:
    """What `trio.lowlevel.spawn_system_task` has started: no nursery of the test holds it."""
    root = trio.lowlevel.current_root_task() if trio.lowlevel.in_trio_run() else None
    return (
        set() if root is None else {task for nursery in root.child_nurseries for task in nursery.child_tasks}
    )
