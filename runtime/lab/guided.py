"""Guided search: what has reached a new state is kept, and changed a little for the next run.

A state is what the actors hold and have in their mailboxes, as text, after each step of a run. A plan is changed by
going on from a place of it by chance, or by making one wish earlier than it was made.
"""

from collections.abc import Collection

from runtime.entropy import Entropy
from runtime.lab.choices import Choices, Plan, Strategy
from runtime.lab.strategies import Pos

FRESH_EVERY = 4
"""One run in so many begins from nothing."""


class Guided:
    """A search that keeps the plans which have led somewhere new; what it draws comes from `seed` alone."""

    reduces = True

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._entropy = Entropy(seed).stream("guided")
        self._runs = 0
        self._states: set[str] = set()
        self._kept: list[list[str]] = []

    @property
    def states(self) -> int:
        """How many different states have been seen."""
        return len(self._states)

    def next(self) -> Strategy | None:
        """The next run's: a kept plan, changed, and then POS."""
        self._runs += 1
        then = Pos(self._entropy.stream(f"run-{self._runs}"))
        if not self._kept or self._runs % FRESH_EVERY == 0:
            return then
        return Plan(self._changed(self._kept[self._entropy.below(len(self._kept))]), then)

    def learn(self, choices: Choices, local: Collection[str]) -> None:  # noqa: ARG002 -- as the other searches do
        """Keep its plan if it has seen a new state."""
        new = choices.states - self._states
        self._states |= new
        if new and choices.made:
            self._kept.append([choice.taken for choice in choices.made])

    def _changed(self, plan: list[str]) -> list[str]:
        at = self._entropy.below(len(plan))
        if self._entropy.below(2):
            return plan[:at]
        earlier = self._entropy.below(at + 1)
        return [*plan[:earlier], plan[at], *plan[earlier:at], *plan[at + 1 :]]
