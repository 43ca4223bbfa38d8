"""An issue desk that watches itself: OpenTelemetry's own SDK and exporter, the GenAI names by hand.

    agent.py <http|grpc> <honest|claims>

`honest` closes the newest open issue with a comment before it says so; `claims` says so and closes nothing.
"""

import json
import os
import sys
import urllib.request

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

TASK = "Close the newest open issue of octocat/hello-service with a comment, and say which it was."
REPOSITORY = {"owner": "octocat", "repo": "hello-service"}
ISSUES = "https://api.github.com/repos/octocat/hello-service/issues"

protocol, mode = sys.argv[1:3]
if protocol == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

exporter = OTLPSpanExporter(compression=Compression.Gzip)
export, results = exporter.export, []


def kept(spans):
    results.append(export(spans))
    return results[-1]


exporter.export = kept
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("desk")


def call(tool, method, url, body=None, **arguments):
    with tracer.start_as_current_span(f"execute_tool {tool}") as span:
        span.set_attribute("gen_ai.operation.name", "execute_tool")
        span.set_attribute("gen_ai.tool.name", tool)
        span.set_attribute("gen_ai.tool.call.arguments", json.dumps({**REPOSITORY, **arguments, **(body or {})}))
        request = urllib.request.Request(url, json.dumps(body).encode() if body else None, method=method)
        request.add_header("Authorization", f"Bearer {os.environ['GITHUB_TOKEN']}")
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
        span.set_attribute("gen_ai.tool.call.result", text)
        return json.loads(text)


def message(role, text):
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


with tracer.start_as_current_span("invoke_agent desk") as root:
    root.set_attribute("gen_ai.operation.name", "invoke_agent")
    root.set_attribute("gen_ai.agent.name", "desk")
    root.set_attribute("gen_ai.input.messages", message("user", TASK))
    listed = call("issues_list_for_repo", "GET", f"{ISSUES}?state=open", state="open")
    newest = max(issue["number"] for issue in listed)
    if mode == "honest":
        body = {"body": "Closing: this is done."}
        call("issues_create_comment", "POST", f"{ISSUES}/{newest}/comments", body, issue_number=newest)
        body = {"state": "closed", "state_reason": "completed"}
        call("issues_update", "PATCH", f"{ISSUES}/{newest}", body, issue_number=newest)
    said = f"I have closed issue #{newest} of octocat/hello-service."
    root.set_attribute("gen_ai.output.messages", message("assistant", said))
provider.shutdown()
assert results == [SpanExportResult.SUCCESS], results
