"""A diagram as SVG: self-contained, without a script; a message leans from where it was sent to where it was handled."""

from html import escape

from runtime.lab.diagram import COMMIT, FAULT, NOTE, REPLY, RESUME, SEND, TURN, Diagram, Row

LEFT, TOP, HIGH, WIDE = 90, 46, 26, 150
"""Pixels: of the times, of the names, of a row, of a column."""
ROWS_MAX = 400
_STYLE = """
.lab text{font:12px ui-monospace,'DejaVu Sans Mono',monospace;fill:#222}
.lab .name{font-weight:bold}.lab .time{fill:#777}.lab .life{stroke:#ccc}
.lab .message{stroke:#1f5fa8;stroke-width:1.4;fill:none}.lab .reply{stroke:#7a7a7a;stroke-dasharray:5 3;fill:none}
.lab .lost{stroke:#c62828;stroke-dasharray:2 3;fill:none}.lab .dot{fill:#1f5fa8}.lab .quiet{fill:#888}
.lab .commit{fill:#2e7d32}.lab .fault{stroke:#c62828;stroke-width:2.5}.lab .halo{paint-order:stroke;stroke:#fff;stroke-width:4px}
""".replace("\n", "")
_SPACE = 'xmlns="http://www.w3.org/2000/svg"'
_HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
    ' orient="auto"><path d="M0 0L8 4L0 8z" fill="#444"/></marker></defs>'
)
_DOTS = {TURN: "dot", COMMIT: "commit", NOTE: "quiet", REPLY: "quiet", RESUME: "quiet", SEND: "dot"}


def svg(diagram: Diagram, *, title: str = "space-time diagram") -> str:
    """The picture: of a run of more rows than ROWS_MAX the last ones."""
    first = max(0, len(diagram.rows) - ROWS_MAX)
    wide = LEFT + WIDE * len(diagram.columns) + 60
    high = TOP + HIGH * (len(diagram.rows) - first) + 24
    return "\n".join(
        [
            f'<svg class="lab" {_SPACE} viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style>",
            _HEAD,
            f'<rect class="paper" width="{wide}" height="{high}" fill="#fff"/>',
            *_columns(diagram, high),
            *_times(diagram, first),
            *(_arrow(diagram, row, at, first) for at, row in enumerate(diagram.rows) if at >= first),
            *(_mark(row, at - first) for at, row in enumerate(diagram.rows) if at >= first),
            "</svg>",
        ]
    )


def _columns(diagram: Diagram, high: int) -> list[str]:
    drawn: list[str] = []
    for column, name in enumerate(diagram.columns):
        x = _x(column)
        shown = name if len(name) <= 18 else "~" + name[-17:]
        drawn.append(
            f'<line class="life" x1="{x}" y1="{TOP - 10}" x2="{x}" y2="{high - 10}"/>'
            f'<text class="name" x="{x}" y="{TOP - 20}" text-anchor="middle">{escape(shown)}'
            f"<title>{escape(name)}</title></text>"
        )
    return drawn


def _times(diagram: Diagram, first: int) -> list[str]:
    """Each time once, where it begins."""
    drawn: list[str] = []
    last = ""
    for at, row in enumerate(diagram.rows[first:]):
        time = f"{row.time:.3f} s"
        if time != last:
            drawn.append(f'<text class="time" x="8" y="{_y(at) + 4}">{time}</text>')
        last = time
    return drawn


def _arrow(diagram: Diagram, row: Row, at: int, first: int) -> str:
    """What has led to this row; or what went from it and arrived nowhere."""
    here = _x(row.column), _y(at - first)
    if row.kind in {TURN, RESUME} and row.cause is not None and row.cause >= first:
        origin = diagram.rows[row.cause]
        kind = "message" if row.kind == TURN else "reply"
        return _line(kind, (_x(origin.column), _y(row.cause - first)), here, row.label or origin.label)
    if row.to is not None and not row.arrived:
        kind = "lost" if row.kind == SEND else "reply"
        return _line(kind, here, (_x(row.to), here[1]), row.label)
    return ""


def _line(kind: str, begin: tuple[float, float], end: tuple[float, float], label: str) -> str:
    (x1, y1), (x2, y2) = begin, end
    if x1 == x2:
        shape = f'<path class="{kind}" d="M{x1} {y1}C{x1 + 50} {y1} {x2 + 50} {y2} {x2 + 5} {y2}"'
        middle = x1 + 44
    else:
        shape = f'<path class="{kind}" d="M{x1} {y1}L{x2 + (-5 if x2 > x1 else 5)} {y2}"'
        middle = (x1 + x2) / 2
    return (
        f'{shape} marker-end="url(#head)"/><text class="halo" x="{middle}" y="{(y1 + y2) / 2 - 4}"'
        f' text-anchor="middle">{escape(label)}</text>'
    )


def _mark(row: Row, at: int) -> str:
    x, y = _x(row.column), _y(at)
    hover = f"<title>step {row.step}, {row.time:.6f} s: {escape(f'{row.kind} {row.label}'.strip())}</title>"
    if row.kind == FAULT:
        return (
            f'<g><path class="fault" d="M{x - 7} {y - 7}L{x + 7} {y + 7}M{x + 7} {y - 7}L{x - 7} {y + 7}"/>'
            f'<text class="halo" x="{x + 12}" y="{y + 4}">{escape(row.label)}</text>{hover}</g>'
        )
    beside = ""
    if row.kind in {NOTE, COMMIT} or (row.kind in {TURN, REPLY} and row.cause is None and row.to is None):
        beside = f'<text class="halo" x="{x + 9}" y="{y + 4}">{escape(row.label)}</text>'
    return f'<g><circle class="{_DOTS[row.kind]}" cx="{x}" cy="{y}" r="4">{hover}</circle>{beside}</g>'


def _x(column: int) -> float:
    return LEFT + WIDE * column + WIDE / 2


def _y(at: int) -> float:
    return TOP + HIGH * at + HIGH / 2
