"""Where choices arise: the run queue, the resumption of suspended turns, Trio's other tasks, timers due at one instant.

The pump is no alternative of its own: what stands for it is each cell that it could visit. After each turn it lets
the other tasks be chosen, and a visit is one message, so that whatever can run competes for each step.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import trio
from trio.lowlevel import Task
from typing_extensions import override

from actors.address import Address
from actors.mailbox import Mailbox
from runtime.cell import BUSY, QUEUED, Cell
from runtime.envelope import Envelope
from runtime.lab.choices import STEP, TIMER, Alternative, Choices, actor_of
from runtime.lab.determinism import others_can_run
from runtime.pace import Pace
from runtime.run_queue import RunQueue
from runtime.timers import Timer
from runtime.trace import NodeCrashed, Trace

PUMP = "Dispatcher._pump"
AT_ONCE = ("<init>", "<TrioToken.run_sync_soon task>", "Dispatcher.run")
"""Tasks that only wait for others."""
SYSTEM = ("Supervisor.run", "ByAddress.run", "Timers.run", "System._commit", "system._cut_with")
"""Tasks of the system: no choice where they begin to wait, nor where they end with it."""


SHARED = {
    "timer": "*timers",
    "cancel": "*timers",
    "register": "*registry",
    "deregister": "*registry",
    "subscribe": "*registry",
    "join": "*registry",
    "leave": "*registry",
    "spawn": "*supervision",
    "stop": "*supervision",
    "watch": "*supervision",
    "unwatch": "*supervision",
    "stage": "*store",
    "read": "*store",
    "commit": "*store",
}
"""What effects touch beside actors: things that all have in common."""


class ChosenTrace(Trace):
    """The trace of a run whose choices are made by name: effects say what their step has touched."""

    def __init__(self, choices: Choices, now: Callable[[], float], **how: Any) -> None:
        super().__init__(now, **how)
        self._choices = choices

    @override
    def record(self, kind: str, address: str, number: int, what: str = "") -> None:
        self._choices.touch(SHARED.get(kind, address))
        self._choices.effects += 1
        try:
            super().record(kind, address, number, what)
        except NodeCrashed:
            self._choices.cut()
            raise


class ChosenQueue(RunQueue):
    """The run queue of a run whose choices are made by name."""

    def __init__(self, schedule: "ChosenSchedule") -> None:
        super().__init__()
        self._mine = schedule
        self.take = self._chosen

    def _chosen(self) -> Cell:
        cell = self._mine.next_cell()
        self.cells.remove(cell)
        return cell

    @override
    def may_inline(self) -> bool:
        return self._mine.inline()

    @override
    def mailbox_of(self, cell: Cell) -> Mailbox[Envelope]:
        self._mine.choices.touch(cell.address)
        return super().mailbox_of(cell)


class ChosenPace(Pace):
    """One message a visit, and other tasks are let in whenever there are any."""

    def __init__(self, begun: Callable[[], None]) -> None:
        super().__init__(lambda: 0.0)
        self.most = self.every = 1
        self._begun = begun

    @override
    def begin(self) -> None:
        self._begun()

    @override
    def over(self, visits: int) -> bool:
        return others_can_run()


class ChosenSchedule:
    """One run's: names what can go on, asks `choices`, and hands the step to who was chosen.

    `inline` says whether an ask of an idle actor is driven in its asker's step.
    """

    def __init__(self, choices: Choices, inline: Callable[[], bool]) -> None:
        self.choices = choices
        self.inline = inline
        self.ending: Callable[[], bool] = bool
        """Whether the system winds up."""
        self._queue = ChosenQueue(self)
        self._pump: Task | None = None
        """Who has begun to take cells last: the pump, unless it has been suspended in a turn."""
        self._taken: dict[Task, Alternative] = {}
        """The turn that a pump has begun last."""
        self._chosen: Cell | None = None
        """The pump has been chosen in order to visit it."""
        self._letters: dict[Envelope, Alternative] = {}
        self._told: Counter[tuple[str, str, str | None]] = Counter()
        self._tasks: dict[Task, str] = {}
        self._named: Counter[str] = Counter()
        self._resumed: Counter[Task] = Counter()

    def queue(self) -> RunQueue:
        return self._queue

    def pace(self) -> Pace:
        return ChosenPace(self._begun)

    def sees(self, to: Address, _message: object) -> None:
        """An interceptor of the router's: the step that is under way sends to `to`."""
        self.choices.touch(to)

    def _begun(self) -> None:
        self._pump = trio.lowlevel.current_task()

    # --- who goes next ---------------------------------------------------------------------------------

    def next_task(self, tasks: Sequence[Task]) -> Task:
        """Which of the runnable tasks steps next; of the pump, for which cell."""
        self._chosen = None
        ways: dict[Alternative, tuple[Task, Cell | None]] = {}
        for task in tasks:
            if self._is_pump(task):
                if not self._queue.cells:
                    return task  # it only begins to wait
                ways.update((self._of_cell(cell), (task, cell)) for cell in self._queue.cells)
            elif self._at_once(task):
                return task
            else:
                ways[self._of_task(task)] = task, None
        task, cell = ways[self.choices.next(STEP, ways)]
        if cell is None:
            self._resumed[task] += 1
        else:
            self._chosen = cell
        return task

    def _at_once(self, task: Task) -> bool:
        if not task.name.endswith(SYSTEM):
            return task.name.endswith(AT_ONCE)
        begun = self._resumed[task] > 0
        self._resumed[task] = max(1, self._resumed[task])
        return not begun or self.ending()

    def next_cell(self) -> Cell:
        """Which cell the pump visits now."""
        cell, self._chosen = self._chosen, None
        if cell is None or cell not in self._queue.cells:
            ways = {self._of_cell(cell): cell for cell in self._queue.cells}
            cell = ways[self.choices.next(STEP, ways)]
        self._taken[trio.lowlevel.current_task()] = self._of_cell(cell)
        if cell.status is QUEUED and (envelope := _head(cell)) is not None:
            self._letters.pop(envelope, None)
        return cell

    def in_order(self, due: list[Timer], name: Callable[[Timer], str | None]) -> list[Timer]:
        """Timers that are due at the same instant, in the order in which they fire; who has no name first."""
        named = {key: timer for timer in due if (key := name(timer)) is not None}
        left = {Alternative(key, "timers", actor_of(key)): timer for key, timer in sorted(named.items())}
        ordered = [timer for timer in due if timer not in left.values()]
        while left:
            ordered.append(left.pop(self.choices.next(TIMER, left)))
        return ordered

    # --- names -----------------------------------------------------------------------------------------

    def _is_pump(self, task: Task) -> bool:
        if not task.name.endswith(PUMP):
            return False
        return task not in self._taken or (task is self._pump and self._queue.driven)

    def _of_cell(self, cell: Cell) -> Alternative:
        envelope = _head(cell) if cell.status is QUEUED else None
        if envelope is None:
            kin = f"{cell.address} : {'interleave' if cell.status is BUSY else 'nothing'}"
            return Alternative(kin, kin, cell.address)
        found = self._letters.get(envelope)
        if found is None:
            kind, sender = type(envelope.message).__name__, envelope.sender
            self._told[cell.address, kind, sender] += 1
            number = self._told[cell.address, kind, sender]
            kin = f"{cell.address} : {kind}"
            found = Alternative(f"{kin} {number} of {sender or 'outside'}", kin, cell.address)
            self._letters[envelope] = found
        return found

    def _of_task(self, task: Task) -> Alternative:
        number = self._resumed[task]
        turn = self._taken.get(task)
        if turn is not None:
            return Alternative(f"{turn.name} resume {number + 1}", turn.kin, turn.actor)
        name = self._tasks.get(task)
        if name is None:
            name = _short(task.name)
            self._named[name] += 1
            if self._named[name] > 1:
                name = f"{name}#{self._named[name]}"
            self._tasks[task] = name
        return Alternative(f"{name} : resume {number}", name, name)


def _short(name: str) -> str:
    """Of a task: its function, with the class where that is the system's own."""
    parts = name.split(".")
    return ".".join(parts[-2:]) if parts[0] == "runtime" and "<locals>" not in parts else parts[-1]


def _head(cell: Cell) -> Envelope | None:
    """What it will handle next."""
    mailbox = cell.mailbox
    if mailbox is None:
        return None
    lane = mailbox.system or mailbox.user
    return next(iter(lane), None)
