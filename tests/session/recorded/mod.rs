//! `archal record` through the built binary: commands, their services on the loopback, and the trace.

mod github;
mod killed;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use archal_core::trace::{Batch, SpanKind, Status, Trace};
use archal_testkit::cli::{Output, TestEnv};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

/// What no rule knows the shape of.
const TOKEN: &str = "own-token-without-a-known-shape";

/// A service on the loopback with a certificate of its own.
struct Service {
    process: Child,
    port: u16,
    certificate: PathBuf,
    asked: PathBuf,
}

impl Service {
    fn started(folder: &Path, name: &str) -> Self {
        let hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(hosts).expect("hosts");
        let certificate = params.self_signed(&key).expect("a certificate");
        let own = folder.join(format!("{name}.pem"));
        fs::write(&own, certificate.pem()).expect("written");
        let both = folder.join(format!("{name}-key.pem"));
        fs::write(&both, key.serialize_pem() + &certificate.pem()).expect("written");
        let asked = folder.join(format!("{name}.log"));
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/session/recorded/upstream.py"
        );
        let mut process = Command::new("python3")
            .args([script.as_ref(), both.as_os_str()])
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&asked).expect("a file"))
            .spawn()
            .expect("python3");
        let mut port = String::new();
        let stdout = process.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut port).expect("a port");
        Self {
            process,
            port: port.trim().parse().expect("a port"),
            certificate: own,
            asked,
        }
    }

    fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    fn asked(&self) -> String {
        fs::read_to_string(&self.asked).expect("a log")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended; both are fine here.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn world() -> TestEnv {
    let mut world = crate::cli::environment();
    world.with_callers_programs();
    world
}

/// Records a command whose calls of these services are recorded, and which trusts all of them.
fn record(world: &TestEnv, services: &[&Service], more: &[&str], command: &[&str]) -> Output {
    let hosts: Vec<String> = services.iter().map(|service| service.host()).collect();
    let mut arguments = vec!["record"];
    for host in &hosts {
        arguments.extend(["--host", host]);
    }
    arguments.extend(more);
    arguments.push("--");
    arguments.extend(command);
    world.run(&arguments)
}

fn files(world: &TestEnv) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(world.repo().join(".archal/traces")) else {
        return Vec::new();
    };
    let entries = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.collect();
    files.sort();
    files
}

/// The only trace there is, and the text of its file.
fn only(world: &TestEnv) -> (Trace, String) {
    let files = files(world);
    assert_eq!(files.len(), 1, "{files:?}");
    let text = fs::read_to_string(&files[0]).expect("text");
    let batch: Batch = serde_json::from_str(&text).expect("a batch");
    assert!(batch.complete);
    let trace = batch.traces.into_iter().next().expect("a trace");
    (trace, text)
}

#[test]
fn what_a_command_asks_becomes_a_trace_without_its_credentials() {
    for route in ["isolated", "shim", "proxy"] {
        let mut world = world();
        let service = Service::started(&world.home(), "a");
        let roots = service.certificate.display().to_string();
        world.set("SSL_CERT_FILE", &roots);
        let ask = format!(
            "cat; curl -sS --compressed -H 'Authorization: Bearer {TOKEN}' {} {}; exit 7",
            service.url("/zipped"),
            service.url(&format!("/echo?token={TOKEN}"))
        );
        let mut child = world
            .command(&[
                "record",
                "--route",
                route,
                "--host",
                &service.host(),
                "--",
                "sh",
                "-c",
                &ask,
            ])
            .stdin(Stdio::piped())
            .spawn()
            .expect("the built binary");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(b"through ").expect("taken");
        drop(stdin);
        let output = child.wait_with_output().expect("its end");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(7), "{route}: {stderr}");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(stdout.starts_with("through {\"zipped\": true}"), "{stdout}");
        assert!(stdout.contains(TOKEN), "the command gets what it was sent");
        assert!(stderr.contains("recorded 2 calls"), "{route}: {stderr}");
        let (trace, text) = only(&world);
        for secret in [TOKEN, "cookie-of-the-service-1234"] {
            assert!(!text.contains(secret), "{route}: {text}");
        }
        assert_eq!(trace.status, Status::Error, "it ended with 7");
        let http: Vec<_> = trace
            .spans
            .iter()
            .filter_map(|span| span.http.as_ref())
            .collect();
        assert_eq!(http.len(), 2, "{route}");
        assert_eq!(http[0].url, service.url("/zipped"));
        assert_eq!(http[0].status, Some(200));
        assert_eq!(http[0].response_body, Some(json!({"zipped": true})));
        assert!(trace.completeness.truncated.is_empty());
    }
}

