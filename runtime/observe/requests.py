"""Requests at the HTTP door as spans, and what comes in by W3C Trace Context's `traceparent`.

A caller who is sampled is followed, one who is not is not; only a request without a `traceparent`, or with a wrong
one, is the node's sampler's to choose.
"""

import re

import trio

from runtime.door.http import Handler, Hangup, Request, Response
from runtime.observe.tracing import UNSAMPLED, Cause, Kind, Span, Tracing

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
"""Trace Context, section 3.2: version, trace id, parent id, flags; a later version may have more."""
NAME_MAX = 64


def traced(handler: Handler, tracing: Tracing) -> Handler:
    """The same handler, with a span for each request that is followed."""

    async def door(request: Request) -> Response:
        caused = remote(request.headers.get("traceparent", ""))
        span = tracing.begin(Kind.DOOR, _name(request), request.path, None, cause=caused)
        outcome, failed = "failed", True
        try:
            with tracing.within(span):
                response = await handler(request)
            outcome, failed = "answered", response.status >= 500
            if isinstance(span, Span):
                span.detail["status"] = response.status
        except (trio.Cancelled, Hangup):
            outcome, failed = "cancelled", False
            raise
        finally:
            tracing.end(span, outcome, failed=failed)
        return response

    return door


def _name(request: Request) -> str:
    """`SendMessage` of `AmazonSQS.SendMessage`; the Query protocol's action stands in the body, and is not looked for."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    return target[:NAME_MAX] or request.method


def remote(traceparent: str) -> Cause | None:
    """The caller's span, as a cause; None: there is none."""
    found = _TRACEPARENT.fullmatch(traceparent.strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    if not int(flags, 16) & 1:
        return UNSAMPLED[0]
    return Span(trace_id, span_id, None, Kind.DOOR, "", "", None, 0.0)
