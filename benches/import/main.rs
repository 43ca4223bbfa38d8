//! What an import costs, by dialect: files of one dialect to packed batch files, measured from outside on
//! the release binary. Read, parsed, detected, normalised, redacted, hashed, compared with what is known, written.
//!
//! `cargo xtask bench import`; `-- --megabytes N` of each dialect, `--only NAME`, `--binary FILE` to measure
//! another archal. `--large` is one file of 10 GB of each of a few, whose memory is to stay flat.
#![expect(clippy::print_stdout, reason = "the figures are the result")]

#[expect(dead_code, reason = "shared with benches that measure more")]
#[path = "../attach/machine.rs"]
mod machine;

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

/// Megabytes of each dialect, unless somebody asks for more.
const USUALLY: u64 = 64;
/// The same of a large file.
const LARGE: u64 = 10_000;
/// Bytes that are parsed to tell how long parsing alone takes.
const PARSED: u64 = 64_000_000;
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(5);

/// What SDKs exported, one trace each: `sources/otlp/fixtures/sdk`.
const RECORDED: &[(&str, &[&str])] = &[
    ("otel_attributes", &["otel_attributes.json"]),
    (
        "otel_events",
        &["otel_events.json", "otel_events.logs.json"],
    ),
    ("openinference", &["openinference.json"]),
    ("openllmetry", &["openllmetry.json"]),
    ("ai_sdk", &["ai_sdk_v7.json"]),
    ("langsmith", &["langsmith.json"]),
    ("pydantic_ai", &["pydantic_ai_v2.json"]),
    ("logfire_http", &["logfire_http.json"]),
];

fn main() {
    let is_large = std::env::args().any(|argument| argument == "--large");
    let usually = if is_large { LARGE } else { USUALLY };
    let megabytes = option("--megabytes").map_or(usually, |text| text.parse().expect("a number"));
    let only = option("--only");
    let is_wanted = |name: &str| match &only {
        Some(only) => only == name,
        None => !is_large || ["openinference", "messages", "side by side"].contains(&name),
    };
    let binary =
        option("--binary").map_or_else(|| env!("CARGO_BIN_EXE_archal").into(), PathBuf::from);
    let world = World::new(binary);
    println!("archal trace-source import, release build");
    machine::tell(world.root.path());
    println!("each             {megabytes} MB in one file, written as batch files\n");
    println!(
        "| dialect | KB a trace | MB/s of one processor | MB/s | parsing alone as serde_json::Value, MB/s | RSS at most |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, files) in RECORDED {
        let texts: Vec<String> = files.iter().map(|file| recorded(file)).collect();
        let id = trace_id(&texts[0]);
        let lines = |number: u64| -> Vec<String> {
            let new = format!("{:032x}", u128::from(number) + (1 << 100));
            texts.iter().map(|text| text.replace(&id, &new)).collect()
        };
        let is_packed = *name == "otel_attributes";
        if is_wanted(name) || is_packed && is_wanted("batch") {
            let packed = world.measure(name, megabytes, lines);
            if is_packed && is_wanted("batch") {
                world.again("batch", &packed);
            }
            fs::remove_dir_all(packed).expect("mine");
        }
    }
    if is_wanted("messages") {
        let packed = world.measure("messages", megabytes, |number| vec![messages(number)]);
        fs::remove_dir_all(packed).expect("mine");
    }
    if is_wanted("side by side") {
        let packed = world.measure("side by side", megabytes, side_by_side);
        fs::remove_dir_all(packed).expect("mine");
    }
}

/// The text after an option.
fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

/// An export, as one line.
fn recorded(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sources/otlp/fixtures/sdk");
    let text = fs::read_to_string(folder.join(file)).expect("a fixture");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    value.to_string()
}

/// The id of the one trace of an export, as it is written.
fn trace_id(text: &str) -> String {
    let (_, behind) = text.split_once("\"traceId\":\"").expect("a span");
    behind.split('"').next().expect("an id").to_owned()
}

