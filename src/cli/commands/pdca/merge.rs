//! `archal pdca merge`: the yes to a run that was approved.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::cli::arguments::{ConfigFile, JsonOutput};
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::pdca::engine::act::{self, Merged};
use crate::pdca::engine::stage::{self, Record};
use crate::pdca::engine::{begin, ending};
use crate::pdca::event::{Event, Kind, NewEvent};
use crate::pdca::machine::course::End;
use crate::pdca::role::Phase;
use crate::report::style::Style;

use super::run::voices;
use super::setup::{self, Said, Setup};

/// Merge a run that was approved
///
/// Hooks and tests run first, on a merge that nobody sees; your branch moves only where they pass.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[
    Exit::Fine,
    Exit::Bad,
    Exit::Usage,
    Exit::CouldNotRun,
    Exit::Interrupted,
]))]
pub(crate) struct Args {
    /// The run
    #[arg(value_name = "RUN")]
    run: String,

    /// Merge a run that was not approved: what is open stays open
    #[arg(long)]
    as_is: bool,

    /// Allow hooks and the test command to run
    #[arg(long)]
    allow_external_execution: bool,

    #[command(flatten)]
    config: ConfigFile,

    #[command(flatten)]
    output: JsonOutput,
}

/// Whether a run was merged: `archal pdca merge --json`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PdcaMerge<'a> {
    /// The run.
    run: &'a str,
    /// Whether it is merged now.
    is_merged: bool,
    /// Why not.
    reason: Option<&'a str>,
    /// The commit of the merge.
    commit: Option<&'a str>,
    /// The branch that it went into.
    base_branch: &'a str,
    /// The command that goes on.
    next: Option<&'a str>,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let run = super::run_id(&args.run)?;
    let (_, place) = setup::repository(cx)?;
    place.refuse_links(&run).map_err(CliError::environment)?;
    let record = Record::read(&place, &run).map_err(|error| setup::engine_error(error, None))?;
    let setup = Setup::new(args.config.config.as_deref(), None, cx)?;
    setup.refuse_forbidden(args.allow_external_execution)?;
    let _lock =
        stage::take(&setup.place, &run).map_err(|error| setup::engine_error(error, None))?;
    let one = setup.one(run, record, setup::nobody())?;
    let said = Said {
        merges: true,
        ..Said::default()
    };
    let (tell, show, warn) = voices(cx);
    let stage = setup.stage(&one, &said, (&tell, &show, &warn), cx);
    let events = stage.log.read().map_err(CliError::environment)?;
    let events = events.unwrap_or_default().events;
    let status = status(&events);
    if status == Some("merged") {
        return Err(CliError::usage(format!(
            "the run {} is merged already",
            one.run
        )));
    }
    if status != Some("awaiting_merge") && !args.as_is {
        return Err(CliError::usage(format!(
            "the run {} was not approved: it is {}",
            one.run,
            status.unwrap_or("not over")
        ))
        .hint(format!("archal pdca report {}", one.run))
        .hint(format!("archal pdca merge {} --as-is", one.run)));
    }
    let boundary = events
        .iter()
        .rfind(|event| event.kind == Kind::CycleBoundary);
    let cycle = boundary
        .and_then(|event| u32::try_from(event.number("cycle")?).ok())
        .unwrap_or(1);
    let engine = |error| setup::engine_error(error, None);
    let reviewed = boundary.and_then(|event| event.text("commit"));
    if reviewed.is_none() && !args.as_is {
        let what = format!("which commit of {} was reviewed is not on record", one.run);
        return Err(CliError::usage(what).hint(format!("archal pdca merge {} --as-is", one.run)));
    }
    let reviewed = reviewed.filter(|_| !args.as_is);
    let merged = act::land(&stage, cycle, reviewed).map_err(engine)?;
    if let Merged::TestsFailed(how) = &merged {
        let open = begin::kept_findings(stage.artifacts, cycle).map_err(engine)?;
        act::keep_failed_tests(&stage, cycle, &open, how).map_err(engine)?;
    }
    let is_taken_back = matches!(merged, Merged::TestsFailed(_));
    let next =
        is_taken_back.then(|| format!("archal pdca run --run-id {} --start-from do", one.run));
    let (commit, reason, exit) = match &merged {
        Merged::Yes(merge) => (Some(merge.commit.as_str()), None, Exit::Fine),
        Merged::Conflict => {
            let base = &one.record.base_branch;
            let why = format!("it conflicts with {base}; the branch stays, merge it by hand");
            (None, Some(why), Exit::Bad)
        }
        Merged::Forbidden => (None, Some("a hook forbids it".to_owned()), Exit::Bad),
        Merged::Not(why) => (None, Some(why.clone()), Exit::Bad),
        Merged::TestsFailed(how) => {
            let why = format!("the tests fail after the merge, which was taken back: {how}");
            (None, Some(why), Exit::Bad)
        }
        Merged::Stopped => (None, Some("stopped".to_owned()), Exit::Interrupted),
    };
    if commit.is_some() {
        let base = &one.record.base_branch;
        let data = json!({"base": base, "strategy": "no-ff", "commit": commit});
        stage.emit(NewEvent::new(Kind::RunMerged, Phase::Act, data));
        ending::line(&stage, End::Merged.status(), cycle.into()).map_err(engine)?;
    }
    match &reason {
        None => cx.printer.line(format!(
            "{}  {} into {}",
            Style::Good.paint("merged"),
            one.run,
            one.record.base_branch
        )),
        Some(why) => cx
            .printer
            .line(format!("{}  {why}", Style::Error.paint("not merged"))),
    }
    if let Some(next) = &next {
        let hint = Style::Hint.paint("next:");
        cx.printer.line(format!("  {hint} {next}"));
    }
    cx.printer.document(
        "archal.pdca-merge",
        1,
        &PdcaMerge {
            run: one.run.as_str(),
            is_merged: commit.is_some(),
            reason: reason.as_deref(),
            commit,
            base_branch: &one.record.base_branch,
            next: next.as_deref(),
        },
    );
    Ok(exit)
}

/// How a run ended last, where it did: what was approved before it was gone on with counts no more.
fn status(events: &[Event]) -> Option<&str> {
    let ends = [Kind::RunStart, Kind::RunComplete, Kind::RunMerged];
    let last = events.iter().rfind(|event| ends.contains(&event.kind))?;
    match last.kind {
        Kind::RunStart => None,
        Kind::RunMerged => Some("merged"),
        _ => last.text("status"),
    }
}
