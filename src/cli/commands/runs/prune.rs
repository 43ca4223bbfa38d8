//! `archal runs prune`: removes old suites with their runs.

use std::time::{Duration, SystemTime};

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::suites;
use crate::config::amounts::Age;
use crate::report::style::Style;
use crate::run::kept::lookup::{self, Found};
use crate::run::kept::prune::{self, PruneReport, Rules};
use crate::run::kept::shelf::Shelf;
use crate::run::render::words;

/// Remove old suites with their runs, by `retention.runs` in the configuration
///
/// What can be gone on with, what may be running and the last suite stay. Suites and runs that
/// are named go whatever their age, unless they may be running.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// These and nothing else: ids or their beginnings
    ids: Vec<String>,

    /// Say what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,

    /// Age above which a suite goes, as `30d` [default: `retention.runs`]
    #[arg(long, value_name = "AGE", conflicts_with = "ids")]
    older_than: Option<Age>,

    /// The newest suites that stay, whatever their age
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "ids")]
    keep: u32,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let layout = suites::kept(&args.config, cx)?;
    let shelf = Shelf { layout: &layout };
    let file = args.config.config.as_deref();
    let loaded = cx.load_config(file, &cx.environment.directory, &[])?;
    let limit = args.older_than.or(loaded.config.retention.runs);
    let mut rules = Rules {
        older_than: limit.map(Age::duration),
        keep: args.keep as usize,
        ..Rules::default()
    };
    for given in &args.ids {
        let found = lookup::find(shelf, given).map_err(suites::not_found)?;
        let (Found::Suite(id) | Found::Run(id)) = found;
        rules.named.insert(id);
    }
    let units = prune::units(shelf).map_err(suites::unreadable)?;
    let seconds = u64::try_from(cx.clock.now().as_second()).unwrap_or_default();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let report = prune::carry_out(shelf, &units, &rules, now, args.dry_run);
    print(&report, cx);
    cx.printer.document("archal.runs-prune", 1, &report);
    Ok(if report.failed.is_empty() {
        Exit::Fine
    } else {
        Exit::CouldNotRun
    })
}

fn print(report: &PruneReport, cx: &CommandContext) {
    let goes = if report.dry_run { "would go" } else { "gone" };
    for removed in &report.removed {
        cx.printer.line(format!(
            "{} {} with {}, {}",
            Style::Warning.paint(goes),
            removed.id,
            words::count(removed.runs, "run"),
            words::bytes(removed.bytes)
        ));
    }
    for kept in &report.kept {
        cx.printer
            .line(format!("kept {}: {}", kept.id, kept.reason.text()));
    }
    for why in &report.failed {
        cx.printer.warning(format!("cannot remove {why}"));
    }
    let all = if report.dry_run {
        "would free"
    } else {
        "freed"
    };
    cx.printer
        .line(format!("{all} {}", words::bytes(report.bytes)));
}
