//! The session as a process: who may ask it, two of them, ports, kills and ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{REPO, Scene, ask, send, until};

const JSON: &str = "Content-Type: application/json";

#[test]
fn the_control_api_answers_whoever_has_the_token_and_no_browser() {
    let scene = Scene::started();
    let record = scene.record("default");
    let folder = scene.folder("default");
    let mode = |path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(folder.join("session.json")), 0o600);
    assert_eq!(mode(folder), 0o700);
    let root = record["control"].as_str().expect("a URL");
    let token = format!(
        "Authorization: Bearer {}",
        record["token"].as_str().expect("a token")
    );
    let status = |headers: &[&str], body: &str| ask(root, "POST", "/v1", headers, body).status;
    let fine = r#"{"do":"status"}"#;
    assert_eq!(status(&[&token, JSON], fine), 200);
    for garbage in [
        "",
        "Authorization: Bearer ",
        "Authorization: Bearer 00",
        "Authorization: Basic eDp5",
    ] {
        let headers: Vec<&str> = [garbage, JSON]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        assert_eq!(status(&headers, fine), 401, "{garbage}");
    }
    let rebound = "Host: archal.example:80";
    for browser in [
        rebound,
        "Origin: http://localhost:3000",
        "Origin: null",
        "Sec-Fetch-Site: none",
    ] {
        assert_eq!(status(&[&token, JSON, browser], fine), 403, "{browser}");
    }
    assert_eq!(status(&[&token], fine), 415);
    assert_eq!(status(&[&token, JSON], "{"), 400);
    assert_eq!(status(&[&token, JSON], r#"{"do":"fly"}"#), 400);
    assert_eq!(ask(root, "GET", "/v1", &[&token, JSON], "").status, 404);
    assert_eq!(
        ask(root, "OPTIONS", "/v1", &["Origin: http://x"], "").status,
        403
    );
    // The service's own addresses want the service's credentials and nothing else.
    assert_eq!(ask(&scene.url("rest"), "GET", REPO, &[], "").status, 200);
    let unknown = "Authorization: Bearer ghp_unknown";
    assert_eq!(
        ask(&scene.url("rest"), "GET", "/user", &[unknown], "").status,
        401
    );
}

#[test]
fn lists_lead_on_at_the_base_url_and_evidence_has_the_services_address() {
    let scene = Scene::started();
    let page = scene.rest("GET", &format!("{REPO}/issues?per_page=1"), "");
    let root = scene.url("rest");
    let next = page
        .header("link")
        .expect("a link")
        .split(['<', '>'])
        .nth(1);
    let next = next
        .expect("a URL")
        .strip_prefix(&root)
        .expect("at the base URL");
    assert_ne!(scene.rest("GET", next, "").body, page.body);
    let issue = &page.json()[0];
    assert!(
        issue["url"].as_str().expect("a URL").starts_with(&root),
        "{issue}"
    );
    let shown = issue["html_url"].as_str().expect("a URL");
    assert!(shown.starts_with("https://github.com/"), "{shown}");
    let calls = scene.json(&["calls"]).to_string();
    assert!(
        !calls.contains(&root) && calls.contains("https://api.github.com"),
        "{calls}"
    );
}

#[test]
fn of_two_starts_of_one_name_one_is_and_two_names_are_two_sessions() {
    let scene = Scene::new();
    let start = || {
        let mut command = scene.world.command(&["clone", "start", "github"]);
        command.spawn().expect("the built binary")
    };
    let both = [start(), start()].map(|child| child.wait_with_output().expect("its end"));
    let mut codes = both.each_ref().map(|output| output.status.code());
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(2)], "{both:?}");
    let loser = both.iter().find(|output| output.status.code() == Some(2));
    let told = String::from_utf8_lossy(&loser.expect("one").stderr).into_owned();
    assert!(told.contains("runs already"), "{told}");

    scene.fine(&[
        "start",
        "github",
        "--name",
        "other",
        "--seed",
        "stale-issues",
    ]);
    let status = scene.json(&["status"]);
    let names: Vec<&str> = status["sessions"]
        .as_array()
        .expect("sessions")
        .iter()
        .filter_map(|session| session["name"].as_str())
        .collect();
    assert_eq!(names, ["default", "other"]);
    scene.fine(&["reset", "--name", "other"]);
    let stopped = scene.json(&["stop", "--all"]);
    assert_eq!(stopped["stopped"].as_array().map(Vec::len), Some(2));
    let bad = scene.run(&["start", "github", "--name", "../up"]).ended(2);
    assert!(bad.stderr.contains("is no name for a session"), "{bad}");
}

