//! A push source that serves in this process, for one test; and a client of it that is no client
//! library, so that it can misbehave.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use archal::ingest::assembly::Pace;
use archal::ingest::assembly::packer::Packed;
use archal::ingest::read_file;
pub(crate) use archal::ingest::serve::Told;
use archal::ingest::serve::{ServeError, ServeOptions, serve};
use archal::ingest::spool::SpoolLimits;
use archal::ingest::spool::recover::Recovered;
use archal::sandbox::StopToken;
use archal_core::clock::{Clock, Timestamp};
use archal_core::redact::Redactor;
use archal_core::source::SourceDescriptor;
use archal_core::trace::Trace;

/// What takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The token of sources that need one.
pub(crate) const TOKEN: &str = "a-token-of-this-test";

/// Time that passes, from a fixed date.
struct Passing {
    start: Instant,
}

impl Clock for Passing {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        start.checked_add(self.start.elapsed()).expect("in range")
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Traces are given out as soon as their root has ended.
pub(crate) fn at_once() -> Pace {
    Pace {
        settle: Duration::ZERO,
        ..Pace::default()
    }
}

/// Traces are not given out while a test runs.
pub(crate) fn never() -> Pace {
    let long = Duration::from_secs(100_000);
    Pace {
        settle: long,
        longest: long,
        ..Pace::default()
    }
}

/// The source of that name.
pub(crate) fn source(name: &str) -> &'static SourceDescriptor {
    let mut all = archal::app::sources().iter();
    all.find(|source| source.name == name).expect("a source")
}

/// What a test serves with, below `folder`.
pub(crate) fn options(name: &str, folder: &Path, pace: Pace) -> ServeOptions {
    let source = source(name);
    let push = source.push.expect("a push source");
    ServeOptions {
        source,
        name: "prod".to_owned(),
        spool: folder.join("spool"),
        trace_directory: folder.join("traces"),
        addresses: push
            .doors
            .iter()
            .map(|_| Some("127.0.0.1:0".parse().expect("an address")))
            .collect(),
        most_body: 4 << 20,
        mapping: BTreeMap::new(),
        token: push.needs_token.then(|| TOKEN.to_owned()),
        redactor: Redactor::new([7; 32], []),
        pace,
        limits: SpoolLimits::default(),
    }
}

/// Serves until it is dropped.
pub(crate) struct Served {
    /// Where, by the names of the doors.
    pub(crate) at: BTreeMap<&'static str, SocketAddr>,
    /// What was in the spool when it began.
    pub(crate) recovered: Recovered,
    /// Where batch files go.
    pub(crate) traces: PathBuf,
    events: Receiver<Told>,
    stop: StopToken,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

/// Serves on this thread, for as long as `stop` lets it.
pub(crate) fn run(
    options: ServeOptions,
    stop: &StopToken,
    tell: Sender<Told>,
) -> Result<(), ServeError> {
    let clock: Arc<dyn Clock> = Arc::new(Passing {
        start: Instant::now(),
    });
    let tell = std::sync::Mutex::new(tell);
    serve(options, &clock, stop, &move |told| {
        // Whoever listened has seen enough.
        tell.lock().expect("whole").send(told).ok();
    })
}

impl Served {
    /// Begins, or says why it cannot.
    pub(crate) fn try_start(options: ServeOptions) -> Result<Self, ServeError> {
        let (tell, events) = channel();
        let stop = StopToken::new();
        let traces = options.trace_directory.clone();
        let token = stop.clone();
        let thread = std::thread::spawn(move || run(options, &token, tell));
        let mut recovered = None;
        loop {
            match events.recv_timeout(PATIENCE) {
                Ok(Told::Recovered(found)) => recovered = Some(found),
                Ok(Told::Listening(at)) => {
                    return Ok(Self {
                        at: at.into_iter().collect(),
                        recovered: recovered.expect("told before"),
                        traces,
                        events,
                        stop,
                        thread: Some(thread),
                    });
                }
                Ok(other) => panic!("{other:?} before it listens"),
                Err(_) => match thread.join().expect("no panic") {
                    Err(error) => return Err(error),
                    Ok(()) => panic!("it ended without listening"),
                },
            }
        }
    }

