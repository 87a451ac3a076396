"""A trace of messages, by sampling: who said what to whom, how long it waited, how long it took, what came of it.

    async with System(tracing=TraceSample(rate=0.01)) as system:
        ...
        for span in system.tracing.spans(): print(span)

What has no cause yet (a request at a door, an ask or a tell from outside, a tick) begins a trace with probability
`rate`; whatever it causes, over tells, timers, pipes and commits, belongs to it. Names, addresses and times are
kept, bodies and the texts of errors never. `traced.py` has the seams where spans begin and end: with tracing off
none of them is there.
"""

from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol

from actors.errors import BadSpec
from runtime.entropy import Entropy

HOPS_MAX = 100
"""Spans between a trace's root and its farthest leaf: actors that tell each other in a circle would never end one."""


class Kind(StrEnum):
    """What a span is the time of."""

    DOOR = "door"
    """A request, from its last byte to its response."""
    ASK = "ask"
    """From the call to the reply, with whatever that waited for: mailbox, commit, deferral."""
    TURN = "handle"
    """One turn of an actor; `waited` is the time in its mailbox."""
    COMMIT = "commit"
    """From the end of a turn that has staged until the store has answered."""
    LOST = "dead_letter"
    """A message that reached nobody; the outcome is the reason."""


@dataclass(eq=False, slots=True)
class Span:
    """One piece of a trace. Times are `ctx.now`'s; ids are lower-case hexadecimal, as W3C Trace Context has them."""

    trace_id: str
    span_id: str
    parent_id: str | None
    kind: Kind
    name: str
    """The message's type; at a door the operation."""
    to: str
    """Address of the actor; at a door the path."""
    sender: str | None
    """Address of who has sent it; None: from outside."""
    began: float
    waited: float | None = None
    """Seconds in a mailbox before the turn began; None: there was none, or none that it waited in."""
    link: tuple[str, str] | None = None
    """(trace id, span id) of what came before in a circle of messages, where a trace was cut off."""
    ended: float | None = None
    outcome: str = ""
    failed: bool = False
    told: bool = False
    """A turn that nobody waits for: of a tell, a timer, a pipe."""
    hops: int = 0
    detail: dict[str, int] = field(default_factory=dict[str, int])
    """Such as a commit's `writes`, a response's `status`."""
    native: Any = None
    """The exporter's own span."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "trace": self.trace_id,
            "span": self.span_id,
            "parent": self.parent_id,
            "kind": self.kind.value,
            "name": self.name,
            "to": self.to,
            "from": self.sender,
            "began": self.began,
            "waited": self.waited,
            "took": None if self.ended is None else self.ended - self.began,
            "outcome": self.outcome,
            "failed": self.failed,
            "link": None if self.link is None else list(self.link),
            **self.detail,
        }


class Unsampled:
    """In the place of a span: the choice was made at the root, and holds for all that it causes."""

    __slots__ = ("hops",)

    def __init__(self, hops: int) -> None:
        self.hops = hops


UNSAMPLED = tuple(Unsampled(hops) for hops in range(HOPS_MAX + 1))
Cause = Span | Unsampled
CURRENT: ContextVar[Cause | None] = ContextVar("callboard_cause", default=None)
"""What the code that runs now belongs to; a task takes it along from who has started it."""


class Exporter(Protocol):
    """Where spans go besides. `start` may give the span the exporter's own ids."""

    def start(self, span: Span, parent: Span | None) -> None: ...
    def end(self, span: Span) -> None: ...
    def enter(self, cause: Cause | None) -> object:
        """What runs from now on in this task, or in this actor's contextvars, belongs to it; answers what was before."""
        ...

    def leave(self, before: object) -> None:
        """As it was before `enter`."""
        ...


@dataclass(frozen=True, slots=True)
class TraceSample:
    """How much is traced. `rate`: 0 to 1, of the traces that begin here; `keep`: newest spans that can be read."""

    rate: float
    keep: int = 1_000
    exporter: Exporter | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1 or self.keep < 1:
            raise BadSpec("sampling: 0 <= rate <= 1 and keep >= 1")


class Tracing:
    """Begins spans, ends them, and keeps the newest. `entropy` is a stream of its own, so that nothing else shifts."""

    def __init__(self, sampling: TraceSample, now: Callable[[], float], entropy: Entropy) -> None:
        self.now = now
        self._rate = sampling.rate
        self._exporter = sampling.exporter
        self._entropy = entropy
        self._ended: deque[Span] = deque(maxlen=sampling.keep)

    def spans(self, *, trace: str = "", address: str = "") -> list[Span]:
        """Those that have ended, in the order of their ends; of one trace, to one address, where these are given."""
        return [span for span in self._ended if trace in {"", span.trace_id} and address in {"", span.to}]

    def begin(
        self,
        kind: Kind,
        name: str,
        to: str,
        sender: str | None,
        *,
        cause: Cause | None,
        waited: float | None = None,
        told: bool = False,
    ) -> Cause:
        """A span under `cause`; without one, or after too many hops, a new trace if the sampler wants it."""
        parent, link = None, None
        if cause is not None and cause.hops < HOPS_MAX:
            if isinstance(cause, Unsampled):
                return UNSAMPLED[cause.hops + 1]
            parent = cause
        elif self._entropy.fraction() >= self._rate:
            return UNSAMPLED[0]
        elif isinstance(cause, Span):
            link = (cause.trace_id, cause.span_id)
        span = Span(
            self._entropy.token() if parent is None else parent.trace_id,
            self._entropy.token()[:16],
            None if parent is None else parent.span_id,
            kind,
            name,
            to,
            sender,
            self.now(),
            waited,
            link,
            told=told,
            hops=0 if parent is None else parent.hops + 1,
        )
        if self._exporter is not None:
            self._exporter.start(span, parent)
        return span

    def end(self, cause: Cause, outcome: str, *, failed: bool = False) -> None:
        """It is over; an unsampled one leaves nothing."""
        if isinstance(cause, Unsampled):
            return
        cause.ended = self.now()
        cause.outcome = outcome
        cause.failed = failed
        self._ended.append(cause)
        if self._exporter is not None:
            self._exporter.end(cause)

    def within(self, cause: Cause | None) -> "Within":
        """`with tracing.within(cause):` what runs in the block, and what it starts, belongs to it."""
        return Within(self._exporter, cause)


class Within:
    """See `Tracing.within`. It restores by value: a token of contextvars holds in one context alone."""

    __slots__ = ("_before", "_before_native", "_cause", "_exporter")

    def __init__(self, exporter: Exporter | None, cause: Cause | None) -> None:
        self._exporter = exporter
        self._cause = cause
        self._before: Cause | None = None
        self._before_native: object = None

    def __enter__(self) -> None:
        self._before = CURRENT.get()
        CURRENT.set(self._cause)
        if self._exporter is not None:
            self._before_native = self._exporter.enter(self._cause)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        CURRENT.set(self._before)
        if self._exporter is not None:
            self._exporter.leave(self._before_native)
