"""What the recorded agents talk to, on the loopback: a model that answers from a script, an issue
tracker, and a collector that keeps what is exported."""

import gzip
import http.server
import json
import threading

ISSUES = [
    {"number": 7, "title": "crash on start", "labels": [{"name": "keep-open"}]},
    {"number": 12, "title": "typo in README", "labels": []},
]


def _call(identifier, name, arguments):
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": identifier, "type": "function", "function": function}


def _answer(messages):
    """Lists, then closes two issues of which one call fails and one is refused, then says so."""
    answered = sum(1 for message in messages if message.get("role") == "tool")
    if answered == 0:
        arguments = {"repo": "acme/webapp", "state": "open"}
        return None, [_call("call_list", "list_issues", arguments)]
    if answered == 1:
        return None, [
            _call("call_close_7", "close_issue", {"repo": "acme/webapp", "number": 7}),
            _call("call_close_12", "close_issue", {"repo": "acme/webapp", "number": 12}),
        ]
    return "Closed no issue: one call timed out, one was refused.", []


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _reply(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _json(self, status, value):
        self._reply(status, json.dumps(value).encode())

    def do_GET(self):
        self._json(200, ISSUES)

    def do_PATCH(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._json(403, {"message": "Must have admin rights to Repository."})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path.startswith("/v1/") and not self.path.startswith("/v1/chat"):
            self.server.exports.append((self.path, body))
            return self._reply(200, b"", "application/x-protobuf")
        request = json.loads(body)
        text, calls = _answer(request["messages"])
        message = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = calls
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "tool_calls" if calls else "stop",
        }
        usage = {"prompt_tokens": 120, "completion_tokens": 18, "total_tokens": 138}
        self._json(
            200,
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1700000000,
                "model": "model-x-2026",
                "choices": [choice],
                "usage": usage,
            },
        )


class Service:
    """The loopback server; `exports` are (path, body) in the order they came."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.exports = []
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self, path):
        """All bodies sent to a path. Protobuf messages of lists add up when they are joined."""
        return b"".join(body for where, body in self.server.exports if where == path)
