"""What a bench reports: figures, each with its unit, and the table and JSON that they make."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Options:
    """What all benches are told."""

    folder: Path
    """Where data folders are made: the disk under test."""
    quick: bool = False
    """A fraction of the time, for who only wants to see it work."""
    backlog: bool = False
    """Also what takes minutes: a million messages."""

    @property
    def rounds(self) -> int:
        return 1 if self.quick else 3

    @property
    def seconds(self) -> float:
        """How long one round of load lasts."""
        return 1.0 if self.quick else 3.0

    def times(self, count: int) -> int:
        """How often to repeat what is done `count` times in a full run."""
        return count // 10 if self.quick else count


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `aim` is what the project set itself, `more` what explains it."""

    name: str
    value: float
    unit: str
    aim: str = ""
    more: Mapping[str, float] = field(default_factory=dict[str, float])

    def line(self) -> str:
        more = "  ".join(f"{name} {_number(value)}" for name, value in self.more.items())
        return f"{self.name:<44} {_number(self.value):>12} {self.unit:<11} {self.aim:<12} {more}".rstrip()


HEADING = f"{'figure':<44} {'value':>12} {'unit':<11} {'aim':<12} more"


def as_json(figures: Iterable[Figure]) -> list[dict[str, object]]:
    return [asdict(figure) for figure in figures]


def middle(rounds: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Of several rounds of the same load, the median of each of its figures."""
    kept = list(rounds)
    return {name: median(one[name] for one in kept) for name in kept[0]}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.3g}"
