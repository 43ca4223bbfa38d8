//! `archal pdca progress`: where a run stands.

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::progress::Progress;

/// Where a run stands, step by step
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// The run
    #[arg(value_name = "RUN")]
    run_id: String,

    #[command(flatten)]
    output: JsonOutput,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let kept = super::kept(&args.run_id, cx)?;
    let progress = Progress::of(&kept.events);
    let text = progress.document(&kept.events, cx.clock.now());
    for line in text.lines() {
        cx.printer.line(line);
    }
    cx.printer.document("archal.pdca-progress", 1, &progress);
    Ok(Exit::Fine)
}
