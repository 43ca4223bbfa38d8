//! `archal preprod`: the loop before a change ships.
//!
//! - `plan`: what a repository has and lacks. [`run`]: the options. `first`: the first run, in the checkout. `phase`: the fix phase.
//! - `explained`: what it would do, and why it stops after the first run, in words. `ending`: the result written, told and turned into an exit code.

mod ending;
mod explained;
mod first;
mod phase;
mod plan;
pub(crate) mod run;

pub(crate) use ending::Interrupted;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;

/// Run scenarios before a change ships, let a fixer work on what fails, prove what it did
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Plan(plan::Args),
    Run(Box<run::Args>),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::Plan(args) => plan::run(args, cx),
        Action::Run(args) => run::run(args, cx),
    }
}
