"""The spans of one run in one of three shapes, written as one OTLP JSON file at the end of it.

- `genai`: OpenTelemetry's GenAI conventions around HTTP spans with bodies.
- `openinference`: its attributes on agent and tool spans; no HTTP spans.
- `openllmetry`: Traceloop's entities, and HTTP spans without bodies.
"""

import contextlib
import json
import os
import time


class Telemetry:
    def __init__(self, name, task, shape, path):
        self.name, self.shape, self.path = name, shape, path
        self.spans, self.stack = [], []
        self.trace = os.urandom(16).hex()
        self.root = self._open(
            {"genai": f"invoke_agent {name}"}.get(shape, name),
            1,
            {
                "genai": {
                    "gen_ai.operation.name": "invoke_agent",
                    "gen_ai.agent.name": name,
                    "gen_ai.input.messages": messages("user", task),
                },
                "openinference": {
                    "openinference.span.kind": "AGENT",
                    "input.value": task,
                    "input.mime_type": "text/plain",
                },
                "openllmetry": {
                    "traceloop.span.kind": "workflow",
                    "traceloop.entity.name": name,
                    "traceloop.entity.input": json.dumps({"args": [task], "kwargs": {}}),
                },
            }[shape],
        )

    @contextlib.contextmanager
    def tool(self, name, arguments):
        span = self._open(
            f"execute_tool {name}" if self.shape == "genai" else name,
            1,
            {
                "genai": {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": name,
                    "gen_ai.tool.call.arguments": json.dumps(arguments),
                },
                "openinference": {
                    "openinference.span.kind": "TOOL",
                    "tool.name": name,
                    "input.value": json.dumps(arguments),
                    "input.mime_type": "application/json",
                },
                "openllmetry": {
                    "traceloop.span.kind": "tool",
                    "traceloop.entity.name": name,
                    "traceloop.entity.input": json.dumps({"args": [], "kwargs": arguments}),
                },
            }[self.shape],
        )
        call = Call()
        try:
            yield call
        except Exception as error:
            span["error"] = str(error)
            span["raised"] = type(error).__name__
            raise
        finally:
            if call.is_done:
                result = json.dumps(call.result)
                span["attributes"] |= {
                    "genai": {"gen_ai.tool.call.result": result},
                    "openinference": {"output.value": result, "output.mime_type": "application/json"},
                    "openllmetry": {"traceloop.entity.output": result},
                }[self.shape]
            self._close(span)

    @contextlib.contextmanager
    def http(self, method, url, fields):
        span = self._open(method, 3, {"http.request.method": method, "url.full": url})
        if fields is not None and self.shape == "genai":
            span["attributes"]["http.request.body"] = json.dumps(fields)
        try:
            yield Exchange(span, self.shape == "genai")
        finally:
            self._close(span, is_kept=self.shape != "openinference")

    def finish(self, answer=None, error=None):
        if answer is not None:
            self.root["attributes"] |= {
                "genai": {"gen_ai.output.messages": messages("assistant", answer)},
                "openinference": {"output.value": answer, "output.mime_type": "text/plain"},
                "openllmetry": {"traceloop.entity.output": json.dumps(answer)},
            }[self.shape]
        if error is not None:
            self.root["error"] = error
        self._close(self.root)
        if self.path:
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump(self._document(), file)
                file.write("\n")

    def _open(self, name, kind, attributes):
        span = {
            "name": name,
            "kind": kind,
            "id": os.urandom(8).hex(),
            "parent": self.stack[-1]["id"] if self.stack else "",
            "start": time.time_ns(),
            "attributes": dict(attributes),
        }
        self.stack.append(span)
        return span

    def _close(self, span, is_kept=True):
        span["end"] = time.time_ns()
        self.stack.remove(span)
        if is_kept:
            self.spans.append(span)

    def _document(self):
        spans = [self._otlp(span) for span in self.spans]
        scope = {"scope": {"name": self.name}, "spans": spans}
        resource = {"attributes": attributes({"service.name": self.name})}
        return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}

    def _otlp(self, span):
        failed = span.get("error")
        events = []
        if "raised" in span:
            raised = {"exception.type": span["raised"], "exception.message": failed}
            events = [{"timeUnixNano": str(span["end"]), "name": "exception", "attributes": attributes(raised)}]
        return {
            "traceId": self.trace,
            "spanId": span["id"],
            "parentSpanId": span["parent"],
            "name": span["name"],
            "kind": span["kind"],
            "startTimeUnixNano": str(span["start"]),
            "endTimeUnixNano": str(span["end"]),
            "attributes": attributes(span["attributes"]),
            "events": events,
            "status": {"code": 2, "message": failed} if failed else {},
        }


class Call:
    is_done = False
    _result = None

    @property
    def result(self):
        return self._result

    @result.setter
    def result(self, result):
        self._result, self.is_done = result, True


class Exchange:
    def __init__(self, span, has_bodies):
        self.span, self.has_bodies = span, has_bodies
        self.body, self.headers = None, {}

    def response(self, status, headers, body):
        self.headers = {name.lower(): value for name, value in headers.items()}
        recorded = self.span["attributes"]
        recorded["http.response.status_code"] = status
        if body:
            text = body.decode()
            self.body = json.loads(text)
            if self.has_bodies:
                recorded["http.response.body"] = text
        if self.has_bodies and "link" in self.headers:
            recorded["http.response.header.link"] = [self.headers["link"]]
        if status >= 400:
            self.span["error"] = f"status {status}"


def messages(role, text):
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def attributes(values):
    return [{"key": key, "value": attribute(value)} for key, value in values.items()]


def attribute(value):
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [attribute(item) for item in value]}}
    return {"stringValue": value}
