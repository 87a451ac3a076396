"""What must always, never, sometimes, at last be true: said in product code or tests, judged in each run of the lab.

    from runtime import lab

    retried = lab.sometimes("an order is retried")
    paid_once = lab.always("an order is paid once")
    ...
    paid_once(order.payments <= 1, order=order.id, payments=order.payments)

Each is an object at the top of a module, so that importing the module is what makes it known: a retry path that no run
ever took is known by its name though not one line of it has run. A call with the name in it, in the midst of a function,
would be known only once it is reached; so there is no such call, and a site that is made in a function is refused.

In a run a violation fails it, whatever the program makes of it, when it ends. Outside of a run it is logged and counted,
and nothing more: a node does not crash because somebody was wrong about it.
"""

import inspect
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any, ClassVar, Self, TypeVar

import structlog
from typing_extensions import override

from runtime.lab.verdict import PropertyFailed, Violation, require

LOGGED = 10
"""Violations of one site that are logged; then they are counted only."""
log = structlog.get_logger("callboard.lab")


@dataclass(slots=True)
class Met:
    """What one run has met: plain values, to be sent from another process."""

    counts: Counter[str] = field(default_factory=Counter[str])
    """How often each site was reached; of a `sometimes` with a condition, how often it was true."""
    violations: dict[str, Violation] = field(default_factory=dict[str, Violation])
    """The first of each site."""
    owed: dict[str, Violation] = field(default_factory=dict[str, Violation])
    """What `eventually` still waits for."""
    margins: dict[str, float] = field(default_factory=dict[str, float])
    """How close each `always_less` has come to its limit: keep the runs that come closer."""


class Watched:
    """A run: what its sites meet within the block. Raises PropertyFailed at its end, before any other error of the run.

    `cut`: the run ends with a power cut, which owes nothing.
    """

    def __init__(self) -> None:
        self.met = Met()
        self.cut = False

    def __enter__(self) -> Self:
        _RUNS.append(self.met)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _RUNS.pop()
        owed = () if self.cut or error is not None else self.met.owed.values()
        if error is None or isinstance(error, Exception):
            try:
                require(*self.met.violations.values(), *owed)
            except PropertyFailed as failed:
                raise failed from error


_RUNS: list[Met] = []
"""The run that is under way, if there is one: not a context variable, since it is one whatever task or greenlet asks."""


class Site:
    """One property, where it was said."""

    kind: ClassVar[str]

    def __init__(self, name: str, frame: FrameType) -> None:
        if frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            raise ValueError(
                f"lab.{self.kind}({name!r}) stands at the top of a module, not in {frame.f_code.co_name}"
            )
        self.name = name
        self.where = f"{frame.f_globals['__name__']}:{frame.f_lineno}"
        self.file = frame.f_code.co_filename
        self.reached = 0
        """How often in this process, in runs and outside."""
        self.failures = 0

    def _reached(self) -> None:
        self.reached += 1
        if _RUNS:
            _RUNS[-1].counts[self.name] += 1

    def _failed(self, detail: dict[str, Any]) -> None:
        self.failures += 1
        if _RUNS:
            _RUNS[-1].violations.setdefault(self.name, self._violation(detail))
        elif self.failures <= LOGGED:
            log.error("property_failed", kind=self.kind, property=self.name, where=self.where, detail=detail)

    def _violation(self, detail: dict[str, Any]) -> Violation:
        return Violation(self.kind, self.name, f"{self.where} {_shown(detail)}".rstrip())

    @override
    def __repr__(self) -> str:
        return f"<{self.kind} {self.name!r} {self.where}>"


class Always(Site):
    """True whenever it is said."""

    kind = "always"

    def __call__(self, condition: object, /, **detail: Any) -> None:
        self._reached()
        if not condition:
            self._failed(detail)


class Never(Site):
    """False whenever it is said."""

    kind = "never"

    def __call__(self, condition: object, /, **detail: Any) -> None:
        self._reached()
        if condition:
            self._failed(detail)


class AlwaysLess(Site):
    """A number that stays below its limit."""

    kind = "always_less"

    def __call__(self, number: float, limit: float, /, **detail: Any) -> None:
        self._reached()
        if _RUNS:
            margins = _RUNS[-1].margins
            margins[self.name] = min(limit - number, margins.get(self.name, limit - number))
        if number >= limit:
            self._failed({"number": number, "limit": limit, **detail})


class Eventually(Site):
    """The last word of a run is that it is true. A run that says nothing of it owes nothing."""

    kind = "eventually"

    def __call__(self, condition: object, /, **detail: Any) -> None:
        self._reached()
        if not _RUNS:
            return
        if condition:
            _RUNS[-1].owed.pop(self.name, None)
        else:
            _RUNS[-1].owed[self.name] = self._violation(detail)


class Reachable(Site):
    """A place that some run has to reach."""

    kind = "reachable"

    def hit(self) -> None:
        self._reached()


class Sometimes(Reachable):
    """True in some run: say it where it is (`hit`), or with a condition."""

    kind = "sometimes"

    def __call__(self, condition: object, /) -> None:
        if condition:
            self._reached()


class Unreachable(Site):
    """A place that no run may reach."""

    kind = "unreachable"

    def hit(self, **detail: Any) -> None:
        self._reached()
        self._failed(detail)


S = TypeVar("S", bound=Site)
_CATALOGUE: dict[str, Site] = {}


def always(name: str) -> Always:
    """A site that is called with a condition, and what to tell of it if it is false."""
    return _catalogued(Always, name)


def never(name: str) -> Never:
    """A site that is called with a condition, and what to tell of it if it is true."""
    return _catalogued(Never, name)


def always_less(name: str) -> AlwaysLess:
    """A site that is called with a number and its limit."""
    return _catalogued(AlwaysLess, name)


def eventually(name: str) -> Eventually:
    """A site that is called with a condition, as often as it may have changed."""
    return _catalogued(Eventually, name)


def sometimes(name: str) -> Sometimes:
    """A site that is hit, or called with a condition that is not always true."""
    return _catalogued(Sometimes, name)


def reachable(name: str) -> Reachable:
    """A site that is hit."""
    return _catalogued(Reachable, name)


def unreachable(name: str) -> Unreachable:
    """A site that is never hit."""
    return _catalogued(Unreachable, name)


def _catalogued(kind: type[S], name: str) -> S:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    assert frame.f_back.f_back is not None
    site = kind(name, frame.f_back.f_back)
    other = _CATALOGUE.get(name)
    if other is not None and (other.file, other.where) != (site.file, site.where):  # else it is imported anew
        raise ValueError(f"the property {name!r} is said at {other.where} already, and at {site.where}")
    _CATALOGUE[name] = site
    return site


def sites(under: str = "") -> list[Site]:
    """All that is known, of modules whose name begins with `under`, by their names."""
    return [site for _, site in sorted(_CATALOGUE.items()) if site.where.startswith(under)]


def unmet(runs: Iterable[Met], under: str = "") -> list[Violation]:
    """Each `sometimes` and `reachable`, of modules whose name begins with `under`, that not one of the runs has met."""
    counts: Counter[str] = Counter()
    number = 0
    for number, met in enumerate(runs, 1):  # noqa: B007 -- how many there were
        counts.update(met.counts)
    return [
        Violation(site.kind, site.name, f"{site.where} was met in none of {number} runs")
        for site in sites(under)
        if isinstance(site, Reachable) and not counts[site.name]
    ]


def _shown(detail: dict[str, Any]) -> str:
    return " ".join(f"{name}={value!r}" for name, value in detail.items())
