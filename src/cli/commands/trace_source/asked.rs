//! A source that is asked: one pass over it, told while it goes on and when it has ended.

use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::pull::{Estimate, PullErrorKind, PullSource};

use super::serve;
use super::site::Site;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::host::interrupts::{Hangup, Interrupts};
use crate::ingest::pull::asking::Waits;
use crate::ingest::pull::{self, Ask, PassError, PassReport, Told};
use crate::ingest::registry::Source;
use crate::report::causes::chain;
use crate::report::shell::quoted;
use crate::run::render::words;

/// The most findings that are printed.
const MOST_FINDINGS: usize = 20;
/// Between two lines of progress.
const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(30);

/// What is wanted of a pass.
pub(super) struct Wanted {
    pub(super) since: Option<Timestamp>,
    pub(super) limit: Option<u64>,
    pub(super) is_dry: bool,
}

/// How a source is asked; none for one that is not.
pub(super) fn pull_of(source: &Source, cx: &CommandContext) -> Option<PullSource> {
    source.descriptor(cx.sources).and_then(|known| known.pull)
}

/// Makes a pass, and tells what became of it.
pub(super) fn made(
    site: &Site,
    source: Source,
    pull: PullSource,
    wanted: &Wanted,
    cx: &mut CommandContext,
) -> Result<Exit, CliError> {
    let Some(provider) = source.descriptor(cx.sources) else {
        return Err(super::site::unusable(&source, cx));
    };
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    let subscription = serve::subscription(site, source, cx)?;
    let ledger = serve::ledger(site, cx)?;
    let ask = Ask {
        subscription: &subscription,
        provider,
        pull,
        ledger: &ledger,
        since: wanted.since,
        limit: wanted.limit,
        is_dry: wanted.is_dry,
        is_estimated: true,
        stop: interrupts.token(),
        waits: Some(waits(cx)),
    };
    let progress = Progress::new(cx);
    let asked = pull::ask(&ask, &mut |told| progress.told(&told));
    progress.end();
    let name = &subscription.source.name;
    let (report, ended) = asked.map_err(|error| failed(&error, name, site))?;
    for finding in report.diagnostics.iter().take(MOST_FINDINGS) {
        cx.printer.diagnostic(finding, None);
    }
    if report.diagnostics.len() > MOST_FINDINGS {
        cx.printer.note("and more; --json has them");
    }
    if let Err(error) = ended {
        // What came is kept; the document is that of the error.
        cx.printer.line(text(site, &report, cx).trim_end());
        return Err(failed(&error, name, site));
    }
    cx.printer.line(text(site, &report, cx).trim_end());
    cx.printer.document("archal.trace-sync", 1, &report);
    Ok(if report.is_interrupted {
        Exit::Interrupted
    } else if report.failed > 0 {
        Exit::CouldNotRun
    } else {
        Exit::Fine
    })
}

/// A pass that could not begin or end.
pub(super) fn failed(error: &PassError, name: &str, site: &Site) -> CliError {
    let text = chain(error);
    let is_said = matches!(error, PassError::Pull(error) if error.kind == PullErrorKind::Options);
    let told = if is_said {
        CliError::config(text)
    } else {
        CliError::environment(text)
    };
    match error.advice() {
        Some(advice) => told.hint(advice),
        None => {
            let command = match error {
                PassError::Taken { .. } => "status",
                _ => "test",
            };
            let option = site.option();
            told.hint(format!("archal trace-source {command} {name}{option}"))
        }
    }
}

/// Says why nothing goes on for a while: the next page takes the line away, on a terminal.
fn waits(cx: &CommandContext) -> Waits {
    let printer = cx.printer.clone();
    Arc::new(move |why| {
        if printer.is_terminal() {
            printer.progress(Some(why));
        } else {
            printer.note(why);
        }
    })
}

/// What is seen of a pass while it goes on.
struct Progress<'a> {
    cx: &'a CommandContext,
    is_terminal: bool,
    told_at: Cell<Duration>,
    rows: Cell<Option<u64>>,
}

impl<'a> Progress<'a> {
    fn new(cx: &'a CommandContext) -> Self {
        Self {
            cx,
            is_terminal: cx.printer.is_terminal(),
            told_at: Cell::new(cx.clock.monotonic()),
            rows: Cell::new(None),
        }
    }

    fn told(&self, told: &Told<'_>) {
        match told {
            Told::Estimate(estimate) => {
                self.rows.set(estimate.rows);
                let about = estimated(estimate);
                if !about.is_empty() {
                    self.cx.printer.note(format!("about {about}"));
                }
            }
            Told::Anew(path) => self.cx.printer.warning(format!(
                "what was kept of this source is broken and lies in {}; it is asked from its beginning",
                path.display()
            )),
            Told::Page(report) => self.page(report),
        }
    }

