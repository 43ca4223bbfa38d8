//! `archal attach-status`: how everything attached to a repository stands.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::attach::flags::AttachFlags;
use crate::attach::handoff;
use crate::attach::hosted::SourceNow;
use crate::attach::reprocess::{self, ReprocessError};
use crate::attach::service::DoingNow;
use crate::attach::state::{Look, State, attachments, jobs, submitted};
use crate::attach::status::{self, AttachmentStatus, StatusReport, TraceStatus, WatcherNow};
use crate::budget::cap::Caps;
use crate::budget::ledger::{self, Ledger};
use crate::budget::standing::Standing;
use crate::cli::arguments::JsonOutput;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::submitting;
use crate::cli::watching;
use crate::config;
use crate::grade::Grade;
use crate::host::interrupts::{Hangup, Interrupts};
use crate::host::protocol::Request;
use crate::host::record::{self, WatcherState};
use crate::ingest::feed::FeedHealth;
use crate::store::layout::Layout;

/// How long a watcher may take to say what it is doing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks with `--watch`.
const LOOK: Duration = Duration::from_secs(1);
/// The most lines of one kind.
const MOST_LINES: usize = 20;

/// Show how attached directories, their files and their jobs stand
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun, Exit::Interrupted]))]
pub(crate) struct Args {
    /// One trace, by name or id, with everything needed to hand it on; or a job, by its id
    trace: Option<String>,

    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    #[command(flatten)]
    output: JsonOutput,

    /// Show it again whenever it changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["json", "trace"])]
    watch: bool,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let repo = bench::repository(&args.repo, cx)?;
    let layout = bench::known_layout(&repo, cx);
    if let Some(asked) = &args.trace {
        let job = look(&layout)?.read(|rows| submitted::named(rows, asked));
        if let Some(job) = job.map_err(CliError::environment)? {
            cx.printer.line(submitting::text(&job));
            cx.printer.document("archal.job-status", 1, &job);
            return Ok(Exit::Fine);
        }
        let status = one(asked, &repo, &layout, cx)?;
        cx.printer.line(trace_text(&status).trim_end());
        cx.printer.document("archal.trace-status", 1, &status);
        return Ok(Exit::Fine);
    }
    if args.watch {
        return watch(&repo, &layout, cx);
    }
    let status = all(&repo, &layout, cx)?;
    cx.printer.line(text(&status).trim_end());
    cx.printer.document("archal.attach-status", 1, &status);
    Ok(Exit::Fine)
}

fn watch(repo: &Path, layout: &Layout, cx: &CommandContext) -> Result<Exit, CliError> {
    let mut shown = String::new();
    let interrupts = Interrupts::listen(Hangup::Ends, |_| {}).map_err(CliError::environment)?;
    loop {
        let now = text(&all(repo, layout, cx)?);
        if now != shown {
            cx.printer.page(&now);
            shown = now;
        }
        if interrupts.token().wait(LOOK) {
            return Ok(Exit::Interrupted);
        }
    }
}

fn look(layout: &Layout) -> Result<Look, CliError> {
    State::look(layout)
        .map_err(|error| {
            let is_broken = error.is_broken();
            let error = CliError::environment(error);
            if is_broken {
                error.hint("archal attach <trace-dir> --repo . moves it away and derives it again")
            } else {
                error
            }
        })?
        .ok_or_else(|| {
            CliError::environment("nothing was ever attached here")
                .hint("archal attach <trace-dir> --repo .")
        })
}

fn all(repo: &Path, layout: &Layout, cx: &CommandContext) -> Result<StatusReport, CliError> {
    let look = look(layout)?;
    let watcher = watcher(layout, cx)?;
    let mut status = look
        .read(|rows| status::report(rows, repo.to_owned(), watcher))
        .map_err(CliError::environment)?;
    let flags = look
        .read(attachments::all)
        .map_err(CliError::environment)?
        .into_iter()
        .find(|attachment| attachment.is_attached)
        .map(|attachment| serde_json::from_value::<AttachFlags>(attachment.flags));
    let flags = flags.transpose().ok().flatten().unwrap_or_default();
    status.budget = standing(repo, &flags, cx);
    Ok(status)
}

