"""OpenLLMetry: the Traceloop SDK with its decorators. Content is captured unless TRACELOOP_TRACE_CONTENT is
false."""

import os

import agent
from opentelemetry import trace
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import tool, workflow


def main(url):
    os.environ["TRACELOOP_TELEMETRY"] = "false"
    os.environ["TRACELOOP_METRICS_ENABLED"] = "false"
    Traceloop.init(app_name="issue-janitor", api_endpoint=url, api_key="none")

    def call(work, _identifier, arguments):
        return tool(name=work.__name__)(work)(**arguments)

    @workflow(name="janitor")
    def janitor(_task):
        return agent.run(url, call)

    Traceloop.set_association_properties({"user_id": "u-1", "session_id": "s-1"})
    janitor(agent.TASK)
    trace.get_tracer_provider().force_flush()
