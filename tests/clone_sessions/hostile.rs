//! Clients that do what they should not, against the built binary: what it costs is bounded, others are
//! answered, and what was asked is in the evidence.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use super::{PATIENCE, REPO, Scene};

/// Connections at a time.
const MANY: usize = 1000;
/// What all of it may take beside what a session takes anyway, in KiB: the record's bounds are higher.
const MOST_KIB: u64 = 200 * 1024;

fn resident(scene: &Scene, field: &str) -> u64 {
    let pid = scene.record("default")["pid"].as_u64().expect("a process");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(field));
    let line = line.expect("the field");
    let digits = line.chars().filter(char::is_ascii_digit);
    digits.collect::<String>().parse().expect("a number")
}

fn client(authority: &str) -> TcpStream {
    let stream = TcpStream::connect(authority).expect("something listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("settable");
    stream.set_write_timeout(Some(PATIENCE)).expect("settable");
    stream
}

fn get(path: &str, token: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
    )
}

fn recorded(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("evidence/calls.jsonl")).expect("evidence");
    let line = |line: &str| serde_json::from_str(line).expect("a whole line");
    text.lines().map(line).collect()
}

#[test]
fn crowds_slow_and_deaf_clients_cost_what_is_bounded_and_others_are_answered() {
    // Both ends are here, for the session has the limit of who starts it.
    let old = getrlimit(Resource::Nofile);
    let most = old.maximum.map_or(8192, |most| most.min(8192));
    let new = Rlimit {
        current: Some(old.current.unwrap_or(u64::MAX).max(most)),
        maximum: old.maximum,
    };
    setrlimit(Resource::Nofile, new).expect("room");
    let scene = Scene::started();
    let url = scene.url("rest");
    let authority = url.strip_prefix("http://").expect("a URL");
    let variables = scene.json(&["env"]);
    let token = variables["variables"]["GITHUB_TOKEN"].as_str();
    let token = token.expect("a token").to_owned();
    let before = resident(&scene, "VmHWM");

    // Heads that never end.
    let slow: Vec<TcpStream> = (0..MANY)
        .map(|_| {
            let mut stream = client(authority);
            let begun = get("/user", &token, "");
            stream.write_all(&begun.as_bytes()[..40]).expect("taken");
            stream
        })
        .collect();
    assert_eq!(scene.rest("GET", "/user", "").status, 200);

    // Lists that nobody reads: far more than the system keeps between the two.
    let list = format!("{REPO}/issues?state=all&per_page=100");
    let long = scene.rest("GET", &list, "").body.len();
    let asked = get(&list, &token, "").repeat((64 << 20) / long);
    let deaf: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = client(authority);
            let short = Some(Duration::from_secs(1));
            stream.set_write_timeout(short).expect("settable");
            // Nobody takes all of it while nobody reads the answers.
            stream.write_all(asked.as_bytes()).ok();
            stream
        })
        .collect();
    assert_eq!(scene.rest("GET", "/user", "").status, 200);

    // A crowd that does as it should, all at once.
    let mut crowd: Vec<TcpStream> = (0..MANY)
        .map(|_| {
            let mut stream = client(authority);
            let asked = get("/user", &token, "Connection: close\r\n");
            stream.write_all(asked.as_bytes()).expect("taken");
            stream
        })
        .collect();
    for stream in &mut crowd {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    drop((slow, deaf, crowd));

    let most = resident(&scene, "VmHWM");
    assert!(most < before + MOST_KIB, "{most} KiB after {before}");
    scene.fine(&["stop"]);
    let calls = recorded(&scene.folder("default"));
    let of = |operation: &str| {
        let calls = calls.iter().filter(|call| call["operation"] == operation);
        calls.count()
    };
    assert_eq!(of("users/get-authenticated"), MANY + 2);
    assert!(of("issues/list-for-repo") > 4);
    // In order, each once, and each with its whole answer.
    for (at, call) in calls.iter().enumerate() {
        assert_eq!(call["seq"], at + 1);
        assert!(!call["response"]["body"].is_null(), "{call}");
    }
}
