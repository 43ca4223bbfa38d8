//! `archal __session`: a session of clones behind the caller's back. Only `archal clone start`
//! starts it.

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::sessions::serving;

/// Run the session that `archal clone start` starts in the background
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session, for whoever looks at the list of processes
    #[arg(long)]
    name: String,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    tracing::debug!(name = args.name, "a session begins");
    serving::in_background(cx)?;
    Ok(Exit::Fine)
}
