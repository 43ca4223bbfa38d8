//! `archal issue`: the inbox of failures.
//!
//! - `text`: the documents as a person reads them.

mod text;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::attach::inbox::decide::{self, DecideError, Decision};
use crate::attach::inbox::document::IssueList;
use crate::attach::inbox::{self, Desk, NotMeant, details, reasons};
use crate::attach::state::failures::{Failure, FailureStatus};
use crate::attach::state::{Look, State};
use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::state::{Place, database_error};
use crate::cli::watching;
use crate::host::protocol::Request;

/// Failures that traces show: look at them and decide
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(ListArgs),
    Show(ShowArgs),
    Why(WhyArgs),
    Confirm(ConfirmArgs),
    Dismiss(DismissArgs),
    Reopen(ReopenArgs),
}

/// Each failure, how it stands and what to do next
///
/// Dismissed failures are left out unless `--all` or `--status dismissed` asks for them.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct ListArgs {
    /// Only failures with this status; may be given several times
    #[arg(long, value_enum, value_name = "STATUS", conflicts_with = "all")]
    status: Vec<Status>,

    /// Every failure
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    place: Repo,
}

/// What happened: traces, attempts, files, the patch
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct ShowArgs {
    #[command(flatten)]
    group: Group,

    #[command(flatten)]
    place: Repo,
}

/// Why the verdict is what it is, and what was not checked
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct WhyArgs {
    #[command(flatten)]
    group: Group,

    #[command(flatten)]
    place: Repo,
}

/// Say that it is a failure; its traces are labelled so
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct ConfirmArgs {
    #[command(flatten)]
    group: Group,

    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    #[command(flatten)]
    place: Repo,
}

/// Say that it is none, or that it does not matter: it is not worked on and not told of
///
/// Traces that show it join it silently, and those it has are labelled as no failure.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct DismissArgs {
    #[command(flatten)]
    group: Group,

    /// Why; it is kept with the failure and with the labels
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    place: Repo,
}

/// Take back what was decided
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct ReopenArgs {
    #[command(flatten)]
    group: Group,

    #[command(flatten)]
    place: Repo,
}

/// Which failure.
#[derive(Debug, clap::Args)]
struct Group {
    /// The failure's name, or as much of its beginning as no other has
    group: String,
}

/// Where the inbox is.
#[derive(Debug, clap::Args)]
struct Repo {
    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    #[command(flatten)]
    output: JsonOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// Nobody said anything of it.
    Open,
    /// A person said that it is a failure.
    Confirmed,
    /// A person said that it is none.
    Dismissed,
    /// There is a proven patch.
    Fixed,
    /// It showed again after a fix, or a decision was taken back.
    Reopened,
}

impl From<Status> for FailureStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Confirmed => Self::Confirmed,
            Status::Dismissed => Self::Dismissed,
            Status::Fixed => Self::Fixed,
            Status::Reopened => Self::Reopened,
        }
    }
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => list(args, cx),
        Action::Show(args) => {
            let (place, look, failure) = open(&args.place.repo, &args.group.group, cx)?;
            let desk = desk(&place);
            let details = look
                .read(|rows| details::details(rows, &desk, &failure))
                .map_err(database_error)?;
            cx.printer.line(text::details(&details).trim_end());
            cx.printer.document("archal.issue", 1, &details);
            Ok(Exit::Fine)
        }
        Action::Why(args) => {
            let (place, look, failure) = open(&args.place.repo, &args.group.group, cx)?;
            let desk = desk(&place);
            let reasons = look
                .read(|rows| reasons::reasons(rows, &desk, &failure))
                .map_err(database_error)?;
            cx.printer.line(text::reasons(&reasons).trim_end());
            cx.printer.document("archal.issue-why", 1, &reasons);
            Ok(Exit::Fine)
        }
        Action::Confirm(args) => {
            let decision = Decision::Confirm {
                reason: args.reason.as_deref(),
            };
            decided(&args.place.repo, &args.group.group, decision, cx)
        }
        Action::Dismiss(args) => {
            let reason = args.reason.trim();
            if reason.is_empty() {
                return Err(CliError::usage("a dismissal needs a reason").hint(format!(
                    "archal issue dismiss {} --reason 'the test account'",
                    args.group.group
                )));
            }
            let decision = Decision::Dismiss { reason };
            decided(&args.place.repo, &args.group.group, decision, cx)
        }
        Action::Reopen(args) => decided(&args.place.repo, &args.group.group, Decision::Reopen, cx),
    }
}

