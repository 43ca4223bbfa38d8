//! What the engine of sources that are asked costs: pages of rows to packed batch files, with a source
//! that costs next to nothing. Redacted, stored, put together, redacted, hashed, compared, written.
//!
//! `cargo bench --bench pull`; `-- --rows N`. Each size runs in a process of its own, so that memory can be
//! compared.
#![expect(clippy::print_stdout, reason = "the figures are the result")]

#[expect(dead_code, reason = "shared with benches that measure more")]
#[path = "../attach/machine.rs"]
mod machine;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use archal::attach::state::State;
use archal::ingest::pack::MOST_HELD;
use archal::ingest::pull::asking::Unseen;
use archal::ingest::pull::pass::Pass;
use archal::ingest::pull::store::{Pace, RowStore};
use archal::sandbox::StopToken;
use archal::store::layout::Layout;
use archal::store::space;
use archal_core::clock::{Clock, Timestamp};
use archal_core::diagnostic::Diagnostic;
use archal_core::pull::{Estimate, Page, Point, PullError, Row, Rows};
use archal_core::push::Kept;
use archal_core::redact::Redactor;
use archal_core::source::DecodedTrace;
use archal_core::trace::{Span, Trace};
use serde_json::{Value, json};

/// Rows of a page.
const PAGE: u64 = 1_000;
/// Rows of a trace.
const SPANS: u64 = 10;

fn main() {
    if let Some(rows) = option("--one") {
        return one(rows.parse().expect("a number"));
    }
    let rows: u64 = option("--rows").map_or(100_000, |text| text.parse().expect("a number"));
    let root = tempfile::tempdir().expect("a folder");
    println!("rows to batch files through the engine of sources that are asked");
    machine::tell(root.path());
    println!("pages            {PAGE} rows each, {SPANS} rows a trace\n");
    println!("| rows | rows/s | MB/s | the same again, rows/s | RSS at most | on the disk |");
    println!("|---|---|---|---|---|---|");
    for size in [rows / 5, rows] {
        let this = std::env::current_exe().expect("this program");
        let ended = Command::new(this)
            .args(["--one", &size.to_string()])
            .status();
        assert!(ended.expect("started").success());
    }
}

/// One size, in this process.
fn one(rows: u64) {
    let root = tempfile::tempdir().expect("a folder");
    let traces = root.path().join("traces");
    let state = State::beside_or_new(&Layout::of(root.path(), None)).expect("a state");
    let clock = Real(Instant::now());
    let ledger = state.ledger(&clock);
    let unseen = Unseen::new(&Redactor::new([7; 32], []), []);
    let stop = StopToken::new();
    let spool = root.path().join("spool");
    let pass = Pass {
        name: "bench",
        provider: "made",
        directory: &traces,
        spool: &spool,
        room: &space::of,
        unseen: &unseen,
        ledger: &ledger,
        clock: &clock,
        stop: &stop,
        pace: Pace::default(),
        floor: None,
        since: None,
        limit: None,
        most_held: MOST_HELD,
        is_dry: false,
        is_resumed: false,
    };
    let mut store = RowStore::open(&spool).expect("a store");
    let mut timed = |anew: bool| {
        if anew {
            store.begin(None, None, true, clock.now()).expect("begun");
        }
        let begun = Instant::now();
        let (report, ended) = pass.run(&mut store, &mut Made(rows), &mut |_| {});
        ended.expect("the end");
        (report, begun.elapsed())
    };
    let (first, took) = timed(false);
    assert_eq!(first.new, rows / SPANS);
    let (again, took_again) = timed(true);
    assert_eq!((again.new, again.changed_rows), (0, 0));
    println!(
        "| {rows} | {:.0} | {:.1} | {:.0} | {:.0} MB | {:.0} MB |",
        each_second(rows, took),
        each_second(first.bytes, took) / 1e6,
        each_second(rows, took_again),
        peak(),
        size_of(&spool) / 1e6,
    );
}

fn each_second(count: u64, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let count = count as f64;
    count / took.as_secs_f64()
}

/// Rows that are made when they are asked for.
struct Made(u64);

impl Made {
    fn row(number: u64) -> Row {
        let trace = number / SPANS;
        let span = number % SPANS;
        let text = format!("issue {number} of the shop has been open for {span} days. ").repeat(24);
        Row {
            trace: format!("{trace:032x}"),
            id: format!("{number:016x}"),
            version: Some(1),
            ends_root: span == 0,
            at: Timestamp::from_second(1_700_000_000 + i64::try_from(number).expect("small")).ok(),
            body: json!({
                "id": format!("{number:016x}"),
                "name": "github.issues.list",
                "model": "a-model",
                "input": {"method": "GET", "path": "/repos/acme/shop/issues", "page": span},
                "output": {"body": text, "labels": ["bug", "stale"], "user": {"login": "hubot"}},
                "usage": {"input": 1200, "output": 80},
            }),
        }
    }
}

impl Rows for Made {
    fn check(&mut self) -> Vec<Point> {
        Vec::new()
    }

    fn sample(&mut self) -> Result<Page, PullError> {
        Ok(Page::default())
    }

    fn estimate(&mut self, _: &Value) -> Result<Option<Estimate>, PullError> {
        Ok(None)
    }

    fn page(&mut self, cursor: &Value) -> Result<Page, PullError> {
        let from = cursor.as_u64().unwrap_or(0);
        let to = (from + PAGE).min(self.0);
        let rows: Vec<Row> = (from..to).map(Self::row).collect();
        Ok(Page {
            bytes: rows
                .iter()
                .map(|row| row.body.to_string().len() as u64)
                .sum(),
            rows,
            cursor: json!(to),
            is_last: to == self.0,
            is_checkpoint: true,
            requests: 1,
            ..Page::default()
        })
    }

    fn assemble(&self, trace: &str, kept: Kept, _: &mut Vec<Diagnostic>) -> Option<DecodedTrace> {
        let spans = kept.spans.into_iter().map(|mut span| Span {
            id: span.body["id"].as_str().unwrap_or_default().to_owned(),
            name: "github.issues.list".to_owned(),
            input: Some(span.body["input"].take()),
            output: Some(span.body["output"].take()),
            ..Span::default()
        });
        Some(DecodedTrace {
            trace: Trace {
                id: trace.to_owned(),
                spans: spans.collect(),
                ..Trace::default()
            },
            ..DecodedTrace::default()
        })
    }
}

struct Real(Instant);

impl Clock for Real {
    #[expect(clippy::disallowed_methods, reason = "a bench has the real time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The most memory of this process, in MB.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}

fn size_of(folder: &Path) -> f64 {
    let files = fs::read_dir(folder).expect("there").flatten();
    let sizes = files.filter_map(|file| Some(file.metadata().ok()?.len()));
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let size = sizes.sum::<u64>() as f64;
    size
}

/// What follows an argument.
fn option(name: &str) -> Option<String> {
    let mut all = std::env::args().skip_while(|argument| argument != name);
    all.nth(1)
}
