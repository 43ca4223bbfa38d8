//! `archal budget`: what was spent against the caps.

use std::path::Path;

use archal_core::clock::rfc3339_seconds;

use crate::budget::amount::Usd;
use crate::budget::cap::Caps;
use crate::budget::entry::{Entry, repo_name};
use crate::budget::ledger::{self, Ledger};
use crate::budget::summary::{Group, Report, Totals, day_of};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::report::style::Style;

use super::{Args, failed};

/// The attempts that are listed.
const LAST: usize = 10;

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let directory = args.repo.as_deref().unwrap_or(Path::new("."));
    let repo = args
        .repo
        .as_deref()
        .map(|repo| cx.environment.resolve(repo));
    if let Some(repo) = repo.as_deref().filter(|repo| !repo.is_dir()) {
        return Err(CliError::usage(format!(
            "there is no directory {}",
            repo.display()
        )));
    }
    let loaded = cx.load_config(args.config.config.as_deref(), directory, &[])?;
    let caps = Caps::of(&loaded).map_err(|finding| {
        CliError::config("the budget of the configuration is wrong")
            .at([finding], loaded.source.clone())
    })?;
    let now = cx.clock.now();
    let day = args.day.unwrap_or_else(|| day_of(now));
    let ledger = match ledger::path(&cx.environment) {
        Some(path) => Ledger::existing(&path).map_err(failed)?,
        None => None,
    };
    let repo = repo.as_deref().map(repo_name);
    let report = match &ledger {
        Some(ledger) => ledger
            .report(day, repo.as_deref(), LAST, &caps, now)
            .map_err(failed)?,
        None => Report::empty(day, &caps),
    };
    print(&report, cx);
    cx.printer.document("archal.budget", 1, &report);
    Ok(Exit::Fine)
}

fn print(report: &Report, cx: &CommandContext) {
    let line = |text: String| cx.printer.line(text);
    let totals = &report.totals;
    line(Style::Heading.paint(&format!("Budget of {} (UTC), all projects", report.day)));
    line(format!("  spent     ${}", totals.spent_usd));
    line(format!("  reserved  ${}", totals.reserved_usd));
    if totals.unknown_cost > 0 {
        line(format!(
            "  unknown   {} of unknown cost, with ${} of the cap held for them",
            attempts(totals.unknown_cost),
            totals.held_usd
        ));
    }
    line(match report.left_usd {
        Some(left) => format!("  left      ${left} of {}", report.per_day_usd),
        None => "  left      no cap".to_owned(),
    });
    if report.dated_ahead_usd > Usd::ZERO {
        line(format!(
            "  ahead     ${} of this is dated after today; if your clock was wrong: archal budget repair",
            report.dated_ahead_usd
        ));
    }
    line(format!("  a trace   {}", of_trace(report)));
    if totals.attempts == 0 {
        line("Nothing was spent.".to_owned());
    }
    for (heading, groups) in [("By project", &report.projects), ("By kind", &report.kinds)] {
        if !groups.is_empty() {
            line(Style::Heading.paint(heading));
        }
        for group in groups {
            line(format!("  {}", of_group(group)));
        }
    }
    if !report.entries.is_empty() {
        line(Style::Heading.paint("Last attempts"));
    }
    for entry in &report.entries {
        line(format!("  {}", of_entry(entry)));
    }
}

fn of_trace(report: &Report) -> String {
    match report.per_trace_usd.amount() {
        Some(_) => format!("at most {}", report.per_trace_usd),
        None => "no cap".to_owned(),
    }
}

fn attempts(count: u64) -> String {
    let noun = if count == 1 { "attempt" } else { "attempts" };
    format!("{count} {noun}")
}

fn of_group(group: &Group) -> String {
    let Totals {
        spent_usd,
        reserved_usd,
        unknown_cost,
        attempts: count,
        ..
    } = &group.totals;
    let mut text = format!("{}  ${spent_usd} spent", group.name);
    if *reserved_usd > Usd::ZERO {
        text.push_str(&format!(", ${reserved_usd} reserved"));
    }
    text.push_str(&format!(", {}", attempts(*count)));
    if *unknown_cost > 0 {
        text.push_str(&format!(", {unknown_cost} of unknown cost"));
    }
    text
}

fn of_entry(entry: &Entry) -> String {
    let cost = entry.cost_text();
    let trace = entry
        .trace
        .as_deref()
        .map(|trace| format!("  trace {trace}"))
        .unwrap_or_default();
    format!(
        "{}  {}  {cost}  {} in {}{trace}",
        rfc3339_seconds(entry.at),
        entry.kind,
        entry.attempt,
        entry.repo
    )
}
