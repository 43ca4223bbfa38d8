//! `archal runs list`: suites, the newest first.

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::suites;
use crate::report::style::Style;
use crate::run::kept::shelf::{Shelf, SuiteHead, SuiteState};
use crate::run::render::words;

/// Suites that were run, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The most suites listed
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let layout = suites::kept(&args.config, cx)?;
    let shelf = Shelf { layout: &layout };
    let listing = shelf
        .list(args.limit as usize)
        .map_err(suites::unreadable)?;
    for head in &listing.suites {
        cx.printer.line(line(head));
        if let Some(resume) = &head.resume {
            cx.printer.line(format!(
                "              go on with: {}",
                Style::Hint.paint(resume)
            ));
        }
    }
    if listing.suites.is_empty() {
        cx.printer.line("no suite yet");
    }
    if listing.more > 0 {
        cx.printer.line(format!(
            "{}: archal runs list --limit {}",
            words::count(listing.more, "older suite"),
            listing.suites.len() + listing.more
        ));
    }
    cx.printer.document("archal.runs-list", 1, &listing);
    Ok(Exit::Fine)
}

fn line(head: &SuiteHead) -> String {
    let began = head.started_at.as_deref().unwrap_or("unknown time");
    // Sub-seconds say nothing in a list.
    let began = began
        .split_once('.')
        .map_or_else(|| began.to_owned(), |(whole, _)| format!("{whole}Z"));
    let told = match (&head.totals, &head.problem) {
        (Some(totals), _) => format!(
            "{}, {}/{} runs passed",
            words::scenarios(totals),
            totals.runs_passed,
            totals.runs
        ),
        (None, Some(problem)) => problem.clone(),
        (None, None) => {
            if head.state == SuiteState::Running {
                "its runs are being made".to_owned()
            } else {
                "it was cut off".to_owned()
            }
        }
    };
    let (word, style) = word(head);
    format!(
        "{}{} {}  {began}  {told}",
        " ".repeat(12_usize.saturating_sub(word.len())),
        style.paint(word),
        head.suite
    )
}

fn word(head: &SuiteHead) -> (&'static str, Style) {
    let totals = head.totals.unwrap_or_default();
    match head.state {
        SuiteState::Unreadable => ("UNREADABLE", Style::Warning),
        SuiteState::Running => ("RUNNING", Style::Heading),
        SuiteState::Unfinished => ("UNFINISHED", Style::Warning),
        SuiteState::Stopped => ("STOPPED", Style::Warning),
        SuiteState::Finished if totals.failed > 0 => ("FAIL", Style::Error),
        SuiteState::Finished if totals.flaky > 0 => ("FLAKY", Style::Warning),
        SuiteState::Finished if totals.inconclusive > 0 => ("INCONCLUSIVE", Style::Warning),
        SuiteState::Finished => ("PASS", Style::Good),
    }
}
