//! `archal pdca status`: how a run stands, and what to do next.

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::outline::Outline;
use crate::pdca::report::duration;

/// How a run stands, where its files are
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
    let mut outline = Outline::of(&kept.events);
    outline.run_id = kept.id.to_string();
    cx.printer.line(outline.line());
    let most = outline
        .max_cycles
        .map_or_else(String::new, |most| format!(" of {most}"));
    let time = outline.seconds.map(duration);
    let cost = outline.cost_usd.map(|usd| format!("${usd:.2}"));
    for (name, value) in [
        ("workflow", outline.workflow.clone()),
        ("team", Some(outline.team.join(", "))),
        ("cycles", Some(format!("{}{most}", outline.cycles))),
        ("duration", time),
        ("cost", cost),
        (
            "artifacts",
            Some(format!(".archeflow/artifacts/{}/", kept.id)),
        ),
        (
            "events",
            Some(format!(".archeflow/events/{}.jsonl", kept.id)),
        ),
    ] {
        if let Some(value) = value {
            cx.printer.line(format!("  {name:<10}{value}"));
        }
    }
    cx.printer.document("archal.pdca-status", 1, &outline);
    Ok(Exit::Fine)
}
