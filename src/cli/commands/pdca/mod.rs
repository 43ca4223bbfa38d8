//! `archal pdca`: cycles of agents with reviewers.

mod account;
mod dag;
mod event;
mod export;
mod handing;
mod init;
pub(crate) mod list;
pub(crate) mod merge;
mod play;
mod progress;
pub(crate) mod replay;
mod report;
pub(crate) mod rollback;
pub(crate) mod run;
mod setup;
mod status;

use std::path::{Path, PathBuf};

use archal_core::diagnostic::nearest;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::pdca::event::Event;
use crate::pdca::log::{Events, Log};
use crate::pdca::place::{Place, RunId};

/// Plan, Do, Check and Act: runs of agents with reviewers, and their records
///
/// Runs are kept in `.archeflow` of the repository: events, artifacts, costs. `archal pdca list`
/// says which there are.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Init(init::Args),
    Run(Box<run::Args>),
    Merge(merge::Args),
    Rollback(rollback::Args),
    List(list::Args),
    Status(status::Args),
    Progress(progress::Args),
    Report(report::Args),
    Dag(dag::Args),
    Replay(replay::Args),
    Export(export::Args),
    Event(event::Args),
    Play(play::Args),
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    match &args.action {
        Action::Init(args) => init::run(args, cx),
        Action::Run(args) => run::run(args, cx),
        Action::Merge(args) => merge::run(args, cx),
        Action::Rollback(args) => rollback::run(args, cx),
        Action::List(args) => list::run(args, cx),
        Action::Status(args) => status::run(args, cx),
        Action::Progress(args) => progress::run(args, cx),
        Action::Report(args) => report::run(args, cx),
        Action::Dag(args) => dag::run(args, cx),
        Action::Replay(args) => replay::run(args, cx),
        Action::Export(args) => export::run(args, cx),
        Action::Event(args) => event::run(args, cx),
        Action::Play(args) => play::run(args, cx),
    }
}

/// The repository: the nearest folder with runs or with git, or else this one.
fn repository(cx: &CommandContext) -> PathBuf {
    let here = &cx.environment.directory;
    let is_top =
        |folder: &&Path| folder.join(".archeflow").is_dir() || folder.join(".git").exists();
    here.ancestors().find(is_top).unwrap_or(here).to_owned()
}

fn run_id(text: &str) -> Result<RunId, CliError> {
    RunId::new(text).map_err(|error| CliError::usage(error).hint("archal pdca list"))
}

/// A run that has a log.
struct Kept {
    place: Place,
    id: RunId,
    events: Vec<Event>,
}

/// Reads the log of a run and tells what in it is no event.
fn kept(text: &str, cx: &CommandContext) -> Result<Kept, CliError> {
    let id = run_id(text)?;
    let place = Place::of(&repository(cx));
    let log = Log::new(place.events(&id), id.clone());
    let Some(Events { events, problems }) = log.read().map_err(CliError::environment)? else {
        let error = CliError::usage(format!("there is no run `{id}`"));
        let known = list::ids(&place);
        let near = nearest(id.as_str(), known.iter().map(RunId::as_str));
        return Err(match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        }
        .hint("archal pdca list"));
    };
    if let Some(first) = problems.first() {
        cx.printer.warning(format!(
            "{} of {} are no events; the first is line {}: {}",
            problems.len(),
            log.path().display(),
            first.line,
            first.reason
        ));
    }
    if events.is_empty() {
        return Err(CliError::environment(format!(
            "the log {} has no events",
            log.path().display()
        )));
    }
    Ok(Kept { place, id, events })
}
