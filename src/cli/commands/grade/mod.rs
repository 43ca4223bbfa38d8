//! `archal grade`: whether traces show a failure, by what they show alone.
//!
//! - `measuring`: `--measure`, how good the grader is on labelled runs.

mod measuring;

use std::path::{Path, PathBuf};

use archal_core::grade::{Finding, Verdict};
use archal_core::source::FileFormat;
use archal_core::trace::TraceIdentity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::grade::verdict;
use crate::ingest::{FileReport, FileStatus, Imported, file, folder, read_file};
use crate::report::style::Style;

/// Say of traces whether they show a failure, and why
///
/// Reads the files of any dialect, and folders of them. Nothing is run, changed or sent: the
/// verdict comes from what the trace itself shows. `unsure` means that this does not decide it.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Inconclusive]))]
pub(crate) struct Args {
    /// Trace files, or folders of them
    #[arg(required_unless_present = "measure", value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Compare the verdicts with the labels that the traces carry, each set by itself
    ///
    /// Without a path it is what you confirmed and dismissed in this repository with `archal
    /// issue` that counts. A labelled trace has `label` (`ok` or `fail`) in its metadata, or beside its `messages`;
    /// `set` and `group` (runs of one task) where there are several.
    #[arg(long)]
    measure: bool,

    /// With `--measure`: each set as two halves that share no group, one to develop on and one
    /// to check on
    #[arg(long, requires = "measure")]
    halves: bool,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// The document of `--json`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GradesReport {
    /// Each trace, in the order of its file.
    traces: Vec<TraceGrade>,
    /// Files that gave no trace, with the reason.
    unread: Vec<Unread>,
}

/// What one trace shows.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TraceGrade {
    /// The file it stands in.
    file: PathBuf,
    /// The trace.
    trace: TraceIdentity,
    /// Its revision.
    revision: String,
    /// Whether it shows a failure.
    verdict: Verdict,
    /// How likely it failed, 0 to 1, as far as the findings say.
    likelihood: f64,
    /// Why.
    reason: String,
    /// The first span that led to it.
    first_bad_step: Option<String>,
    /// What was found, the primary finding first.
    findings: Vec<Finding>,
}

/// A file that gave no trace.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Unread {
    /// The file.
    file: PathBuf,
    /// Why.
    reason: String,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    if args.measure && args.paths.is_empty() {
        return measuring::own(args.halves, cx);
    }
    let mut read = Reading::new(args, cx)?;
    if args.measure {
        return measuring::run(&mut read, args.halves, cx);
    }
    let mut report = GradesReport::default();
    read.each(cx, |path, outcome| match outcome {
        Outcome::Trace(imported) => {
            let decided = verdict::alone(&imported.trace);
            let grade = TraceGrade {
                file: path.to_owned(),
                trace: imported.identity,
                revision: imported.trace.revision,
                verdict: decided.verdict,
                likelihood: decided.likelihood,
                reason: decided.reason,
                first_bad_step: decided.first_bad_step,
                findings: decided.findings,
            };
            tell(&grade, cx);
            report.traces.push(grade);
        }
        Outcome::Unread(reason) => report.unread.push(Unread {
            file: path.to_owned(),
            reason,
        }),
    });
    let count = |verdict| {
        report
            .traces
            .iter()
            .filter(|grade| grade.verdict == verdict)
            .count()
    };
    let (fail, ok, unsure) = (
        count(Verdict::Fail),
        count(Verdict::Ok),
        count(Verdict::Unsure),
    );
    cx.printer.line(format!(
        "{} traces: {fail} fail, {ok} ok, {unsure} unsure",
        report.traces.len()
    ));
    cx.printer.document("archal.grades", 1, &report);
    let some = |is: bool, exit| is.then_some(exit);
    Ok(Exit::of_all(
        [
            some(read.unread > 0, Exit::CouldNotRun),
            some(fail > 0, Exit::Bad),
            some(unsure > 0, Exit::Inconclusive),
        ]
        .into_iter()
        .flatten(),
    ))
}

fn tell(grade: &TraceGrade, cx: &CommandContext) {
    let (style, word) = match grade.verdict {
        Verdict::Fail => (Style::Error, "fail"),
        Verdict::Ok => (Style::Good, "ok"),
        Verdict::Unsure => (Style::Warning, "unsure"),
    };
    cx.printer.line(format!(
        "{}  {}  {}",
        style.paint(&format!("{word:<6}")),
        grade.trace.trace,
        grade.reason
    ));
    for finding in &grade.findings {
        let spans = match finding.spans.as_slice() {
            [] => String::new(),
            [only] => format!("  at {only}"),
            [first, .., last] => format!("  at {first} to {last}"),
        };
        cx.printer.line(format!(
            "        {:.2}  {}  {}{spans}",
            finding.confidence, finding.rule, finding.summary
        ));
        if !finding.excerpt.is_empty() {
            cx.printer
                .line(format!("              {}", finding.excerpt));
        }
    }
}

/// One trace, or a file that gives none.
enum Outcome {
    Trace(Box<Imported>),
    Unread(String),
}

/// Files of traces on their way to be graded.
struct Reading {
    format: &'static FileFormat,
    redactor: archal_core::redact::Redactor,
    /// The files in order.
    files: Vec<PathBuf>,
    /// Files and folders that could not be read.
    unread: u64,
}

impl Reading {
    fn new(args: &Args, cx: &CommandContext) -> Result<Self, CliError> {
        let loaded = cx.load_config(args.config.config.as_deref(), Path::new("."), &[])?;
        let redactor = bench::redactor(cx, &loaded)?;
        let format = cx.files;
        let mut files = Vec::new();
        let mut unread = 0;
        for given in &args.paths {
            let path = cx.environment.resolve(given);
            if !path.exists() {
                return Err(CliError::usage(format!("{} is not there", given.display()))
                    .hint("archal grade <trace file or folder>"));
            }
            if path.is_dir() {
                let scan = folder::scan(format, &path).map_err(CliError::environment)?;
                for finding in &scan.diagnostics {
                    unread += 1;
                    cx.printer.diagnostic(finding, None);
                }
                files.extend(scan.files);
            } else {
                files.push(path);
            }
        }
        Ok(Self {
            format,
            redactor,
            files,
            unread,
        })
    }

    /// Hands over each trace of each file in order; what could not be read is told.
    fn each(&mut self, cx: &CommandContext, mut visit: impl FnMut(&Path, Outcome)) {
        for path in &self.files {
            // Nobody waits for a file that is named: it is taken as it is.
            let report: FileReport =
                read_file(self.format, path, &self.redactor, None).settle(file::FILE_SETTLES);
            for finding in &report.diagnostics {
                cx.printer.diagnostic(finding, None);
            }
            match report.status {
                FileStatus::Imported => {
                    for imported in report.traces {
                        visit(path, Outcome::Trace(Box::new(imported)));
                    }
                }
                FileStatus::Waiting { reason } | FileStatus::Rejected { reason } => {
                    self.unread += 1;
                    if report.diagnostics.is_empty() {
                        cx.printer.warning(format!("{}: {reason}", path.display()));
                    }
                    visit(path, Outcome::Unread(reason));
                }
            }
        }
    }
}
