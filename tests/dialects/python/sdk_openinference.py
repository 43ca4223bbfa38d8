"""OpenInference: its instrumentation of the OpenAI client, and its decorators for agent and tools.
Content is captured unless OPENINFERENCE_HIDE_INPUTS and its like are set."""

import agent
import provider
from openinference.instrumentation import OITracer, TraceConfig
from openinference.instrumentation.openai import OpenAIInstrumentor


def main(url):
    traces = provider.traces()
    OpenAIInstrumentor().instrument(tracer_provider=traces)
    tracer = OITracer(traces.get_tracer("issue-janitor"), config=TraceConfig())

    def call(work, _identifier, arguments):
        return tracer.tool(work)(**arguments)

    @tracer.agent(name="janitor")
    def janitor(_task):
        return agent.run(url, call)

    janitor(agent.TASK)
    traces.shutdown()
