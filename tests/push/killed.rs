//! A source that is killed while clients push: what was answered for is there after a restart,
//! though segments come and go all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use archal::ingest::assembly::Pace;
use archal::ingest::serve::ServeOptions;
use archal::ingest::spool::SpoolLimits;
use archal::sandbox::StopToken;
use archal_testkit::cli::TestEnv;

use super::binary::{self, Serving};
use super::served::{
    PATIENCE, Served, Told, at_once, export, options, run, trace_id, traces, try_post,
};

/// Where the program gives traces out.
const TRACES: &str = ".archal/traces";
/// The variable that tells the test inside that it is to serve, and where.
const INSIDE: &str = "ARCHAL_TEST_PUSH_SERVER";
/// The variable with the spans that are pushed in all; for more by hand.
const SPANS: &str = "ARCHAL_TEST_PUSH_SPANS";
/// Spans that are pushed where nobody says.
const USUALLY: u64 = 8_000;
const CLIENTS: u64 = 4;
/// Spans of one request, each of a trace of its own.
const OF_ONE: u64 = 50;
/// How often the source is killed.
const KILLS: u64 = 2;
const ROOT: &str = "00000000000000a1";
const CHILD: &str = "00000000000000b1";

#[expect(
    clippy::disallowed_methods,
    reason = "set by this very test, or by hand for a larger one"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Traces are given out and let go at once, and a segment is full after a few requests: so it is
/// taken away while others are written.
fn sweeping(folder: &Path) -> ServeOptions {
    let pace = Pace {
        keep: Duration::ZERO,
        ..at_once()
    };
    ServeOptions {
        limits: SpoolLimits {
            segment: 64 << 10,
            ..SpoolLimits::default()
        },
        ..options("otel", folder, pace)
    }
}

/// A source that is at work in a process of its own.
struct Working {
    at: SocketAddr,
    /// Kills it, and waits until it is gone.
    kill: Box<dyn FnOnce()>,
}

/// Serves in a process of its own, which is this test again.
fn serving(folder: &Path) -> Working {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args([
            "--exact",
            "push::killed::what_was_answered_for_is_there_after_kills",
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
    let kill = move || {
        child.kill().expect("my own child");
        child.wait().expect("my own child");
    };
    Working {
        at,
        kill: Box::new(kill),
    }
}

/// The part of the test that runs inside: it serves until it is killed.
fn inside(folder: PathBuf) {
    let (tell, told) = channel();
    let serving = std::thread::spawn(move || run(sweeping(&folder), &StopToken::new(), tell));
    for event in told {
        if let Told::Listening(at) = event {
            let (_, at) = at[0];
            writeln!(std::io::stdout(), "serves at {at}").expect("a reader");
        }
    }
    serving.join().expect("no panic").expect("it served");
}

/// Where the source listens, which changes with each start.
struct Address {
    at: Mutex<SocketAddr>,
    moved: Condvar,
}

impl Address {
    fn now(&self) -> SocketAddr {
        *self.at.lock().expect("whole")
    }

    /// Another than that one, as soon as there is one.
    fn other_than(&self, old: SocketAddr) -> SocketAddr {
        let at = self.at.lock().expect("whole");
        *self.moved.wait_while(at, |at| *at == old).expect("whole")
    }

    fn set(&self, at: SocketAddr) {
        *self.at.lock().expect("whole") = at;
        self.moved.notify_all();
    }
}

/// One request of several exports, as JSON has them: a list of resources.
fn request(traces: &[String], span: (&str, &str)) -> String {
    let bodies: Vec<String> = traces.iter().map(|id| export(id, &[span])).collect();
    let lists: Vec<&str> = bodies
        .iter()
        .map(|body| {
            body.strip_prefix("{\"resourceSpans\":[")
                .and_then(|body| body.strip_suffix("]}"))
                .expect("an export")
        })
        .collect();
    format!("{{\"resourceSpans\":[{}]}}", lists.join(","))
}

/// Sends the roots of traces of its own and the other spans of those of its neighbour, each until
/// it is answered for, as exporters do.
fn client(number: u64, requests: u64, address: &Address, answer: &Sender<u64>) {
    let of = |client: u64, block: u64| -> Vec<String> {
        let first = ((client % CLIENTS) * requests + block) * OF_ONE;
        (first..first + OF_ONE).map(trace_id).collect()
    };
    for block in 0..requests {
        for body in [
            request(&of(number, block), (ROOT, "")),
            request(&of(number + 1, block), (CHILD, ROOT)),
        ] {
            let json = ("content-type", "application/json");
            let mut at = address.now();
            loop {
                match try_post(at, "/v1/traces", &[json], body.as_bytes()) {
                    Ok(got) => {
                        assert_eq!(got.status, 200, "{}", String::from_utf8_lossy(&got.body));
                        break;
                    }
                    Err(_) => at = address.other_than(at),
                }
            }
            answer.send(OF_ONE).expect("a listener");
        }
    }
}

fn segments(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder.join("spool"))
        .expect("a spool")
        .map(|entry| entry.expect("an entry").file_name())
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".seg")?.to_owned()))
        .collect()
}

