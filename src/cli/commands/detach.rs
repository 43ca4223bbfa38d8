//! `archal detach`: ends the watching of a trace directory.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::attach::service::{GRACE, path_text};
use crate::attach::state::{State, attachments};
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
        Some(done) => done,
        None => nobody(&layout, &asked, cx)?,
    };
    let detached: Vec<&str> = done["detached"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for directory in &detached {
        cx.printer.line(format!("detached {directory}"));
    }
    if detached.is_empty() {
        cx.printer.line(if args.all {
            "nothing is attached"
        } else {
            "that directory is not attached"
        });
    }
    if done["watched"] != json!(false) && done["ended"] == json!(true) {
        watching::until_gone(&layout, cx)?;
        cx.printer.line("the watcher ended");
    }
    cx.printer.document("archal.detach", 1, &done);
    Ok(Exit::Fine)
}

/// Detaches what a watcher left attached that was killed, so that the next one does not go on
/// with it.
fn nobody(layout: &Layout, asked: &Request, cx: &CommandContext) -> Result<Value, CliError> {
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
    let mut detached = Vec::new();
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
        detached = state
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
                Ok(detached)
            })
            .map_err(CliError::environment)?;
    }
    Ok(json!({"detached": detached, "ended": true, "watched": false}))
}

fn busy() -> CliError {
    CliError::environment("another archal works on this repository and does not answer")
        .hint("wait for its end: `attach --once` is one pass that nobody can detach")
}