/// The money of the day. A configuration or a ledger that is broken is no reason to show nothing:
/// `archal budget` says what is wrong.
fn standing(repo: &Path, flags: &AttachFlags, cx: &CommandContext) -> Option<Standing> {
    let overrides = flags.overrides();
    let loaded = config::load(flags.config.as_deref(), repo, &overrides, &cx.environment).ok()?;
    let caps = Caps::of(&loaded).ok()?;
    Standing::of(ledger(cx)?.as_ref(), &caps, cx.clock.now()).ok()
}

/// The user's ledger, which may not be there yet; none where it cannot be read.
fn ledger(cx: &CommandContext) -> Option<Option<Ledger>> {
    match ledger::path(&cx.environment) {
        Some(path) => Ledger::existing(&path).ok(),
        None => Some(None),
    }
}

fn one(
    asked: &str,
    repo: &Path,
    layout: &Layout,
    cx: &CommandContext,
) -> Result<TraceStatus, CliError> {
    let found = look(layout)?
        .read(|rows| {
            let trace = match reprocess::meant(rows, asked)? {
                Ok(trace) => trace,
                Err(error) => return Ok(Err(error)),
            };
            match jobs::newest(rows, trace.id)? {
                Some(job) => Ok(Ok(status::trace(rows, repo.to_owned(), job)?)),
                None => Ok(Err(ReprocessError::Unknown {
                    asked: asked.to_owned(),
                    near: None,
                })),
            }
        })
        .map_err(CliError::environment)?;
    let mut status = found.map_err(|error| CliError::usage(error).hint("archal attach-status"))?;
    status.read_artifacts(layout);
    if let Some(ledger) = ledger(cx).flatten()
        && let Err(error) = status.count_money(&ledger)
    {
        cx.printer
            .note(format!("what it cost is not known: {error}"));
    }
    Ok(status)
}

fn watcher(layout: &Layout, cx: &CommandContext) -> Result<WatcherNow, CliError> {
    let state = record::state(layout).map_err(CliError::environment)?;
    let (word, record) = match state {
        WatcherState::Alive(record) => ("running", Some(record)),
        WatcherState::Dead(record) => ("dead", Some(record)),
        WatcherState::Unknown => ("running", None),
        WatcherState::Absent => ("none", None),
    };
    let doing: Option<DoingNow> = match word {
        // One that does not answer is shown as that, not as an error.
        "running" => watching::ask(layout, &Request::Status, PATIENCE, cx)
            .ok()
            .flatten()
            .and_then(|payload| serde_json::from_value(payload).ok()),
        _ => None,
    };
    Ok(WatcherNow {
        state: word.to_owned(),
        pid: record.as_ref().map(|record| record.pid),
        started_at: record
            .as_ref()
            .map(|record| format!("{:.0}", record.started_at)),
        log: record.and_then(|record| record.log),
        doing,
    })
}

/// The whole status for a person.
fn text(status: &StatusReport) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    _ = head(&mut out, status);
    _ = directories(&mut out, status);
    _ = jobs_text(&mut out, status);
    _ = submitted_text(&mut out, status);
    out
}

fn head(out: &mut String, status: &StatusReport) -> std::fmt::Result {
    let watcher = &status.watcher;
    let process = watcher
        .pid
        .map_or_else(String::new, |pid| format!(" (process {pid})"));
    match watcher.state.as_str() {
        "running" => {
            let since = watcher.started_at.as_deref().unwrap_or("now");
            writeln!(out, "watcher  running{process} since {since}")?;
        }
        "dead" => writeln!(
            out,
            "watcher  ended without being asked{process}; archal attach goes on where it was"
        )?,
        _ => writeln!(out, "watcher  none; archal attach <trace-dir> starts it")?,
    }
    if let Some(log) = &watcher.log {
        writeln!(out, "log      {}", log.display())?;
    }
    let Some(doing) = &watcher.doing else {
        return Ok(());
    };
    if let Some(trouble) = &doing.trouble {
        writeln!(out, "paused   {trouble}")?;
    }
    for step in &doing.running {
        writeln!(out, "doing    {} since {:.0}", step.label, step.since)?;
    }
    if doing.waiting > 0 {
        let files = if doing.waiting == 1 { "file" } else { "files" };
        writeln!(out, "waiting  {} {files} to be read", doing.waiting)?;
    }
    Ok(())
}

