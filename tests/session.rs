//! Sessions for real: unmodified clients at the service's own URL, and the evidence that is left.

mod reach;
mod recorded;
mod routes;
mod secrets;
mod tools;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use archal::config::schema::RouteMode;
use archal::sandbox::child::{ChildEnd, ChildSpec, Containment};
use archal::sandbox::hold::Probe;
use archal::session::{
    ClonePlan, Egress, RouteLevel, Session, SessionConfig, SessionEnd, SessionError,
};
use archal_core::clock::{Clock, Timestamp};
use archal_core::clone::{Seed, Trouble};
use archal_core::redact::{Literals, Redactor};
use archal_testkit::cli::copy_program;
use archal_testkit::echo_clone::ECHO;

use crate::sandbox::helper;

/// The variable that turns the test binary into a program that runs one session.
const DRIVER: &str = "ARCHAL_TEST_SESSION_DRIVER";
const ROUTES: [RouteMode; 3] = [RouteMode::Isolated, RouteMode::Shim, RouteMode::Proxy];

pub(crate) struct RealClock(pub(crate) Instant);

impl Clock for RealClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "clients check certificates by it"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

fn config(folder: &Path, route: RouteMode, seed: &'static str) -> SessionConfig<'static> {
    SessionConfig {
        clones: vec![ClonePlan {
            clone: &ECHO,
            seed: Seed::Named(seed),
            trouble: Trouble::default(),
            more_hosts: &[],
        }],
        route,
        probe: None,
        evidence: folder.to_owned(),
        clock: Arc::new(RealClock(Instant::now())),
        ids: 1,
        helper: helper(),
        expose_clone_urls: false,
        egress: Egress::default(),
        redactor: Redactor::new([5; 32], ECHO.keep_fields.iter().copied()),
        literals: Literals::default(),
    }
}

fn child(command: &[&str]) -> ChildSpec {
    let path = "/usr/local/bin:/usr/bin:/bin".to_owned();
    ChildSpec {
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        directory: "/".into(),
        environment: BTreeMap::from([("PATH".to_owned(), path)]),
        timeout: Duration::from_secs(40),
        idle: None,
        grace: Duration::from_secs(1),
        output_cap: 1 << 20,
        binds: Vec::new(),
        process_limit: None,
        confine: None,
    }
}

fn python(script: &str) -> ChildSpec {
    child(&["python3", "-c", script])
}

/// A client of the Python standard library that makes, lists and deletes notes.
const NOTES_PY: &str = r#"
import json, os, time, urllib.request, urllib.error
def call(method, path, body=None, token=os.environ["ECHO_TOKEN"]):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request("https://api.echo.test" + path, data, method=method,
        headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
pause = float(os.environ.get("PAUSE", "0"))
status, made = call("POST", "/notes", {"text": "hello", "password": "hunter2"})
assert status == 201, (status, made)
made = json.loads(made)
time.sleep(pause)
assert call("GET", "/notes?since=" + made["created_at"])[0] == 200
assert call("DELETE", "/notes/1")[0] == 204
time.sleep(pause)
assert call("GET", "/notes/77")[0] == 404
assert call("GET", "/notes", token="wrong")[0] == 401
assert call("GET", "/unheard-of")[0] == 404
print("done")
"#;

fn run(config: SessionConfig<'_>, child: ChildSpec) -> (ChildEnd, SessionEnd) {
    let session = Session::open(config).expect("a session");
    let ended = session.run(child);
    (ended, session.finish().expect("evidence"))
}

fn output(end: &ChildEnd) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&end.stdout),
        String::from_utf8_lossy(&end.stderr)
    )
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).expect("an evidence file")
}

