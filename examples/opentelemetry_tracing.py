"""Traces of the calls, with OpenTelemetry's instrumentation of httpx as it is.

    pip install opentelemetry-sdk opentelemetry-instrumentation-httpx
    python examples/opentelemetry_tracing.py

The library runs on httpx, so nothing of its own is needed: each try of a call is a span.
"""

import nanobanana_sandbox
from nanobanana import NanoBanana
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
HTTPXClientInstrumentor().instrument()

with nanobanana_sandbox.serve() as url, NanoBanana("sk-sandbox", base_url=url) as client:
    client.generate("Draw a cat [sandbox:rate-limit-once=0]")
