//! `archal config`: the configuration in force.

mod show;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

pub(crate) use show::ShownConfig;

/// The configuration in force and where it comes from
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Show(show::Args),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::Show(args) => show::run(args, cx),
    }
}
