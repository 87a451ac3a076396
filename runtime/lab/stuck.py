"""Runs that come to nothing: everybody waits (Deadlock), or all go round in circles until the steps are used up.

A deadlock says who waits for whom at that moment, what an actor says that it is owed (`actors.awaiting`: a flow's demand
or items), and at which lines tasks wait. A run that is still busy at its last step is a Livelock if, near its end, its
busiest actors came into a state twice and no reply and no commit lay between; else it merely needs more steps.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import trio

from actors.errors import ActorError
from runtime.cell import Cell
from runtime.clock import VirtualClock
from runtime.observe.fingerprints import fingerprint, print_of
from runtime.observe.stuck import stuck
from runtime.observe.suspended import ROOMS, frames
from runtime.observe.why import as_text, why
from runtime.system import System
from runtime.trace import NodeCrashed, Trace

STEPS_MAX = 100_000
"""Numbered effects of one run."""
LOOKED = 1_000
"""Of them, the last ones that are looked at: one half says who acts, the other in which states."""
ACTING_MAX = 100
"""Actors whose states are compared, or whose waits are told."""
PROGRESS = frozenset({"reply", "resolve", "commit"})
"""Effects that say that something has been done: delivered replies, and commits."""


class Stuck(ActorError):
    """A run that comes to nothing."""


class Deadlock(Stuck):
    """Nothing can run and no timer is set: whoever waits, waits for ever. `waits` is who waits for whom (as `observe.why`)."""

    def __init__(self, waits: list[dict[str, Any]], tasks: list[str]) -> None:
        lines = ["nothing can run and no timer is set"]
        lines += [f"  {line}" for line in as_text(waits, "").splitlines()] if waits else []
        lines += [f"  task {task}" for task in tasks]
        super().__init__("\n".join(lines))
        self.waits = waits
        self.tasks = tasks


class StepLimit(Stuck):
    """The steps of the run are used up, and it is not quiet."""


class Livelock(StepLimit):
    """So they are, and it goes round in circles. `acting` counts the last effects of each actor."""

    def __init__(self, text: str, acting: Counter[str]) -> None:
        super().__init__(text)
        self.acting = acting


def deadlock(system: System) -> Deadlock:
    """What to raise when nothing will ever run again; called in the Trio run, and never awaits."""
    waits: dict[str, dict[str, Any]] = {}
    for waiting in stuck(system)[:ACTING_MAX]:
        if waiting["path"] not in waits:
            waits.update((node["path"], node) for node in why(system, waiting["path"]))
    return Deadlock(list(waits.values()), list(_waiting_tasks()))


def _waiting_tasks() -> Iterator[str]:
    """The tasks that wait in somebody's code: the rooms' own are not shown."""
    root = trio.lowlevel.current_root_task()
    tasks = [] if root is None else [root]
    while tasks:
        task = tasks.pop()
        tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        places = [
            f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
            for frame in frames(task.coro)
            if str(frame.f_globals.get("__name__", "")).split(".", 1)[0] not in ROOMS
        ]
        if places:
            yield f"{task.name}: {' > '.join(places)}"


class Ends:
    """Ends a run that comes to nothing; `error` says then why."""

    def __init__(self, trace: Trace, limit: int) -> None:
        if limit < LOOKED:
            raise ValueError(f"step_limit: {LOOKED} steps at least")
        self.error: Stuck | None = None
        self._trace = trace
        self._limit = limit
        self._cells: Mapping[Any, Cell] = {}
        self._acting: Counter[str] = Counter()
        self._looked: tuple[str, ...] = ()
        self._turns: dict[str, int] = {}
        self._seen: dict[Any, int] = {}
        self._circle: int | None = None
        trace.watches = (*trace.watches, self._step)

    def watch(self, system: System, clock: VirtualClock, stop: Callable[[], None]) -> None:
        """`stop` is called when nothing will ever run again; at the last step the node is cut."""

        def nothing_runs() -> None:
            if not self._trace.dead:  # else what is left of a node that was cut waits
                self.error = deadlock(system)
            stop()

        self._cells = system.router.cells
        clock.stuck = nothing_runs

    def check(self) -> None:
        """Raises why the run has come to nothing, if it has."""
        if self.error is not None:
            raise self.error from None

    def _step(self, kind: str, address: str) -> None:
        left = self._limit - self._trace.steps
        if left >= LOOKED:
            return
        self._acting[address] += 1
        if kind in PROGRESS:
            self._seen.clear()
            self._circle = None
        elif left < LOOKED // 2 and self._has_turned(address):
            self._look(address)
        if left <= 0:
            self.error = self._judge()
            self._trace.dead = True
            raise NodeCrashed

    def _has_turned(self, address: str) -> bool:
        """Whether this is the actor's first effect behind a turn: between two effects of one nothing need have changed."""
        cell = self._cells.get(address)
        handled = 0 if cell is None else cell.handled
        before = self._turns.get(address)
        self._turns[address] = handled
        return before is not None and before != handled

    def _look(self, address: str) -> None:
        self._looked = self._looked or tuple(sorted(self._acting))
        if len(self._looked) > ACTING_MAX:
            return
        state = address, *(_state(self._cells.get(one)) for one in self._looked)
        before = self._seen.setdefault(state, self._trace.steps)
        if before != self._trace.steps:
            self._circle = self._trace.steps - before
            self._seen[state] = self._trace.steps

    def _judge(self) -> StepLimit:
        text = f"not quiet after {self._limit:,} steps"
        if self._circle is None:
            return StepLimit(text)
        busiest = ", ".join(f"{address} ({count})" for address, count in self._acting.most_common(5))
        circle = f"the same state again after {self._circle} steps, without a reply or a commit in between"
        return Livelock(f"{text}: {circle}; of the last {LOOKED:,} effects: {busiest}", self._acting)


def _state(cell: Cell | None) -> Any:
    """What an actor is and has before it, as a value; a restart alone makes no other state."""
    if cell is None:
        return None
    mail = () if cell.mailbox is None else cell.mailbox.waiting()
    own = vars(cell.actor) if hasattr(cell.actor, "__dict__") else {}
    return (
        cell.status,
        tuple((one.message.__class__, print_of(fingerprint(one.message))) for one in mail),
        tuple((name, print_of(value)) for name, value in own.items() if name != "_ctx"),
    )
