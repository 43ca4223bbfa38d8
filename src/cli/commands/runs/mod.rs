//! `archal runs`: suites and runs that were made.

mod compare;
mod export;
mod list;
mod prune;
mod show;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// List, show, compare, export and prune the suites and runs that were made
///
/// A suite is one `archal run`. Suites and runs are named by id, by the beginning of an id, or as
/// `last`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(list::Args),
    Show(show::Args),
    Compare(compare::Args),
    Export(export::Args),
    Prune(prune::Args),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => list::run(args, cx),
        Action::Show(args) => show::run(args, cx),
        Action::Compare(args) => compare::run(args, cx),
        Action::Export(args) => export::run(args, cx),
        Action::Prune(args) => prune::run(args, cx),
    }
}
