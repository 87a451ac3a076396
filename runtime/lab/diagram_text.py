"""A diagram as text: for a terminal, and for what pytest shows of a test that has failed."""

from runtime.lab.diagram import COMMIT, FAULT, NOTE, REPLY, RESUME, SEND, TURN, Diagram, Row

LINES_MAX = 40
WIDTH_MAX = 120
_TIME = 9
_MARKS = {TURN: "o", REPLY: "o", FAULT: "X", COMMIT: "o", NOTE: "*", SEND: "o"}


def text(diagram: Diagram, *, lines: int = LINES_MAX) -> str:
    """At most so many lines: of a long run the last ones. A message is drawn where it is handled, a reply where it leaves."""
    rows = [row for row in diagram.rows if _drawn(row)]
    if not rows:
        return "nothing was sent"
    left_out = max(0, len(rows) - (lines - 1))
    if left_out:
        left_out += 1  # the line that says so takes a row's place
    width = _width(diagram, rows)
    drawn = [_heading(diagram, width)]
    if left_out:
        drawn.append(f"          ... {left_out} rows before")
    drawn += [_line(diagram, row, width) for row in rows[left_out:]]
    return "\n".join(drawn)


def _drawn(row: Row) -> bool:
    return row.kind != RESUME and not (row.kind == SEND and row.arrived)


def _width(diagram: Diagram, rows: list[Row]) -> int:
    """Of a column: room for the longest label between two, as far as the page allows."""
    longest = max((len(row.label) for row in rows), default=0) + 8
    names = max((len(name) for name in diagram.columns), default=0) + 2
    fits = max(10, (WIDTH_MAX - _TIME) // max(1, len(diagram.columns)))
    return min(max(longest, names), fits)


def _heading(diagram: Diagram, width: int) -> str:
    names = (name if len(name) < width else name[: width - 2] + "~" for name in diagram.columns)
    return ("t".ljust(_TIME) + "".join(name.ljust(width) for name in names)).rstrip()


def _line(diagram: Diagram, row: Row, width: int) -> str:
    cells = list(" " * (_TIME + width * len(diagram.columns) + 60))
    for column in range(len(diagram.columns)):
        cells[_TIME + column * width] = "|"
    _put(cells, 0, f"{row.time:.3f}")
    at = _TIME + row.column * width
    other = _other(diagram, row)
    if other is None or other == row.column:
        _put(cells, at + 2, row.label)
    elif row.kind == TURN:
        _arrow(cells, _TIME + other * width, at, row.label)
    else:
        _arrow(cells, at, _TIME + other * width, row.label)
    cells[at] = _MARKS[row.kind]
    if row.kind == SEND:
        _put(cells, (max(at, _TIME + other * width) if other is not None else at) + 2, "(never handled)")
    return "".join(cells).rstrip()


def _other(diagram: Diagram, row: Row) -> int | None:
    """The column at the other end of the arrow."""
    if row.kind == TURN:
        return None if row.cause is None else diagram.rows[row.cause].column
    return row.to


def _arrow(cells: list[str], begin: int, end: int, label: str) -> None:
    left, right = min(begin, end), max(begin, end)
    for place in range(left + 1, right):
        cells[place] = "-"
    cells[end - 1 if end > begin else end + 1] = ">" if end > begin else "<"
    room = right - left - 6
    if room > 0 and label:
        shown = f" {label[:room]} "
        _put(cells, left + 1 + (right - left - 1 - len(shown)) // 2, shown)


def _put(cells: list[str], at: int, what: str) -> None:
    cells[at : at + len(what)] = what
