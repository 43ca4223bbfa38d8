//! `archal doctor`: what works on this machine, what is missing, and who could be contacted.
//!
//! - `checks`: one function for each thing archal stands on.
//! - `routes`: the route a run would have, what stands in its way, what is let through.
//! - `network`: every host the present configuration could contact, and why.

mod checks;
mod network;
mod routes;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::report::style::Style;

use checks::{Check, Status};
pub(crate) use network::Contacts;

/// Check what archal needs on this machine
///
/// With `--network` it prints every host that the present configuration could contact, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// Print who could be contacted instead of checking the machine
    #[arg(long)]
    network: bool,

    #[command(flatten)]
    file: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// What works on a machine: `archal doctor --json`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Checked {
    /// Whether nothing is missing.
    ready: bool,
    /// Each thing that archal stands on.
    checks: Vec<Check>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let file = args.file.config.as_deref();
    if args.network {
        let loaded = cx.load_config(file, Path::new("."), &[])?;
        network::print(&loaded, cx);
        return Ok(Exit::Fine);
    }
    let checks = checks::all(file, cx);
    for check in &checks {
        let mark = match check.status {
            Status::Ready => Style::Good.paint("ok     "),
            Status::Limited => Style::Warning.paint("limited"),
            Status::Missing => Style::Error.paint("missing"),
        };
        cx.printer
            .line(format!("{mark} {:<13} {}", check.name, check.detail));
        if let Some(hint) = &check.hint {
            let hint = format!("{:>21} {} {hint}", "", Style::Hint.paint("hint:"));
            cx.printer.line(hint);
        }
    }
    let ready = checks.iter().all(|check| check.status != Status::Missing);
    cx.printer
        .document("archal.doctor", 1, &Checked { ready, checks });
    Ok(if ready { Exit::Fine } else { Exit::CouldNotRun })
}
