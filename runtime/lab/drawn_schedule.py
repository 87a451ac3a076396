"""Who goes next, drawn from the run's entropy: a schedule without named choices, where clients take most of the steps."""

from typing_extensions import override

from runtime.cell import Cell
from runtime.entropy import Entropy
from runtime.pace import Pace
from runtime.run_queue import RunQueue


class _DrawnQueue(RunQueue):
    def __init__(self, entropy: Entropy) -> None:
        super().__init__()
        self._entropy = entropy
        self.take = self._drawn

    def _drawn(self) -> Cell:
        if not self.cells:
            raise IndexError
        cell = self.cells[self._entropy.below(len(self.cells))]
        self.cells.remove(cell)
        return cell

    @override
    def may_inline(self) -> bool:
        return self._entropy.below(2) == 0


class DrawnSchedule:
    """The run queue draws its next cell, and whether an ask of an idle one is driven in its asker's step."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def queue(self) -> RunQueue:
        return _DrawnQueue(self._entropy)

    def pace(self) -> Pace:
        return Pace(lambda: 0.0)
