"""A run as a space-time diagram: a column for each actor, task and the store, a row for each thing that happened.

The layout is one, text and SVG draw it: `laid_out(film)`, then `text(diagram)` or `svg(diagram)`.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runtime.lab.film import Effect, Film, Shot

SEND, TURN, RESUME, REPLY, NOTE, COMMIT, FAULT = "send", "turn", "resume", "reply", "note", "commit", "fault"
"""Kinds of rows."""

STORE = "/store"
COMMITTER = "System._commit"
"""The task that lets out what waited for the disk: it acts for actors, and sends nothing of its own."""
TELLERS = ("Timers.", "pipes.")
"""Tasks of the system that bring an actor its own messages, and want no answer."""
SENDS = {"ask", "tell", "forward"}
UNSEEN = {"told", "timed", "promised"}
"""Effects that only let out what another effect has said."""
_TURN = re.compile(r"(?P<kind>\S+) \d+ of (?P<sender>\S+)(?P<resumed> resume \d+)?$")
_OUTSIDE = "outside"


@dataclass(slots=True)
class Row:
    """One thing that happened, in one column."""

    step: int
    """Of the run, the first is 1."""
    time: float
    """Seconds since the run began."""
    column: int
    kind: str
    label: str = ""
    to: int | None = None
    """The column that it goes to."""
    cause: int | None = None
    """The row that it came from: of the send, of a turn; of the reply, of a turn that goes on."""
    arrived: bool = False
    """Of what was sent or replied: somebody has gone on with it."""


@dataclass(frozen=True, slots=True)
class Diagram:
    """Columns by their short names, rows from the top."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def laid_out(film: Film) -> Diagram:
    """The layout of a run. Power cuts and other faults are rows of the kind `fault`."""
    layout = _Layout()
    for number, shot in enumerate(film.shots, 1):
        layout.shot(number, shot)
    return layout.diagram()


@dataclass(slots=True)
class _Turn:
    """A turn that may still answer."""

    sender: str
    answers: bool
    """It was asked; unknown of what came from outside."""


