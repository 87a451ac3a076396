"""Traces as OpenTelemetry spans: `TraceSample(rate=0.01, exporter=OpenTelemetry())`.

Needs the extra `callboard[otel]`, and is imported by who asks for it alone. The node's sampler decides what is
traced; a span here is a span there, with its ids, times and parent, so that `system.tracing` and the collector's
page show the same. Inside a handler the turn's span is OpenTelemetry's current one: what an instrumented library
does there belongs to it. Attributes hold names, addresses, times and outcomes, never a body or an error's text.
"""

from opentelemetry import trace
from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TracerProvider,
    set_span_in_context,
)

from runtime.observe.tracing import Cause, Kind, Span

NANOSECONDS = 1_000_000_000
FRESH = Context()
NOT_SAMPLED = set_span_in_context(NonRecordingSpan(SpanContext(1, 1, is_remote=False)), FRESH)
"""Where the sampler has said no, a library's own spans follow it: their parent is not sampled either."""


class OpenTelemetry:
    """An exporter of a system's traces. Without a provider it is OpenTelemetry's global one."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("callboard", tracer_provider=provider)

    def start(self, span: Span, parent: Span | None) -> None:
        if parent is not None:
            context: Context | None = _context_of(parent)
        else:  # an ask from outside belongs to the caller's own span, if there is one
            context = None if span.kind is Kind.ASK and span.link is None else FRESH
        native = self._tracer.start_span(
            span.name if span.kind is Kind.COMMIT else f"{span.kind.value} {span.name}",
            context,
            _kind(span),
            _attributes(span),
            [] if span.link is None else [Link(_span_context(*span.link, remote=False))],
            start_time=round(span.began * NANOSECONDS),
        )
        span.native = native
        if native.is_recording():
            ids = native.get_span_context()
            span.trace_id = f"{ids.trace_id:032x}"
            span.span_id = f"{ids.span_id:016x}"

    def end(self, span: Span) -> None:
        assert span.ended is not None
        native: trace.Span = span.native
        native.set_attribute("callboard.outcome", span.outcome)
        for name, value in span.detail.items():
            native.set_attribute(
                "http.response.status_code" if name == "status" else f"callboard.{name}", value
            )
        if span.failed:
            native.set_attribute("error.type", span.outcome)
            native.set_status(Status(StatusCode.ERROR))
        native.end(round(span.ended * NANOSECONDS))

    def enter(self, cause: Cause | None) -> object:
        before = get_current()
        if cause is None:
            attach(FRESH)
        else:
            attach(_context_of(cause) if isinstance(cause, Span) else NOT_SAMPLED)
        return before

    def leave(self, before: object) -> None:
        assert isinstance(before, Context)
        attach(before)


def _context_of(span: Span) -> Context:
    native: trace.Span | None = span.native
    if native is None:  # of another process, by its traceparent
        native = NonRecordingSpan(_span_context(span.trace_id, span.span_id, remote=True))
    return set_span_in_context(native, FRESH)


def _span_context(trace_id: str, span_id: str, *, remote: bool) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), remote, TraceFlags(TraceFlags.SAMPLED))


def _kind(span: Span) -> SpanKind:
    """A door serves; a turn that nobody waits for consumes; all else is the node's own."""
    if span.kind is Kind.DOOR:
        return SpanKind.SERVER
    return SpanKind.CONSUMER if span.told else SpanKind.INTERNAL


def _attributes(span: Span) -> dict[str, str | float]:
    if span.kind is Kind.DOOR:
        return {"url.path": span.to}
    found: dict[str, str | float] = {"callboard.actor": span.to}
    if span.kind is not Kind.COMMIT:
        found["callboard.message"] = span.name
    if span.sender is not None:
        found["callboard.sender"] = span.sender
    if span.waited is not None:
        found["callboard.waited"] = span.waited
    return found
