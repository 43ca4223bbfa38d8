//! `archal budget`: what was spent against the caps, and the way on from a broken ledger.

mod repair;
mod show;

use std::path::PathBuf;

use jiff::civil::Date;

use crate::budget::ledger::LedgerError;
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};

pub(crate) use repair::RepairedBudget;

/// What attempts cost today, and what is left
///
/// The ledger is one for all your projects; days are UTC. `archal prices` shows what tokens cost.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,

    /// Another day: 2026-11-21
    #[arg(long, value_name = "DAY", value_parser = day)]
    day: Option<Date>,

    /// Projects, kinds and attempts of this repository only
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Repair(repair::Args),
}

fn day(text: &str) -> Result<Date, String> {
    text.parse()
        .map_err(|_| "write a day of the calendar as 2026-11-21".to_owned())
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Some(Action::Repair(args)) => repair::run(args, cx),
        None => show::run(args, cx),
    }
}

/// An unusable ledger, with the command that mends it.
fn failed(error: LedgerError) -> CliError {
    let hint = error.hint();
    let error = CliError::environment(error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
