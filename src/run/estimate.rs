//! What the runs of a suite may take and cost, from what earlier runs of the same scenarios took.
//! What was never run here is unknown, and stays so.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::store::layout::Layout;

use super::plan::{self, SUMMARY_FILE};
use super::ready::Ready;
use super::report::SuiteReport;
use super::result::RunResult;
use super::score::mean;

/// The value of `schema` in an estimate.
pub const ESTIMATE_SCHEMA: &str = "archal.run-estimate";
/// The version of the estimate written here.
pub const ESTIMATE_VERSION: u32 = 1;
/// So many of the latest suites are looked at.
const SUITES: usize = 20;

/// What a suite may take: `archal run --dry-run`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Each scenario.
    pub scenarios: Vec<ScenarioEstimate>,
    /// Runs to make.
    pub runs: u32,
    /// Runs of scenarios that were run here before.
    pub known_runs: u32,
    /// How many at once.
    pub jobs: usize,
    /// Wall time of the known runs in milliseconds; none where none is known.
    pub time_ms: Option<u64>,
    /// Wall time in milliseconds when every run takes as long as it may.
    pub at_most_ms: u64,
    /// What the runs cost whose scenarios' cost is known, in dollars; none where none is.
    pub usd: Option<f64>,
    /// Runs of scenarios whose cost is known.
    pub priced_runs: u32,
}

/// What a scenario's runs may take.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioEstimate {
    /// The scenario's id.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub path: PathBuf,
    /// Its clones.
    pub clones: Vec<String>,
    /// Runs to make.
    pub runs: u32,
    /// How long each may take, in milliseconds.
    pub timeout_ms: u64,
    /// The median of what earlier runs took, archal's own part with it, in milliseconds.
    pub run_ms: Option<u64>,
    /// The mean of what earlier runs cost, in dollars.
    pub run_usd: Option<f64>,
    /// The mean of what the agent alone said they cost, where one said it.
    #[serde(skip)]
    pub agent_usd: Option<f64>,
    /// How many earlier runs that is from.
    pub from: usize,
}

impl Estimate {
    /// What the agent may cost in so many more runs of each scenario, in dollars; none where that of
    /// one is not known.
    pub fn agent_usd(&self, left: &[usize]) -> Option<f64> {
        let each = self.scenarios.iter().zip(left);
        let costs = each.filter(|(_, left)| **left > 0);
        costs
            .map(|(scenario, left)| {
                Some(scenario.agent_usd? * u32::try_from(*left).ok().map(f64::from)?)
            })
            .sum()
    }
}

/// What earlier runs of one scenario took.
#[derive(Debug, Default, Clone, PartialEq)]
struct Past {
    times: Vec<u64>,
    costs: Vec<f64>,
    of_agent: Vec<f64>,
}

