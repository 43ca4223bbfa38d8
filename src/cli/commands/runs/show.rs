//! `archal runs show`: one suite, or one run with its calls.

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::suites;
use crate::report::style::Style;
use crate::run::kept::documents::{ShownRun, UnfinishedSuite};
use crate::run::kept::lookup::{self, Found};
use crate::run::kept::shelf::{ReadError, Shelf, SuiteState};
use crate::run::render::words;
use crate::run::report::{SUMMARY_SCHEMA, SUMMARY_VERSION};
use crate::run::result::RunResult;
use crate::run::terminal;

/// Runs looked through for those of a suite without a summary.
const RUNS: usize = 20_000;

/// One suite, or one run with its calls and what changed; -v shows bodies
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// A suite or a run: id, beginning of an id, or `last`
    #[arg(default_value = "last")]
    id: String,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let layout = suites::kept(&args.config, cx)?;
    let shelf = Shelf { layout: &layout };
    match lookup::find(shelf, &args.id).map_err(suites::not_found)? {
        Found::Suite(id) => match shelf.suite(&id) {
            Ok(report) => {
                let text = terminal::summary::of(&report, &suites::stderr, suites::look(cx));
                cx.printer.line(text.trim_end());
                cx.printer
                    .document(SUMMARY_SCHEMA, SUMMARY_VERSION, &report);
            }
            Err(ReadError::Missing { .. }) if shelf.head(&id).state != SuiteState::Unreadable => {
                unfinished(shelf, &id, cx)?;
            }
            Err(error) => return Err(suites::unreadable(error)),
        },
        Found::Run(id) => {
            let result = shelf.run(&id).map_err(suites::unreadable)?;
            one(result, cx);
        }
    }
    Ok(Exit::Fine)
}

fn one(result: RunResult, cx: &CommandContext) {
    let look = suites::look(cx);
    let evidence = suites::all_evidence(&result);
    cx.printer
        .line(terminal::summary::run(&result, &suites::stderr, look).trim_end());
    cx.printer
        .line(terminal::evidence::evidence(&evidence, look).trim_end());
    if let Some(suite) = &result.suite {
        let command = Style::Hint.paint(&format!("archal runs show {suite}"));
        cx.printer.line(format!("its suite: {command}"));
    }
    let shown = ShownRun { result, evidence };
    cx.printer.document("archal.runs-show", 1, &shown);
}

fn unfinished(shelf: Shelf<'_>, id: &str, cx: &CommandContext) -> Result<(), CliError> {
    let head = shelf.head(id);
    let results = shelf.runs_of(id, RUNS).map_err(suites::unreadable)?;
    let look = suites::look(cx);
    for result in &results {
        cx.printer
            .line(terminal::progress::line(result, None, look));
    }
    let why = if head.state == SuiteState::Running {
        "its runs are being made"
    } else {
        "it was cut off"
    };
    cx.printer.line(format!(
        "{id} has no summary: {why}, {} so far",
        words::count(results.len(), "run")
    ));
    if let Some(resume) = &head.resume {
        cx.printer
            .line(format!("next: {}", Style::Hint.paint(resume)));
    }
    let suite = UnfinishedSuite { head, results };
    cx.printer.document("archal.runs-unfinished", 1, &suite);
    Ok(())
}
