"""LangSmith's SDK with its OpenTelemetry exporter: LANGSMITH_OTEL_ENABLED. Content is captured unless
LANGSMITH_HIDE_INPUTS and LANGSMITH_HIDE_OUTPUTS are set."""

import os


def main(url):
    os.environ["LANGSMITH_TRACING"] = "true"
    os.environ["LANGSMITH_OTEL_ENABLED"] = "true"
    os.environ["LANGSMITH_OTEL_ONLY"] = "true"
    os.environ["LANGSMITH_ENDPOINT"] = url
    os.environ["LANGSMITH_API_KEY"] = "none"
    import agent
    import openai
    import provider
    from langsmith import Client, traceable
    from langsmith.wrappers import wrap_openai

    traces = provider.traces()
    client = Client(otel_tracer_provider=traces, api_url=url, api_key="none")
    plain = openai.OpenAI
    openai.OpenAI = lambda **given: wrap_openai(
        plain(**given), tracing_extra={"client": client}
    )

    def call(work, _identifier, arguments):
        return traceable(run_type="tool", client=client)(work)(**arguments)

    @traceable(run_type="chain", name="janitor", client=client, tags=["nightly"])
    def janitor(task):
        return agent.run(url, call)

    janitor(agent.TASK)
    client.flush()
    traces.force_flush()
    traces.shutdown()
