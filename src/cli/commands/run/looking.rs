//! What is found out without running anything: whether all is there, and what the runs may take.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::bench;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::judge::Judge;
use crate::run::attempt::{AttemptError, Bench};
use crate::run::estimate::{ESTIMATE_SCHEMA, ESTIMATE_VERSION, Estimate};
use crate::run::ready::Ready;
use crate::run::suite::SuiteOptions;
use crate::run::terminal;
use crate::session::{RouteReport, SessionError, route};

/// The value of `schema` in what a preflight found.
const PREFLIGHT_SCHEMA: &str = "archal.run-preflight";
/// The version of it written here.
const PREFLIGHT_VERSION: u32 = 1;

/// What a preflight found: `archal run --preflight-only`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Preflight {
    /// The agent's program and arguments.
    harness: Vec<String>,
    /// Where it was found.
    harness_origin: String,
    /// Each scenario; all of them are ready.
    scenarios: Vec<ReadyScenario>,
}

/// A scenario that is ready.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ReadyScenario {
    /// The scenario's id.
    scenario: String,
    /// Its file.
    path: PathBuf,
    /// The clones that opened on their starting states.
    clones: Vec<String>,
    /// The route its runs will have.
    route: RouteReport,
    /// Runs to make.
    runs: u32,
    /// Its criteria.
    criteria: usize,
    /// Ids of those that hold before anything is done.
    holding: Vec<String>,
    /// How many take a judge.
    judged: usize,
    /// Why a run of it would show nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    vacuous: Option<String>,
}

/// Tells that everything is there: clones are open, the agent is found, routes are to be had.
pub(super) fn preflight(
    bench: &Bench<'_>,
    ready: &[Ready<'_>],
    options: &SuiteOptions<'_>,
    cx: &CommandContext,
) -> Result<Exit, CliError> {
    let mut scenarios = Vec::new();
    for one in ready {
        let route = route::choose(one.route, || bench.probe).map_err(|reason| {
            bench::attempt_error(AttemptError::Session(SessionError::Route { reason }))
        })?;
        let scenario = one.scenario();
        let (holding, decided) = one.idle();
        scenarios.push(ReadyScenario {
            scenario: scenario.id.clone(),
            path: scenario.path.clone(),
            clones: one.states.keys().cloned().collect(),
            route,
            runs: one.runs,
            criteria: scenario.criteria.len(),
            judged: scenario.criteria.len() - decided,
            holding: holding.into_iter().map(str::to_owned).collect(),
            vacuous: one.vacuous(&[]),
        });
    }
    let found = Preflight {
        harness: options.harness.command.clone(),
        harness_origin: options.harness.origin.clone(),
        scenarios,
    };
    let judge = bench.judge.map(Judge::settings);
    let judge = judge.map_or_else(
        || "a judge, but none is configured".to_owned(),
        |judge| format!("the judge {} at {}", judge.judge.model, judge.host()),
    );
    text(&found, &judge, cx);
    cx.printer
        .document(PREFLIGHT_SCHEMA, PREFLIGHT_VERSION, &found);
    Ok(Exit::Fine)
}

fn text(found: &Preflight, judge: &str, cx: &CommandContext) {
    cx.printer.line(format!(
        "harness: {} (from {})",
        found.harness.join(" "),
        found.harness_origin
    ));
    for one in &found.scenarios {
        cx.printer.line(format!(
            "ready {}: {} on {}, {}, route {}",
            one.scenario,
            counted(number(one.runs), "run"),
            one.clones.join(", "),
            counted(one.criteria, "criterion"),
            terminal::route(&one.route)
        ));
        for id in &one.holding {
            cx.printer
                .line(format!("  {id} holds before anything is done"));
        }
        if one.judged > 0 {
            cx.printer
                .line(format!("  {} by {judge}", counted(one.judged, "criterion")));
        }
        if let Some(vacuous) = &one.vacuous {
            cx.printer.line(format!("  {vacuous}"));
        }
    }
    cx.printer.line("nothing was run");
}

/// Tells what would run and what it may take.
pub(super) fn dry_run(estimate: &Estimate, cx: &CommandContext) -> Exit {
    let line = |text: String| cx.printer.line(text);
    line(format!(
        "{} of {}, {} at once",
        counted(number(estimate.runs), "run"),
        counted(estimate.scenarios.len(), "scenario"),
        estimate.jobs
    ));
    for one in &estimate.scenarios {
        let took = match one.run_ms {
            Some(ms) => format!(
                "about {} each, from {}",
                time(ms),
                counted(one.from, "earlier run")
            ),
            None => format!("never run here; at most {} each", time(one.timeout_ms)),
        };
        let cost = one
            .run_usd
            .map_or_else(String::new, |usd| format!(", about ${usd:.4} each"));
        line(format!(
            "  {} on {}: {}, {took}{cost}",
            one.scenario,
            one.clones.join(", "),
            counted(number(one.runs), "run")
        ));
    }
    let unknown = estimate.runs - estimate.known_runs;
    line(match (estimate.time_ms, unknown) {
        (Some(ms), 0) => format!(
            "time: about {}, at most {}",
            time(ms),
            time(estimate.at_most_ms)
        ),
        (Some(ms), unknown) => format!(
            "time: about {} and that of {} never run here, at most {}",
            time(ms),
            counted(number(unknown), "run"),
            time(estimate.at_most_ms)
        ),
        (None, _) => format!("time: unknown, at most {}", time(estimate.at_most_ms)),
    });
    let unpriced = estimate.runs - estimate.priced_runs;
    line(match (estimate.usd, unpriced) {
        (Some(usd), 0) => format!("cost: about ${usd:.4}"),
        (Some(usd), unpriced) => format!(
            "cost: about ${usd:.4} and that of {}, which is unknown",
            counted(number(unpriced), "run")
        ),
        (None, _) => "cost: unknown".to_owned(),
    });
    line("nothing was run".to_owned());
    cx.printer
        .document(ESTIMATE_SCHEMA, ESTIMATE_VERSION, estimate);
    Exit::Fine
}

fn number(runs: u32) -> usize {
    usize::try_from(runs).unwrap_or(usize::MAX)
}

fn counted(number: usize, what: &str) -> String {
    match (number, what) {
        (1, what) => format!("1 {what}"),
        (number, "criterion") => format!("{number} criteria"),
        (number, what) => format!("{number} {what}s"),
    }
}

fn time(milliseconds: u64) -> String {
    let time = Duration::from_millis(milliseconds);
    match time.as_secs() {
        0 => format!("{milliseconds} ms"),
        1..=9 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..=119 => format!("{seconds} s"),
        seconds @ 120..=7199 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_time_is_told_as_finely_as_it_is_long() {
        let told = [0, 7, 999, 1_000, 9_940, 45_000, 600_000, 7_200_000].map(super::time);
        let expected = [
            "0 ms", "7 ms", "999 ms", "1.0 s", "9.9 s", "45 s", "10 min", "2 h",
        ];
        assert_eq!(told, expected);
    }
}
