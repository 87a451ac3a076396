"""The table, in Markdown, and the plot that the rounds make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

GOAL = 5.0
"""Times the best peer's rate: what the project set itself."""
PEERS = ("pykka", "thespian", "triotp", "xoscar")
COLUMNS = ("program", "unit", "callboard", *PEERS, "x by clock", "x by processor")
HEADING = f"| {' | '.join(COLUMNS)} |\n|{'---|' * 2}{'--:|' * (len(COLUMNS) - 2)}"
"""The last two: Callboard's multiple of the best peer, by units a second and by units for a second of the processor."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Medians: units a second, the process's peak memory in MB, and microseconds of the processor for a unit."""

    rate: float
    peak: float
    busy: float


@dataclass(frozen=True, slots=True)
class Row:
    """One program; a framework without a figure has a reason in `missing`."""

    name: str
    unit: str
    figures: Mapping[str, Figure]
    missing: Mapping[str, str]

    @property
    def ratio(self) -> float | None:
        """Callboard's rate as a multiple of the best peer's."""
        return self._compared(lambda figure: figure.rate)

    @property
    def busy_ratio(self) -> float | None:
        """The same for a second of the processor: what else the machine does hardly changes it."""
        return self._compared(lambda figure: 1 / figure.busy)

    def _compared(self, of: Callable[[Figure], float]) -> float | None:
        peers = [of(figure) for framework, figure in self.figures.items() if framework != "callboard"]
        ours = self.figures.get("callboard")
        return of(ours) / max(peers) if ours is not None and peers else None

    def line(self) -> str:
        cells = [self._cell(framework) for framework in ("callboard", *PEERS)]
        ratios = ["" if ratio is None else f"{ratio:.1f}" for ratio in (self.ratio, self.busy_ratio)]
        return f"| {' | '.join([self.name, self.unit, *cells, *ratios])} |"

    def reasons(self) -> list[str]:
        """Why a framework has no figure, where that says something of it."""
        return [
            f"{self.name}, {framework}: {reason}"
            for framework, reason in self.missing.items()
            if reason != "not of Savina"
        ]

    def _cell(self, framework: str) -> str:
        figure = self.figures.get(framework)
        if figure is None:
            return "FAILED" if self.missing[framework].startswith("FAILED") else "-"
        return f"{figure.rate:,.0f} {figure.busy:.1f}us {figure.peak:,.0f}MB"

    def as_json(self) -> dict[str, object]:
        figures = {
            name: {"rate": one.rate, "peak_mb": one.peak, "busy_us": one.busy}
            for name, one in self.figures.items()
        }
        return {
            "program": self.name,
            "unit": self.unit,
            "figures": figures,
            "missing": dict(self.missing),
            "ratio": self.ratio,
            "busy_ratio": self.busy_ratio,
        }


def plot(rows: Sequence[Row]) -> str:
    """A bar for each program, as long as its ratio to the best peer by the processor; the goal is a line."""
    compared = [(row.name, row.busy_ratio) for row in rows if row.busy_ratio is not None]
    unit = 600 / max([ratio for _, ratio in compared] + [GOAL])
    below = 20 * len(compared)
    goal = 180 + GOAL * unit
    bars = "".join(
        f'<text x="170" y="{20 * place + 14}" text-anchor="end">{name}</text>'
        f'<rect x="180" y="{20 * place + 3}" width="{ratio * unit:.1f}" height="14" fill="#4477aa"/>'
        f'<text x="{186 + ratio * unit:.1f}" y="{20 * place + 14}">{ratio:.1f}</text>'
        for place, (name, ratio) in enumerate(compared)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="830" height="{below + 20}" font-family="sans-serif" font-size="12">'
        f'{bars}<line x1="{goal:.1f}" y1="0" x2="{goal:.1f}" y2="{below}" stroke="#cc3311"/>'
        f'<text x="{goal:.1f}" y="{below + 14}" text-anchor="end">{GOAL:g} times the best peer</text></svg>\n'
    )