fn directories(out: &mut String, status: &StatusReport) -> std::fmt::Result {
    for attached in &status.attached {
        let counts = file_counts(attached);
        writeln!(out, "\n{}: {counts}", attached.directory.display())?;
        let now = status.watcher.doing.as_ref().and_then(|doing| {
            doing
                .attached
                .iter()
                .find(|now| now.directory == attached.directory)
        });
        match now.and_then(|now| now.health.as_ref()) {
            Some(FeedHealth::Degraded { reason, advice }) => {
                writeln!(out, "  {reason}")?;
                if let Some(advice) = advice {
                    writeln!(out, "  {advice}")?;
                }
            }
            Some(FeedHealth::Failing { reason, times, .. }) => {
                writeln!(out, "  unhealthy: {reason} ({times} times)")?;
            }
            Some(FeedHealth::Healthy) | None => {}
        }
        for source in now.into_iter().flat_map(|now| &now.sources) {
            source_text(out, source)?;
        }
        if let Some(complaint) = now.and_then(|now| now.configuration.as_ref()) {
            writeln!(out, "  {complaint}")?;
        }
        for problem in now.into_iter().flat_map(|now| &now.problems) {
            writeln!(out, "  {problem}")?;
        }
        files_to_tell(out, attached)?;
    }
    for earlier in &status.earlier {
        let counts = file_counts(earlier);
        let directory = earlier.directory.display();
        writeln!(out, "\n{directory} (not attached): {counts}")?;
        files_to_tell(out, earlier)?;
    }
    Ok(())
}

fn source_text(out: &mut String, source: &SourceNow) -> std::fmt::Result {
    let detail = source.detail.as_deref();
    let how = match &source.health {
        None => "starting".to_owned(),
        Some(FeedHealth::Healthy) => detail.unwrap_or("runs").to_owned(),
        Some(FeedHealth::Degraded { reason, .. }) => match detail {
            Some(detail) => format!("{detail}; {reason}"),
            None => reason.clone(),
        },
        Some(FeedHealth::Failing { reason, times, .. }) => {
            format!("unhealthy: {reason} ({times} times)")
        }
    };
    writeln!(out, "  source {} ({}): {how}", source.name, source.provider)?;
    if let Some(FeedHealth::Degraded {
        advice: Some(advice),
        ..
    }) = &source.health
    {
        writeln!(out, "    {advice}")?;
    }
    Ok(())
}

/// `3 imported, 1 rejected`.
fn file_counts(attached: &AttachmentStatus) -> String {
    let counts: Vec<String> = attached
        .files
        .iter()
        .map(|(status, number)| format!("{number} {status}"))
        .collect();
    if counts.is_empty() {
        "no files".to_owned()
    } else {
        counts.join(", ")
    }
}

fn files_to_tell(out: &mut String, attached: &AttachmentStatus) -> std::fmt::Result {
    for file in attached.to_tell.iter().take(MOST_LINES) {
        let name = file
            .path
            .strip_prefix(&attached.directory)
            .unwrap_or(&file.path);
        let reason = file.reason.clone().or_else(|| {
            let first = file.diagnostics.first()?;
            Some(first.message.clone())
        });
        writeln!(
            out,
            "  {} {}: {}",
            file.status,
            name.display(),
            reason.unwrap_or_default()
        )?;
    }
    if attached.to_tell.len() > MOST_LINES {
        writeln!(out, "  and more; --json has {}", attached.to_tell.len())?;
    }
    Ok(())
}

fn jobs_text(out: &mut String, status: &StatusReport) -> std::fmt::Result {
    let counts = status::in_order(&status.jobs);
    let total: u64 = counts.iter().map(|(_, number)| number).sum();
    if let Some(budget) = &status.budget {
        writeln!(out, "\nbudget   {budget}")?;
    }
    writeln!(out, "\njobs     {total}")?;
    for (status, number) in counts {
        writeln!(out, "  {number:>7} {}", status.name())?;
    }
    let blocked: u64 = status.blocked.iter().map(|cause| cause.jobs).sum();
    for cause in status.blocked.iter().take(MOST_LINES) {
        writeln!(out, "blocked  {} of {blocked}: {}", cause.jobs, cause.cause)?;
    }
    if !status.newest.is_empty() {
        writeln!(out, "\nnewest")?;
    }
    for job in status.newest.iter().take(MOST_LINES) {
        writeln!(
            out,
            "  {:<14} {}: {}",
            job.status.name(),
            job.name,
            job.reason
        )?;
    }
    Ok(())
}

