//! Traces from S3, as moto speaks it: a bucket of more than one page, through every change, and a sync
//! that is killed again and again.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use archal_testkit::cli::TestEnv;
use serde_json::{Value, json};

use super::clients;

/// Objects to begin with: more than a page lists.
const OBJECTS: usize = 1_010;
/// Of these, how many have a key that ends with a 7.
const SEVENS: u64 = 101;

/// Moto asks that a change is signed, and not by whom.
const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 \
    Credential=AKIDEXAMPLE/20261122/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// S3 on the loopback.
struct Store {
    child: Child,
    port: u16,
    /// A line for each request.
    requests: Receiver<String>,
}

impl Store {
    fn start() -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/clients/python/buckets.py"
        );
        let mut child = Command::new(clients().join("python/bin/python"))
            .args([script, &OBJECTS.to_string(), &batch("NUMBER", "one")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a port");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (tell, requests) = channel();
        // Moto would wait for whoever does not read it.
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                tell.send(line).ok();
            }
        });
        Self {
            port: line.trim().parse().expect("a port"),
            requests,
            child,
        }
    }

    /// Waits until so many objects were asked for.
    fn objects_asked_for(&self, count: usize) {
        let mut seen = 0;
        while seen < count {
            let line = self.requests.recv().expect("moto runs");
            seen += usize::from(line.contains("GET /traces/in/"));
        }
    }

    fn change(&self, method: &str, key: &str, bytes: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("moto");
        let head = format!(
            "{method} /traces/{key} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{SIGNED}\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        );
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(bytes).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // It ends by itself, too, when its stdin does.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn batch(id: &str, answer: &str) -> String {
    json!({
        "schema": "archal.trace.upload-batch",
        "version": 1,
        "complete": true,
        "traces": [{
            "id": format!("t-{id}"),
            "name": answer,
            "spans": [{"id": "s-1", "name": "agent", "kind": "agent"}],
        }],
    })
    .to_string()
}

fn connected(store: &Store) -> TestEnv {
    let mut world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    fs::create_dir(world.repo().join(".git")).expect("a new folder");
    world.set("BUCKET_KEY", "AKIDEXAMPLE");
    world.set("BUCKET_SECRET", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLE");
    let endpoint = format!("endpoint=http://127.0.0.1:{}", store.port);
    let options = [
        "bucket=traces",
        "prefix=in/",
        "include=**/*7.json*",
        "accessKeyEnv=BUCKET_KEY",
        "secretKeyEnv=BUCKET_SECRET",
        &endpoint,
    ];
    let mut arguments = vec!["trace-source", "connect", "s3"];
    for option in options {
        arguments.extend(["--option", option]);
    }
    drop(world.run(&arguments).ended(0));
    world
}

fn synced(world: &TestEnv) -> Value {
    world
        .run(&["trace-source", "sync", "--json"])
        .ended(0)
        .json()
}

/// The answers of each trace in the trace directory, in the order of its files.
fn traces(world: &TestEnv) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let folder = world.repo().join(".archal/traces");
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let text = fs::read_to_string(entry.path()).expect("readable");
        let batch: Value = serde_json::from_str(&text).expect("JSON");
        for trace in batch["traces"].as_array().expect("a list") {
            let text = |name: &str| trace[name].as_str().expect("text").to_owned();
            found.entry(text("id")).or_default().push(text("name"));
        }
    }
    found
}

#[test]
fn a_bucket_is_followed_through_every_change() {
    let store = Store::start();
    let world = connected(&store);
    let tested = world.run(&["trace-source", "test", "--json"]).json();
    let parts: Vec<(&str, &str)> = tested["parts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|part| {
            let text = |name: &str| part[name].as_str().expect("text");
            (text("name"), text("status"))
        })
        .collect();
    for name in ["credentials", "list", "read", "traces"] {
        assert!(parts.contains(&(name, "ready")), "{name}: {tested:#}");
    }

    let report = synced(&world);
    let told = |report: &Value, names: [&str; 3]| names.map(|name| report[name].as_u64());
    let first = told(&report, ["rows", "new", "pages"]);
    assert_eq!(first, [Some(1_010), Some(SEVENS), Some(2)], "{report:#}");
    let report = synced(&world);
    let again = told(&report, ["changedRows", "new", "requests"]);
    assert_eq!(again, [Some(0), Some(0), Some(2)], "{report:#}");

    store.change("PUT", "in/00007.json", batch("00007", "two").as_bytes());
    store.change("DELETE", "in/00017.json", b"");
    let mut members = Vec::new();
    for text in [batch("many-1", "one"), batch("many-2", "one")] {
        let mut member = flate2::write::GzEncoder::new(&mut members, flate2::Compression::fast());
        member.write_all(text.as_bytes()).expect("packed");
        member.write_all(b"\n").expect("packed");
        member.finish().expect("packed");
    }
    store.change("PUT", "in/a%20b%2B7.json.gz", &members);
    let packed = zstd::encode_all(batch("zstd", "one").as_bytes(), 1).expect("packed");
    store.change("PUT", "in/zstd-7.json.zst", &packed);
    let report = synced(&world);
    let changed = told(&report, ["changedRows", "new", "updated"]);
    assert_eq!(changed, [Some(3), Some(3), Some(1)], "{report:#}");
    assert_eq!(report["objects"]["gone"], 1);
    let traces = traces(&world);
    assert_eq!(traces.len() as u64, SEVENS + 3);
    assert!(traces["t-00007"].contains(&"two".to_owned()));
    assert_eq!(traces["t-00017"], ["one"], "what was read stays");
}

#[test]
fn a_sync_that_is_killed_again_and_again_gets_every_trace_once() {
    let store = Store::start();
    let world = connected(&store);
    for objects in [3, 40, 90] {
        let mut sync = world
            .command(&["trace-source", "sync"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("archal");
        store.objects_asked_for(objects);
        // SIGKILL: nothing is put in order.
        sync.kill().expect("it runs");
        sync.wait().expect("ended");
    }
    synced(&world);
    let traces = traces(&world);
    assert_eq!(traces.len() as u64, SEVENS);
    let twice = traces.iter().find(|(_, answers)| answers.len() > 1);
    assert_eq!(twice, None);
}