/// Takes a port that the system gives to nobody who asks for any, says it, and holds it until its
/// input ends.
const HOLDER: &str = r#"
import socket, sys
first = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
for port in range(first - 1, 1024, -1):
    held = socket.socket()
    try:
        held.bind(("127.0.0.1", port))
        held.listen()
        break
    except OSError:
        held.close()
print(port, flush=True)
sys.stdin.read()
"#;

#[test]
fn a_taken_port_is_told_with_the_way_out() {
    let scene = Scene::new();
    // A process of its own: what this one has open is in every child until that is a program.
    let mut holder = Command::new("python3")
        .args(["-c", HOLDER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let mut port = String::new();
    let said = holder.stdout.as_mut().expect("a pipe");
    BufReader::new(said).read_line(&mut port).expect("a port");
    let port = port.trim();
    let refused = scene.run(&["start", "github", "--port", port]).ended(3);
    assert!(
        refused.stderr.contains("another program has it"),
        "{refused}"
    );
    assert!(refused.stderr.contains("hint: --port"), "{refused}");
    drop(holder.stdin.take());
    holder.wait().expect("its end");
    scene.fine(&["start", "github", "--port", port]);
    assert_eq!(scene.url("rest"), format!("http://127.0.0.1:{port}"));
}

#[test]
fn a_killed_session_is_known_as_such_and_its_name_is_free() {
    let scene = Scene::started();
    scene.create("Seen");
    scene.fine(&["calls"]);
    let record = scene.record("default");
    send(Signal::SIGKILL, record["pid"].as_u64().expect("a process"));
    until("the end", || {
        scene.json(&["status"])["sessions"][0]["state"] == "crashed"
    });
    // Its calls were written while it ran.
    assert_eq!(
        scene.json(&["calls"])["calls"].as_array().map(Vec::len),
        Some(1)
    );
    let missed = scene.run(&["reset"]).ended(3);
    assert!(missed.stderr.contains("was killed"), "{missed}");
    scene.fine(&["start", "github"]);
    assert!(
        scene
            .folder("default")
            .join("evidence.1/calls.jsonl")
            .is_file()
    );
    let entrance = record["entrance"].as_str().expect("a path").to_owned();
    assert!(!std::path::Path::new(&entrance).exists(), "{entrance}");

    let record = scene.record("default");
    send(Signal::SIGKILL, record["pid"].as_u64().expect("a process"));
    until("the end", || {
        scene.json(&["status"])["sessions"][0]["state"] == "crashed"
    });
    let stopped = scene.json(&["stop"]);
    assert_eq!(stopped["stopped"][0]["was"], "crashed");
    assert_eq!(
        scene.json(&["status"])["sessions"],
        Value::Array(Vec::new())
    );
}

#[test]
fn a_session_ends_in_order_on_sigterm_and_with_its_folder() {
    let scene = Scene::started();
    send(
        Signal::SIGTERM,
        scene.record("default")["pid"].as_u64().expect("a process"),
    );
    until("the end", || {
        !scene.folder("default").join("session.json").exists()
    });
    assert!(
        scene
            .folder("default")
            .join("evidence/state-after.json")
            .is_file()
    );
    scene.fine(&["start", "github"]);
    let root = scene.url("rest");
    fs::remove_dir_all(scene.world.repo().join(".archal")).expect("removed");
    let authority = root.strip_prefix("http://").expect("a URL").to_owned();
    until("the end", || {
        std::net::TcpStream::connect(&authority).is_err()
    });
}

#[test]
fn calls_are_followed_until_the_session_ends() {
    let scene = Scene::started();
    scene.create("Before");
    let arguments = ["clone", "calls", "--follow", "--json"];
    let mut child = scene
        .world
        .command(&arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the built binary");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || {
        lines
            .next()
            .map(|line| serde_json::from_str::<Value>(&line.expect("text")).expect("JSON"))
    };
    assert_eq!(next().expect("a call")["seq"], 1);
    scene.create("While");
    assert_eq!(next().expect("a call")["seq"], 2);
    scene.fine(&["stop"]);
    assert_eq!(next(), None);
    assert!(child.wait().expect("its end").success());
}