#[test]
fn hosts_that_are_not_named_are_reached_untouched_and_counted() {
    let mut world = world();
    let (named, other) = (
        Service::started(&world.home(), "named"),
        Service::started(&world.home(), "other"),
    );
    world.set("SSL_CERT_FILE", named.certificate.display().to_string());
    // The client trusts the other's certificate alone: nobody else can have answered for it.
    let ask = format!(
        "curl -sS {} && curl -sS --cacert {} {}",
        named.url("/one"),
        other.certificate.display(),
        other.url("/two")
    );
    let output = record(&world, &[&named], &[], &["sh", "-c", &ask]).ended(0);
    assert!(output.stdout.contains("/one") && output.stdout.contains("/two"));
    let told = format!("other hosts, untouched: 1 127.0.0.1:{}", other.port);
    assert!(output.stderr.contains(&told), "{output}");
    let (trace, text) = only(&world);
    assert_eq!(trace.spans.len(), 2);
    assert!(!text.contains("/two\""), "{text}");
}

#[test]
fn a_model_is_recorded_as_its_messages_and_the_call_of_a_tool_between_them() {
    const AGENT: &str = r#"
import json, sys, urllib.request
def ask(messages):
    body = json.dumps({"model": "m", "stream": True, "messages": messages}).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + sys.argv[2]}
    return urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/v1/chat/completions", body, headers)).read()
first = [{"role": "user", "content": "Close issue 7."}]
ask(first)
call = {"id": "c1", "type": "function", "function": {"name": "close_issue", "arguments": "{\"number\": 7}"}}
ask(first + [{"role": "assistant", "content": None, "tool_calls": [call]},
             {"role": "tool", "tool_call_id": "c1", "content": "{\"state\": \"closed\"}"}])
"#;
    let mut world = world();
    let service = Service::started(&world.home(), "model");
    world.set("SSL_CERT_FILE", service.certificate.display().to_string());
    let more = ["--input", "Close issue 7."];
    let command = ["python3", "-c", AGENT, &service.url(""), TOKEN];
    drop(record(&world, &[&service], &more, &command).ended(0));
    let (trace, text) = only(&world);
    assert!(!text.contains(TOKEN));
    assert_eq!(trace.input, Some(json!("Close issue 7.")));
    assert_eq!(trace.output, Some(json!("Closed issue 7.")));
    let kinds: Vec<SpanKind> = trace.spans.iter().map(|span| span.kind).collect();
    assert_eq!(
        kinds,
        [
            SpanKind::Agent,
            SpanKind::Llm,
            SpanKind::Tool,
            SpanKind::Llm
        ]
    );
    let tool = trace.spans[2].tool.as_ref().expect("a call");
    assert_eq!(tool.arguments, Some(json!({"number": 7})));
    assert_eq!(tool.result, Some(json!({"state": "closed"})));
    let model = trace.spans[3].llm.as_ref().expect("a model");
    assert_eq!(model.usage.input_tokens, Some(9));
}

#[test]
fn streams_go_through_as_they_come_and_long_ones_take_no_memory() {
    const AGENT: &str = r#"
import sys, urllib.request
stream = urllib.request.urlopen(sys.argv[1] + "/first-then-rest")
first = stream.readline()
urllib.request.urlopen(sys.argv[1] + "/have-the-first").read()
print(first, stream.read(), flush=True)
huge, total = urllib.request.urlopen(sys.argv[1] + "/huge"), 0
while piece := huge.read(1 << 20):
    total += len(piece)
print(total, flush=True)
sys.stdin.read()
"#;
    let mut world = world();
    let service = Service::started(&world.home(), "streams");
    world.set("SSL_CERT_FILE", service.certificate.display().to_string());
    let mut child = world
        .command(&[
            "record",
            "--host",
            &service.host(),
            "--",
            "python3",
            "-c",
            AGENT,
            &service.url(""),
        ])
        .stdin(Stdio::piped())
        .spawn()
        .expect("the built binary");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut line = || lines.next().expect("a line").expect("text");
    assert_eq!(line(), r"b'data: 1\n' b'\ndata: 2\n\n'");
    assert_eq!(line(), (100_u64 << 20).to_string());
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .expect("a figure");
    assert!(peak < 120_000, "{peak} kB");
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("its end").code(), Some(0));
    let (trace, _) = only(&world);
    assert_eq!(trace.completeness.truncated, ["spans[3].http.responseBody"]);
    let told = trace.spans[3].attributes["archal.responseBody"].to_string();
    assert!(told.contains("104857600 bytes, sha256:"), "{told}");
}

