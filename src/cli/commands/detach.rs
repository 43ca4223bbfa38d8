//! `archal detach`: ends the watching of a trace directory.

use std::path::PathBuf;

use crate::attach::service::{Detached, GRACE, path_text};
use crate::attach::state::{State, attachments, submitted};
use crate::attach::submitted::job::SubmittedStatus;
use crate::cli::arguments::JsonOutput;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::watching;
use crate::host::lock::WatcherLock;
use crate::host::protocol::Request;
use crate::host::record::{self, WatcherState};
use crate::store::layout::Layout;

/// End the watching of a trace directory; its jobs go on when it is attached again
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The directory with the traces
    #[arg(required_unless_present = "all")]
    trace_dir: Option<PathBuf>,

    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    #[command(flatten)]
    output: JsonOutput,

    /// Everything of this repository
    #[arg(long, conflicts_with = "trace_dir")]
    all: bool,

    /// Do not wait 20 s for the steps that run to come to an end
    #[arg(long)]
    now: bool,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let repo = bench::repository(&args.repo, cx)?;
    let layout = bench::known_layout(&repo, cx);
    let directory = args.trace_dir.as_deref().map(|directory| {
        let directory = cx.environment.resolve(directory);
        // One that is gone is known by the path it was attached under.
        path_text(&directory.canonicalize().unwrap_or(directory))
    });
    let asked = Request::Detach {
        directory,
        all: args.all,
        now: args.now,
    };
    let patience = GRACE + watching::PATIENCE * 2;
    let done = match watching::ask(&layout, &asked, patience, cx)? {
        Some(done) => serde_json::from_value(done).map_err(CliError::internal)?,
        None => nobody(&layout, &asked, cx)?,
    };
    for directory in &done.detached {
        cx.printer.line(format!("detached {}", directory.display()));
    }
    for job in &done.cancelled {
        cx.printer.line(format!("cancelled {job}"));
    }
    if done.detached.is_empty() && done.cancelled.is_empty() {
        cx.printer.line(if args.all {
            "nothing is attached"
        } else {
            "that directory is not attached"
        });
    }
    if done.watched && done.ended {
        watching::until_gone(&layout, cx)?;
        cx.printer.line("the watcher ended");
    }
    if !done.ended && args.trace_dir.is_some() && is_left(&layout)? {
        cx.printer
            .note("jobs that were handed over go on; archal detach --all cancels them");
    }
    cx.printer.document("archal.detach", 1, &done);
    Ok(Exit::Fine)
}

/// Whether nothing is attached and the process goes on for commands that it took over.
fn is_left(layout: &Layout) -> Result<bool, CliError> {
    let look = State::look(layout).map_err(CliError::environment)?;
    let Some(look) = look else { return Ok(false) };
    look.read(|rows| {
        let is_any = attachments::all(rows)?.iter().any(|one| one.is_attached);
        Ok(!is_any && !submitted::open(rows)?.is_empty())
    })
    .map_err(CliError::environment)
}

/// Detaches what a watcher left attached that was killed, so that the next one does not go on
/// with it.
fn nobody(layout: &Layout, asked: &Request, cx: &CommandContext) -> Result<Detached, CliError> {
    match record::state(layout).map_err(CliError::environment)? {
        WatcherState::Alive(record) => {
            return Err(CliError::environment(format!(
                "the watcher (process {}) does not answer on {}",
                record.pid,
                record.socket.display()
            ))
            .hint(format!("kill {}", record.pid)));
        }
        WatcherState::Unknown => return Err(busy()),
        WatcherState::Absent | WatcherState::Dead(_) => {}
    }
    let (mut detached, mut cancelled) = (Vec::new(), Vec::new());
    let is_known = match State::look(layout) {
        Ok(look) => look.is_some(),
        // Nobody watches, which is what was asked for; the next attach says what it finds.
        Err(error) => {
            cx.printer.note(error.to_string());
            false
        }
    };
    if is_known {
        let _lock = WatcherLock::take(layout)
            .map_err(CliError::environment)?
            .ok_or_else(busy)?;
        let state = State::open(layout, false)
            .map_err(CliError::environment)?
            .state;
        let now = cx.clock.now();
        (detached, cancelled) = state
            .write(|change| {
                let mut detached = Vec::new();
                for attachment in attachments::all(change)? {
                    let is_meant = match asked {
                        Request::Detach {
                            directory: Some(directory),
                            ..
                        } => path_text(&attachment.directory) == *directory,
                        _ => true,
                    };
                    if is_meant && attachments::detach(change, &attachment.directory, now)? {
                        detached.push(attachment.directory);
                    }
                }
                let mut cancelled = Vec::new();
                if matches!(asked, Request::Detach { all: true, .. }) {
                    for job in submitted::open(change)? {
                        let how = (SubmittedStatus::Cancelled, "everything was detached");
                        submitted::change(change, &job.id, how, None, now)?;
                        cancelled.push(job.id);
                    }
                }
                Ok((detached, cancelled))
            })
            .map_err(CliError::environment)?;
    }
    Ok(Detached {
        detached,
        cancelled,
        ended: true,
        watched: false,
    })
}

fn busy() -> CliError {
    CliError::environment("another archal works on this repository and does not answer")
        .hint("wait for its end: `attach --once` is one pass that nobody can detach")
}
