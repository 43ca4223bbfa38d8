//! `archal __watch`: the watcher behind the caller's back. Only archal starts it.

use std::path::PathBuf;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::watching::{self, Begin, REQUEST, Voice, Watching};
use crate::host::background::Announcer;

/// Run the watcher that `archal attach` starts in the background
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The repository, absolute
    #[arg(long)]
    repo: PathBuf,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let announcer = Announcer::take().map_err(CliError::usage)?;
    let request = cx.environment.get(REQUEST).unwrap_or_default();
    let begin: Begin = serde_json::from_str(request)
        .map_err(|error| CliError::usage(format!("the request cannot be read: {error}")))?;
    cx.forget_variable(REQUEST);
    let watching = Watching {
        repo: args.repo.clone(),
        begin,
    };
    watching::run(&watching, Voice::Background(announcer), cx)
}
