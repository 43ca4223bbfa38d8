//! The runs of a plan made, and what they add up to written down.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::budget::amount::Usd;
use crate::budget::prices::Prices;
use crate::config::schema::RouteMode;
use crate::sandbox::StopToken;
use crate::scenario::Scenario;
use crate::scenario::spec::Route;
use crate::store::atomic::{self, Durability};
use crate::store::layout::Layout;

use super::attempt::{self, AttemptError, AttemptPlan, Bench, RunResult};
use super::cost::Sum;
use super::discarded::{self, Discarded};
use super::environment::{self, Start, Told};
use super::harness::Harness;
use super::plan::{SUMMARY_FILE, SuitePlan};
use super::ready::Ready;
use super::report::{
    CommandSummary, Quarantine, SUMMARY_SCHEMA, SUMMARY_VERSION, ScenarioReport, StopReason,
    Stopped, SuiteCost, SuiteReport,
};
use super::score::{self, RunStatus};
use super::seeds::OtherStates;
use super::trouble::TroubleEverywhere;
use super::workers::{self, Next};
use super::{tally, totals};

/// How a suite is run.
pub struct SuiteOptions<'a> {
    /// The agent.
    pub harness: &'a Harness,
    /// Where it runs.
    pub directory: &'a Path,
    /// The configuration, where the command line named it.
    pub config: Option<PathBuf>,
    /// How many runs are made at once.
    pub jobs: NonZeroUsize,
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
    /// The judge's model, in place of the configuration's.
    pub judge_model: Option<String>,
    /// Starting states that do not come from the scenarios.
    pub states: OtherStates,
    /// What goes wrong on purpose in every scenario.
    pub trouble: TroubleEverywhere,
    /// Threshold in place of the scenarios' own, 0 to 100.
    pub pass_threshold: Option<f64>,
    /// Threshold of a scenario whose Config says nothing.
    pub default_threshold: f64,
    /// Thresholds of the mean over a tag's scenarios, in place of those of the scenarios.
    pub tag_thresholds: BTreeMap<String, f64>,
    /// The tag scenarios were chosen by.
    pub tag: Option<String>,
    /// The most that may be spent: no run begins after it is.
    pub budget: Option<Usd>,
    /// Whether flaky and ambiguous are errors.
    pub strict: bool,
    /// What tokens cost.
    pub prices: Prices,
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

/// A run that ended, for whoever follows.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// The run.
    pub result: &'a RunResult,
    /// How many runs its scenario is to have.
    pub planned: u32,
    /// How many runs of the suite have ended, this one among them.
    pub done: usize,
    /// How many it has.
    pub total: usize,
}

/// A suite that came to its end, or was stopped.
pub struct SuiteEnd {
    /// What it came to.
    pub report: SuiteReport,
    /// What made the first run that could not be made impossible.
    pub error: Option<AttemptError>,
}

