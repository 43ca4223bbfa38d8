"""HTTP calls by OpenTelemetry's instrumentation of requests with the names of before 1.21, which are still
its default."""

import agent
import provider
from opentelemetry.instrumentation.requests import RequestsInstrumentor


def main(url):
    traces = provider.traces()
    RequestsInstrumentor().instrument(tracer_provider=traces, excluded_urls="/v1/")
    with traces.get_tracer("issue-janitor").start_as_current_span("janitor"):
        tools = agent.tools(url)
        tools["list_issues"]("acme/webapp", "open")
        tools["close_issue"]("acme/webapp", 12)
    traces.shutdown()
