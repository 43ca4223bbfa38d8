//! `archal pdca report`: what a run did.

use std::path::PathBuf;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::outline::Outline;
use crate::pdca::{dag, report};
use crate::report::style::harmless;
use crate::store::atomic;

/// What a run did, as Markdown
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// The run
    #[arg(value_name = "RUN")]
    run_id: String,

    /// Only the tree of what followed from what
    #[arg(long, conflicts_with = "summary")]
    dag: bool,

    /// Only one line
    #[arg(long)]
    summary: bool,

    /// Write to a new file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let kept = super::kept(&args.run_id, cx)?;
    let text = if args.dag {
        dag::render(&kept.events).join("\n")
    } else if args.summary {
        Outline::of(&kept.events).line()
    } else {
        report::document(&kept.events)
    };
    match &args.output {
        None => {
            for line in text.lines() {
                cx.printer.line(line);
            }
        }
        Some(output) => {
            let path = cx.environment.resolve(output);
            let plain = harmless(text.trim_end(), false).into_owned() + "\n";
            atomic::create(&path, plain.as_bytes()).map_err(CliError::environment)?;
            cx.printer.note(format!("{} is written", output.display()));
        }
    }
    Ok(Exit::Fine)
}
