"""The table and the plot that the rounds make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GOAL = 5.0
"""Times the best peer's rate: what the project set itself."""
PEERS = ("pykka", "thespian", "triotp", "xoscar")
HEADING = (
    f"{'program':<22} {'unit':<11} {'callboard':>17} "
    + " ".join(f"{peer:>17}" for peer in PEERS)
    + "   x best peer"
)


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
        peers = [figure.rate for framework, figure in self.figures.items() if framework != "callboard"]
        ours = self.figures.get("callboard")
        return ours.rate / max(peers) if ours is not None and peers else None

    def line(self) -> str:
        cells = " ".join(f"{self._cell(framework):>17}" for framework in ("callboard", *PEERS))
        ratio = "" if self.ratio is None else f"{self.ratio:>6.1f}"
        reasons = [
            f"\n    {framework}: {reason}"
            for framework, reason in self.missing.items()
            if reason != "not of Savina"
        ]
        return f"{self.name:<22} {self.unit:<11} {cells} {ratio}{''.join(reasons)}"

    def _cell(self, framework: str) -> str:
        figure = self.figures.get(framework)
        if figure is None:
            return "FAILED" if self.missing[framework].startswith("FAILED") else "-"
        return f"{figure.rate:,.0f} {figure.peak:,.0f}MB"

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
        }


def plot(rows: Sequence[Row]) -> str:
    """A bar for each program, as long as its ratio to the best peer; the goal is a line."""
    compared = [(row.name, row.ratio) for row in rows if row.ratio is not None]
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