@dataclass(slots=True)
class _Layout:
    rows: list[Row] = field(default_factory=list[Row])
    columns: dict[str, int] = field(default_factory=dict[str, int])
    step: int = 0
    time: float = 0.0
    sent: dict[tuple[str, str], deque[int]] = field(default_factory=dict[tuple[str, str], deque[int]])
    """Rows of what was sent and not yet handled, by sender and receiver."""
    replies: dict[str, int] = field(default_factory=dict[str, int])
    """The row of the reply that somebody has not yet gone on with."""
    askers: dict[str, str] = field(default_factory=dict[str, str])
    """Who sent what a turn handles, by the turn's name."""
    latest: dict[str, int] = field(default_factory=dict[str, int])
    """The row of what was sent last from outside, by receiver: one row stands for all of a step."""
    turns: dict[str, deque[_Turn]] = field(default_factory=dict[str, deque[_Turn]])

    def add(self, kind: str, who: str, label: str = "", to: str | None = None) -> Row:
        row = Row(self.step, self.time, self._column(who), kind, label)
        row.to = None if to is None else self._column(to)
        self.rows.append(row)
        return row

    def _column(self, who: str) -> int:
        return self.columns.setdefault(who, len(self.columns))

    # --- one step --------------------------------------------------------------------------------------

    def shot(self, number: int, shot: Shot) -> None:
        self.step = number
        self.time = shot.time
        who, _, what = shot.name.partition(" : ")
        turn = _TURN.match(what) if who.startswith("/") else None
        answering = ""
        if shot.fault:
            self._fault(who, what)
        elif not who.startswith("/"):
            self._task(who, shot)
        elif turn is None:
            self._other(who, what)
        elif turn["resumed"]:
            self._goes_on(who)
            answering = self.askers.get(shot.name.removesuffix(turn["resumed"]), "")
        else:
            answering = self._handled(who, turn["kind"], turn["sender"])
            self.askers[shot.name] = answering
        acting = {who: answering}
        for effect in shot.effects:
            if effect.address not in {who, STORE}:
                self._inline(effect.address, acting)
            self._effect(effect, acting.get(effect.address, ""))

    def _task(self, task: str, shot: Shot) -> None:
        self._goes_on(task)
        if task == COMMITTER:
            return
        asked_by_others = {effect.what for effect in shot.effects if effect.kind in SENDS}
        for to in shot.touched:
            if to.startswith("/") and to not in asked_by_others:
                self.latest[to] = self._send(_OUTSIDE, to, self.add(SEND, task, "", to))

    def _fault(self, who: str, what: str) -> None:
        self.add(FAULT, who, what or who)
        if who == STORE:  # what was under way is gone
            for table in (self.sent, self.replies, self.turns, self.askers, self.latest):
                table.clear()

    def _other(self, who: str, what: str) -> None:
        if what not in {"nothing", "interleave"}:
            self.add(NOTE, who, what)

    def _goes_on(self, who: str) -> None:
        reply = self.replies.pop(who, None)
        if reply is not None:
            self.rows[reply].arrived = True
            self.add(RESUME, who).cause = reply

    def _handled(self, who: str, kind: str, sender: str) -> str:
        """A turn begins. Who waits for its answer."""
        cause = self._take(sender, who)
        if cause is not None:
            origin = self.rows[cause]
            sender = self._name(origin.column)
            if not origin.arrived:
                origin.label = f"{origin.label} {kind}".strip()
            origin.arrived = True
        self.add(TURN, who, kind).cause = cause
        told = cause is not None and self.rows[cause].label.startswith(("tell", "forward"))
        asked = not told and not sender.startswith(TELLERS)
        self.turns.setdefault(who, deque()).append(_Turn(sender, asked))
        return sender

    def _inline(self, who: str, acting: dict[str, str]) -> None:
        """An actor that acts in another's step was asked by it, and driven at once. `acting`: who acts, and whom it answers."""
        for (_, to), pending in self.sent.items():
            if to != who or not pending:
                continue
            cause = self.rows[pending[-1]]
            if cause.step == self.step and cause.label in {"", "ask"}:
                cause.arrived = True
                self.add(TURN, who, "asked").cause = pending.pop()
                acting[who] = self._name(cause.column)
                self.turns.setdefault(who, deque()).append(_Turn(acting[who], answers=True))
                return

    # --- effects ---------------------------------------------------------------------------------------

    def _effect(self, effect: Effect, answering: str) -> None:
        self.time = effect.time
        if effect.kind in SENDS:
            self._send(
                effect.address,
                effect.what,
                self.add(SEND, effect.address, effect.kind, effect.what),
            )
        elif effect.kind == "reply":
            self._reply(effect.address, answering)
        elif effect.kind == "commit":
            self.add(COMMIT, STORE, f"commit of {effect.what}")
        elif effect.kind not in UNSEEN:
            self.add(NOTE, effect.address, f"{effect.kind} {effect.what}".rstrip())

    def _send(self, sender: str, to: str, row: Row) -> int:
        assert self.rows[-1] is row
        self.sent.setdefault((sender, to), deque()).append(len(self.rows) - 1)
        return len(self.rows) - 1

    def _take(self, sender: str, to: str) -> int | None:
        for who in (sender, _OUTSIDE):
            if pending := self.sent.get((who, to)):
                return pending.popleft()
        return self.latest.get(to) if sender == _OUTSIDE else None

    def _reply(self, who: str, answering: str) -> None:
        """`answering` is known of a turn that ends in its own step; the others answer in the order in which they came."""
        turns = self.turns.setdefault(who, deque())
        while turns and not turns[0].answers:
            turns.popleft()
        mine = next((turn for turn in turns if turn.sender == answering), None)
        if mine is not None:
            turns.remove(mine)
        elif turns:
            mine = turns.popleft()
        asker = mine.sender if mine is not None else ""
        row = self.add(REPLY, who, "reply", asker if asker in self.columns else None)
        if row.to is not None:
            self.replies[asker] = len(self.rows) - 1

    # --- the whole -------------------------------------------------------------------------------------

    def _name(self, column: int) -> str:
        return next(name for name, number in self.columns.items() if number == column)

    def diagram(self) -> Diagram:
        """Without the tasks that have done nothing, and with the store at the right."""
        used = {row.column for row in self.rows} | {row.to for row in self.rows if row.to is not None}
        names = sorted(
            (name for name, column in self.columns.items() if column in used),
            key=lambda name: (name == STORE, name.startswith("/")),
        )
        place = {self.columns[name]: at for at, name in enumerate(names)}
        for row in self.rows:
            row.column = place[row.column]
            row.to = None if row.to is None else place[row.to]
        return Diagram(shortened(names), tuple(self.rows))


def shortened(names: Sequence[str]) -> tuple[str, ...]:
    """Of each address so many of its last parts as tell it from the others."""
    return tuple(_short(name, [other for other in names if other != name]) for name in names)


def _short(name: str, others: Iterable[str]) -> str:
    if not name.startswith("/"):
        return name
    parts = name.split("/")
    for count in range(1, len(parts)):
        tail = "/".join(parts[-count:])
        if not any(f"/{other}".endswith(f"/{tail}") for other in others):
            return tail
    return name