/// Estimates from the latest suites in the state folder.
pub fn of(layout: &Layout, ready: &[Ready<'_>], jobs: NonZeroUsize) -> Estimate {
    let past = past(layout);
    let scenarios: Vec<ScenarioEstimate> = ready
        .iter()
        .map(|ready| {
            let scenario = ready.scenario();
            let known = past.get(&scenario.id).cloned().unwrap_or_default();
            ScenarioEstimate {
                scenario: scenario.id.clone(),
                title: scenario.title.clone(),
                path: scenario.path.clone(),
                clones: scenario.config.clones.clone(),
                runs: ready.runs,
                timeout_ms: milliseconds(ready.timeout),
                run_ms: median(known.times.clone()),
                run_usd: mean(&known.costs),
                agent_usd: mean(&known.of_agent),
                from: known.times.len(),
            }
        })
        .collect();
    let runs_where = |wanted: &dyn Fn(&&ScenarioEstimate) -> bool| {
        scenarios.iter().filter(wanted).map(|one| one.runs).sum()
    };
    let known: Vec<(u32, u64)> = scenarios
        .iter()
        .filter_map(|one| Some((one.runs, one.run_ms?)))
        .collect();
    let longest: Vec<(u32, u64)> = scenarios
        .iter()
        .map(|one| (one.runs, one.timeout_ms))
        .collect();
    let costs: Vec<f64> = scenarios
        .iter()
        .filter_map(|one| Some(f64::from(one.runs) * one.run_usd?))
        .collect();
    Estimate {
        runs: runs_where(&|_| true),
        known_runs: runs_where(&|one| one.run_ms.is_some()),
        jobs: jobs.get(),
        time_ms: (!known.is_empty()).then(|| spread(&known, jobs)),
        at_most_ms: spread(&longest, jobs),
        usd: (!costs.is_empty()).then(|| costs.iter().sum()),
        priced_runs: runs_where(&|one| one.run_usd.is_some()),
        scenarios,
    }
}

fn past(layout: &Layout) -> BTreeMap<String, Past> {
    let mut summaries: Vec<_> = plan::names(&layout.suites())
        .into_iter()
        .filter_map(|name| {
            let path = layout.suite(&name).join(SUMMARY_FILE);
            let changed = fs::metadata(&path).ok()?.modified().ok()?;
            Some((changed, path))
        })
        .collect();
    summaries.sort();
    let mut past: BTreeMap<String, Past> = BTreeMap::new();
    for (_, path) in summaries.iter().rev().take(SUITES) {
        let Some(report) = read(path) else { continue };
        for scenario in report.scenarios {
            let known = past.entry(scenario.scenario).or_default();
            for result in scenario.results {
                known.times.push(took(&result));
                let cost = result.cost.unwrap_or_default();
                known.costs.extend(cost.usd);
                known.of_agent.extend(cost.agent_usd);
            }
        }
    }
    past
}

/// What a run took, with what archal added. The judge's time is not in it.
fn took(result: &RunResult) -> u64 {
    let added = result.overhead_ms.unwrap_or_default().max(0.0) / 1000.0;
    let added = Duration::try_from_secs_f64(added).unwrap_or_default();
    result.duration_ms.saturating_add(milliseconds(added))
}

fn read(path: &Path) -> Option<SuiteReport> {
    // One that cannot be read says nothing of the runs to come.
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// How long runs take that begin in order, each as soon as a worker is free.
fn spread(scenarios: &[(u32, u64)], jobs: NonZeroUsize) -> u64 {
    let mut workers = vec![0_u64; jobs.get()];
    for (runs, each) in scenarios {
        for _ in 0..*runs {
            if let Some(first) = workers.iter_mut().min() {
                *first = first.saturating_add(*each);
            }
        }
    }
    workers.into_iter().max().unwrap_or_default()
}

fn median(mut times: Vec<u64>) -> Option<u64> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_spread_over_the_workers_in_order() {
        let jobs = |number| NonZeroUsize::new(number).expect("not zero");
        assert_eq!(spread(&[(3, 10)], jobs(1)), 30);
        assert_eq!(spread(&[(3, 10)], jobs(2)), 20);
        assert_eq!(spread(&[(1, 50), (4, 10)], jobs(2)), 50);
        assert_eq!(spread(&[(2, u64::MAX)], jobs(1)), u64::MAX);
        assert_eq!(spread(&[], jobs(4)), 0);
    }

    #[test]
    fn only_the_runs_that_are_left_may_cost_something() {
        let scenario = |agent_usd| ScenarioEstimate {
            scenario: "s".to_owned(),
            title: String::new(),
            path: PathBuf::new(),
            clones: Vec::new(),
            runs: 4,
            timeout_ms: 1,
            run_ms: None,
            run_usd: Some(1.0),
            agent_usd,
            from: 1,
        };
        let estimate = Estimate {
            scenarios: vec![scenario(Some(0.25)), scenario(None)],
            runs: 8,
            known_runs: 0,
            jobs: 1,
            time_ms: None,
            at_most_ms: 1,
            usd: Some(8.0),
            priced_runs: 8,
        };
        assert_eq!(estimate.agent_usd(&[4, 0]), Some(1.0));
        assert_eq!(estimate.agent_usd(&[1, 0]), Some(0.25));
        assert_eq!(estimate.agent_usd(&[1, 1]), None);
    }

    #[test]
    fn a_run_takes_what_the_agent_and_archal_take() {
        let result = |overhead: serde_json::Value| -> RunResult {
            serde_json::from_value(serde_json::json!({
                "schema": "archal.run", "version": 1, "runId": "r", "scenario": "a", "title": "A",
                "base": "2026-01-01T00:00:00Z", "route": {"level": "proxy"},
                "containment": "pgroup", "processLimit": "",
                "harness": {"how": "exited", "code": 0}, "answer": "", "durationMs": 7,
                "overheadMs": overhead, "calls": 0, "criteria": [], "refused": [],
                "unmodelled": [], "inconclusive": [], "status": "passed", "score": 100.0,
                "evidence": "r",
            }))
            .expect("a result")
        };
        assert_eq!(took(&result(12.9.into())), 19);
        assert_eq!(took(&result(serde_json::Value::Null)), 7);
        assert_eq!(took(&result((-1.0).into())), 7);
    }

    #[test]
    fn the_middle_is_not_moved_by_one_slow_run() {
        assert_eq!(median(vec![9_000, 10, 12]), Some(12));
        assert_eq!(median(Vec::new()), None);
    }
}
