//! `archal trace-source import`: files that lie elsewhere, once.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;

use super::connect;
use super::site::{self, Repo, Site};
use crate::attach::state::State;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::state::database_error;
use crate::host::interrupts::{Hangup, Interrupts};
use crate::ingest::import::{Import, ImportError, ImportReport};
use crate::report::shell::quoted;
use crate::run::render::words;

/// The most findings that are printed.
const MOST_FINDINGS: usize = 20;

/// Import files of traces into a trace directory, once
///
/// They are read whatever their dialect, redacted and packed into batch files. What the directory
/// has already is not written again, so a file that grew may be imported again.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Usage, Exit::CouldNotRun, Exit::Interrupted,
]))]
pub(super) struct Args {
    /// The file or folder
    path: PathBuf,

    /// Where the traces are put, the directory to attach [default: that of the default source]
    #[arg(long, value_name = "DIR")]
    trace_dir: Option<PathBuf>,

    #[command(flatten)]
    repo: Repo,
}

/// What is to be imported.
pub(super) struct Wanted<'a> {
    pub(super) path: &'a Path,
    pub(super) directory: &'a Path,
    pub(super) source: &'a str,
    pub(super) since: Option<Timestamp>,
    pub(super) limit: Option<u64>,
    pub(super) is_dry: bool,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let site = Site::prepared(&args.repo, cx)?;
    let path = cx.environment.resolve(&args.path);
    if !path.exists() {
        return Err(
            CliError::usage(format!("there is no {}", args.path.display()))
                .hint("archal trace-source import <file or folder>"),
        );
    }
    let directory = match &args.trace_dir {
        Some(folder) => connect::trace_dir(folder, cx)?,
        None => {
            let registry = site.registry(cx)?;
            let default = registry.default().and_then(|name| registry.source(name));
            match default {
                Some(source) if !source.may_be_written(site.places.traces()) => {
                    return Err(site::unusable(&source, cx));
                }
                Some(source) => source.trace_dir,
                None => site.places.traces().to_owned(),
            }
        }
    };
    let wanted = Wanted {
        path: &path,
        directory: &directory,
        source: "file",
        since: None,
        limit: None,
        is_dry: false,
    };
    made(&site, &wanted, cx)
}

/// Imports, and tells what became of it.
pub(super) fn made(
    site: &Site,
    wanted: &Wanted<'_>,
    cx: &mut CommandContext,
) -> Result<Exit, CliError> {
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    let report = import(site, wanted, &|| interrupts.token().is_asked(), cx)?;
    for finding in report.diagnostics.iter().take(MOST_FINDINGS) {
        cx.printer.diagnostic(finding, None);
    }
    if report.diagnostics.len() > MOST_FINDINGS {
        cx.printer.note("and more; --json has them");
    }
    cx.printer.line(text(site, &report, cx).trim_end());
    cx.printer.document("archal.trace-import", 1, &report);
    Ok(if report.is_interrupted {
        Exit::Interrupted
    } else if report.failed > 0 {
        Exit::CouldNotRun
    } else {
        Exit::Fine
    })
}

/// Imports into the repository's state and trace directory.
pub(super) fn import(
    site: &Site,
    wanted: &Wanted<'_>,
    is_stopped: &dyn Fn() -> bool,
    cx: &CommandContext,
) -> Result<ImportReport, CliError> {
    let loaded = cx.load_config(None, &site.place.repo, &[])?;
    let redactor = bench::redactor(cx, &loaded)?;
    let state = State::beside_or_new(&site.place.layout).map_err(database_error)?;
    let ledger = state.ledger(cx.clock.as_ref());
    let import = Import {
        format: cx.files,
        redactor: &redactor,
        ledger: &ledger,
        clock: cx.clock.as_ref(),
        source: wanted.source,
        provider: "file",
        directory: wanted.directory,
        since: wanted.since,
        limit: wanted.limit,
        is_dry: wanted.is_dry,
        is_wanted: &|_| true,
        is_stopped,
    };
    let told = |line: &str| cx.printer.note(line);
    import
        .run(wanted.path, &mut { told })
        .map_err(|error| match error {
            error @ ImportError::Inside { .. } => {
                let directory = site.shown(wanted.directory, cx);
                let repo = quoted(&site.place.shown);
                CliError::usage(error).hint(format!("archal attach {directory} --repo {repo}"))
            }
            error => CliError::environment(error),
        })
}

fn text(site: &Site, report: &ImportReport, cx: &CommandContext) -> String {
    let mut out = String::new();
    let would = if report.is_dry_run { "would be " } else { "" };
    // Writing to a String cannot fail, here and below.
    _ = writeln!(
        out,
        "{would}{} new, {} updated, {} unchanged, {} failed",
        report.new, report.updated, report.unchanged, report.failed
    );
    if report.older > 0 {
        _ = writeln!(out, "  older    {} that ended before --since", report.older);
    }
    let dialects: Vec<&str> = report.dialects.iter().map(String::as_str).collect();
    let dialects = if dialects.is_empty() {
        String::new()
    } else {
        format!(" ({})", dialects.join(", "))
    };
    _ = writeln!(
        out,
        "  read     {}, {}{dialects} in {}",
        counted(report.files, "file"),
        words::bytes(report.bytes),
        words::seconds(report.took_ms)
    );
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
    }
    if !report.is_dry_run && report.new + report.updated + report.unchanged > 0 {
        let repo = quoted(&site.place.shown);
        _ = writeln!(out, "  next     archal attach {directory} --repo {repo}");
    }
    out
}

fn counted(number: u64, noun: &str) -> String {
    words::count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}
