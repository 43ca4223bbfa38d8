"""OpenTelemetry's own instrumentation of the OpenAI client as it is unless told otherwise: content
goes into events, which are sent as logs."""

import os


def main(url):
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "true"
    import agent
    import provider
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
    from opentelemetry.trace import SpanKind

    traces, logs = provider.traces(), provider.logs()
    OpenAIInstrumentor().instrument(tracer_provider=traces, logger_provider=logs)
    tracer = traces.get_tracer("issue-janitor")

    def call(work, identifier, arguments):
        name = work.__name__
        with tracer.start_as_current_span(f"execute_tool {name}") as span:
            span.set_attribute("gen_ai.operation.name", "execute_tool")
            span.set_attribute("gen_ai.tool.name", name)
            span.set_attribute("gen_ai.tool.call.id", identifier)
            return work(**arguments)

    with tracer.start_as_current_span("invoke_agent janitor", kind=SpanKind.INTERNAL) as span:
        span.set_attribute("gen_ai.operation.name", "invoke_agent")
        span.set_attribute("gen_ai.agent.name", "janitor")
        agent.run(url, call)
    traces.shutdown()
    logs.shutdown()
