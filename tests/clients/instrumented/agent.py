"""An issue desk: a model with three operations of GitHub as its tools. Which SDK watches it is an argument.

    agent.py <openinference|openllmetry>
"""

import json
import os
import sys

TASK = "Close the newest open issue of octocat/hello-service with a comment, and say which it was."
API = "https://api.github.com"
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
TOOLS = {
    "issues_list_for_repo": {"state": TEXT},
    "issues_create_comment": {"issue_number": NUMBER, "body": TEXT},
    "issues_update": {"issue_number": NUMBER, "state": TEXT, "state_reason": TEXT},
}


def tools():
    import requests

    github = requests.Session()
    github.headers["Authorization"] = f"Bearer {os.environ['GITHUB_TOKEN']}"

    def call(method, path, **more):
        answer = github.request(method, f"{API}{path}", **more)
        answer.raise_for_status()
        return answer.json()

    def issues_list_for_repo(owner, repo, state):
        return call("GET", f"/repos/{owner}/{repo}/issues", params={"state": state})

    def issues_create_comment(owner, repo, issue_number, body):
        return call("POST", f"/repos/{owner}/{repo}/issues/{issue_number}/comments", json={"body": body})

    def issues_update(owner, repo, issue_number, **fields):
        return call("PATCH", f"/repos/{owner}/{repo}/issues/{issue_number}", json=fields)

    work = [issues_list_for_repo, issues_create_comment, issues_update]
    return {one.__name__: one for one in work}


def described(name, fields):
    properties = {"owner": TEXT, "repo": TEXT, **fields}
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def run(watched):
    """The loop; `watched` makes a function one whose calls the SDK records."""
    import openai

    client = openai.OpenAI()
    functions = {name: watched(work) for name, work in tools().items()}
    given = [described(name, fields) for name, fields in TOOLS.items()]
    messages = [{"role": "user", "content": TASK}]
    for _ in range(6):
        answer = client.chat.completions.create(model="model-x", messages=messages, tools=given)
        message = answer.choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message.model_dump(exclude_none=True))
        for asked in message.tool_calls:
            result = functions[asked.function.name](**json.loads(asked.function.arguments))
            content = json.dumps(result)
            messages.append({"role": "tool", "tool_call_id": asked.id, "content": content})
    raise RuntimeError("the model never came to an end")


def openinference():
    """Its instrumentation of the OpenAI client, its decorators, OpenTelemetry's own exporter."""
    from openinference.instrumentation import OITracer, TraceConfig
    from openinference.instrumentation.openai import OpenAIInstrumentor
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    tracer = OITracer(provider.get_tracer("desk"), config=TraceConfig())

    @tracer.agent(name="desk")
    def desk(_task):
        return run(tracer.tool)

    desk(TASK)
    provider.shutdown()


def openllmetry():
    """The Traceloop SDK with its decorators; it instruments the OpenAI client and requests by itself."""
    from opentelemetry import trace
    from traceloop.sdk import Traceloop
    from traceloop.sdk.decorators import tool, workflow

    os.environ["TRACELOOP_TELEMETRY"] = "false"
    os.environ["TRACELOOP_METRICS_ENABLED"] = "false"
    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    Traceloop.init(app_name=os.environ["OTEL_SERVICE_NAME"], api_endpoint=endpoint, api_key="none")

    @workflow(name="desk")
    def desk(_task):
        return run(lambda work: tool(name=work.__name__)(work))

    desk(TASK)
    trace.get_tracer_provider().shutdown()


{"openinference": openinference, "openllmetry": openllmetry}[sys.argv[1]]()