fn spans() -> u64 {
    variable(SPANS).map_or(USUALLY, |spans| spans.parse().expect("a number"))
}

/// Requests of each client for so many spans.
fn requests(spans: u64) -> u64 {
    spans / CLIENTS / OF_ONE / 2
}

/// Pushes so many spans to a source that is killed and begun again meanwhile; gives the last that
/// was begun, with everything answered for.
fn pushed(spans: u64, mut start: impl FnMut() -> Working) -> Working {
    let mut working = start();
    let address = Address {
        at: Mutex::new(working.at),
        moved: Condvar::new(),
    };
    let requests = requests(spans);
    let (answer, answered) = channel();
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (answer, address) = (answer.clone(), &address);
            scope.spawn(move || client(number, requests, address, &answer));
        }
        drop(answer);
        let (mut sent, mut kills) = (0, 0);
        for more in answered {
            sent += more;
            if kills < KILLS && sent > spans * (kills + 1) / (KILLS + 1) {
                kills += 1;
                (working.kill)();
                working = start();
                address.set(working.at);
            }
        }
        assert_eq!((sent, kills), (requests * OF_ONE * 2 * CLIENTS, KILLS));
        working
    })
}

/// Each trace that was sent, with its spans.
fn expected(spans: u64) -> BTreeMap<String, BTreeSet<String>> {
    (0..requests(spans) * OF_ONE * CLIENTS)
        .map(|number| (trace_id(number), [ROOT, CHILD].map(str::to_owned).into()))
        .collect()
}

/// Each trace that was given out, with its spans.
fn given(directory: &Path) -> BTreeMap<String, BTreeSet<String>> {
    traces(directory)
        .into_iter()
        .map(|(id, trace)| (id, trace.spans.into_iter().map(|span| span.id).collect()))
        .collect()
}

/// Waits until each trace that was sent stands there whole, as long as more of them do.
fn until_given(directory: &Path, spans: u64) {
    let expected = expected(spans);
    let (mut until, mut before) = (Instant::now() + PATIENCE, 0);
    loop {
        let there = given(directory);
        if there == expected {
            return;
        }
        assert!(
            there.keys().all(|id| expected.contains_key(id)),
            "a trace that nobody sent"
        );
        let whole: usize = there.values().map(BTreeSet::len).sum();
        if whole > before {
            (until, before) = (Instant::now() + PATIENCE, whole);
        }
        assert!(Instant::now() < until, "{whole} of {spans} spans came");
        StopToken::new().wait(binary::LOOK);
    }
}

#[test]
fn what_was_answered_for_is_there_after_kills() {
    if let Some(folder) = variable(INSIDE) {
        return inside(folder.into());
    }
    let spans = spans();
    let folder = tempfile::tempdir().expect("a folder");
    let last = pushed(spans, || serving(folder.path()));
    (last.kill)();
    assert!(
        !segments(folder.path()).contains("00000001"),
        "segments go while others are written"
    );

    // Nothing tells of a span that comes after its trace was let go whether the root has ended.
    let mut last = sweeping(folder.path());
    last.pace.longest = Duration::ZERO;
    let served = Served::start(last);
    until_given(&served.traces, spans);
    served.end();
    assert_eq!(segments(folder.path()), BTreeSet::new());
}

#[test]
fn what_the_program_itself_answered_for_is_given_out_after_kills() {
    let spans = spans();
    let world = TestEnv::new(env!("CARGO_BIN_EXE_archal"));
    world.write(".archal.json", "{}");
    binary::connect(&world, "1s");
    let last = pushed(spans, || {
        let serving = Serving::start(&world);
        Working {
            at: serving.http,
            // It is killed where it goes.
            kill: Box::new(move || drop(serving)),
        }
    });
    until_given(&world.repo().join(TRACES), spans);
    (last.kill)();
}
