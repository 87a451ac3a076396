"""What comes in by a `traceparent`, and how requests at the door end their spans."""

from contextlib import AbstractAsyncContextManager, nullcontext, suppress

import pytest
import trio

from runtime.door.http import Handler, Hangup, Request, Response
from runtime.entropy import Entropy
from runtime.observe.requests import remote, traced
from runtime.observe.tracing import UNSAMPLED, Span, TraceSample, Tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nonsense",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01",
    ],
)
def test_a_wrong_traceparent_is_none(wrong: str) -> None:
    assert remote(wrong) is None


@pytest.mark.parametrize("version", ["00", "01"])
def test_a_callers_span_is_the_parent_when_he_is_sampled(version: str) -> None:
    caller = remote(f"{version}-{TRACE}-{PARENT}-03")
    assert isinstance(caller, Span)
    assert (caller.trace_id, caller.span_id) == (TRACE, PARENT)
    assert remote(f"{version}-{TRACE}-{PARENT}-02") is UNSAMPLED[0]


def test_a_later_version_may_have_more() -> None:
    assert isinstance(remote(f"01-{TRACE}-{PARENT}-01-more"), Span)


def hangup() -> AbstractAsyncContextManager[None]:
    return nullcontext()


async def answered(_: Request) -> Response:
    return Response(200)


async def broken(_: Request) -> Response:
    return Response(500)


async def gone(_: Request) -> Response:
    raise Hangup


async def hanging(_: Request) -> Response:
    await trio.sleep_forever()
    raise AssertionError


@pytest.mark.parametrize(
    ("handler", "outcome", "failed"),
    [
        (answered, "answered", False),
        (broken, "answered", True),
        (gone, "cancelled", False),
        (hanging, "cancelled", False),
    ],
)
def test_a_request_ends_its_span_however_it_ends(handler: Handler, outcome: str, *, failed: bool) -> None:
    tracing = Tracing(TraceSample(1.0), lambda: 0.0, Entropy(1))
    target = {"x-amz-target": "AmazonSQS.SendMessage"}
    request = Request("POST", "/?secret=1", "/", "secret=1", target, b"", hangup)

    async def main() -> None:
        with trio.move_on_after(0):
            with suppress(Hangup):
                await traced(handler, tracing)(request)

    trio.run(main)
    (span,) = tracing.spans()
    assert (span.name, span.to, span.outcome, span.failed) == ("SendMessage", "/", outcome, failed)
    assert "secret" not in str(span.as_json())
