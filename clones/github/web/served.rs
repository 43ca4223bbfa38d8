//! A clone behind a loopback server, for the published git to talk to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use archal_core::clone::{CloneRequest, Progress, ServiceClone};
use jiff::{SignedDuration, Timestamp};

use crate::github::check::base;

/// A served clone.
pub(super) struct Served {
    /// The clone.
    pub(super) clone: Arc<Mutex<Box<dyn ServiceClone>>>,
    /// Its URL, with a slash at the end.
    pub(super) port: u16,
}

impl Served {
    /// Serves a clone as `host` for as long as the test runs.
    pub(super) fn new(clone: Box<dyn ServiceClone>, host: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let clone = Arc::new(Mutex::new(clone));
        // The clone ends with the test, and with it its files.
        let shared = Arc::downgrade(&clone);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Weak::clone(&shared);
                thread::spawn(move || serve(&shared, stream, host));
            }
        });
        Self { clone, port }
    }

    /// The URL of a repository, with credentials where they are given.
    pub(super) fn url(&self, credentials: &str, path: &str) -> String {
        format!("http://{credentials}127.0.0.1:{}/{path}", self.port)
    }
}

/// The time of a call.
fn now() -> Timestamp {
    base() + SignedDuration::from_mins(1)
}

fn serve(shared: &Weak<Mutex<Box<dyn ServiceClone>>>, stream: TcpStream, host: &str) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut request = CloneRequest {
            method,
            scheme: "https".to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            ..CloneRequest::default()
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let name = name.to_ascii_lowercase();
            request.headers.push((name, value.trim().to_owned()));
        }
        if request.header("expect").is_some() {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        request.body = body(&mut reader, &request)?.into();
        let clone = shared.upgrade()?;
        let progress = clone.lock().ok()?.begin(&request, now());
        let response = match progress {
            Progress::Answered(response) => *response,
            Progress::Working(work) => {
                let done = work.run();
                clone.lock().ok()?.finish(&request, done, now())
            }
        };
        let body = match &response.spool {
            Some(spool) => std::fs::read(spool.path()).ok()?,
            None => response.body.wire.to_vec(),
        };
        let mut head = format!("HTTP/1.1 {} x\r\n", response.status);
        for (name, value) in response.headers.iter().chain(&response.volatile_headers) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        writer.write_all(head.as_bytes()).ok()?;
        writer.write_all(&body).ok()?;
    }
}

fn body(reader: &mut impl BufRead, request: &CloneRequest) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if request.header("transfer-encoding") == Some("chunked") {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let length = u64::from_str_radix(line.trim(), 16).ok()?;
            reader.by_ref().take(length).read_to_end(&mut out).ok()?;
            reader.read_line(&mut String::new()).ok()?;
            if length == 0 {
                return Some(out);
            }
        }
    }
    let length = request.header("content-length");
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_end(&mut out).ok()?;
    Some(out)
}

/// The published git, without anybody's configuration.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .current_dir(folder)
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Mona")
        .env("GIT_AUTHOR_EMAIL", "mona@example.com")
        .env("GIT_COMMITTER_NAME", "Mona")
        .env("GIT_COMMITTER_EMAIL", "mona@example.com")
        .env_remove("GIT_DIR")
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .env_remove("all_proxy")
        .args(arguments)
        .output()
        .expect("git runs")
}

/// What a git command that ends well prints.
#[track_caller]
pub(super) fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a git command that ends badly says.
#[track_caller]
pub(super) fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?}: {said}");
    said
}
