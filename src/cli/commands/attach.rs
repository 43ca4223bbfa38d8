//! `archal attach`: failed traces in, proven patches out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archal_core::diagnostic::Severity;
use clap::ValueEnum;
use serde_json::Value;

use crate::attach::flags::AttachFlags;
use crate::attach::handoff;
use crate::attach::job::{JobReport, Status};
use crate::attach::report::PassReport;
use crate::budget::cap::Cap;
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::pass::{self, PassPlan};

/// Work through a directory of traces: grade, rebuild, reproduce, fix, prove
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Inconclusive, Exit::Interrupted,
]))]
pub(crate) struct Args {
    /// The directory with the traces
    trace_dir: PathBuf,

    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,

    /// How far to go [default: `attach.policy` in the configuration, else grade]
    #[arg(long, value_enum, value_name = "POLICY")]
    execution_policy: Option<Policy>,

    /// Stay in the foreground; the background watcher is not part of this version
    #[arg(long)]
    foreground: bool,

    /// Work through what is there and end
    #[arg(long)]
    once: bool,

    /// Allow commands that are not the harness: the fix command
    #[arg(long)]
    allow_external_execution: bool,

    /// The command that tries to repair the agent
    #[arg(long, value_name = "COMMAND")]
    fix_command: Option<String>,

    /// Attempts at reproduction
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    reproduce_runs: Option<u32>,

    /// How many jobs may run children at once [default: half the processors]
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,

    /// Seconds between two scans of the trace directory [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86400))]
    poll: Option<u32>,

    /// What one trace may cost, in US dollars, or `none` [default: 1.00]
    #[arg(long, value_name = "USD|none")]
    budget_usd: Option<Cap>,
}

impl Args {
    fn flags(&self, cx: &CommandContext) -> AttachFlags {
        AttachFlags {
            config: self
                .config
                .config
                .as_deref()
                .map(|file| cx.environment.resolve(file)),
            policy: self.execution_policy.map(|policy| policy.name().to_owned()),
            reproduce_runs: self.reproduce_runs,
            fix_command: self.fix_command.clone(),
            allow_external_execution: self.allow_external_execution,
            budget_usd: self.budget_usd.map(Value::from),
            poll: self.poll,
        }
    }
}

/// As many jobs as anyone's machine could hold.
fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=64) => Ok(jobs),
        _ => Err("a number from 1 to 64 is needed".to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// Import.
    Observe,
    /// And decide whether each trace shows a failure.
    Grade,
    /// And run the harness until the failure shows.
    Reproduce,
    /// And let a fixer repair the agent.
    Fix,
}

impl Policy {
    fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Grade => "grade",
            Self::Reproduce => "reproduce",
            Self::Fix => "fix",
        }
    }
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    if !(args.once && args.foreground) {
        return Err(CliError::usage(
            "the background watcher is not part of this version; attach works with --once --foreground",
        )
        .hint(format!(
            "archal attach {} --repo {} --once --foreground",
            args.trace_dir.display(),
            args.repo.display()
        )));
    }
    let directory = cx.environment.resolve(&args.trace_dir);
    if !directory.is_dir() {
        return Err(CliError::environment(format!(
            "the trace directory {} does not exist",
            args.trace_dir.display()
        ))
        .hint(format!("mkdir -p {}", args.trace_dir.display())));
    }
    let plan = PassPlan {
        repo: canonical(&cx.environment.resolve(&args.repo))?,
        flags: args.flags(cx),
        directory,
        ledger: pass::user_ledger(cx),
        jobs: args.jobs,
    };
    let printer = cx.printer.clone();
    let report = pass::make(&plan, cx, Arc::new(move |line: &str| printer.note(line)))?;
    cx.printer.line(handoff::text(&report).trim_end());
    cx.printer.document("archal.attach", 1, &report);
    Ok(exit_of(&report))
}

/// The repository's path without dots and links, as it is shown and cloned.
fn canonical(repo: &Path) -> Result<PathBuf, CliError> {
    repo.canonicalize().map_err(|error| {
        CliError::usage(format!(
            "the repository {} cannot be read: {error}",
            repo.display()
        ))
        .hint("archal attach <trace-dir> --repo <the agent's repository>")
    })
}

/// One exit for all jobs and files of a pass, and for what could not be looked at.
pub(crate) fn exit_of(report: &PassReport) -> Exit {
    let files = report
        .files
        .iter()
        .filter(|file| file.status != "imported")
        .map(|_| Exit::CouldNotRun);
    let unseen = report
        .diagnostics
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|_| Exit::CouldNotRun);
    Exit::of_all(report.jobs.iter().map(of_job).chain(files).chain(unseen))
}

fn of_job(job: &JobReport) -> Exit {
    match job.status {
        Status::Ok
        | Status::Observed
        | Status::NotReproduced
        | Status::Fixed
        | Status::AlreadyFixed
        | Status::GroupMember
        | Status::Superseded => Exit::Fine,
        Status::FailedGrade | Status::Reproduced | Status::FixFailed | Status::FixBlocked => {
            Exit::Bad
        }
        Status::Unsure | Status::Flaky => Exit::Inconclusive,
        Status::Blocked | Status::Error => Exit::CouldNotRun,
        Status::WaitingBudget => Exit::Budget,
        // Nothing is left open but by an interruption.
        Status::Queued | Status::Running | Status::Cancelled => Exit::Interrupted,
    }
}
