//! Scenarios run as often as wanted, their evidence and summary on disk.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use archal_core::id;
use serde::Serialize;

use crate::config::schema::RouteMode;
use crate::scenario::Scenario;
use crate::scenario::spec::Route;
use crate::store::atomic::{self, Durability};
use crate::store::layout::Layout;

use super::attempt::{self, AttemptError, AttemptPlan, Bench, RunResult};
use super::environment::{self, Start, Told};
use super::harness::Harness;
use super::report::{
    CommandSummary, Quarantine, SUMMARY_SCHEMA, SUMMARY_VERSION, ScenarioReport, SuiteReport,
};
use super::scenarios::Prepared;
use super::score;
use super::seeds::{self, OtherStates, SeedError};
use super::{tally, totals};

/// How a suite is run.
pub struct SuiteOptions<'a> {
    /// The agent.
    pub harness: &'a Harness,
    /// Where it runs.
    pub directory: &'a Path,
    /// Runs of each scenario, whatever its Config says.
    pub runs: Option<u32>,
    /// Runs of a scenario whose Config says nothing.
    pub default_runs: u32,
    /// Time limit of a run, whatever the scenario's Config says.
    pub timeout: Option<Duration>,
    /// Time limit of a run of a scenario whose Config says nothing.
    pub default_timeout: Duration,
    /// Route wanted, whatever the scenario's Config says.
    pub route: Option<RouteMode>,
    /// Route of a scenario whose Config says nothing.
    pub default_route: RouteMode,
    /// The model the agent is told to use.
    pub model: Option<&'a str>,
    /// Starting states that do not come from the scenarios.
    pub states: OtherStates,
    /// Threshold in place of the scenarios' own, 0 to 100.
    pub pass_threshold: Option<f64>,
    /// Variables that hold keys of the judge or the fixer.
    pub withheld: BTreeSet<String>,
    /// Whether the agent is told the clones' addresses in `isolated` too.
    pub expose_clone_urls: bool,
}

/// `last-run.json` and `summary.json`.
#[derive(Serialize)]
struct Summary<'a> {
    schema: &'a str,
    version: u32,
    #[serde(flatten)]
    report: &'a SuiteReport,
}

/// Why a suite stopped.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A starting state cannot be had.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A run could not be made.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// The summary could not be written.
    #[error(transparent)]
    Write(#[from] atomic::WriteError),
}

/// Runs each scenario as often as it or the options say, `progress` told after each run.
pub fn run(
    bench: &Bench<'_>,
    layout: &Layout,
    scenarios: &[Prepared],
    options: &SuiteOptions<'_>,
    progress: &mut dyn FnMut(&RunResult),
) -> Result<SuiteReport, SuiteError> {
    let suite = id::prefixed(bench.ids, "suite");
    let started_at = bench.clock.now().to_string();
    let mut reports = Vec::new();
    for prepared in scenarios {
        let one = run_scenario(bench, layout, &suite, prepared, options, progress)?;
        reports.push(one);
    }
    let report = SuiteReport {
        suite,
        started_at,
        finished_at: bench.clock.now().to_string(),
        command: CommandSummary {
            harness: options.harness.command.clone(),
            jobs: 1,
            runs: options.runs,
            timeout_seconds: options.timeout.map(|timeout| timeout.as_secs()),
            route: options.route,
            pass_threshold: options.pass_threshold,
            model: options.model.map(str::to_owned),
            ..CommandSummary::default()
        },
        totals: totals::of(&reports),
        tags: Vec::new(),
        cost: totals::cost(reports.iter().flat_map(|one| &one.results)),
        resumed: 0,
        stopped: None,
        scenarios: reports,
    };
    let document = Summary {
        schema: SUMMARY_SCHEMA,
        version: SUMMARY_VERSION,
        report: &report,
    };
    for path in [
        layout.suite(&report.suite).join("summary.json"),
        layout.last_run(),
    ] {
        atomic::write_json(&path, &document, Durability::Derived)?;
    }
    Ok(report)
}

fn run_scenario(
    bench: &Bench<'_>,
    layout: &Layout,
    suite: &str,
    prepared: &Prepared,
    options: &SuiteOptions<'_>,
    progress: &mut dyn FnMut(&RunResult),
) -> Result<ScenarioReport, SuiteError> {
    let scenario = &prepared.scenario;
    let config = &scenario.config;
    let states = seeds::of_scenario(scenario, bench.clones, &options.states)?;
    let runs = options.runs.or(config.runs).unwrap_or(options.default_runs);
    let mut results = Vec::new();
    for index in 1..=runs {
        let run_id = id::prefixed(bench.ids, "run");
        let evidence = layout.run(&run_id);
        let told = Told {
            task: &scenario.prompt,
            model: options.model,
            session: &run_id,
            folder: &evidence,
        };
        let start = Start::Inherited {
            withheld: &options.withheld,
        };
        let attempt = attempt::make(
            bench,
            AttemptPlan {
                prepared,
                states: &states,
                command: &options.harness.command,
                environment: environment::of(bench.environment, start, options.harness, &told),
                directory: options.directory,
                binds: &[],
                timeout: options
                    .timeout
                    .unwrap_or_else(|| timeout(scenario, options.default_timeout)),
                route: options
                    .route
                    .or_else(|| config.route.map(choice))
                    .unwrap_or(options.default_route),
                expose_clone_urls: options.expose_clone_urls,
                run_id: run_id.clone(),
                index,
                suite: Some(suite),
                evidence: evidence.clone(),
                evidence_as: evidence.clone(),
                agent_folder: evidence.clone(),
            },
        )?;
        progress(&attempt.result);
        results.push(attempt.result);
    }
    let scores: Vec<_> = results.iter().map(|result| result.score).collect();
    let threshold = options
        .pass_threshold
        .or(config.pass_threshold)
        .unwrap_or(100.0);
    Ok(ScenarioReport {
        scenario: scenario.id.clone(),
        title: scenario.title.clone(),
        path: scenario.path.clone(),
        tags: config.tags.clone(),
        threshold,
        held_by: Vec::new(),
        quarantine: quarantine(scenario, &results),
        planned: runs,
        vacuous: None,
        criteria: tally::of(&results),
        score: score::of_scenario(&scores, threshold),
        results,
    })
}

/// The quarantine of a scenario whose Config calls it flaky.
fn quarantine(scenario: &Scenario, results: &[RunResult]) -> Option<Quarantine> {
    let config = &scenario.config;
    config.flaky.then(|| Quarantine {
        owner: config.owner.clone().unwrap_or_default(),
        since: config.since.map(|day| day.to_string()).unwrap_or_default(),
        release: results.len() > 1
            && results
                .iter()
                .all(|result| result.score.status == score::RunStatus::Passed),
    })
}

/// A scenario's own time limit, or the default.
pub fn timeout(scenario: &Scenario, default: Duration) -> Duration {
    scenario
        .config
        .timeout_seconds
        .map_or(default, Duration::from_secs)
}

/// The route a scenario's Config names.
pub fn choice(route: Route) -> RouteMode {
    match route {
        Route::Isolated => RouteMode::Isolated,
        Route::Proxy => RouteMode::Proxy,
    }
}
