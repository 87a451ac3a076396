"""One request over the real HTTP door is one trace, from the door to the store, as OpenTelemetry's SDK sees it."""

import json
from collections.abc import Generator
from typing import Any

import pytest
import trio

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: pip install '.[otel]'")

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from patterns.queue.pattern import pattern as queue
from runtime.config import Settings
from runtime.node import Node, open_node
from runtime.observe.spans import OpenTelemetry

pytestmark = pytest.mark.wire
CALLER = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
"""Trace Context's own example."""


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exported: InMemorySpanExporter) -> Generator[TracerProvider]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exported))
    yield provider
    provider.shutdown()


def ids(span: ReadableSpan) -> tuple[str, str]:
    context = span.context
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


def parents(found: tuple[ReadableSpan, ...]) -> list[tuple[str, str]]:
    """(name, parent's name); a parent that is not ours by its span id."""
    names = {ids(span)[1]: span.name for span in found}
    return sorted(
        (span.name, "" if span.parent is None else names.get(key := f"{span.parent.span_id:016x}", key))
        for span in found
    )


async def post(node: Node, operation: str, body: dict[str, Any], **headers: str) -> None:
    """Ask for an operation of SQS."""
    lines = {
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": str(len(json.dumps(body))),
        **headers,
    }
    await talk(node, "POST /", lines, json.dumps(body))


async def talk(node: Node, what: str, headers: dict[str, str], body: str = "") -> Any:
    """One request on a connection of its own; its answer's JSON."""
    lines = {"Host": "localhost", "Connection": "close", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    host, port = node.url.removeprefix("http://").split(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        await stream.send_all(f"{what} HTTP/1.1\r\n{head}\r\n{body}".encode())
        answer = b"".join([piece async for piece in stream])
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def settings(rate: float | None) -> Settings:
    return Settings(port=0, data=None, trace_sample=rate)


async def test_a_send_over_http_is_one_trace_from_door_to_commit(
    provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    async with open_node(settings(1.0), [queue], exporter=OpenTelemetry(provider)) as node:
        await post(node, "CreateQueue", {"QueueName": "orders"})
        exported.clear()
        url = f"{node.url}/000000000000/orders"
        await post(node, "SendMessage", {"QueueUrl": url, "MessageBody": "a secret"})
        found = exported.get_finished_spans()
    assert parents(found) == [
        ("ask SendMessage", "door SendMessage"),
        ("commit", "handle SendMessage"),
        ("door SendMessage", ""),
        ("handle SendMessage", "ask SendMessage"),
    ]
    assert len({ids(span)[0] for span in found}) == 1
    assert "a secret" not in "".join(span.to_json() for span in found)


async def test_a_callers_traceparent_is_followed_if_it_is_sampled_and_not_if_it_is_not(
    provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    trace_id, span_id = CALLER
    async with open_node(settings(0.0), [queue], exporter=OpenTelemetry(provider)) as node:
        await post(node, "ListQueues", {})
        await post(node, "ListQueues", {}, traceparent=f"00-{trace_id}-{span_id}-00")
        assert exported.get_finished_spans() == ()
        await post(node, "ListQueues", {}, traceparent=f"00-{trace_id}-{span_id}-01")
        found = exported.get_finished_spans()
        shown = await talk(node, f"GET /_callboard/trace?trace={trace_id}", {})
        assert await talk(node, "GET /_callboard/trace?address=/nobody", {}) == []
    assert {ids(span)[0] for span in found} == {trace_id}
    assert parents(found)[1] == ("door ListQueues", span_id)
    assert {span["span"] for span in shown} == {ids(span)[1] for span in found}
