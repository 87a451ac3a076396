"""Plots of one run as SVG, read from its diagram: how long mailboxes were at each step, how long messages waited."""

from collections.abc import Sequence
from html import escape

from runtime.lab.diagram import FAULT, SEND, TURN, Diagram

WIDE, HIGH, LEFT, TOP, BOTTOM = 720, 200, 56, 14, 34
"""Pixels."""
ACTORS_MAX = 5
_COLOURS = ("#1f5fa8", "#c25b00", "#2e7d32", "#7b3fa0", "#8a6d00")


def mailbox_lengths(diagram: Diagram) -> dict[str, list[int]]:
    """Of each actor that was sent something: messages sent and not yet handled, after each row; the longest first."""
    changes: dict[int, list[int]] = {}
    counted: set[int] = set()

    def change(column: int, at: int, by: int) -> None:
        changes.setdefault(column, [0] * len(diagram.rows))[at] += by

    for at, row in enumerate(diagram.rows):
        if row.kind == SEND and row.to is not None:
            change(row.to, at, 1)
        elif row.kind == TURN and row.cause is not None and row.cause not in counted:
            counted.add(row.cause)
            change(row.column, at, -1)
    lengths = {diagram.columns[column]: _sums(steps) for column, steps in changes.items()}
    return dict(sorted(lengths.items(), key=lambda item: -max(item[1])))


def waits(diagram: Diagram) -> list[tuple[float, float]]:
    """Of each message that was handled: when, and for how many virtual seconds it had been on its way."""
    rows = diagram.rows
    return [
        (row.time, row.time - rows[row.cause].time)
        for row in rows
        if row.kind == TURN and row.cause is not None
    ]


def mailbox_plot(diagram: Diagram) -> str:
    """A line for each of the ACTORS_MAX longest mailboxes, by row of the diagram; faults are red lines."""
    lengths = list(mailbox_lengths(diagram).items())[:ACTORS_MAX]
    if not lengths:
        return ""
    most = max(max(line) for _, line in lengths)
    x, y = _Scale(len(diagram.rows) - 1, LEFT, WIDE - 130), _Scale(most, HIGH - BOTTOM, TOP)
    drawn = [_axes("row of the diagram", "messages", len(diagram.rows) - 1, most)]
    for number, (name, line) in enumerate(lengths):
        colour, at = _COLOURS[number], TOP + 16 * number + 10
        points = " ".join(f"H{x(row):.1f}V{y(length):.1f}" for row, length in enumerate(line))
        drawn.append(
            f'<path d="M{LEFT} {y(0):.1f}{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        )
        drawn.append(f'<text x="{WIDE - 118}" y="{at}" style="fill:{colour}">{escape(name[:16])}</text>')
    drawn += [
        f'<path class="fault" d="M{x(at):.1f} {TOP}V{HIGH - BOTTOM}"/>'
        for at, row in enumerate(diagram.rows)
        if row.kind == FAULT
    ]
    return _picture("Mailboxes: sent and not yet handled", drawn)


def wait_plot(diagram: Diagram) -> str:
    """A dot for each message: when it was handled, how long it had been on its way. Empty when no time has passed."""
    dots = waits(diagram)
    most = max((wait for _, wait in dots), default=0.0)
    end = max((time for time, _ in dots), default=0.0)
    if not most:
        return ""
    x, y = _Scale(end, LEFT, WIDE - 20), _Scale(most, HIGH - BOTTOM, TOP)
    marks = [f'<circle cx="{x(time):.1f}" cy="{y(wait):.1f}" r="3" fill="#1f5fa8"/>' for time, wait in dots]
    return _picture("From sent to handled", [_axes("virtual seconds", "seconds", end, most), *marks])


class _Scale:
    """From values to pixels."""

    def __init__(self, most: float, begin: float, end: float) -> None:
        self._begin, self._by = begin, (end - begin) / (most or 1)

    def __call__(self, value: float) -> float:
        return self._begin + value * self._by


def _sums(steps: Sequence[int]) -> list[int]:
    total, sums = 0, list[int]()
    for step in steps:
        total += step
        sums.append(total)
    return sums


def _axes(below: str, beside: str, right: float, top: float) -> str:
    base = HIGH - BOTTOM
    return (
        f'<path class="axis" d="M{LEFT} {TOP}V{base}H{WIDE - 20}"/>'
        f'<text x="{LEFT}" y="{base + 16}">0</text><text x="{LEFT - 6}" y="{TOP + 6}" text-anchor="end">{top:g}</text>'
        f'<text x="{LEFT - 6}" y="{base}" text-anchor="end">0</text>'
        f'<text x="{(LEFT + WIDE) / 2}" y="{HIGH - 6}" text-anchor="middle">{below}, 0 to {right:g}; up: {beside}</text>'
    )


def _picture(title: str, drawn: Sequence[str]) -> str:
    return (
        f'<figure><figcaption>{title}</figcaption><svg class="plot" xmlns="http://www.w3.org/2000/svg" width="{WIDE}"'
        f' height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}" role="img"><title>{title}</title>{"".join(drawn)}</svg></figure>'
    )