    /// Begins.
    pub(crate) fn start(options: ServeOptions) -> Self {
        Self::try_start(options).expect("it serves")
    }

    /// The next thing heard that fits.
    pub(crate) fn heard<T>(&self, mut fits: impl FnMut(Told) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let told = self.events.recv_timeout(left).expect("it is heard in time");
            if let Some(found) = fits(told) {
                return found;
            }
        }
    }

    /// The next files that were written.
    pub(crate) fn packed(&self) -> Packed {
        self.heard(|told| match told {
            Told::Packed(packed) if packed.traces > 0 => Some(packed),
            _ => None,
        })
    }

    /// Ends, and waits for that.
    pub(crate) fn end(mut self) {
        self.stop.ask();
        let thread = self.thread.take().expect("once");
        thread.join().expect("no panic").expect("it served");
    }

    /// Posts to its HTTP door.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        post(self.at["http"], path, headers, body)
    }

    /// Posts OTLP JSON.
    pub(crate) fn post_json(&self, body: &str) -> Answer {
        self.post(
            "/v1/traces",
            &[("content-type", "application/json")],
            body.as_bytes(),
        )
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.ask();
        if let Some(thread) = self.thread.take() {
            // A test that fails says more than how its server ended.
            thread.join().ok();
        }
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Posts on a connection of its own.
pub(crate) fn post(at: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_post(at, path, headers, body).expect("an answer")
}

/// Posts to a server that may go away meanwhile.
pub(crate) fn try_post(
    at: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    // A server that refuses may answer before it has read everything.
    let sent = stream.write_all(body);
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    answer(&bytes).ok_or_else(|| {
        let error = sent.and(read.map(drop)).err();
        error.unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    })
}

fn answer(bytes: &[u8]) -> Option<Answer> {
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..at]).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Answer {
        status,
        headers,
        body: bytes[at + 4..].to_vec(),
    })
}

/// All traces of a trace directory, as the watcher reads them: of each the newest file.
pub(crate) fn traces(directory: &Path) -> BTreeMap<String, Trace> {
    let redactor = Redactor::new([7; 32], []);
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        // Others are being written.
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    files.sort_by_key(|path| {
        fs::metadata(path)
            .and_then(|data| data.modified())
            .expect("there")
    });
    let mut traces = BTreeMap::new();
    for file in files {
        let report = read_file(archal::app::files(), &file, &redactor, None);
        assert_eq!(report.diagnostics, [], "{}", file.display());
        for imported in report.traces {
            assert_eq!(imported.identity.source, "prod");
            traces.insert(imported.identity.trace, imported.trace);
        }
    }
    traces
}

/// OTLP JSON of spans of one trace: id, parent, and whether it has ended.
pub(crate) fn export(trace: &str, spans: &[(&str, &str)]) -> String {
    let spans: Vec<serde_json::Value> = spans
        .iter()
        .map(|(id, parent)| {
            serde_json::json!({
                "traceId": trace, "spanId": id, "parentSpanId": parent, "name": format!("span {id}"),
                "startTimeUnixNano": "1772366400000000000", "endTimeUnixNano": "1772366401000000000",
                "attributes": [
                    {"key": "input.value", "value": {"stringValue": "close stale issues"}},
                    {"key": "password", "value": {"stringValue": "hunter2-horse"}},
                ],
            })
        })
        .collect();
    serde_json::json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "triage"}}]},
        "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}],
    }]})
    .to_string()
}

/// A trace id of a number.
pub(crate) fn trace_id(number: u64) -> String {
    format!("{:032x}", u128::from(number) + (1 << 100))
}
