"""A model on the loopback: it answers the chat completions of an issue desk by what the tools said.

    model.py <honest|claims> <command…>

runs the command with OPENAI_BASE_URL at itself, and ends with its exit code. `honest` closes the newest open
issue with a comment before it says so; `claims` says so and closes nothing.
"""

import http.server
import json
import os
import subprocess
import sys
import threading

REPOSITORY = {"owner": "octocat", "repo": "hello-service"}


def turn(mode, messages):
    """The calls of the next turn, or the answer: a text."""
    results = [message["content"] for message in messages if message["role"] == "tool"]
    if not results:
        return [("issues_list_for_repo", {**REPOSITORY, "state": "open"})]
    newest = max(issue["number"] for issue in json.loads(results[0]))
    answer = f"I have closed issue #{newest} of octocat/hello-service."
    if mode == "claims" or len(results) == 3:
        return answer
    one = {**REPOSITORY, "issue_number": newest}
    if len(results) == 1:
        return [("issues_create_comment", {**one, "body": "Closing: this is done."})]
    return [("issues_update", {**one, "state": "closed", "state_reason": "completed"})]


class Model(http.server.BaseHTTPRequestHandler):
    mode = "honest"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = turn(self.mode, asked["messages"])
        message = {"role": "assistant", "content": said if isinstance(said, str) else None}
        if not isinstance(said, str):
            first = sum(message["role"] == "tool" for message in asked["messages"])
            message["tool_calls"] = [
                {
                    "id": f"call_{first + place}",
                    "type": "function",
                    "function": {"name": name, "arguments": json.dumps(arguments)},
                }
                for place, (name, arguments) in enumerate(said)
            ]
        body = json.dumps(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1_770_000_000,
                "model": asked["model"],
                "choices": [
                    {
                        "index": 0,
                        "message": message,
                        "finish_reason": "stop" if message["content"] else "tool_calls",
                    }
                ],
                "usage": {"prompt_tokens": 120, "completion_tokens": 18, "total_tokens": 138},
            }
        ).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    Model.mode = sys.argv[1]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{server.server_port}/v1"
    os.environ["OPENAI_API_KEY"] = "none"
    return subprocess.run(sys.argv[2:]).returncode


sys.exit(main())