#[test]
fn a_service_that_is_down_or_shows_a_wrong_certificate_is_said_to_be_and_not_asked() {
    let world = world();
    let service = Service::started(&world.home(), "wrong");
    // Nobody but the client trusts it.
    let ask = format!("curl -sS -w '%{{http_code}}' {}", service.url("/secret"));
    let output = record(&world, &[&service], &[], &["sh", "-c", &ask]).ended(0);
    assert!(output.stdout.contains("UnknownIssuer"), "{output}");
    assert!(output.stdout.ends_with("502"), "{output}");
    assert_eq!(service.asked(), "", "it got no request");
    let (trace, _) = only(&world);
    let error = trace.spans[1].error.clone().expect("an error");
    assert!(error.contains("UnknownIssuer"), "{error}");
    let host = service.host();
    drop(service);
    let url = format!("https://{host}/");
    let ask = format!("curl -sS -w '%{{http_code}}' {url}");
    let output = world
        .run(&["record", "--host", &host, "--", "sh", "-c", &ask])
        .ended(0);
    assert!(
        output.stdout.contains("refused") && output.stdout.ends_with("502"),
        "{output}"
    );
}

#[test]
fn connections_that_become_something_else_go_through() {
    let mut world = world();
    let service = Service::started(&world.home(), "upgraded");
    world.set("SSL_CERT_FILE", service.certificate.display().to_string());
    const AGENT: &str = r#"
import socket, ssl, sys
port = int(sys.argv[1])
s = ssl.create_default_context().wrap_socket(socket.create_connection(("localhost", port)), server_hostname="localhost")
s.sendall(b"GET /upgrade HTTP/1.1\r\nHost: localhost:%d\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n" % port)
head = b""
while b"\r\n\r\n" not in head: head += s.recv(1)
s.sendall(b"hello")
print(head.split(b"\r\n")[0].decode(), s.recv(5).decode())
"#;
    let port = service.port.to_string();
    let output = record(&world, &[&service], &[], &["python3", "-c", AGENT, &port]).ended(0);
    assert_eq!(
        output.stdout, "HTTP/1.1 101 Switching Protocols olleh\n",
        "{output}"
    );
    let (trace, _) = only(&world);
    assert_eq!(trace.spans[1].attributes["http.request.upgrade"], "echo");
}

#[test]
fn a_command_that_is_killed_leaves_its_trace_and_one_without_a_place_does_not_run() {
    let mut world = world();
    let service = Service::started(&world.home(), "killed");
    world.set("SSL_CERT_FILE", service.certificate.display().to_string());
    let ask = format!("curl -sS {}; kill -9 $$", service.url("/before"));
    let output = record(&world, &[&service], &[], &["sh", "-c", &ask]).ended(137);
    assert!(output.stdout.contains("/before"));
    let (trace, _) = only(&world);
    assert_eq!(trace.status, Status::Error);
    assert_eq!(
        trace.error.as_deref(),
        Some("the command was ended by signal 9")
    );
    assert_eq!(trace.spans.len(), 2);
    world.write("a-file", "");
    let more = ["--trace-dir", "a-file"];
    let output = record(&world, &[&service], &more, &["touch", "ran"]).ended(3);
    assert!(!world.repo().join("ran").exists(), "{output}");
    // The place goes away while it runs.
    let more = ["--trace-dir", "gone"];
    let output = record(
        &world,
        &[&service],
        &more,
        &["sh", "-c", "rmdir gone && touch gone"],
    );
    let output = output.ended(3);
    assert!(output.stderr.contains("error:"), "{output}");
}

#[test]
fn two_commands_are_recorded_at_once_each_by_itself() {
    let mut world = world();
    let service = Service::started(&world.home(), "both");
    world.set("SSL_CERT_FILE", service.certificate.display().to_string());
    let start = |name: &str| {
        let ask = format!("read go; curl -sS {}", service.url(&format!("/{name}")));
        world
            .command(&["record", "--host", &service.host(), "--", "sh", "-c", &ask])
            .stdin(Stdio::piped())
            .spawn()
            .expect("the built binary")
    };
    let mut both = [start("one"), start("two")];
    for child in &mut both {
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(b"go\n").expect("taken");
    }
    for mut child in both {
        let mut stdout = String::new();
        let mut pipe = child.stdout.take().expect("a pipe");
        pipe.read_to_string(&mut stdout).expect("text");
        assert!(child.wait().expect("its end").success());
    }
    let mut asked: Vec<String> = files(&world)
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("text");
            let batch: Batch = serde_json::from_str(&text).expect("a batch");
            batch.traces[0].spans[1].name.clone()
        })
        .collect();
    asked.sort();
    assert_eq!(asked, ["GET /one", "GET /two"]);
}

#[test]
fn what_names_no_host_is_refused_with_the_way_out() {
    let world = world();
    let refused = |host: &str| {
        let output = world
            .run(&["record", "--host", host, "--", "true"])
            .ended(2);
        output.stderr
    };
    assert!(refused("gihtub").contains("did you mean `--host github`?"));
    assert!(refused("https://api.github.com/").contains("it is a URL"));
    assert!(refused("localhost").contains("a port must be named"));
}
