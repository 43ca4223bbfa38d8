"""OpenTelemetry's own instrumentation of the OpenAI client with the newest conventions: content in
attributes of spans. HTTP calls by its instrumentation of requests, with headers."""

import json
import os


def main(url):
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental,http"
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    os.environ["OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST"] = "accept,user-agent"
    os.environ["OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE"] = "content-type"
    import agent
    import provider
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
    from opentelemetry.instrumentation.requests import RequestsInstrumentor

    traces = provider.traces()
    OpenAIInstrumentor().instrument(tracer_provider=traces)
    RequestsInstrumentor().instrument(tracer_provider=traces, excluded_urls="/v1/")
    tracer = traces.get_tracer("issue-janitor")

    def call(work, identifier, arguments):
        name = work.__name__
        with tracer.start_as_current_span(f"execute_tool {name}") as span:
            span.set_attribute("gen_ai.operation.name", "execute_tool")
            span.set_attribute("gen_ai.tool.name", name)
            span.set_attribute("gen_ai.tool.call.id", identifier)
            span.set_attribute("gen_ai.tool.call.arguments", json.dumps(arguments))
            result = work(**arguments)
            span.set_attribute("gen_ai.tool.call.result", json.dumps(result))
            return result

    with tracer.start_as_current_span("invoke_agent janitor") as span:
        span.set_attribute("gen_ai.operation.name", "invoke_agent")
        span.set_attribute("gen_ai.agent.name", "janitor")
        agent.run(url, call)
    traces.shutdown()
