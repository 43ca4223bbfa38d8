//! A source that is killed while clients push: what was answered for is there after a restart.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use archal::sandbox::StopToken;

use super::served::{
    Served, Told, at_once, export, never, options, run, trace_id, traces, try_post,
};

/// The variable that tells the test inside that it is to serve, and where.
const INSIDE: &str = "ARCHAL_TEST_PUSH_SERVER";
/// The variable with the spans that are pushed in all; for more by hand.
const SPANS: &str = "ARCHAL_TEST_PUSH_SPANS";
/// Spans that are pushed where nobody says.
const USUALLY: u64 = 8_000;
const CLIENTS: u64 = 4;
/// Spans of one request, each of a trace of its own.
const OF_ONE: u64 = 50;

#[expect(
    clippy::disallowed_methods,
    reason = "set by this very test, or by hand for a larger one"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Serves in a process of its own, which is this test again.
fn serving(folder: &std::path::Path) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args([
            "--exact",
            "push::killed::what_was_answered_for_is_there_after_a_kill",
        ])
        .arg("--nocapture")
        .env(INSIDE, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("piped"));
    let mut lines = out.lines().map_while(Result::ok);
    let at = lines
        .find_map(|line| line.split_once("serves at ")?.1.parse().ok())
        .expect("it says where");
    // It goes on saying things, and ends where nobody hears them.
    std::thread::spawn(move || lines.for_each(drop));
    (child, at)
}

/// The part of the test that runs inside: it serves until it is killed.
fn inside(folder: PathBuf) {
    let (tell, told) = channel();
    let serving =
        std::thread::spawn(move || run(options("otel", &folder, never()), &StopToken::new(), tell));
    for event in told {
        if let Told::Listening(at) = event {
            let (_, at) = at[0];
            writeln!(std::io::stdout(), "serves at {at}").expect("a reader");
        }
    }
    serving.join().expect("no panic").expect("it served");
}

#[test]
fn what_was_answered_for_is_there_after_a_kill() {
    if let Some(folder) = variable(INSIDE) {
        return inside(folder.into());
    }
    let spans: u64 = variable(SPANS).map_or(USUALLY, |spans| spans.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let (mut child, at) = serving(folder.path());
    let is_over = AtomicBool::new(false);
    let each = spans / CLIENTS;
    let (answer, answered) = channel();
    let sent = std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let answer = answer.clone();
            let is_over = &is_over;
            scope.spawn(move || {
                let mut next = client * each;
                while next < (client + 1) * each && !is_over.load(Ordering::Relaxed) {
                    let ids: Vec<String> = (next..next + OF_ONE).map(trace_id).collect();
                    next += OF_ONE;
                    let bodies: Vec<String> = ids
                        .iter()
                        .map(|id| export(id, &[("00000000000000a1", "")]))
                        .collect();
                    // One request of several exports, as JSON has them: a list of resources.
                    let lists: Vec<&str> = bodies
                        .iter()
                        .map(|body| {
                            body.strip_prefix("{\"resourceSpans\":[")
                                .and_then(|body| body.strip_suffix("]}"))
                                .expect("an export")
                        })
                        .collect();
                    let body = format!("{{\"resourceSpans\":[{}]}}", lists.join(","));
                    let json = ("content-type", "application/json");
                    let got = try_post(at, "/v1/traces", &[json], body.as_bytes());
                    if got.is_ok_and(|got| got.status == 200) {
                        answer.send(ids).expect("a listener");
                    }
                }
            });
        }
        drop(answer);
        let mut sent = BTreeSet::new();
        for ids in answered {
            sent.extend(ids);
            if sent.len() as u64 > spans / 2 && !is_over.swap(true, Ordering::Relaxed) {
                child.kill().expect("my own child");
            }
        }
        sent
    });
    child.wait().expect("my own child");
    assert!(sent.len() as u64 > spans / 2, "{}", sent.len());

    let served = Served::start(options("otel", folder.path(), at_once()));
    let mut given = 0;
    while given < sent.len() {
        given += served.packed().traces;
    }
    let there: BTreeSet<String> = traces(&served.traces).into_keys().collect();
    let missing: Vec<&String> = sent.difference(&there).collect();
    assert_eq!(missing, Vec::<&String>::new(), "of {}", sent.len());
}
