//! `archal attach`: failed traces in, proven patches out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archal_core::diagnostic::Severity;
use clap::ValueEnum;
use serde_json::Value;

use crate::attach::flags::AttachFlags;
use crate::attach::grading::JUDGE;
use crate::attach::handoff;
use crate::attach::job::{JobReport, Status};
use crate::attach::report::PassReport;
use crate::attach::service::{AttachRequest, Joined};
use crate::budget::cap::Cap;
use crate::cli::arguments::{ConfigFile, JsonOutput, Sandbox};
use crate::cli::bench;
use crate::cli::checking;
use crate::cli::commands::trace_source::hosted::Hosted;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::pass::{self, PassPlan};
use crate::cli::watching::{self, Begin, ReadyNow, Voice, Watching};
use crate::host::protocol::Request;
use crate::host::record::{self, WatcherRecord, WatcherState};

/// Work through a directory of traces: grade, rebuild, reproduce, fix, prove
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun, Exit::Inconclusive, Exit::Budget,
    Exit::Interrupted,
]))]
pub(crate) struct Args {
    /// The directory with the traces [default with `--source`: .archal/traces]
    #[arg(required_unless_present = "source")]
    trace_dir: Option<PathBuf>,

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

    /// Watch here, until Ctrl-C, instead of starting a watcher in the background
    #[arg(long)]
    foreground: bool,

    /// Work through what is there and end
    #[arg(long)]
    once: bool,

    /// Say what is ready and what is missing, and do nothing
    ///
    /// From policy `reproduce` on it also runs `workspace.setup` and starts the harness without a
    /// task and without a network, in a private copy.
    #[arg(long, conflicts_with_all = ["once", "foreground", "create"])]
    check: bool,

    /// Make the trace directory where there is none
    #[arg(long)]
    create: bool,

    /// Allow commands that are not the harness: the fix command
    #[arg(long)]
    allow_external_execution: bool,

    /// Publish a proven fix: a branch, pushed, and a draft pull request
    #[arg(long)]
    open_pr: bool,

    /// The command that tries to repair the agent
    #[arg(long, value_name = "COMMAND")]
    fix_command: Option<String>,

    /// The coding agent that tries to repair the agent: aider, claude, codex, copilot, gemini, opencode; or pdca, cycles of them
    #[arg(long, value_name = "NAME", conflicts_with = "fix_command")]
    fixer: Option<String>,
    /// How far the fixer, the set-up and the validation command are confined [default: best-effort]
    #[arg(long, value_name = "MODE")]
    sandbox: Option<Sandbox>,

    /// Attempts at reproduction
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    reproduce_runs: Option<u32>,

    /// How many jobs may run children at once [default: half the processors]
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,

    /// Seconds between two scans of the trace directory [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86400))]
    poll: Option<u32>,

    /// Do not run the trace sources that are registered for this directory
    #[arg(long)]
    no_sources: bool,

    /// What one trace may cost, in US dollars, or `none` [default: 1.00]
    #[arg(long, value_name = "USD|none")]
    budget_usd: Option<Cap>,

    #[command(flatten)]
    hosted: Hosted,
}

impl Args {
    /// The trace directory, which is an argument where no source is.
    fn trace_dir(&self) -> &Path {
        self.trace_dir.as_deref().unwrap_or(Path::new("."))
    }

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
            fixer: self.fixer.clone(),
            allow_external_execution: self.allow_external_execution,
            open_pr: self.open_pr,
            sandbox: self.sandbox.map(|sandbox| sandbox.mode().name().to_owned()),
            budget_usd: self.budget_usd.map(Value::from),
            poll: self.poll,
            no_sources: self.no_sources,
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
    let repo = bench::repository(&args.repo, cx)?;
    let flags = args.flags(cx);
    if args.check && args.hosted.source.is_some() {
        return args.hosted.check(&args.repo, args.trace_dir.as_deref(), cx);
    }
    if args.check {
        let directory = cx.environment.resolve(args.trace_dir());
        let directory = directory.canonicalize().unwrap_or(directory);
        return Ok(checking::run(&repo, &directory, &flags, cx));
    }
    let directory = if args.hosted.source.is_some() {
        let trace_dir = args.trace_dir.as_deref();
        let directory = args.hosted.register(&args.repo, trace_dir, cx)?;
        if args.once {
            cx.printer.note(
                "--once works on what is there: archal trace-source sync asks the source first",
            );
        }
        directory.canonicalize().map_err(CliError::environment)?
    } else {
        directory(args, cx)?
    };
    if args.once {
        return once(
            &PassPlan {
                repo,
                flags,
                directory,
                ledger: pass::user_ledger(cx),
                jobs: args.jobs,
            },
            cx,
        );
    }
    let request = AttachRequest {
        directory,
        flags,
        jobs: args.jobs,
    };
    if args.foreground {
        refuse_to_join(&repo, cx)?;
    } else if let Some(exit) = join(&repo, &request, cx)? {
        return Ok(exit);
    }
    let watching = Watching {
        repo,
        begin: Begin::Attach(request.clone()),
    };
    if args.foreground {
        watching::run(&watching, Voice::Foreground, cx)
    } else {
        match in_background(&watching, cx) {
            // Of several that begin at once one watches; the others join it when it answers.
            Err(error) if error.exit() == Exit::CouldNotRun => {
                join_soon(&watching.repo, &request, cx)?.ok_or(error)
            }
            started => started,
        }
    }
}

