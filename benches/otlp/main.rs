//! What it costs to take spans: acknowledged once they are on the disk, and put together to traces in
//! batch files; beside collectors that others publish. Clients are in this process, on the same
//! processors.
//!
//! `cargo xtask bench otlp` installs the others; `-- --spans N` for each figure, `--clients N`,
//! `--rounds N` in alternation, `--python FOLDER` an environment with them, `--binary FILE` to measure another archal.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "the figures are the result, and files say when they were written"
)]

mod load;
#[expect(dead_code, reason = "shared with benches that measure more")]
#[path = "../attach/machine.rs"]
mod machine;
mod servers;
mod spans;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use load::{Sent, send};
use machine::{memory, processor};
use servers::{Archal, Batches, Server};
use spans::{OF_TRACE, Request, SPANS};

/// Spans for each figure, unless somebody asks for more.
const USUALLY: u64 = 200_000;
/// Spans for what takes hundreds a second.
const FEW: u64 = 5_000;
/// How long any load may last.
const MOST: Duration = Duration::from_secs(120);
/// After how long what a load needed was given back.
const SETTLED: Duration = Duration::from_secs(3);

fn main() {
    let number =
        |name, usually| option(name).map_or(usually, |text| text.parse().expect("a number"));
    let spans = number("--spans", USUALLY);
    let clients = number("--clients", 4);
    let rounds = number("--rounds", 3);
    let python = option("--python").map(PathBuf::from);
    let binary =
        option("--binary").map_or_else(|| env!("CARGO_BIN_EXE_archal").into(), PathBuf::from);
    let scratch = tempfile::tempdir().expect("a temporary folder");
    println!("OTLP over HTTP protobuf, release build");
    machine::tell(scratch.path());
    let request = Request::new();
    println!(
        "load             {spans} spans of {} B, {OF_TRACE} a trace, {SPANS} a request, {clients} clients on the same processors\n",
        request.bytes() as u64 / SPANS
    );
    println!(
        "| | spans/s | processor of the server, µs a span | of the clients | refused | RSS at most, after |"
    );
    println!("|---|---|---|---|---|---|");
    for _ in 0..rounds {
        if let Some(python) = &python {
            let server = servers::rotel(python, scratch.path());
            taken("rotel: acknowledged, dropped", &server, clients, spans);
        }
        both(&binary, clients, spans);
        at_once(&binary, clients, spans);
    }
    if let Some(python) = &python {
        phoenix(python, scratch.path(), clients);
    }
}

/// The text after an option.
fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

/// Processor time of a server and of the clients so far, in seconds.
fn used(server: &Server) -> (f64, f64) {
    (processor(server.pid()), processor(std::process::id()))
}

/// A row of the table.
fn row(name: &str, spans: u64, took: f64, before: (f64, f64), sent: Option<Sent>, server: &Server) {
    let after = used(server);
    let each = |seconds: f64| seconds * 1e6 / spans as f64;
    thread::sleep(SETTLED);
    let held = memory(server.pid());
    println!(
        "| {name} | {:.0} | {:.1} | {:.1} | {} | {:.0} MB, {:.0} MB |",
        spans as f64 / took,
        each(after.0 - before.0),
        each(after.1 - before.1),
        sent.map_or("-".to_owned(), |sent| sent.refused.to_string()),
        held.peak,
        held.resident,
    );
}

/// Spans that are answered for, and no more.
fn taken(name: &str, server: &Server, clients: u64, spans: u64) {
    let before = used(server);
    let sent = send(server.at, clients, spans, MOST);
    row(name, sent.spans, sent.took, before, Some(sent), server);
}

/// Archal: first it only takes, then it only puts together, after a start that reads the log.
fn both(binary: &Path, clients: u64, spans: u64) {
    let archal = Archal::new(binary.to_owned());
    let server = archal.serve("1h");
    let before = used(&server);
    let sent = send(server.at, clients, spans, MOST);
    row(
        "archal: acknowledged, on the disk",
        sent.spans,
        sent.took,
        before,
        Some(sent),
        &server,
    );
    let spool = archal.spool();
    server.end();
    let begun = SystemTime::now();
    let server = archal.serve("0s");
    let mut batches = Batches::default();
    let before = (0.0, processor(std::process::id()));
    batches.until(&archal.folder().join("traces"), sent.spans);
    let took = since(begun, &batches);
    row(
        "archal: assembled, start and reading the log included",
        sent.spans,
        took,
        before,
        None,
        &server,
    );
    println!(
        "\n{:.0} B a span in the log, {:.0} B in batch files\n",
        spool as f64 / sent.spans as f64,
        batches.bytes as f64 / sent.spans as f64,
    );
    server.end();
}

/// Archal: takes and puts together at the same time.
fn at_once(binary: &Path, clients: u64, spans: u64) {
    let archal = Archal::new(binary.to_owned());
    let server = archal.serve("1s");
    let before = used(&server);
    let begun = SystemTime::now();
    let sent = send(server.at, clients, spans, MOST);
    let mut batches = Batches::default();
    batches.until(&archal.folder().join("traces"), sent.spans);
    let took = since(begun, &batches);
    row(
        "archal: both at once, to the last batch file",
        sent.spans,
        took,
        before,
        Some(sent),
        &server,
    );
    server.end();
}

/// Seconds to the last batch file.
fn since(begun: SystemTime, batches: &Batches) -> f64 {
    let last = batches.last.expect("a file");
    last.duration_since(begun).expect("later").as_secs_f64()
}

/// Phoenix: spans that are in its database.
fn phoenix(python: &Path, folder: &Path, clients: u64) {
    let server = servers::phoenix(python, folder);
    let before = used(&server);
    let begun = std::time::Instant::now();
    let sent = send(server.at, clients, FEW, MOST);
    row(
        "Phoenix: acknowledged",
        sent.spans,
        sent.took,
        before,
        Some(sent),
        &server,
    );
    let there = servers::persisted(folder, sent.spans, MOST);
    let took = begun.elapsed().as_secs_f64();
    row(
        "Phoenix: in its database",
        there,
        took,
        before,
        Some(sent),
        &server,
    );
}
