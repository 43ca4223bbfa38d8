//! `archal pdca list`: the runs of a repository.

use std::fs;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::index;
use crate::pdca::log::Log;
use crate::pdca::outline::Outline;
use crate::pdca::place::{Place, RunId};

/// The runs of this repository, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Usage, Exit::CouldNotRun]))]
pub(super) struct Args {
    /// The most runs listed
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    #[command(flatten)]
    output: JsonOutput,
}

/// The document of `archal pdca list --json`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PdcaList {
    /// The runs, the newest first.
    runs: Vec<Outline>,
    /// Older ones that are not listed.
    more: usize,
}

pub(super) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let place = Place::of(&super::repository(cx));
    let mut runs = Vec::new();
    for id in ids(&place) {
        let log = Log::new(place.events(&id), id.clone());
        match log.read() {
            Ok(Some(read)) => {
                let mut outline = Outline::of(&read.events);
                // The name of the file is the run's, whatever its events say.
                outline.run_id = id.to_string();
                runs.push(outline);
            }
            Ok(None) => {}
            Err(error) => cx.printer.warning(error.to_string()),
        }
    }
    // A later merge is told by the index alone where another tool made it.
    for line in index::read(&place).map_err(CliError::environment)? {
        let known = runs.iter_mut().find(|run| run.run_id == line.run_id);
        if let Some(run) = known.filter(|_| line.status == "merged") {
            run.status = line.status;
        }
    }
    runs.sort_by(|a, b| (&b.started, &b.run_id).cmp(&(&a.started, &a.run_id)));
    let limit = args.limit as usize;
    let more = runs.len().saturating_sub(limit);
    runs.truncate(limit);
    for run in &runs {
        cx.printer.line(run.line());
    }
    if runs.is_empty() {
        cx.printer.line("no run yet");
    }
    if more > 0 {
        cx.printer.line(format!(
            "{more} older: archal pdca list --limit {}",
            limit + more
        ));
    }
    cx.printer
        .document("archal.pdca-list", 1, &PdcaList { runs, more });
    Ok(Exit::Fine)
}

/// The runs that have a log.
pub(super) fn ids(place: &Place) -> Vec<RunId> {
    let entries = fs::read_dir(place.event_folder()).into_iter().flatten();
    let mut ids: Vec<RunId> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            RunId::new(name.to_str()?.strip_suffix(".jsonl")?).ok()
        })
        .collect();
    ids.sort();
    ids
}
