"""Checkers of a running node: what has to stay bounded at each step, to become quiet, and to leave nothing behind."""

from typing import Any

from runtime.clock import NeverTrue, VirtualClock
from runtime.lab.verdict import Ok, Verdict, Violation, first
from runtime.system import System
from runtime.testing.leaks import Leaks, doing


class Bounded:
    """Looks at all actors behind each numbered effect of a run, from the moment on at which it is made.

    `mailbox`: messages in one mailbox, and askers held back, at most. `age`: seconds that one of them waits, at most. One
    look costs a step of each actor: for runs of some hundred. Needs the trace that a simulation has.
    """

    def __init__(self, system: System, *, mailbox: int | None = None, age: float | None = None) -> None:
        if system.trace is None:
            raise ValueError("bounded: this system numbers no effects; simulate it")
        self._system = system
        self._mailbox = mailbox
        self._age = age
        self._since: dict[int, tuple[Any, float]] = {}
        """What waits, by its id, and since when."""
        self._violation: Violation | None = None
        system.trace.watches = (*system.trace.watches, self._step)

    def verdict(self) -> Verdict:
        """So far."""
        self._look()
        return self._violation or Ok("bounded")

    def _step(self, _kind: str, _address: str) -> None:
        self._look()

    def _look(self) -> None:
        now, since, steps = self._system.clock.now(), self._since, self._steps()
        self._since = {}
        for cell in self._system.router.cells.values():
            waiting: list[Any] = [] if cell.mailbox is None else cell.mailbox.waiting()
            held = cell.deferred or {}
            if self._mailbox is not None and max(len(waiting), len(held)) > self._mailbox:
                detail = f"{len(waiting)} messages wait, {len(held)} askers are held back"
                self._found(cell.address, f"{detail}; at most {self._mailbox} may", steps)
            for one in (*waiting, *held.values()):
                _, at = self._since[id(one)] = since.get(id(one), (one, now))
                if self._age is not None and now - at > self._age:
                    what = type(one.message).__name__
                    self._found(cell.address, f"{what} has waited for more than {self._age:g} s", steps)

    def _steps(self) -> int:
        assert self._system.trace is not None
        return self._system.trace.steps

    def _found(self, address: str, detail: str, step: int) -> None:
        if self._violation is None:
            self._violation = Violation("bounded", address, detail, (step,))


async def quiescent(system: System, *, within: float = 300.0) -> Verdict:
    """Within so many virtual seconds nothing is under way any more: no turn, no commit, no pipe, no mail for a start."""
    clock = system.clock
    if not isinstance(clock, VirtualClock):
        raise TypeError("quiescent: only virtual time can be let pass; simulate the system")
    try:
        await clock.until(lambda: system.idle, within=within)
    except NeverTrue:
        busy = [cell for cell in system.router.cells.values() if doing(cell)]
        detail = "; ".join(doing(cell) for cell in busy[:10]) or "a commit is under way"
        name = str(busy[0].address) if busy else "commit"
        return Violation("quiescent", name, f"after {within:g} s: {detail}")
    return Ok("quiescent")


def no_leaks(leaks: Leaks) -> Verdict:
    """What a system has left behind, which `leaks` has looked at from within and, when it had ended, from behind."""
    return first("no_leaks", (Violation("no_leaks", kind, text) for kind, text in leaks.left()))