fn once(plan: &PassPlan, cx: &CommandContext) -> Result<Exit, CliError> {
    let printer = cx.printer.clone();
    let told = Arc::new(move |line: &str| printer.note(line));
    let (report, is_interrupted) = pass::make(plan, cx, told)?;
    cx.printer.line(handoff::text(&report).trim_end());
    cx.printer.document("archal.attach", 1, &report);
    Ok(if is_interrupted {
        Exit::Interrupted
    } else {
        exit_of(&report)
    })
}

/// The trace directory, absolute and without links.
fn directory(args: &Args, cx: &CommandContext) -> Result<PathBuf, CliError> {
    let directory = cx.environment.resolve(args.trace_dir());
    if args.create {
        std::fs::create_dir_all(&directory).map_err(|error| {
            CliError::environment(format!("cannot make {}: {error}", directory.display()))
        })?;
    }
    if !directory.is_dir() {
        return Err(CliError::environment(format!(
            "the trace directory {} does not exist",
            args.trace_dir().display()
        ))
        .hint(format!(
            "archal attach {} --repo {} --create",
            args.trace_dir().display(),
            args.repo.display()
        )));
    }
    directory.canonicalize().map_err(|error| {
        CliError::environment(format!("cannot read {}: {error}", directory.display()))
    })
}

/// Whoever wants to watch here must not be sent away with a watcher somewhere else.
fn refuse_to_join(repo: &Path, cx: &CommandContext) -> Result<(), CliError> {
    let layout = bench::known_layout(repo, cx);
    match record::state(&layout).map_err(CliError::environment)? {
        WatcherState::Alive(_) => Err(pass::taken(repo, &layout)),
        _ => Ok(()),
    }
}

/// Hands the directory to the watcher that runs already; none where none runs.
fn join(
    repo: &Path,
    request: &AttachRequest,
    cx: &CommandContext,
) -> Result<Option<Exit>, CliError> {
    let layout = bench::layout(repo, cx)?;
    let payload = serde_json::to_value(request).map_err(CliError::internal)?;
    let asked = Request::Attach { payload };
    let Some(joined) = watching::ask_living(&layout, &asked, watching::PATIENCE, cx)? else {
        return Ok(None);
    };
    let joined: Joined = serde_json::from_value(joined).map_err(CliError::internal)?;
    let record = WatcherRecord::read(&layout).ok().flatten();
    let ready = ReadyNow {
        pid: record.as_ref().map_or(0, |record| record.pid),
        log: record.as_ref().and_then(|record| record.log.clone()),
        socket: record.map_or_else(|| layout.watcher_socket(), |record| record.socket),
        directory: request.directory.clone(),
        policy: watching::policy_name(joined.policy),
        lost: None,
    };
    tell(&ready, repo, true, cx);
    Ok(Some(Exit::Fine))
}

/// Hands the directory to a watcher that has just begun, once it answers; none where none begins.
fn join_soon(
    repo: &Path,
    request: &AttachRequest,
    cx: &CommandContext,
) -> Result<Option<Exit>, CliError> {
    let layout = bench::layout(repo, cx)?;
    watching::while_it_begins(&layout, || join(repo, request, cx), cx)
}

fn in_background(watching: &Watching, cx: &CommandContext) -> Result<Exit, CliError> {
    let started = watching::start(watching, cx)?;
    let ready: ReadyNow = serde_json::from_value(started).map_err(CliError::internal)?;
    tell(&ready, &watching.repo, false, cx);
    Ok(Exit::Fine)
}

fn tell(ready: &ReadyNow, repo: &Path, joined: bool, cx: &CommandContext) {
    let directory = handoff::quoted(&ready.directory);
    let repo = handoff::quoted(repo);
    if let Some(lost) = &ready.lost {
        cx.printer.note(lost);
    }
    let mut text = if joined {
        format!(
            "attached {directory} to the watcher that runs (process {})\n",
            ready.pid
        )
    } else {
        format!("watching {directory} (process {})\n", ready.pid)
    };
    text.push_str(&format!("  policy: {}", ready.policy));
    if ready.policy == "grade" {
        text.push_str("; --execution-policy reproduce runs the agent, fix repairs it");
    }
    text.push('\n');
    if let Some(log) = &ready.log {
        text.push_str(&format!("  log:    {}\n", log.display()));
    }
    text.push_str(&format!(
        "  see:    archal attach-status --repo {repo}\n  stop:   archal detach {directory} --repo {repo}"
    ));
    cx.printer.line(&text);
    cx.printer.document("archal.attach-started", 1, ready);
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
        // Its judge could not be asked.
        Status::Queued if job.reason_code.as_deref() == Some(JUDGE) => Exit::CouldNotRun,
        // Nothing is left open but by an interruption.
        Status::Queued | Status::Running | Status::Cancelled => Exit::Interrupted,
    }
}