    fn page(&self, report: &PassReport) {
        let now = self.cx.clock.monotonic();
        let pause = if self.is_terminal {
            ON_TERMINAL
        } else {
            ELSEWHERE
        };
        if now.saturating_sub(self.told_at.get()) < pause {
            return;
        }
        self.told_at.set(now);
        let line = so_far(report, self.rows.get());
        if self.is_terminal {
            self.cx.printer.progress(Some(&line));
        } else {
            self.cx.printer.note(line);
        }
    }

    fn end(&self) {
        self.cx.printer.progress(None);
    }
}

/// How far a pass is, as a line.
fn so_far(report: &PassReport, of: Option<u64>) -> String {
    const WIDTH: u64 = 20;
    let mut line = String::new();
    if let Some(of) = of.filter(|of| *of > 0) {
        let done = report.rows.min(of);
        let full = usize::try_from(done * WIDTH / of).unwrap_or_default();
        let rest = usize::try_from(WIDTH)
            .unwrap_or_default()
            .saturating_sub(full);
        // Writing to a String cannot fail.
        _ = write!(
            line,
            "[{}{}] {:>3} %  ",
            "#".repeat(full),
            ".".repeat(rest),
            done * 100 / of
        );
    }
    _ = write!(
        line,
        "{}, {}, {}; {} new, {} updated",
        counted(report.rows, what(report)),
        counted(report.requests, "request"),
        words::bytes(report.bytes),
        report.new,
        report.updated
    );
    line
}

/// How much there is, in words.
fn estimated(estimate: &Estimate) -> String {
    let rows = estimate.rows.map(|rows| counted(rows, "row"));
    let requests = estimate.requests.map(|count| counted(count, "request"));
    let time = estimate.time.map(|time| match time.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    });
    let parts: Vec<String> = [rows, requests, time].into_iter().flatten().collect();
    parts.join(", ")
}

fn text(site: &Site, report: &PassReport, cx: &CommandContext) -> String {
    let mut out = String::new();
    let would = if report.is_dry_run { "would be " } else { "" };
    // Writing to a String cannot fail, here and below.
    _ = writeln!(
        out,
        "{would}{} new, {} updated, {} unchanged, {} waiting, {} failed",
        report.new, report.updated, report.unchanged, report.waiting, report.failed
    );
    if report.older > 0 {
        _ = writeln!(out, "  older    {} that ended before --since", report.older);
    }
    if report.unmade > 0 {
        _ = writeln!(
            out,
            "  unmade   {} of which nothing came yet that makes a trace",
            report.unmade
        );
    }
    _ = writeln!(
        out,
        "  read     {} ({} new or changed), {} in {}, {}",
        counted(report.rows, what(report)),
        report.changed_rows,
        words::bytes(report.bytes),
        counted(report.requests, "request"),
        words::seconds(report.took_ms)
    );
    if let Some(objects) = &report.objects {
        _ = writeln!(
            out,
            "  objects  {} known, {} skipped, {} failed, {} gone",
            objects.known, objects.skipped, objects.failed, objects.gone
        );
    }
    _ = writeln!(out, "  redacted {}", counted(report.redactions, "value"));
    let directory = site.shown(&report.trace_dir, cx);
    if report.written_files > 0 {
        _ = writeln!(
            out,
            "  wrote    {}, {}, in {directory}",
            counted(report.written_files, "batch file"),
            words::bytes(report.written_bytes)
        );
    }
    if report.is_limited {
        _ = writeln!(
            out,
            "  limited  there may be more; the same command goes on"
        );
    } else if report.waiting > 0 {
        _ = writeln!(
            out,
            "  waiting  traces that are not quiet yet come with the next pass"
        );
    }
    if !report.is_dry_run && report.new + report.updated + report.unchanged > 0 {
        let repo = quoted(&site.place.shown);
        _ = writeln!(out, "  next     archal attach {directory} --repo {repo}");
    } else if !report.is_dry_run && report.rows == 0 {
        let option = site.option();
        _ = writeln!(
            out,
            "  next     archal trace-source test {}{option}",
            report.source
        );
    }
    out
}

/// What its rows are called.
fn what(report: &PassReport) -> &'static str {
    match report.objects {
        Some(_) => "object",
        None => "row",
    }
}

pub(super) fn counted(number: u64, noun: &str) -> String {
    words::count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}
