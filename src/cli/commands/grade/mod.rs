//! `archal grade`: whether traces show a failure, by what they show alone.
//!
//! - `judging`: `--judge`, the judge about traces that nothing else decides.
//! - `measuring`: `--measure`, how good the grader is on labelled runs.
//! - `sending`: `--send-results`, verdicts sent to where traces are kept.

mod judging;
mod measuring;
mod sending;

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
use crate::config::Loaded;
use crate::grade::judged::Judgement;
use crate::ingest::{FileReport, FileStatus, Imported, file, folder, read_file};
use crate::report::style::Style;

use judging::Grader;
use sending::Sending;

/// Say of traces whether they show a failure, and why
///
/// Reads the files of any dialect, and folders of them. Nothing is run or changed, and without
/// `--judge` and `--send-results` nothing is sent: the verdict comes from what the trace itself shows. `unsure`
/// means that this does not decide it.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Inconclusive, Exit::Budget, Exit::Interrupted]))]
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

    /// Ask the judge of the configuration about traces that nothing else decides
    ///
    /// It is shown what the agent was asked, said and did, without secrets, and is believed only
    /// where it quotes what is there. `grade.judge` does the same without the flag.
    #[arg(long)]
    judge: bool,

    /// Send the verdicts to `grade.results.endpoint`, as `gen_ai.evaluation.result` events
    #[arg(long, conflicts_with = "measure")]
    send_results: bool,

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
    /// What the judge was asked and said; none where it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    judge: Option<Judgement>,
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
        return measuring::own(args, cx);
    }
    let mut read = Reading::new(args, cx)?;
    let grader = Grader::new(args.judge, &read.loaded, cx)?;
    if args.measure {
        return measuring::run(&mut read, &grader, args.halves, cx);
    }
    let mut sending = Sending::new(args.send_results, &read.loaded, cx)?;
    let mut report = GradesReport::default();
    let mut is_interrupted = false;
    read.each(cx, |path, outcome| match outcome {
        _ if is_interrupted => {}
        Outcome::Trace(imported) => {
            let Ok((decided, judge)) = grader.decide(&imported.trace) else {
                is_interrupted = true;
                return;
            };
            if let Some(sending) = &mut sending {
                sending.add(&imported, &decided);
            }
            let grade = TraceGrade {
                file: path.to_owned(),
                trace: imported.identity,
                revision: imported.trace.revision,
                verdict: decided.verdict,
                likelihood: decided.likelihood,
                reason: judging::reason(&decided, judge.as_ref()),
                first_bad_step: decided.first_bad_step,
                findings: decided.findings,
                judge,
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
    let kept = grader.told(cx);
    let sent = sending.and_then(|sending| sending.send(cx));
    Ok(Exit::of_all(
        [
            some(is_interrupted, Exit::Interrupted),
            kept,
            sent,
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
    loaded: Loaded,
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
            loaded,
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
