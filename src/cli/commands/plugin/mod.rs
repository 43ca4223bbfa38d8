//! `archal plugin`: for those who write trace sources of their own.

mod check;
mod new;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

pub(super) use check::PluginCheck;
pub(super) use new::NewPlugin;

/// Write and try plugins: trace sources of your own
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Check(check::Args),
    New(new::Args),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::Check(args) => check::run(args, cx),
        Action::New(args) => new::run(args, cx),
    }
}
