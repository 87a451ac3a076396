"""What an experiment has shown: its rows as CSV, a table with intervals, a picture of it.

A measure that is True or False in each run is a share of the runs, with Wilson's interval; a number is a median, with a
bootstrapped one. Beside the baseline stands the difference to it, pair by pair: of the same seed.
"""

import csv
from collections.abc import Mapping, Sequence
from html import escape
from io import StringIO

from runtime.lab import intervals
from runtime.lab.experiment import Results, Row, Value
from runtime.lab.intervals import Interval

LEFT, WIDE, HIGH, TOP = 330, 420, 22, 40
"""Pixels: of the names, of a plot, of a row, above the first row."""


def as_csv(results: Results) -> str:
    """One line for each run; a number as the shortest text that reads back as the same number, True as 1."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*results.experiment.sweep, "seed", *results.measures])
    for row in results.rows:
        measured = [int(value) if isinstance(value, bool) else value for value in row.measures.values()]
        writer.writerow([*row.parameters.values(), row.seed, *measured])
    return text.getvalue()


def as_table(results: Results) -> str:
    """A line for each point: each measure with its interval, and its difference to the baseline's."""
    baseline = dict(results.experiment.baseline)
    varied = results.experiment.varied
    head = [*varied]
    for measure in results.measures:
        head += [measure, *(["to baseline"] if baseline else [])]
    lines = [head]
    for parameters in results.experiment.points():
        line = [str(parameters[name]) for name in varied]
        for measure in results.measures:
            line.append(_shown(interval_of(results.at(parameters), measure)))
            if baseline:
                line.append(
                    "" if parameters == baseline else _shown(difference(results, parameters, measure), "+")
                )
        lines.append(line)
    wide = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        [
            f"{_title(results)}; {len(results.seeds)} seeds a point, intervals of 95 %",
            *(
                "  ".join(text.ljust(size) for text, size in zip(line, wide, strict=True)).rstrip()
                for line in lines
            ),
            "",
        ]
    )


def interval_of(rows: Sequence[Row], measure: str) -> Interval:
    """A share of the runs, or a median."""
    values = [row.measures[measure] for row in rows]
    if all(isinstance(value, bool) for value in values):
        return intervals.share(sum(map(bool, values)), len(values))
    return intervals.of_median(values)


def difference(results: Results, parameters: Mapping[str, Value], measure: str) -> Interval:
    """To the baseline's, of the same seed: of a share the mean, of a number the median of the differences."""
    rows, base = results.at(parameters), results.at(results.experiment.baseline)
    pairs = [(row.measures[measure], other.measures[measure]) for row, other in zip(rows, base, strict=True)]
    differences = [float(value) - float(other) for value, other in pairs]
    if all(isinstance(value, bool) for value, _ in pairs):
        return intervals.of_mean(differences)
    return intervals.of_median(differences)


def _shown(interval: Interval, sign: str = "") -> str:
    value, low, high = (format(one, f"{sign}.4g") for one in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"


def as_svg(results: Results, measure: str) -> str:
    """One measure as a picture: a row for each point, with its interval and each run as a dot."""
    points = list(results.experiment.points())
    most = max([0.0, *(float(row.measures[measure]) for row in results.rows)]) or 1.0
    least = min(0.0, *(float(row.measures[measure]) for row in results.rows))
    high = TOP + HIGH * len(points) + 30

    def x(value: float) -> float:
        return round(LEFT + WIDE * (value - least) / (most - least), 1)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 40} {high}" role="img">',
        "<style>text{font:12px ui-monospace,'DejaVu Sans Mono',monospace;fill:#222}</style>",
        f"<title>{escape(_title(results))}: {escape(measure)}</title>",
        f'<rect width="100%" height="100%" fill="#fff"/><text x="10" y="20">{escape(_title(results))}: {escape(measure)}</text>',
    ]
    for at in (least, (least + most) / 2, most):
        drawn.append(f'<line x1="{x(at)}" x2="{x(at)}" y1="{TOP - 8}" y2="{high - 26}" stroke="#ccc"/>')
        drawn.append(f'<text x="{x(at)}" y="{high - 10}" text-anchor="middle">{at:.4g}</text>')
    for place, parameters in enumerate(points):
        y, rows = TOP + HIGH * place + 8, results.at(parameters)
        found = interval_of(rows, measure)
        name = ", ".join(_named(key, parameters[key]) for key in results.experiment.varied)
        drawn.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        drawn += [
            f'<circle cx="{x(float(row.measures[measure]))}" cy="{y}" r="3" fill="#1f5fa8" fill-opacity=".3"/>'
            for row in rows
        ]
        drawn.append(
            f'<line x1="{x(found.low)}" x2="{x(found.high)}" y1="{y}" y2="{y}" stroke="#c62828" stroke-width="2"/>'
            f'<circle cx="{x(found.value)}" cy="{y}" r="4" fill="#c62828"/>'
        )
    return "\n".join([*drawn, "</svg>", ""])


def _title(results: Results) -> str:
    sweep = results.experiment.sweep
    fixed = [f"{name} {values[0]}" for name, values in sweep.items() if len(values) == 1]
    return ", ".join([results.experiment.name, *fixed])


def _named(name: str, value: Value) -> str:
    return value if isinstance(value, str) else f"{name} {value}"
