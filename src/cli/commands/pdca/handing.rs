//! A run that the watcher works on: handing it over, and how it was left.

use archal_core::clock::Timestamp;
use serde::Serialize;

use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::submitting::{self, Handed, word};
use crate::host::queue::WorkKind;
use crate::pdca::engine::begin;
use crate::pdca::engine::stage::Stage;
use crate::pdca::event::Event;
use crate::pdca::log::Log;
use crate::pdca::place::RunId;
use crate::pdca::role::Phase;
use crate::store::atomic::{self, Durability};

use super::run::Args;
use super::setup::{self, Setup};

/// How the process that worked on a run left it: `runs/<run>/result.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Left<'a> {
    status: &'a str,
    /// Why; null where the status says it.
    stop_reason: Option<&'a str>,
    /// When that process began: a watcher tells by it whether its job left this.
    started_at: String,
}

/// Writes down how a run is left.
pub(super) fn leave(
    stage: &Stage<'_>,
    began: Timestamp,
    status: &str,
    why: &str,
) -> Result<(), CliError> {
    let left = Left {
        status,
        stop_reason: (!why.is_empty()).then_some(why),
        started_at: began.to_string(),
    };
    let path = stage.place.result(stage.run);
    atomic::write_json(&path, &left, Durability::Derived).map_err(CliError::environment)
}

/// The phase that a run is to go on at. A job that was cut off is begun again with the same arguments:
/// once something came of them it goes on where it was.
pub(super) fn still_from(args: &Args, events: &[Event]) -> Option<Phase> {
    let is_done = args.handed_at.is_some_and(|at| last(events) > at);
    args.start_from.filter(|_| !is_done)
}

fn last(events: &[Event]) -> u64 {
    events.iter().map(|event| event.seq).max().unwrap_or(0)
}

/// The exit code of a run that had ended before.
pub(super) fn exit_of(status: &str) -> Exit {
    match status {
        "merged" | "awaiting_merge" => Exit::Fine,
        "needs_user" => Exit::Inconclusive,
        "failed" => Exit::CouldNotRun,
        _ => Exit::Bad,
    }
}

/// Hands a run over that is there: its record says what is to be done, so its job is to go on with it.
pub(super) fn hand_over(
    args: &Args,
    setup: Setup,
    run: &RunId,
    cx: &CommandContext,
) -> Result<Exit, CliError> {
    let log = Log::new(setup.place.events(run), run.clone());
    let events = log.read().map_err(CliError::environment)?;
    let events = events.unwrap_or_default().events;
    begin::refuse_over(run, &events, args.start_from)
        .map_err(|error| setup::begin_error(error, Some(run)))?;
    let handed = Handed {
        kind: WorkKind::Pdca,
        repo: &setup.repo,
        arguments: arguments(args, run, last(&events))?,
        artifacts: &setup.place.artifacts(run),
        config: args.config.config.as_deref(),
    };
    submitting::refuse_keys(&handed.arguments, &setup.scrubber)?;
    // From here on a signal ends this command and not the run.
    drop(setup.interrupts);
    let handed = submitting::submit(&handed, cx);
    handed.map_err(|error| error.hint(format!("archal pdca run --run-id {run} --background")))
}

/// The arguments with which the job goes on with the run.
fn arguments(args: &Args, run: &RunId, at: u64) -> Result<Vec<String>, CliError> {
    let mut made: Vec<String> = ["pdca", "run", "--run-id", run.as_str()]
        .map(str::to_owned)
        .to_vec();
    let mut option = |name: &str, value: String| made.extend([name.to_owned(), value]);
    if let Some(phase) = args.start_from {
        option("--start-from", phase.to_string());
        option("--handed-at", at.to_string());
    }
    if let Some(driver) = &args.driver {
        option("--driver", driver.clone());
    }
    if let Some(usd) = args.budget_usd {
        option("--budget-usd", usd.to_string());
    }
    if let Some(config) = &args.config.config {
        option("--config", word(config.as_os_str())?);
    }
    let flags = [
        ("--dry-run", args.dry_run),
        ("--yes", args.yes),
        ("--allow-external-execution", args.allow_external_execution),
    ];
    made.extend(
        flags
            .iter()
            .filter(|(_, is_given)| *is_given)
            .map(|(flag, _)| (*flag).to_owned()),
    );
    Ok(made)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        run: Args,
    }

    fn parsed<'l>(line: impl IntoIterator<Item = &'l str>) -> Args {
        Line::try_parse_from(line).expect("a command line").run
    }

    #[test]
    fn a_job_has_the_options_of_its_command_and_not_what_the_record_has() {
        let run = RunId::new("r").expect("an id");
        let made = |line: &str| {
            let args = parsed(line.split(' '));
            arguments(&args, &run, 7).expect("text").join(" ")
        };
        assert_eq!(
            made("run a-task --workflow fast --max-cycles 3 --domain code --background --json"),
            "pdca run --run-id r"
        );
        let all = "pdca run --run-id r --driver codex --budget-usd 1.5 --config a.json --dry-run --yes --allow-external-execution";
        assert_eq!(
            made(&format!("{all} --background").replacen("pdca ", "", 1)),
            all
        );
        assert_eq!(
            made("run --run-id r --start-from check --background"),
            "pdca run --run-id r --start-from check --handed-at 7"
        );
    }

    #[test]
    fn a_job_that_was_cut_off_does_not_begin_its_phase_again() {
        let events = |count: u64| -> Vec<Event> {
            let event = |seq| {
                serde_json::from_value(json!({
                    "ts": "2026-04-03T10:00:00Z", "run_id": "r", "seq": seq, "parent": [],
                    "type": "run.start", "phase": "do", "agent": null, "data": {},
                }))
                .expect("an event")
            };
            (1..=count).map(event).collect()
        };
        let job = parsed("run --run-id r --start-from do --handed-at 3".split(' '));
        assert_eq!(still_from(&job, &events(3)), Some(Phase::Do));
        assert_eq!(still_from(&job, &events(4)), None);
        let terminal = parsed("run --run-id r --start-from do".split(' '));
        assert_eq!(still_from(&terminal, &events(4)), Some(Phase::Do));
    }
}
