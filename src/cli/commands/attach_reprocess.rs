//! `archal attach-reprocess`: opens ended jobs again.

use std::path::PathBuf;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attach::job::Stage;
use crate::attach::reprocess::{self, Reopened, ReprocessError, ReprocessRequest};
use crate::attach::state::State;
use crate::cli::arguments::JsonOutput;
use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::watching;
use crate::host::lock::WatcherLock;
use crate::host::protocol::Request;

/// Open ended jobs again, because what was missing may be there now
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// Traces, by name or id
    #[arg(value_name = "TRACE", required_unless_present = "all_blocked")]
    traces: Vec<String>,

    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    #[command(flatten)]
    output: JsonOutput,

    /// Every job that is blocked
    #[arg(long)]
    all_blocked: bool,

    /// The stage to begin at; import reads the file again
    #[arg(long, value_enum, value_name = "STAGE", default_value_t = From::Grade)]
    from: From,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// Read the file again.
    Import,
    /// Decide again whether the trace shows a failure.
    Grade,
    /// Run the harness again.
    Reproduce,
}

impl From {
    fn stage(self) -> Stage {
        match self {
            Self::Import => Stage::Import,
            Self::Grade => Stage::Grade,
            Self::Reproduce => Stage::Reproduce,
        }
    }
}

/// The jobs that were opened again: `archal attach-reprocess --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Reprocessed {
    /// Each.
    reopened: Vec<Reopened>,
    /// Whether a watcher goes on with them at once.
    watched: bool,
}

/// What a watcher answers.
#[derive(Deserialize)]
struct Done {
    reopened: Vec<Reopened>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let repo = bench::repository(&args.repo, cx)?;
    let layout = bench::known_layout(&repo, cx);
    let request = ReprocessRequest {
        traces: args.traces.clone(),
        all_blocked: args.all_blocked,
        from: Some(args.from.stage()),
    };
    let asked = Request::Reprocess {
        payload: serde_json::to_value(&request).map_err(CliError::internal)?,
    };
    let (reopened, watched) = match watching::ask(&layout, &asked, watching::PATIENCE, cx)? {
        Some(done) => {
            let done: Done = serde_json::from_value(done).map_err(CliError::internal)?;
            (done.reopened, true)
        }
        None if !layout.state_database().exists() => {
            return Err(CliError::environment("nothing was ever attached here")
                .hint("archal attach <trace-dir> --repo ."));
        }
        None => {
            let _lock = WatcherLock::take(&layout)
                .map_err(CliError::environment)?
                .ok_or_else(|| {
                    CliError::environment("another archal works on this repository")
                        .hint("wait for its end")
                })?;
            let opened = State::open(&layout, false).map_err(CliError::environment)?;
            let reopened =
                reprocess::reopen(&opened.state, &request, cx.clock.now()).map_err(|error| {
                    match error {
                        ReprocessError::State(_) => CliError::environment(error),
                        _ => CliError::usage(error).hint("archal attach-status"),
                    }
                })?;
            (reopened, false)
        }
    };
    for job in &reopened {
        cx.printer.line(format!(
            "opened {} again at {}; it was {}",
            job.name,
            job.from.name(),
            job.was.name()
        ));
    }
    if reopened.is_empty() {
        cx.printer.line("no job is blocked");
    } else if !watched {
        cx.printer
            .note("nobody watches this repository; the jobs go on with archal attach");
    }
    cx.printer.document(
        "archal.attach-reprocess",
        1,
        &Reprocessed { reopened, watched },
    );
    Ok(Exit::Fine)
}
