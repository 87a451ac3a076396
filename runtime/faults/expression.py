"""Expressions over a node's figures, such as `error_rate(5xx, 30 s) > 0.5 and requests(*, 30 s) > 10`.

Read by a parser of its own: what a file says is never run as code. A sentence that the parser does not know is refused
before anything runs; so is a figure that is known in a simulation alone.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from typing import Protocol

from typing_extensions import override

from runtime.faults.values import UNITS

LENGTH_MAX = 500
WINDOW_MAX = 600.0
"""Seconds that a figure can look back."""
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "==": eq,
    "!=": ne,
}
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
LAB_ONLY = {"never", "sometimes", "age"}
_TOKEN = re.compile(r"\s*(<=|>=|==|!=|[<>(),]|[^\s<>(),=!]+)")
_STATUS = re.compile(r"[1-5]xx|[1-5][0-9][0-9]")


class Figures(Protocol):
    """What expressions are about. A figure of no requests at all is 0."""

    def error_rate(self, status: str, window: float) -> float:
        """Share of the answers of the last `window` seconds with `status`: `5xx`, `429`."""
        ...

    def quantile(self, share: float, operation: str, window: float) -> float:
        """Seconds within which that share of the operation's requests was answered."""
        ...

    def requests(self, operation: str, window: float) -> float:
        """How many of the operation were answered."""
        ...

    def faults(self, rule: str) -> float:
        """How often the rule has acted."""
        ...


Value = Callable[[Figures], float]
Truth = Callable[[Figures], bool]


@dataclass(frozen=True, slots=True)
class Expression:
    """One that was understood: `holds(figures)` says whether it is true now."""

    text: str
    holds: Truth = field(compare=False)
    window: float
    """Seconds that it looks back at most."""

    @override
    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Expression:
    """The expression of `text`. Raises ValueError with the place in it that was not understood."""
    if len(text) > LENGTH_MAX:
        raise ValueError(f"an expression has at most {LENGTH_MAX} characters")
    reader = _Reader(text)
    holds = reader.either()
    if reader.word is not None:
        raise reader.refusal("and, or, or the end")
    return Expression(text, holds, reader.longest)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self.longest = 0.0
        """Seconds of the longest window so far."""

    @property
    def word(self) -> str | None:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else None

    def refusal(self, wanted: str) -> ValueError:
        if self._at < len(self._tokens):
            found, column = self._tokens[self._at]
            return ValueError(f"{self._text!r}, column {column + 1}: {wanted}, not {found!r}")
        return ValueError(f"{self._text!r} ends where there should be {wanted}")

    def take(self, wanted: str | None = None) -> str:
        word = self.word
        if word is None or wanted not in {None, word}:
            raise self.refusal(wanted or "a name or a number")
        self._at += 1
        return word

    def either(self) -> Truth:
        truths = [self._both()]
        while self.word == "or":
            self.take()
            truths.append(self._both())
        return truths[0] if len(truths) == 1 else lambda figures: any(one(figures) for one in truths)

    def _both(self) -> Truth:
        truths = [self._comparison()]
        while self.word == "and":
            self.take()
            truths.append(self._comparison())
        return truths[0] if len(truths) == 1 else lambda figures: all(one(figures) for one in truths)

    def _comparison(self) -> Truth:
        left = self._value()
        compare = COMPARISONS.get(self.word or "")
        if compare is None:
            raise self.refusal(f"one of {' '.join(COMPARISONS)}")
        self.take()
        right = self._value()
        return lambda figures: compare(left(figures), right(figures))

    def _value(self) -> Value:
        word = self.word
        if word is not None and _number(word) is not None:
            number = self._quantity()
            return lambda _: number
        if word is None or not word.isidentifier():
            raise self.refusal("a figure or a number")
        return self._figure()

    def _figure(self) -> Value:
        name = self.word or ""
        make = FIGURES.get(name)
        if make is None:
            if name in LAB_ONLY:
                raise ValueError(f"{self._text!r}: {name} is known in a simulation alone")
            raise self.refusal(f"one of {', '.join(FIGURES)}")
        self.take()
        self.take("(")
        value = make(self)
        self.take(")")
        return value

    def _quantity(self) -> float:
        """A number, or a time with its unit."""
        number = _number(self.word or "")
        if number is None:
            raise self.refusal("a number")
        self.take()
        unit = UNITS.get(self.word or "")
        if unit is None:
            return number
        self.take()
        return number * unit

    def window(self) -> float:
        """`, 30 s`."""
        self.take(",")
        window = self._quantity()
        if not 0 < window <= WINDOW_MAX:
            raise ValueError(f"{self._text!r}: a figure looks back more than 0 s, at most {WINDOW_MAX:.0f} s")
        self.longest = max(self.longest, window)
        return window


def _tokens(text: str) -> list[tuple[str, int]]:
    """Each with its column."""
    found: list[tuple[str, int]] = []
    place = 0
    while text[place:].strip():
        token = _TOKEN.match(text, place)
        if token is None:
            raise ValueError(f"{text!r}, column {place + 1}: not understood")
        word = token[1]
        found += _split(word, token.start(1))
        place = token.end()
    return found


def _split(word: str, column: int) -> list[tuple[str, int]]:
    """`30s` is a number and its unit; `5xx` is a word."""
    joined = re.fullmatch(r"([0-9.]+)(ms|s|min|m|h)", word)
    if joined is None:
        return [(word, column)]
    return [(joined[1], column), (joined[2], column + len(joined[1]))]


def _number(token: str) -> float | None:
    return float(token) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", token) else None


def _error_rate(reader: _Reader) -> Value:
    status = reader.word or ""
    if _STATUS.fullmatch(status) is None:
        raise reader.refusal("a status such as 5xx or 429")
    reader.take()
    window = reader.window()
    return lambda figures: figures.error_rate(status, window)


def _quantile(share: float) -> Callable[[_Reader], Value]:
    def make(reader: _Reader) -> Value:
        operation = reader.take()
        window = reader.window()
        return lambda figures: figures.quantile(share, operation, window)

    return make


def _requests(reader: _Reader) -> Value:
    operation = reader.take()
    window = reader.window()
    return lambda figures: figures.requests(operation, window)


def _faults(reader: _Reader) -> Value:
    rule = reader.take()
    return lambda figures: figures.faults(rule)


FIGURES: dict[str, Callable[[_Reader], Value]] = {
    "error_rate": _error_rate,
    **{name: _quantile(share) for name, share in QUANTILES.items()},
    "requests": _requests,
    "faults": _faults,
}
