//! Sessions of clones that live on their own, through the built binary: started, asked, reached by
//! clients with base URLs and by commands at the service's own address, killed and stopped.

mod commands;
mod control;
mod hostile;
mod states;
mod transfers;
mod webhooks;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use archal::sandbox::StopToken;
use archal_testkit::cli::{Output, TestEnv};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::cli::{environment, schema};

/// What takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);
const REPO: &str = "/repos/octocat/hello-service";

/// A world with a session in it, which ends with it.
struct Scene {
    world: TestEnv,
}

impl Drop for Scene {
    fn drop(&mut self) {
        // What a failed test left runs on otherwise; the outcome is that test's.
        drop(self.world.run(&["clone", "stop", "--all"]));
    }
}

impl Scene {
    fn new() -> Self {
        let mut world = environment();
        world.with_callers_programs();
        Self { world }
    }

    /// A world in which a session runs on `small-project`.
    fn started() -> Self {
        let scene = Self::new();
        scene.fine(&["start", "github", "--seed", "small-project"]);
        scene
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.world.run(&[&["clone"], arguments].concat())
    }

    /// Runs a command that goes well.
    fn fine(&self, arguments: &[&str]) {
        drop(self.run(arguments).ended(0));
    }

    /// The document of a command that goes well, which is what its schema says.
    fn json(&self, arguments: &[&str]) -> Value {
        let document = self.run(&[arguments, &["--json"]].concat()).ended(0).json();
        schema::holds(&document);
        document
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.world.repo().join(".archal/cache/sessions").join(name)
    }

    fn record(&self, name: &str) -> Value {
        let text = std::fs::read_to_string(self.folder(name).join("session.json"));
        serde_json::from_str(&text.expect("a record")).expect("JSON")
    }

    fn url(&self, name: &str) -> String {
        let status = self.json(&["status"]);
        let url = &status["sessions"][0]["clones"][0]["urls"][name];
        url.as_str().expect("a URL").to_owned()
    }

    /// A request to the session's REST base URL with the clone's token.
    fn rest(&self, method: &str, path: &str, body: &str) -> Answer {
        let variables = self.json(&["env"]);
        let token = variables["variables"]["GITHUB_TOKEN"]
            .as_str()
            .expect("a token");
        let headers = format!("Authorization: Bearer {token}");
        ask(&self.url("rest"), method, path, &[&headers], body)
    }

    /// The titles of the open issues, by REST.
    fn titles(&self) -> Vec<String> {
        let issues = self
            .rest("GET", &format!("{REPO}/issues?per_page=100"), "")
            .json();
        let issues = issues.as_array().expect("a list").clone();
        let title = |issue: &Value| issue["title"].as_str().expect("a title").to_owned();
        issues.iter().map(title).collect()
    }

    fn create(&self, title: &str) {
        let body = format!(r#"{{"title":"{title}"}}"#);
        let answer = self.rest("POST", &format!("{REPO}/issues"), &body);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
}

/// What came back over a connection of its own.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> Option<&str> {
        let begins = format!("{name}: ");
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(begins.as_str()))
    }
}

/// One request to `http://host:port`; `Host` is that unless a header names another.
fn ask(root: &str, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let authority = root.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(authority).expect("something listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("settable");
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nUser-Agent: test\r\n");
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        text.push_str(&format!("Host: {authority}\r\n"));
    }
    for header in headers {
        text.push_str(&format!("{header}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).expect("taken");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

fn send(signal: Signal, pid: u64) {
    let pid = i32::try_from(pid).expect("a process id");
    kill(Pid::from_raw(pid), signal).expect("it lives");
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what} never came");
        StopToken::new().wait(Duration::from_millis(10));
    }
}