fn submitted_text(out: &mut String, status: &StatusReport) -> std::fmt::Result {
    if !status.submitted.is_empty() {
        writeln!(out, "\ncommands")?;
    }
    for job in status.submitted.iter().take(MOST_LINES) {
        let (how, label) = (job.status.name(), job.label());
        let reason = match job.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        writeln!(out, "  {how:<14} {}, {label}{reason}", job.id)?;
    }
    Ok(())
}

/// One trace with its hand-off, for a person.
fn trace_text(status: &TraceStatus) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    _ = hand_off(&mut out, status);
    out
}

/// What each tier of grading came to, and what was found.
fn graded(out: &mut String, grade: &Grade) -> std::fmt::Result {
    for (tier, label) in grade.tiers.iter().zip(["grade:", "", "", ""]) {
        writeln!(out, "  {label:<9} {tier}")?;
    }
    for finding in grade.findings.iter().take(MOST_LINES) {
        writeln!(
            out,
            "  finding:  {} [{}, {}, {:.0}%]",
            finding.summary,
            finding.rule,
            finding.owner.name(),
            finding.confidence * 100.0
        )?;
    }
    if let Some(step) = &grade.first_bad_step {
        writeln!(out, "  first:    span {step} led to it")?;
    }
    Ok(())
}

fn hand_off(out: &mut String, status: &TraceStatus) -> std::fmt::Result {
    let job = &status.job;
    writeln!(out, "{} {}", job.status.name(), job.name)?;
    writeln!(out, "  {}", job.reason)?;
    writeln!(out, "  command:  {}", status.command)?;
    writeln!(out, "  repo:     {}", status.repo.display())?;
    writeln!(
        out,
        "  trace:    {} of {}/{}, from {}",
        job.trace.trace.escape_default(),
        job.trace.source.escape_default(),
        job.trace.project.escape_default(),
        job.file.display()
    )?;
    if let Some(scenario) = &job.scenario {
        let from = status
            .scenario_from
            .map_or_else(String::new, |from| format!(" ({})", from.words()));
        writeln!(out, "  scenario: {}{from}", scenario.display())?;
    }
    let policy = status.policy.as_deref().unwrap_or("as configured");
    writeln!(out, "  policy:   {policy}")?;
    if let Some(base) = &status.base {
        writeln!(out, "  base:     {base}")?;
    }
    if let Some(group) = &job.group {
        writeln!(out, "  group:    {group}; archal issue show {group}")?;
    }
    if let Some(red) = job.red {
        let green = job.green.map_or_else(String::new, |green| {
            format!(", green {green} with the patch")
        });
        writeln!(out, "  proof:    red {red}{green}")?;
    }
    if let Some(grade) = &status.grade {
        graded(out, grade)?;
    }
    for artifact in job.artifacts.iter().take(3) {
        writeln!(out, "  see:      {}", artifact.path.display())?;
    }
    for missing in &job.missing {
        writeln!(
            out,
            "  missing:  {} of {}: {}; {}",
            missing.field, missing.entity, missing.why, missing.how
        )?;
    }
    if let Some(published) = &job.published {
        writeln!(out, "  published: {}", published.line())?;
    }
    if let Some(patch) = &job.patch {
        writeln!(
            out,
            "  next:     git -C {} apply {}",
            handoff::quoted(&status.repo),
            handoff::quoted(patch)
        )?;
    }
    if job.status.is_terminal() {
        writeln!(
            out,
            "  again:    archal attach-reprocess --repo {} {}",
            handoff::quoted(&status.repo),
            handoff::quoted(Path::new(&job.name))
        )?;
    }
    writeln!(out, "  went through")?;
    for step in &status.transitions {
        let reason = match step.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        writeln!(
            out,
            "    {} {:<9} {}{reason}",
            step.at,
            step.stage.name(),
            step.status.name()
        )?;
    }
    if let Some(spent) = &status.spent {
        writeln!(out, "  money:    {spent}")?;
    }
    for attempt in &status.attempts {
        let earlier = if attempt.is_earlier {
            ", of an earlier job"
        } else {
            ""
        };
        let cost = attempt
            .money
            .as_ref()
            .map_or_else(String::new, |entry| format!(", {}", entry.cost_text()));
        writeln!(
            out,
            "    attempt {} {} {}{cost}{earlier}",
            attempt.id,
            attempt.step,
            serde_json::to_value(attempt.state)
                .ok()
                .and_then(|state| state.as_str().map(str::to_owned))
                .unwrap_or_default()
        )?;
    }
    Ok(())
}
