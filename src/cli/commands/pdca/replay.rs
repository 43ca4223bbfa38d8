//! `archal pdca replay`: looking back at runs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::replay::{self, Moment};
use crate::report::style::Style;

/// Look back at runs: their decisions, other weights, two beside each other
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Timeline(TimelineArgs),
    #[command(name = "whatif")]
    WhatIf(WhatIfArgs),
    Compare(CompareArgs),
}

/// The decisions of a run, in order
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct TimelineArgs {
    /// The run
    #[arg(value_name = "RUN")]
    run_id: String,

    #[command(flatten)]
    output: JsonOutput,
}

/// What the last verdicts of a run come to when reviewers weigh differently
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct WhatIfArgs {
    /// The run
    #[arg(value_name = "RUN")]
    run_id: String,

    /// The weight of a reviewer, 1 unless given; may be given several times
    #[arg(long, value_name = "ROLE=WEIGHT", value_parser = weight, value_delimiter = ',')]
    weights: Vec<(String, f64)>,

    /// From which share of the weight on a rejection blocks
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    threshold: f64,

    #[command(flatten)]
    output: JsonOutput,
}

/// Two runs beside each other
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
struct CompareArgs {
    /// A run
    first: String,

    /// Another run
    second: String,

    #[command(flatten)]
    output: JsonOutput,
}

/// The document of `archal pdca replay timeline --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Timeline {
    /// The run.
    run_id: String,
    /// Its decisions, in order.
    decisions: Vec<Moment>,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::Timeline(args) => timeline(args, cx),
        Action::WhatIf(args) => what_if(args, cx),
        Action::Compare(args) => compare(args, cx),
    }
}

fn timeline(args: &TimelineArgs, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let kept = super::kept(&args.run_id, cx)?;
    let decisions = replay::timeline(&kept.events);
    for moment in &decisions {
        let agent = moment.agent.as_deref().unwrap_or("-");
        cx.printer.line(format!(
            "#{:<4}{:<6} {agent:<10} {}",
            moment.seq, moment.phase, moment.decided
        ));
    }
    if decisions.is_empty() {
        cx.printer.line("no decision yet");
    }
    let timeline = Timeline {
        run_id: kept.id.to_string(),
        decisions,
    };
    cx.printer.document("archal.pdca-timeline", 1, &timeline);
    Ok(Exit::Fine)
}

fn what_if(args: &WhatIfArgs, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let kept = super::kept(&args.run_id, cx)?;
    let weights: BTreeMap<String, f64> = args.weights.iter().cloned().collect();
    let Some(found) = replay::what_if(&kept.events, &weights, args.threshold) else {
        return Err(CliError::usage(format!(
            "run `{}` has no verdict of a reviewer with any weight",
            kept.id
        )));
    };
    for one in &found.verdicts {
        let verdict = if one.approved {
            Style::Good
        } else {
            Style::Error
        };
        cx.printer.line(format!(
            "{:<10} × {:<5} {}",
            one.agent,
            one.weight,
            verdict.paint(&one.verdict)
        ));
    }
    cx.printer.line(format!(
        "{}: {:.2} of the weight did not approve, {:.2} blocks; the run ended {}",
        found.outcome, found.score, found.threshold, found.actual
    ));
    cx.printer.document("archal.pdca-whatif", 1, &found);
    Ok(Exit::Fine)
}

fn compare(args: &CompareArgs, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let first = super::kept(&args.first, cx)?;
    let second = super::kept(&args.second, cx)?;
    let compared = replay::compare(&first.events, &second.events);
    for row in &compared.rows {
        let text = if row.differs {
            format!("{:<10} {} → {}", row.name, row.first, row.second)
        } else {
            format!("{:<10} {}", row.name, row.first)
        };
        let style = if row.differs {
            Style::Decision
        } else {
            Style::Faint
        };
        cx.printer.line(style.paint(&text));
    }
    cx.printer.document("archal.pdca-compare", 1, &compared);
    Ok(Exit::Fine)
}

fn weight(text: &str) -> Result<(String, f64), String> {
    let (role, weight) = text.split_once('=').ok_or("write it as guardian=2")?;
    let weight: f64 = weight
        .trim()
        .parse()
        .map_err(|_| format!("`{weight}` is no number"))?;
    if !weight.is_finite() || weight < 0.0 || role.trim().is_empty() {
        return Err("a weight is a number from 0 on".to_owned());
    }
    Ok((role.trim().to_owned(), weight))
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("a share is between 0 and 1".to_owned())
    }
}
