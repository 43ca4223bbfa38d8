//! `archal budget repair`: the way on from a ledger that cannot be read.

use schemars::JsonSchema;
use serde::Serialize;

use crate::budget::ledger;
use crate::budget::repair::{Repaired, repair};
use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};

use super::failed;

/// Put a broken ledger aside and begin a new one
///
/// What was spent today is forgotten with the broken ledger, so the caps begin anew. A ledger
/// that is whole is kept; what a wrong clock dated after today is dated today.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::CouldNotRun]))]
pub(super) struct Args {
    #[command(flatten)]
    output: JsonOutput,
}

/// What was mended: `archal budget repair --json`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepairedBudget {
    /// The ledger; null where there is no place for one.
    ledger: Option<String>,
    /// Where a broken one is now.
    set_aside: Option<String>,
    /// Entries dated after today that are dated today now.
    redated: usize,
}

pub(super) fn run(_args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let path = ledger::path(&cx.environment);
    let repaired = match &path {
        Some(path) => repair(path, cx.clock.now()).map_err(failed)?,
        None => Repaired::Nothing,
    };
    let mut document = RepairedBudget {
        ledger: path.as_ref().map(|path| path.display().to_string()),
        set_aside: None,
        redated: 0,
    };
    match repaired {
        Repaired::Nothing => cx
            .printer
            .line("there is no ledger; nothing is to be repaired"),
        Repaired::Redated(0) => cx.printer.line("the ledger is whole"),
        Repaired::Redated(count) => {
            document.redated = count;
            let entries = if count == 1 { "entry" } else { "entries" };
            cx.printer.line(format!(
                "the ledger is whole; {count} {entries} dated after today: dated today now"
            ));
        }
        Repaired::SetAside(aside) => {
            document.set_aside = Some(aside.display().to_string());
            cx.printer.line(format!(
                "the broken ledger is now {}; a new one begins empty",
                aside.display()
            ));
            cx.printer
                .warning("what was spent before is forgotten: the caps of today begin anew");
        }
    }
    cx.printer.document("archal.budget-repair", 1, &document);
    Ok(Exit::Fine)
}
