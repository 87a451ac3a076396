"""Spans to a collector, by the OpenTelemetry SDK and its OTLP exporter; both come with `callboard[otel]`.

All but the endpoint is the SDK's own environment: OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_HEADERS and the rest.
"""

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from runtime.observe.spans import OpenTelemetry

UNNAMED = "unknown_service"


@contextmanager
def collector(endpoint: str) -> Generator[OpenTelemetry]:
    """An exporter to the collector at `endpoint`: a thread of the SDK's sends, the last spans when the block is left."""
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, UNNAMED)).startswith(UNNAMED):
        resource = resource.merge(Resource({SERVICE_NAME: "callboard"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    try:
        yield OpenTelemetry(provider)
    finally:
        provider.shutdown()
