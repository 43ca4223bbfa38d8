//! `archal detach`: ends the watching of a trace directory.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::attach::service::{GRACE, path_text};
use crate::cli::arguments::JsonOutput;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::watching;
use crate::host::protocol::Request;
use crate::host::record::{self, WatcherState};

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
    let Some(done) = watching::ask(&layout, &asked, patience, cx)? else {
        return nobody(&layout, cx);
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
        cx.printer.line("that directory is not attached");
    }
    if done["ended"] == json!(true) {
        watching::until_gone(&layout, cx)?;
        cx.printer.line("the watcher ended");
    }
    cx.printer.document("archal.detach", 1, &done);
    Ok(Exit::Fine)
}

/// Nobody watches, and that is what was asked for.
fn nobody(layout: &crate::store::layout::Layout, cx: &CommandContext) -> Result<Exit, CliError> {
    match record::state(layout).map_err(CliError::environment)? {
        WatcherState::Alive(record) => Err(CliError::environment(format!(
            "the watcher (process {}) does not answer on {}",
            record.pid,
            record.socket.display()
        ))
        .hint(format!("kill {}", record.pid))),
        WatcherState::Unknown => Err(CliError::environment(
            "another archal works on this repository and does not answer",
        )
        .hint("wait for its end: `attach --once` is one pass that nobody can detach")),
        WatcherState::Absent | WatcherState::Dead(_) => {
            cx.printer.line("nothing is attached");
            cx.printer
                .document("archal.detach", 1, &json!({"detached": [], "ended": true}));
            Ok(Exit::Fine)
        }
    }
}
