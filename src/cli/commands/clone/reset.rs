//! `archal clone reset`: back to the starting state.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::reaching::Named;
use crate::session::service::desk::Request;

/// Go back to the starting state; calls that were made stay in the evidence
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// One clone alone
    clone: Option<String>,

    #[command(flatten)]
    session: Named,

    #[command(flatten)]
    output: JsonOutput,
}

/// What was undone: `archal clone reset --json`.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct CloneReset {
    /// Rows that are as they were again, by clone.
    undone: BTreeMap<String, u64>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let clone = args.clone.clone();
    let done: CloneReset = args.session.ask(&Request::Reset { clone }, cx)?;
    for (clone, rows) in &done.undone {
        cx.printer.line(format!(
            "{clone} is back on its starting state; {rows} rows were different"
        ));
    }
    cx.printer.document("archal.clone-reset", 1, &done);
    Ok(Exit::Fine)
}
