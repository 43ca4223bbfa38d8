//! `archal scenario`: looking at scenario files without running them.
//!
//! - `files`: which files are meant, and reading them.
//! - `guide.txt`: how a scenario is written, for the end of `--help`.

mod files;
mod list;
mod new;
mod show;
mod validate;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

pub(super) use list::ScenarioList;
pub(super) use new::NewScenario;
pub(super) use show::ShownScenario;
pub(super) use validate::ScenarioValidation;

/// List, check, show and write scenarios
#[derive(Debug, clap::Args)]
#[command(
    after_help = "`archal scenario --help` says how a scenario is written.",
    after_long_help = include_str!("guide.txt")
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(list::Args),
    Validate(validate::Args),
    Show(show::Args),
    New(new::Args),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => list::run(args, cx),
        Action::Validate(args) => validate::run(args, cx),
        Action::Show(args) => show::run(args, cx),
        Action::New(args) => new::run(args, cx),
    }
}
