"""An experiment: rules between two looks at a steady state, and what undoes them whatever happens.

before (steady?) -> running (rules armed) -> after (steady again within `recover`?) -> done. Who has begun it must ask for it
at least every 15 s: when he is gone, so are its rules. They are undone when they are over, when `stop_when` holds, when it is
stopped, when all is switched off, and when the node ends.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from runtime.faults.expression import Expression
from runtime.faults.live import LiveFaults
from runtime.faults.rule import FaultFile

LEASE = 15.0
"""Seconds that it goes on without being asked for."""
SERIES_KEPT = 3_600

State = Literal["before", "running", "after", "done"]


class Experiment:
    """One of a node; it begins at once, and `live` looks after it from then on."""

    def __init__(self, name: str, file: FaultFile, live: LiveFaults, now: Callable[[], float]) -> None:
        self.name = name
        self.state: State = "before"
        self.outcome: str | None = None
        """How its rules came to an end: completed, not_steady, stopped, lease_lost, cancelled, off."""
        self.why = ""
        self.recovered: bool | None = None
        self._file = file
        self._live = live
        self._now = now
        self._began = self._since = self._asked_for = now()
        self._before = dict(live.faults.counts)
        self._limits = live.faults.limits
        self._series: deque[tuple[float, list[bool]]] = deque(maxlen=SERIES_KEPT)
        self._injected: dict[str, int] = {}
        live.watching += 1
        live.stopped = None
        live.lookers.append(self.look)
        self.look()
        live.settle()

    def renew(self) -> None:
        """Whoever has begun it is still there."""
        self._asked_for = self._now()

    def cancel(self) -> None:
        """Undo it now; it still waits for the steady state."""
        if self.state in {"before", "running"}:
            self._undo("cancelled", "it was stopped by its DELETE")

    def look(self) -> None:
        """Go on to the next state, if it is time. Called every second."""
        now = self._now()
        if self.state in {"before", "running"} and now - self._asked_for > LEASE:
            self._undo("lease_lost", f"nobody has asked for it for {LEASE:.0f} s")
        if self.state in {"before", "running"} and self._live.stopped is not None:
            self._undo("off", self._live.stopped)
        match self.state:
            case "before":
                self._look_before(now)
            case "running":
                self._look_running(now)
            case "after":
                self._look_after(now)
            case "done":
                pass

    def as_json(self) -> dict[str, Any]:
        """All that it knows."""
        return {
            "id": self.name,
            "state": self.state,
            "outcome": self.outcome,
            "why": self.why,
            "recovered": self.recovered,
            "began": self._began,
            "steady_state": [str(one) for one in self._file.steady_state],
            "series": [{"at": at, "steady": steady} for at, steady in self._series],
            "injected": self._injected or self._since_it_began(),
        }

    # --- its states ------------------------------------------------------------------------------------

    def _look_before(self, now: float) -> None:
        """As long as its steady state looks back: before that there is nothing to judge it by."""
        if now - self._since < max((one.window for one in self._file.steady_state), default=0.0):
            return
        if unsteady := self._unsteady(now):
            self._close("not_steady", f"not steady: {unsteady}")
            return
        self._live.faults.limits = self._file.limits
        for rule in self._file.faults:
            self._live.faults.add(rule)
            self._live.faults.arm(rule.name)
        self._go("running")

    def _look_running(self, now: float) -> None:
        self._unsteady(now)
        for expression in self._file.stop_when:
            if expression.holds(self._live.window):
                self._undo("stopped", f"stop_when {expression}")
                return
        rules = self._live.faults.rules
        over = [rule.name not in rules or rules[rule.name].over(now) for rule in self._file.faults]
        if all(over) or self._live.faults.spent:
            self._undo("completed", "its rules are over")

    def _look_after(self, now: float) -> None:
        if not self._unsteady(now):
            self.recovered = True
        elif now - self._since >= self._file.recover:
            self.recovered = False
        else:
            return
        self._close(self.outcome or "", self.why)

    def _undo(self, outcome: str, why: str) -> None:
        ran = self.state == "running"
        self.outcome, self.why = outcome, why
        if not ran:
            self._close(outcome, why)
            return
        self._injected = self._since_it_began()
        for rule in self._file.faults:
            standing = self._live.faults.rules.get(rule.name)
            if standing is not None and standing.rule is rule:
                self._live.faults.remove(rule.name)
        if self._live.faults.limits is self._file.limits:  # else somebody has put others meanwhile
            self._live.faults.limits = self._limits
        self._go("after")

    def _close(self, outcome: str, why: str) -> None:
        self.outcome, self.why = outcome, why
        self._live.watching -= 1
        self._live.lookers.remove(self.look)
        self._go("done")

    def _go(self, state: State) -> None:
        self.state = state
        self._since = self._now()
        self._live.settle()

    def _unsteady(self, now: float) -> Expression | None:
        """The first sentence that does not hold; the look is kept."""
        steady = [one.holds(self._live.window) for one in self._file.steady_state]
        self._series.append((now, steady))
        return next(
            (one for one, true in zip(self._file.steady_state, steady, strict=True) if not true), None
        )

    def _since_it_began(self) -> dict[str, int]:
        counts = self._live.faults.counts
        return {rule.name: counts[rule.name] - self._before.get(rule.name, 0) for rule in self._file.faults}