/// Makes the runs of a plan that are not finished; `ready` are its scenarios, `progress` is told of each
/// run that ends. Always leaves a summary.
pub fn run(
    bench: &Bench<'_>,
    layout: &Layout,
    plan: &SuitePlan,
    ready: &[Ready<'_>],
    options: &SuiteOptions<'_>,
    progress: &mut (dyn FnMut(Ended<'_>) + Send),
) -> Result<SuiteEnd, atomic::WriteError> {
    if let Some(folder) = layout.last_run().parent() {
        atomic::sweep(folder, bench.clock.now());
    }
    let mut results = plan.finished(layout);
    let resumed = results.len();
    let total = plan.size();
    let mut waiting = Vec::new();
    for (at, scenario) in plan.scenarios.iter().enumerate() {
        for run in 0..scenario.runs.len() {
            if !results.contains_key(&(at, run)) {
                waiting.push((at, run));
            }
        }
    }
    let mut spent = Spending::new(options.budget);
    for one in &plan.discarded {
        spent.sum.add(one.cost.as_ref());
    }
    for result in results.values() {
        spent.sum.add(result.cost.as_ref());
    }
    // With what becomes known of runs that are broken off.
    let known = Mutex::new(plan.clone());
    let is_stopped = || bench.stop.is_some_and(StopToken::is_asked);
    let mut error = None;
    if !spent.is_over() {
        let make = |place: &(usize, usize)| {
            (!is_stopped()).then(|| one(bench, layout, &known, *place, &ready[place.0], options))
        };
        let ended = |place: (usize, usize), made: Result<RunResult, AttemptError>| match made {
            Ok(result) => {
                spent.sum.add(result.cost.as_ref());
                progress(Ended {
                    result: &result,
                    planned: ready[place.0].runs,
                    done: results.len() + 1,
                    total,
                });
                results.insert(place, result);
                if spent.is_over() {
                    Next::Stop
                } else {
                    Next::GoOn
                }
            }
            Err(failed) => {
                if !matches!(failed, AttemptError::Stopped { .. }) {
                    error.get_or_insert(failed);
                }
                Next::Stop
            }
        };
        workers::work(waiting, options.jobs, make, ended);
    }
    let missing = total - results.len();
    let stopped = if missing == 0 {
        None
    } else if is_stopped() {
        let explanation = "a signal ended it".to_owned();
        Some((StopReason::Interrupted, explanation))
    } else if let Some(error) = &error {
        Some((StopReason::CouldNotRun, error.to_string()))
    } else {
        Some((StopReason::Budget, spent.explanation()))
    };
    let known = known.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report = assemble(
        bench,
        &known,
        ready,
        options,
        results,
        resumed,
        stopped.map(|(reason, explanation)| Stopped {
            reason,
            explanation,
            left: missing,
        }),
    );
    write(layout, &report)?;
    Ok(SuiteEnd { report, error })
}

/// What was spent of what may be.
struct Spending {
    budget: Option<Usd>,
    sum: Sum,
}

impl Spending {
    fn new(budget: Option<Usd>) -> Self {
        Self {
            budget,
            sum: Sum::default(),
        }
    }

    fn known(&self) -> Usd {
        self.sum.usd.unwrap_or_default()
    }

    fn is_over(&self) -> bool {
        self.budget.is_some_and(|budget| self.known() >= budget)
    }

    fn explanation(&self) -> String {
        let budget = self.budget.unwrap_or_default();
        let unknown = match self.sum.unknown_runs {
            0 => String::new(),
            runs => format!("; what {runs} of the runs cost is not known"),
        };
        format!("${} of ${budget} are spent{unknown}", self.known())
    }
}

/// Makes one run of the plan.
fn one(
    bench: &Bench<'_>,
    layout: &Layout,
    plan: &Mutex<SuitePlan>,
    (at, run): (usize, usize),
    ready: &Ready<'_>,
    options: &SuiteOptions<'_>,
) -> Result<RunResult, AttemptError> {
    let (suite, run_id) = {
        let plan = locked(plan);
        (plan.suite.clone(), plan.scenarios[at].runs[run].clone())
    };
    let evidence = layout.run(&run_id);
    let told = Told {
        task: &ready.scenario().prompt,
        model: options.model,
        session: &run_id,
        folder: &evidence,
    };
    let start = Start::Inherited {
        withheld: &options.withheld,
    };
    let made = attempt::make(
        bench,
        AttemptPlan {
            stand_ins: &[],
            prepared: ready.prepared,
            states: &ready.states,
            command: &options.harness.command,
            environment: environment::of(bench.environment, start, options.harness, &told),
            directory: options.directory,
            binds: &[],
            confine: None,
            timeout: ready.timeout,
            clock: None,
            route: ready.route,
            trouble: &options.trouble,
            expose_clone_urls: options.expose_clone_urls,
            run_id: run_id.clone(),
            index: u32::try_from(run + 1).unwrap_or(u32::MAX),
            suite: Some(&suite),
            prices: Some(&options.prices),
            evidence: evidence.clone(),
            evidence_as: evidence.clone(),
            agent_folder: evidence.clone(),
        },
    );
    if let Err(AttemptError::Stopped { criteria }) = &made {
        // Half a run is no evidence of anything, and the next one would be taken for it. What was
        // paid for it is.
        let with = (bench.scrubber, &options.prices);
        let discarded = Discarded::broken_off(&run_id, &evidence, criteria, with);
        let mut plan = locked(plan);
        plan.discarded.push(discarded);
        plan.write(layout)?;
        drop(plan);
        discarded::remove(&evidence)?;
    }
    Ok(made?.result)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A worker that panicked ends all of them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn assemble(
    bench: &Bench<'_>,
    plan: &SuitePlan,
    ready: &[Ready<'_>],
    options: &SuiteOptions<'_>,
    mut results: BTreeMap<(usize, usize), RunResult>,
    resumed: usize,
    stopped: Option<Stopped>,
) -> SuiteReport {
    let scenarios: Vec<ScenarioReport> = ready
        .iter()
        .enumerate()
        .map(|(at, ready)| {
            let later = results.split_off(&(at + 1, 0));
            let own = std::mem::replace(&mut results, later);
            ScenarioReport {
                title: bench.scrubber.text(&ready.scenario().title),
                ..of_scenario(ready, own.into_values().collect())
            }
        })
        .collect();
    SuiteReport {
        suite: plan.suite.clone(),
        started_at: plan.started_at.clone(),
        finished_at: bench.clock.now().to_string(),
        command: command(options),
        totals: totals::of(&scenarios),
        tags: totals::tags(&scenarios, &options.tag_thresholds),
        cost: cost(plan, &scenarios),
        resumed,
        stopped,
        scenarios,
    }
}

fn cost(plan: &SuitePlan, scenarios: &[ScenarioReport]) -> SuiteCost {
    let results = scenarios.iter().flat_map(|one| &one.results);
    let mut sum = Sum::of(results.map(|result| result.cost.as_ref()));
    let unknown_runs = sum.unknown_runs;
    for one in &plan.discarded {
        sum.add(one.cost.as_ref());
    }
    SuiteCost {
        usd: sum.usd.map(Usd::dollars),
        unknown_runs,
        discarded: discarded::sum(&plan.discarded),
    }
}

fn command(options: &SuiteOptions<'_>) -> CommandSummary {
    CommandSummary {
        harness: options.harness.command.clone(),
        config: options.config.clone(),
        jobs: u32::try_from(options.jobs.get()).unwrap_or(u32::MAX),
        runs: options.runs,
        timeout_seconds: options.timeout.map(|timeout| timeout.as_secs()),
        route: options.route,
        pass_threshold: options.pass_threshold,
        tag_thresholds: options.tag_thresholds.clone(),
        tag: options.tag.clone(),
        model: options.model.map(str::to_owned),
        judge_model: options.judge_model.clone(),
        budget_usd: options.budget.map(Usd::dollars),
        strict: options.strict,
    }
}

/// The report of a scenario whose runs these are.
pub fn of_scenario(ready: &Ready<'_>, results: Vec<RunResult>) -> ScenarioReport {
    let scenario = ready.scenario();
    let scores: Vec<_> = results.iter().map(|result| result.score).collect();
    let criteria = tally::of(&results);
    let is_evaluated = criteria.iter().any(|tally| tally.evaluated() > 0);
    ScenarioReport {
        scenario: scenario.id.clone(),
        title: scenario.title.clone(),
        path: scenario.path.clone(),
        tags: scenario.config.tags.clone(),
        threshold: ready.threshold,
        held_by: ready.held_by.clone(),
        quarantine: quarantine(scenario, &results, ready.runs),
        planned: ready.runs,
        vacuous: is_evaluated.then(|| ready.vacuous(&criteria)).flatten(),
        criteria,
        score: score::of_scenario(&scores, ready.threshold),
        results,
    }
}

/// The quarantine of a scenario whose Config calls it flaky.
fn quarantine(scenario: &Scenario, results: &[RunResult], planned: u32) -> Option<Quarantine> {
    let config = &scenario.config;
    let passed = |result: &&RunResult| result.score.status == RunStatus::Passed;
    let passed = results.iter().filter(passed).count();
    config.flaky.then(|| Quarantine {
        owner: config.owner.clone().unwrap_or_default(),
        since: config.since.map(|day| day.to_string()).unwrap_or_default(),
        // One run that passes says nothing of a scenario that passes now and then.
        release: passed > 1 && u32::try_from(passed) == Ok(planned),
    })
}

fn write(layout: &Layout, report: &SuiteReport) -> Result<(), atomic::WriteError> {
    let document = Summary {
        schema: SUMMARY_SCHEMA,
        version: SUMMARY_VERSION,
        report,
    };
    let path = layout.suite(&report.suite).join(SUMMARY_FILE);
    let bytes = atomic::json_bytes(&path, &document)?;
    for path in [path, layout.last_run()] {
        atomic::write(&path, &bytes, Durability::Derived)?;
    }
    Ok(())
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
        Route::Shim => RouteMode::Shim,
        Route::Proxy => RouteMode::Proxy,
        Route::Direct => RouteMode::Direct,
    }
}
