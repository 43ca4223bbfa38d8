//! `archal prune`: removes what is old from the state folder.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::attach::retention::{PruneError, PruneReport, Pruner};
use crate::attach::state::State;
use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::state::{Place, database_error};
use crate::config::amounts::Size;
use crate::report::style::Style;

/// Remove evidence and artifacts that are old, by `retention` in the configuration
///
/// A watcher does the same once a day. What a blocked job, an open failure, a patch that is not
/// applied or a regression refers to stays, and so does every file that archal does not know.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// The repository of the agent
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,

    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let place = Place::of(&args.repo, cx)?;
    let loaded = cx.load_config(args.config.config.as_deref(), &place.repo, &[])?;
    let pruner = Pruner {
        layout: &place.layout,
        repo: &place.repo,
        settings: &loaded.config.retention,
        clock: cx.clock.as_ref(),
        stop: None,
    };
    let report = if args.dry_run {
        pruner.look(place.look()?.as_ref())
    } else {
        let state = State::beside(&place.layout).map_err(database_error)?;
        pruner.prune(state.as_ref())
    };
    let report = report.map_err(|error| match error {
        PruneError::Database(error) => database_error(error),
        error @ PruneError::Open { .. } => CliError::environment(error),
    })?;
    cx.printer.line(text(&report).trim_end());
    for finding in &report.diagnostics {
        cx.printer.diagnostic(finding, None);
    }
    cx.printer.document("archal.prune", 1, &report);
    Ok(if report.diagnostics.is_empty() {
        Exit::Fine
    } else {
        Exit::CouldNotRun
    })
}

fn text(report: &PruneReport) -> String {
    let mut out = String::new();
    let goes = if report.dry_run { "would go" } else { "gone" };
    // Writing to a String cannot fail, here and below.
    for removed in &report.removed {
        let what = match &removed.trace {
            Some(trace) => format!("{} of {trace}", removed.part.name()),
            None => "run".to_owned(),
        };
        _ = writeln!(
            out,
            "{} {what}: {}, {}",
            Style::Warning.paint(goes),
            size(removed.bytes),
            removed.why
        );
        for path in &removed.paths {
            _ = writeln!(out, "  {}", path.display());
        }
    }
    for kept in &report.kept {
        let what = match kept.count {
            1 => "1 kept".to_owned(),
            count => format!("{count} kept"),
        };
        _ = writeln!(out, "{what}: {}, {}", kept.reason.text(), size(kept.bytes));
    }
    let all = if report.dry_run {
        "would free"
    } else {
        "freed"
    };
    _ = writeln!(
        out,
        "{all} {} of {} in {}",
        size(report.bytes_removed),
        size(report.bytes_before),
        report.folder.display()
    );
    out
}

/// Bytes to three digits.
fn size(bytes: u64) -> String {
    let steps = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    match steps.into_iter().find(|(_, step)| bytes >= *step) {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        Some((unit, step)) => format!("{:.1} {unit}", bytes as f64 / step as f64),
        None => Size::bytes(bytes).to_string(),
    }
}
