"""Traces as OpenTelemetry sees them, and what its users see inside a handler."""

from collections.abc import Generator

import pytest

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed: pip install '.[otel]'")

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from actors import Actor, Message, Ref, Spec, receive
from runtime.entropy import Entropy
from runtime.observe.spans import OpenTelemetry
from runtime.observe.tracing import HOPS_MAX, TraceSample
from runtime.system import System


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


class Say(Message[str]):
    """The trace id that a library finds in the handler."""

    again: int = 0


class Speaker(Actor[Say]):
    @receive(Say)
    def on_say(self, message: Say) -> str:
        if message.again:
            self.ctx.tell(self.ctx.me, Say(again=message.again - 1))
        return f"{trace.get_current_span().get_span_context().trace_id:032x}"


def system_of(provider: TracerProvider, rate: float = 1.0) -> System:
    return System(entropy=Entropy(1), tracing=TraceSample(rate, exporter=OpenTelemetry(provider)))


async def test_a_library_in_a_handler_finds_the_turns_span_and_an_asker_its_own_again(
    provider: TracerProvider,
) -> None:
    tracer = trace.get_tracer("app", tracer_provider=provider)
    async with system_of(provider) as system:
        speaker: Ref[Say] = system.spawn(Spec(Speaker))
        with tracer.start_as_current_span("app") as outer:
            mine = f"{outer.get_span_context().trace_id:032x}"
            assert await speaker.ask(Say()) == mine
            assert trace.get_current_span() is outer
        assert await speaker.ask(Say()) != mine


async def test_what_a_library_does_in_a_turn_that_is_not_sampled_is_not_sampled_either(
    provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    async with system_of(provider, 0.0) as system:
        speaker: Ref[Say] = system.spawn(Spec(Instrumented, (provider,)))
        await speaker.ask(Say())
    assert exported.get_finished_spans() == ()


class Instrumented(Actor[Say]):
    def __init__(self, provider: TracerProvider) -> None:
        self.tracer = trace.get_tracer("app", tracer_provider=provider)

    @receive(Say)
    def on_say(self, message: Say) -> str:
        with self.tracer.start_as_current_span("inside"):
            return ""


async def test_where_a_circle_of_tells_is_cut_the_next_trace_has_a_link_to_the_last(
    provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    async with system_of(provider) as system:
        speaker: Ref[Say] = system.spawn(Spec(Speaker))
        await speaker.tell(Say(again=HOPS_MAX + 1))
        await system.dispatcher.quiet()
        found = exported.get_finished_spans()
    last, cut = found[HOPS_MAX], found[HOPS_MAX + 1]
    assert cut.parent is None
    assert [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in cut.links] == [
        ids(last)
    ]
    assert cut.kind is trace.SpanKind.CONSUMER


async def test_a_crash_marks_its_span_as_failed_with_the_errors_type_alone(
    provider: TracerProvider, exported: InMemorySpanExporter
) -> None:
    async with system_of(provider) as system:
        broken: Ref[Say] = system.spawn(Spec(Broken))
        await broken.tell(Say())
        await system.dispatcher.quiet()
        (found, *_) = [span for span in exported.get_finished_spans() if span.name == "handle Say"]
    assert found.status.status_code is trace.StatusCode.ERROR
    assert found.attributes is not None
    assert found.attributes["error.type"] == "RuntimeError"
    assert "a secret" not in found.to_json()


class Broken(Actor[Say]):
    @receive(Say)
    def on_say(self, message: Say) -> str:
        raise RuntimeError("a secret")