/// A conversation with calls of tools.
fn messages(number: u64) -> String {
    let issue = json!({"number": 41, "title": "The import stops at the second page", "state": "open",
        "labels": ["bug", "keep-open"], "body": "What comes holds the first hundred rows. ".repeat(12)});
    let mut messages = vec![
        json!({"role": "system", "content": "You close stale issues."}),
        json!({"role": "user", "content": format!("close stale issues in acme/webapp, run {number}")}),
    ];
    for call in 0..10 {
        let arguments = json!({"repo": "acme/webapp", "number": call}).to_string();
        messages.push(json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": format!("c{call}"), "type": "function", "function": {"name": "get_issue", "arguments": arguments}}]}));
        messages.push(json!({"role": "tool", "tool_call_id": format!("c{call}"), "content": issue.to_string()}));
    }
    messages.push(json!({"role": "assistant", "content": "Closed 8 issues."}));
    json!({"id": format!("run-{number}"), "messages": messages}).to_string()
}

/// Rows of LangSmith's, ten of each trace: those of a hundred traces side by side, behind the last of them.
fn side_by_side(number: u64) -> Vec<String> {
    let Some(first) = (number % 100 == 99).then(|| number - 99) else {
        return Vec::new();
    };
    let row = |trace: u64, row: u64| {
        let id = |row: u64| format!("{trace:08x}-0000-4000-8000-{row:012}");
        json!({"id": id(row), "trace_id": id(0), "parent_run_id": (row > 0).then(|| id(0)),
            "name": if row > 0 { "list_issues" } else { "agent" }, "run_type": if row > 0 { "tool" } else { "chain" },
            "session_name": "support", "start_time": format!("2026-03-01T12:00:0{row}"), "end_time": "2026-03-01T12:00:11",
            "inputs": {"repo": "acme/webapp", "page": row, "text": "What comes holds the first hundred rows. ".repeat(8)},
            "outputs": {"items": [{"number": 41, "title": "The import stops at the second page", "state": "open"}]}})
        .to_string()
    };
    (0..10)
        .flat_map(|number| (first..first + 100).map(move |trace| row(trace, number)))
        .collect()
}

/// A folder with a repository.
struct World {
    root: tempfile::TempDir,
    binary: PathBuf,
}

impl World {
    fn new(binary: PathBuf) -> Self {
        let root = tempfile::Builder::new()
            .prefix("archal-bench-")
            .tempdir()
            .expect("a temporary folder");
        for folder in ["home", "repo"] {
            fs::create_dir(root.path().join(folder)).expect("new");
        }
        let mut git = Command::new("git");
        git.args(["init", "--quiet"]).arg(root.path().join("repo"));
        assert!(git.status().expect("git").success());
        Self { root, binary }
    }

    /// Makes a file of so many megabytes, and imports it; the folder of what was written.
    fn measure(&self, name: &str, megabytes: u64, lines: impl Fn(u64) -> Vec<String>) -> PathBuf {
        let path = self.root.path().join(format!("{name}.jsonl"));
        let mut file = BufWriter::new(File::create(&path).expect("new"));
        let (mut written, mut traces) = (0, 0);
        while written < megabytes * 1_000_000 {
            for line in lines(traces) {
                writeln!(file, "{line}").expect("written");
                written += line.len() as u64 + 1;
            }
            traces += 1;
        }
        file.into_inner()
            .expect("written")
            .sync_all()
            .expect("synced");
        let packed = self.import(name, &path, traces);
        fs::remove_file(path).expect("mine");
        packed
    }

    /// Imports what an import has written.
    fn again(&self, name: &str, packed: &Path) {
        let mut traces = 0;
        for entry in fs::read_dir(packed).expect("mine") {
            let text = fs::read(entry.expect("an entry").path()).expect("mine");
            for batch in documents(&text) {
                let batch = batch.expect("JSON");
                traces += batch["traces"].as_array().expect("traces").len() as u64;
            }
        }
        self.import(name, packed, traces);
    }

    fn import(&self, name: &str, from: &Path, traces: u64) -> PathBuf {
        let to = self.root.path().join(format!("packed-{name}"));
        let (bytes, parsed) = parse(from);
        let before = used();
        let begun = Instant::now();
        let mut process = Command::new(&self.binary)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.root.path().join("home"))
            .args(["trace-source", "import", "--json", "--trace-dir"])
            .args([&to, from])
            .arg("--repo")
            .arg(self.root.path().join("repo"))
            .stdin(Stdio::null())
            .stdout(File::create(self.root.path().join("report.json")).expect("new"))
            .spawn()
            .expect("the binary");
        let mut peak: f64 = 0.0;
        let status = loop {
            if let Some(status) = process.try_wait().expect("my own child") {
                break status;
            }
            peak = peak.max(peak_of(process.id()));
            thread::sleep(LOOK);
        };
        let took = begun.elapsed().as_secs_f64();
        let spent = used() - before;
        assert!(status.success(), "{status}");
        let report = fs::read(self.root.path().join("report.json")).expect("a report");
        let report: Value = serde_json::from_slice(&report).expect("JSON");
        assert_eq!(report["new"], traces, "{report}");
        assert_eq!(report["failed"], 0, "{report}");
        let megabytes = bytes as f64 / 1e6;
        println!(
            "| {name} | {:.1} | {:.1} | {:.1} | {:.0} | {peak:.0} MB |",
            bytes as f64 / 1e3 / traces as f64,
            megabytes / spent,
            megabytes / took,
            megabytes / parsed,
        );
        to
    }
}

/// Bytes of a file or folder, and the processor time that parsing alone takes, as far as some of it tells.
fn parse(from: &Path) -> (u64, f64) {
    let files: Vec<PathBuf> = if from.is_dir() {
        let entries = fs::read_dir(from).expect("mine");
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    } else {
        vec![from.to_owned()]
    };
    let (mut bytes, mut parsed, mut spent) = (0, 0, 0.0);
    for file in &files {
        let mut text = Vec::new();
        let opened = File::open(file).expect("mine");
        bytes += opened.metadata().expect("mine").len();
        let left = PARSED.saturating_sub(parsed);
        opened.take(left).read_to_end(&mut text).expect("mine");
        parsed += text.len() as u64;
        let before = machine::processor(std::process::id());
        // The last one may be cut.
        let whole = documents(&text).map_while(Result::ok).count();
        assert!(whole > 0 || left < PARSED);
        spent += machine::processor(std::process::id()) - before;
    }
    (bytes, spent * bytes as f64 / parsed as f64)
}

/// The JSON documents of a file, one after the other.
fn documents(text: &[u8]) -> impl Iterator<Item = serde_json::Result<Value>> {
    serde_json::Deserializer::from_slice(text).into_iter()
}

/// Processor time of children that have ended, in seconds.
fn used() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it is told");
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// The most memory of a process so far, in MB; nothing where it has ended.
fn peak_of(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