fn desk(place: &Place) -> Desk {
    Desk {
        repo: place.repo.clone(),
        shown: place.shown.clone(),
        artifacts: place.layout.attach(""),
    }
}

fn list(args: &ListArgs, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let place = Place::of(&args.place.repo, cx)?;
    let wanted: Vec<FailureStatus> = if args.all {
        FailureStatus::ALL.into()
    } else if args.status.is_empty() {
        FailureStatus::ALL
            .into_iter()
            .filter(|status| *status != FailureStatus::Dismissed)
            .collect()
    } else {
        args.status.iter().map(|status| (*status).into()).collect()
    };
    let desk = desk(&place);
    let list = match place.look()? {
        Some(look) => look
            .read(|rows| inbox::list(rows, &desk, &wanted))
            .map_err(database_error)?,
        None => IssueList {
            repo: desk.repo.clone(),
            is_attached: false,
            issues: Vec::new(),
            left_out: [].into(),
        },
    };
    cx.printer.line(text::list(&list, &place.shown).trim_end());
    cx.printer.document("archal.issue-list", 1, &list);
    Ok(Exit::Fine)
}

/// The state and the failure that is meant.
fn open(repo: &Path, asked: &str, cx: &CommandContext) -> Result<(Place, Look, Failure), CliError> {
    let place = Place::of(repo, cx)?;
    let Some(look) = place.look()? else {
        return Err(nothing(&place, asked));
    };
    let found = look
        .read(|rows| inbox::find(rows, asked))
        .map_err(database_error)?;
    match found {
        Ok(failure) => Ok((place, look, failure)),
        Err(not_meant) => {
            let of_trace = look
                .read(|rows| inbox::groups_of_trace(rows, asked))
                .map_err(database_error)?;
            Err(refused(not_meant, &of_trace))
        }
    }
}

fn nothing(place: &Place, asked: &str) -> CliError {
    CliError::usage(format!(
        "nothing was attached to {} yet, so there is no failure `{asked}`",
        place.repo.display()
    ))
    .hint("archal attach <trace-dir> --repo .")
}

fn refused(not_meant: NotMeant, of_trace: &[String]) -> CliError {
    let hints: Vec<String> = match &not_meant {
        NotMeant::Ambiguous { candidates, .. } => candidates
            .iter()
            .map(|name| format!("archal issue show {name}"))
            .collect(),
        NotMeant::Unknown { .. } if !of_trace.is_empty() => of_trace
            .iter()
            .map(|name| format!("it is a trace of a failure: archal issue show {name}"))
            .collect(),
        NotMeant::Unknown {
            nearest: Some(name),
            ..
        } => vec![format!("archal issue show {name}")],
        NotMeant::Unknown { .. } => vec!["archal issue list --all".to_owned()],
    };
    let error = CliError::usage(not_meant);
    hints.into_iter().fold(error, CliError::hint)
}

/// Wakes the watcher, so that what was put back into its queue begins at once.
fn wake(place: &Place, jobs: usize, cx: &CommandContext) {
    let woken = watching::ask(&place.layout, &Request::Wake, watching::PATIENCE, cx);
    match woken {
        Ok(Some(_)) => {}
        // What was decided stands; the watcher finds it when it next looks.
        Err(error) => cx.printer.note(format!(
            "the watcher was not told of it, and finds it when it next looks: {}",
            error.error
        )),
        Ok(None) if jobs > 0 => cx
            .printer
            .note("nobody watches this repository; the jobs go on with archal attach"),
        Ok(None) => {}
    }
}

fn decided(
    repo: &Path,
    asked: &str,
    decision: Decision<'_>,
    cx: &mut CommandContext,
) -> Result<Exit, CliError> {
    let (place, _, failure) = open(repo, asked, cx)?;
    let state = State::beside(&place.layout).map_err(database_error)?;
    let state = state.ok_or_else(|| nothing(&place, asked))?;
    let desk = desk(&place);
    let now = cx.clock.now();
    let decided =
        decide::decide(&state, &place.layout, &desk, &failure, decision, now).map_err(|error| {
            match error {
                DecideError::Database(error) => database_error(error),
                DecideError::Labels(error) => CliError::environment(error),
            }
        })?;
    wake(&place, decided.jobs, cx);
    cx.printer.line(text::decided(&decided).trim_end());
    cx.printer.document("archal.issue-decided", 1, &decided);
    Ok(Exit::Fine)
}
