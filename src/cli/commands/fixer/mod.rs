//! `archal fixer`: the coding agents that can repair, and whether they work here.

mod list;
mod test;

pub(crate) use list::FixerList;
pub(crate) use test::FixerTest;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// The coding agents that can repair, and whether they work here
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(list::Args),
    Test(test::Args),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => list::run(args, cx),
        Action::Test(args) => test::run(args, cx),
    }
}