#[test]
fn the_same_calls_leave_the_same_bytes_by_either_route_and_at_any_pace() {
    let mut seen: Vec<Vec<String>> = Vec::new();
    for (route, pause) in [
        (RouteMode::Isolated, "0"),
        (RouteMode::Isolated, "1.2"),
        (RouteMode::Proxy, "0"),
        (RouteMode::Shim, "0"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = python(NOTES_PY);
        child
            .environment
            .insert("PAUSE".to_owned(), pause.to_owned());
        let (ended, end) = run(config(folder.path(), route, "one-note"), child);
        assert_eq!(output(&ended), "done\n");
        assert_eq!(end.calls.len(), 6, "{:?}", end.calls);
        assert!(end.refused.is_empty(), "{:?}", end.refused);
        let files = [
            "calls.jsonl",
            "state-before.json",
            "state-after.json",
            "diff.json",
        ];
        seen.push(files.iter().map(|name| read(folder.path(), name)).collect());
        assert_eq!(read(folder.path(), "timings.jsonl").lines().count(), 6);
        let litter: Vec<_> = fs::read_dir(folder.path())
            .expect("readable")
            .flatten()
            .map(|entry| entry.file_name())
            .filter(|name| name.to_string_lossy().starts_with('.'))
            .collect();
        assert!(litter.is_empty(), "{litter:?}");
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    assert_eq!(seen[0], seen[3]);
    let [calls, before, after, diff] = &seen[0][..] else {
        panic!("four files");
    };
    let first: serde_json::Value =
        serde_json::from_str(calls.lines().next().expect("a call")).expect("JSON");
    insta::assert_json_snapshot!(first, @r#"
    {
      "changes": [
        {
          "change": "added",
          "key": "2",
          "table": "notes"
        }
      ],
      "clone": "echo",
      "host": "api.echo.test",
      "method": "POST",
      "operation": "notes/create",
      "path": "/notes",
      "principal": "tester",
      "request": {
        "body": {
          "password": "[redacted:e76bbd38]",
          "text": "hello"
        },
        "headers": {
          "accept-encoding": "identity",
          "authorization": "Bearer [redacted:02ab3fdd]",
          "content-type": "application/json",
          "user-agent": "Python-urllib/3.11"
        }
      },
      "response": {
        "body": {
          "created_at": "+run",
          "id": 2,
          "text": "hello"
        },
        "headers": {
          "content-type": "application/json"
        }
      },
      "rootAfter": 2,
      "rootBefore": 1,
      "seq": 1,
      "status": 201
    }
    "#);
    assert!(calls.contains("/notes?since=+run"), "{calls}");
    assert!(
        calls.contains("\"unmodelled\":\"GET /unheard-of\""),
        "{calls}"
    );
    assert!(!calls.contains("hunter2"), "{calls}");
    assert!(!calls.contains("echo_test_token"), "{calls}");
    assert!(before.contains("-95d"), "{before}");
    assert!(after.contains("+run"), "{after}");
    let diff: serde_json::Value = serde_json::from_str(diff).expect("JSON");
    assert_eq!(diff["echo"]["notes"]["added"][0]["text"], "hello");
    assert_eq!(diff["echo"]["notes"]["removed"][0]["text"], "first");
}

#[test]
fn curl_and_node_reach_the_clone_at_its_own_url() {
    let node = r#"
const https = require("https"), http = require("http");
const headers = { authorization: "Bearer " + process.env.ECHO_TOKEN };
const show = (answer) => { let body = ""; answer.on("data", (d) => body += d).on("end", () => console.log(answer.statusCode, body)); };
const proxy = process.env.HTTPS_PROXY;
if (!proxy) https.get("https://api.echo.test/notes", { headers }, show);
else {
  const at = new URL(proxy);
  http.request({ host: at.hostname, port: at.port, method: "CONNECT", path: "api.echo.test:443" })
    .on("connect", (_, socket) => https.get({ host: "api.echo.test", path: "/notes", headers, socket, servername: "api.echo.test" }, show)).end();
}
"#;
    // What Python 3.13 and later ask of certificates by themselves.
    let strict = r#"
import os, ssl, urllib.request
context = ssl.create_default_context()
context.verify_flags |= ssl.VERIFY_X509_STRICT
request = urllib.request.Request("https://api.echo.test/notes", headers={"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]})
print(urllib.request.urlopen(request, timeout=10, context=context).read().decode())
"#;
    for route in ROUTES {
        for (name, command) in [
            (
                "curl",
                vec![
                    "curl",
                    "-sS",
                    "-w",
                    " %{http_code} %{http_version}",
                    "-H",
                    "Authorization: Bearer echo_test_token",
                    "https://api.echo.test/notes",
                ],
            ),
            (
                "curl 1.1",
                vec![
                    "curl",
                    "-sS",
                    "--http1.1",
                    "-I",
                    "-H",
                    "Authorization: Bearer echo_test_token",
                    "https://api.echo.test/notes",
                ],
            ),
            ("node", vec!["node", "-e", node]),
            ("strict", vec!["python3", "-c", strict]),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let (ended, end) = run(config(folder.path(), route, "one-note"), child(&command));
            let text = output(&ended);
            assert!(ended.succeeded(), "{name} {route:?}: {text}");
            match name {
                "curl" => assert!(text.ends_with("first\"}] 200 2"), "{text}"),
                "strict" => assert!(text.contains("first"), "{text}"),
                "node" => assert!(text.starts_with("200 [{"), "{text}"),
                _ => {
                    assert!(text.contains("HTTP/1.1 200 OK"), "{text}");
                    assert!(text.to_lowercase().contains("date: "), "{text}");
                }
            }
            assert_eq!(end.calls.len(), 1, "{name} {route:?} {:?}", end.refused);
        }
    }
}

#[test]
fn escapes_are_refused_named_and_recorded() {
    let script = r#"
import socket, ssl, urllib.request, urllib.error
for url in ["https://api.real.example/x", "https://files.echo.test/x", "http://plain.example/x", "https://203.0.113.9/x"]:
    try: urllib.request.urlopen(url, timeout=10); print("reached")
    except urllib.error.URLError as error: print(type(error).__name__)
context = ssl.create_default_context(cafile="/dev/null") if False else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
try: context.wrap_socket(socket.create_connection(("api.echo.test", 443), 10), server_hostname="api.echo.test"); print("trusted")
except (ssl.SSLError, OSError) as error: print(type(error).__name__)
"#;
    let folder = tempfile::tempdir().expect("a folder");
    let (ended, end) = run(
        config(folder.path(), RouteMode::Isolated, "empty"),
        python(script),
    );
    assert_eq!(
        output(&ended),
        "URLError\nURLError\nHTTPError\nURLError\nSSLCertVerificationError\n"
    );
    let refused: Vec<String> = end
        .refused
        .iter()
        .map(|refused| {
            let port = refused
                .port
                .map_or_else(String::new, |port| format!(":{port}"));
            format!(
                "{} {}{port}: {}",
                refused.kind, refused.host, refused.reason
            )
        })
        .collect();
    insta::assert_snapshot!(refused.join("\n"), @r"
    name api.real.example: no clone of this session answers for it
    connect api.real.example:443: no clone of this session answers for it
    name files.echo.test: no clone of this session answers for it
    connect files.echo.test:443: a host of echo that its clone does not model
    name plain.example: no clone of this session answers for it
    connect plain.example:80: no clone of this session answers for it
    connect 203.0.113.9:443: no clone of this session answers for it
    tls api.echo.test:443: the client does not trust the session's authority (UnknownCA)
    ");
    assert_eq!(
        end.names,
        ["api.real.example", "files.echo.test", "plain.example"]
    );
    assert_eq!(
        read(folder.path(), "egress.jsonl").lines().count(),
        refused.len()
    );

    let folder = tempfile::tempdir().expect("a folder");
    let script = script.split("context =").next().expect("a part");
    let (ended, end) = run(
        config(folder.path(), RouteMode::Proxy, "empty"),
        python(script),
    );
    assert_eq!(output(&ended), "URLError\nURLError\nHTTPError\nURLError\n");
    let hosts: Vec<_> = end
        .refused
        .iter()
        .map(|refused| (refused.host.as_str(), refused.port))
        .collect();
    assert_eq!(
        hosts,
        [
            ("api.real.example", Some(443)),
            ("files.echo.test", Some(443)),
            ("plain.example", Some(80)),
            ("203.0.113.9", Some(443)),
        ]
    );
}

#[test]
fn routes_set_their_variables_and_take_out_those_that_lead_around() {
    for route in ROUTES {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = child(&["env"]);
        for (name, value) in [
            ("HTTPS_PROXY", "http://elsewhere:1"),
            ("SSL_CERT_DIR", "/etc/ssl/certs"),
            ("ECHO_TOKEN", "a-real-token"),
            ("KEPT", "yes"),
        ] {
            child.environment.insert(name.to_owned(), value.to_owned());
        }
        let (ended, _) = run(config(folder.path(), route, "empty"), child);
        let text = output(&ended);
        let is_set = |name: &str| {
            text.lines()
                .any(|line| line.starts_with(&format!("{name}=")))
        };
        assert!(text.contains("ECHO_TOKEN=echo_test_token\n"), "{text}");
        assert!(text.contains("KEPT=yes\n"), "{text}");
        assert!(
            !text.contains("elsewhere") && !is_set("SSL_CERT_DIR"),
            "{text}"
        );
        assert!(
            is_set("NODE_EXTRA_CA_CERTS") && is_set("SSL_CERT_FILE"),
            "{text}"
        );
        for name in ["HTTPS_PROXY", "https_proxy"] {
            assert_eq!(
                is_set(name),
                route != RouteMode::Isolated,
                "{name} in {text}"
            );
        }
        for name in [
            "AGENT_CLONE_URLS",
            "AGENT_ROUTE_HEADERS",
            "ARCHAL_ECHO_REST_URL",
        ] {
            assert_eq!(is_set(name), route == RouteMode::Proxy, "{name} in {text}");
        }
    }
}

#[test]
fn base_urls_lead_to_the_clone_without_a_trace_of_the_port() {
    let mut records = Vec::new();
    for route in ROUTES {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config(folder.path(), route, "one-note");
        config.expose_clone_urls = true;
        let child = child(&[
            "sh",
            "-c",
            "curl -sS -H \"Authorization: Bearer $ECHO_TOKEN\" $ARCHAL_ECHO_REST_URL/notes/1",
        ]);
        let (ended, _) = run(config, child);
        assert!(
            output(&ended).contains("\"text\":\"first\""),
            "{}",
            output(&ended)
        );
        records.push(read(folder.path(), "calls.jsonl"));
    }
    assert_eq!(records[0], records[1]);
    assert_eq!(records[0], records[2]);
    assert!(
        records[0].contains("\"host\":\"api.echo.test\""),
        "{}",
        records[0]
    );
}

#[test]
fn the_server_keeps_its_bounds_and_survives_a_broken_clone() {
    let script = r#"
import http.client, ssl, os, socket
def connection(): return http.client.HTTPSConnection("api.echo.test", timeout=10)
auth = {"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]}
c = connection(); c.request("POST", "/notes", headers={**auth, "Content-Length": str(40 << 20)})
try:
    c.send(b"x" * (33 << 20))
    print(c.getresponse().status)
except OSError: print(413)
c = connection(); c.request("GET", "/panic", headers=auth); print(c.getresponse().status)
c = connection(); c.request("GET", "/notes", headers=auth); r = c.getresponse(); r.read(); print(r.status)
c.request("HEAD", "/notes", headers=auth); r = c.getresponse(); print(r.status, r.getheader("content-length"), r.read())
s = socket.create_connection(("api.echo.test", 443), 5); s.sendall(b"\x16garbage" * 20)
s = socket.create_connection(("api.echo.test", 80), 5); s.sendall(b"nonsense\r\n\r\n"); print(s.recv(12))
"#;
    let folder = tempfile::tempdir().expect("a folder");
    let (ended, end) = run(
        config(folder.path(), RouteMode::Isolated, "empty"),
        python(script),
    );
    assert_eq!(
        output(&ended),
        "413\n500\n200\n200 2 b''\nb'HTTP/1.1 400'\n"
    );
    let unmodelled: Vec<_> = end
        .calls
        .iter()
        .filter_map(|call| call.unmodelled.as_deref())
        .collect();
    assert_eq!(unmodelled, ["GET /panic (the clone failed)"]);
}

#[test]
fn a_request_sent_by_a_child_that_did_not_wait_is_recorded() {
    let script = r#"
import http.client, os
c = http.client.HTTPSConnection("api.echo.test", timeout=10)
c.request("POST", "/notes", b'{"text": "last words"}', {"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]})
os._exit(0)
"#;
    for _ in 0..10 {
        let folder = tempfile::tempdir().expect("a folder");
        let (ended, end) = run(
            config(folder.path(), RouteMode::Isolated, "empty"),
            python(script),
        );
        assert!(ended.succeeded());
        assert_eq!(end.calls.len(), 1);
        assert_eq!(end.clones[0].diff.len(), 1);
    }
}

#[test]
fn many_connections_at_a_time_are_all_answered_and_recorded_in_one_order() {
    let script = r#"
import concurrent.futures, json, os, urllib.request
def post(number):
    request = urllib.request.Request("https://api.echo.test/notes", json.dumps({"text": str(number)}).encode(),
        {"Authorization": "Bearer " + os.environ["ECHO_TOKEN"]})
    return json.load(urllib.request.urlopen(request, timeout=30))["id"]
with concurrent.futures.ThreadPoolExecutor(40) as pool:
    print(sorted(pool.map(post, range(100))) == list(range(1, 101)))
"#;
    for route in ROUTES {
        let folder = tempfile::tempdir().expect("a folder");
        let (ended, end) = run(config(folder.path(), route, "empty"), python(script));
        assert_eq!(output(&ended), "True\n", "{route:?}");
        let ids: Vec<i64> = end
            .calls
            .iter()
            .map(|call| call.response.body["id"].as_i64().expect("an id"))
            .collect();
        assert_eq!(ids, (1..=100).collect::<Vec<_>>(), "{route:?}");
        let seqs: Vec<u64> = end.calls.iter().map(|call| call.seq).collect();
        assert_eq!(seqs, (1..=100).collect::<Vec<_>>());
    }
}

#[test]
fn without_namespaces_auto_takes_the_shim_and_says_why() {
    let none = Probe {
        namespaces: Err("not permitted".to_owned()),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut auto = config(folder.path(), RouteMode::Auto, "one-note");
    auto.probe = Some(none.clone());
    let (ended, end) = run(auto, python(NOTES_PY));
    assert_eq!(output(&ended), "done\n");
    assert_eq!(ended.containment, Containment::Pgroup);
    assert_eq!(end.route.level, RouteLevel::Shim);
    assert_eq!(end.route.reason.as_deref(), Some("not permitted"));
    let mut isolated = config(folder.path(), RouteMode::Isolated, "empty");
    isolated.probe = Some(none);
    let error = Session::open(isolated).expect_err("refused");
    assert!(matches!(error, SessionError::Route { .. }), "{error}");
    let error = Session::open(config(folder.path(), RouteMode::Auto, "no-such-seed"));
    assert!(matches!(
        error,
        Err(SessionError::Seed { clone: "echo", .. })
    ));
}

/// Not a test of its own: runs one session when another test starts this binary for it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a driver takes its order from there"
)]
fn driver() {
    let Ok(order) = std::env::var(DRIVER) else {
        return;
    };
    let (helper, folder): (PathBuf, PathBuf) = serde_json::from_str(&order).expect("an order");
    let mut config = config(&folder.join("evidence"), RouteMode::Isolated, "one-note");
    config.helper = helper;
    let mut child = python(NOTES_PY);
    child.process_limit = Some(50);
    let (ended, end) = run(config, child);
    assert_eq!(output(&ended), "done\n");
    assert_eq!(end.calls.len(), 6);
}

#[test]
fn an_ordinary_user_has_the_isolated_route_too() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("open");
    let (binary, helper) = (folder.path().join("driver"), folder.path().join("archal"));
    copy_program(&std::env::current_exe().expect("this binary"), &binary);
    copy_program(Path::new(env!("CARGO_BIN_EXE_archal")), &helper);
    let order = serde_json::to_string(&(&helper, folder.path())).expect("encoded");
    let mut command = Command::new(binary);
    command
        .args(["--exact", "session::driver", "--nocapture"])
        .env(DRIVER, order);
    if rustix::process::getuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let output = command.output().expect("the driver");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
