"""A service on the loopback, over TLS with the certificate it is given, for the tests of recordings.

Prints its port. Writes what it was asked to stderr, one line each.
"""

import gzip, http.server, json, ssl, sys, threading

go_on = threading.Event()


class Service(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        sys.stderr.write(self.command + " " + self.path + "\n")
        sys.stderr.flush()

    def answer(self, body, kind="application/json", **headers):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
        self.wfile.flush()

    def stream(self, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def do_GET(self):
        if self.path == "/zipped":
            body = gzip.compress(json.dumps({"zipped": True}).encode())
            self.answer(body, Content_Encoding="gzip", Set_Cookie="session=cookie-of-the-service-1234")
        elif self.path == "/first-then-rest":
            # The rest comes when the client says that it has the first, and not before.
            self.stream("text/event-stream")
            self.chunk(b"data: 1\n\n")
            go_on.wait(20)
            self.chunk(b"data: 2\n\n")
            self.chunk(b"")
        elif self.path == "/have-the-first":
            go_on.set()
            self.answer(b"{}")
        elif self.path == "/huge":
            self.stream("application/octet-stream")
            for _ in range(100):
                self.chunk(b"x" * (1 << 20))
            self.chunk(b"")
        elif self.path == "/upgrade":
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "echo")
            self.end_headers()
            self.wfile.write(self.connection.recv(5)[::-1])
            self.close_connection = True
        else:
            self.answer(json.dumps({"path": self.path, "authorization": self.headers["Authorization"]}).encode())

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if len(asked["messages"]) == 1:
            call = {"index": 0, "id": "c1", "function": {"name": "close_issue", "arguments": '{"number": 7}'}}
            deltas = [{"role": "assistant", "tool_calls": [call]}]
        else:
            deltas = [{"content": "Closed "}, {"content": "issue 7."}]
        self.stream("text/event-stream")
        for delta in deltas:
            event = {"model": "m-1", "choices": [{"index": 0, "delta": delta}]}
            self.chunk(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.chunk(b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}\n\ndata: [DONE]\n\n')
        self.chunk(b"")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
