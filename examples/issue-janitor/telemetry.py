"""OpenTelemetry GenAI and HTTP spans, written as one OTLP JSON file at the end of the run."""

import contextlib
import json
import os
import time


class Telemetry:
    def __init__(self, name: str, task: str, path: str | None):
        self.path = path
        self.spans = []
        self.trace = os.urandom(16).hex()
        self.stack = []
        self.root = self._open(
            f"invoke_agent {name}",
            1,
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name},
        )
        self.root["attributes"]["gen_ai.input.messages"] = json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": task}]}]
        )
        self.name = name

    @contextlib.contextmanager
    def tool(self, name: str, arguments: dict):
        span = self._open(
            f"execute_tool {name}",
            1,
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.arguments": json.dumps(arguments),
            },
        )
        call = Call()
        try:
            yield call
        except Exception as error:
            span["error"] = str(error)
            raise
        finally:
            if call.result is not None:
                span["attributes"]["gen_ai.tool.call.result"] = json.dumps(call.result)
            self._close(span)

    @contextlib.contextmanager
    def http(self, method: str, url: str, body):
        span = self._open(method, 3, {"http.request.method": method, "url.full": url})
        if body is not None:
            span["attributes"]["http.request.body"] = json.dumps(body)
        try:
            yield Exchange(span)
        finally:
            self._close(span)

    def finish(self, answer: str | None = None, error: str | None = None):
        if answer is not None:
            self.root["attributes"]["gen_ai.output.messages"] = json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": answer}]}]
            )
        if error is not None:
            self.root["error"] = error
        self._close(self.root)
        if self.path:
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump(self._document(), file)
                file.write("\n")

    def _open(self, name: str, kind: int, attributes: dict) -> dict:
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

    def _close(self, span: dict):
        span["end"] = time.time_ns()
        self.stack.remove(span)
        self.spans.append(span)

    def _document(self) -> dict:
        return {
            "resourceSpans": [
                {
                    "resource": {"attributes": attributes({"service.name": self.name})},
                    "scopeSpans": [
                        {
                            "scope": {"name": self.name},
                            "spans": [self._otlp(span) for span in self.spans],
                        }
                    ],
                }
            ]
        }

    def _otlp(self, span: dict) -> dict:
        failed = span.get("error")
        return {
            "traceId": self.trace,
            "spanId": span["id"],
            "parentSpanId": span["parent"],
            "name": span["name"],
            "kind": span["kind"],
            "startTimeUnixNano": str(span["start"]),
            "endTimeUnixNano": str(span["end"]),
            "attributes": attributes(span["attributes"]),
            "status": {"code": 2, "message": failed} if failed else {},
        }


class Call:
    result = None


class Exchange:
    def __init__(self, span: dict):
        self.span = span
        self.body = None
        self.headers = {}

    def response(self, status: int, headers, body: bytes):
        self.headers = {name.lower(): value for name, value in headers.items()}
        recorded = self.span["attributes"]
        recorded["http.response.status_code"] = status
        if "link" in self.headers:
            recorded["http.response.header.link"] = [self.headers["link"]]
        if body:
            text = body.decode()
            recorded["http.response.body"] = text
            self.body = json.loads(text)
        if status >= 400:
            self.span["error"] = f"status {status}"


def attributes(values: dict) -> list[dict]:
    return [{"key": key, "value": attribute(value)} for key, value in values.items()]


def attribute(value) -> dict:
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [attribute(item) for item in value]}}
    return {"stringValue": value}
