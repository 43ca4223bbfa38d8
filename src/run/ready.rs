//! A scenario that is ready to run: its settings resolved, its starting states opened once, its
//! criteria decided on them.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use archal_core::diagnostic::Diagnostic;
use archal_core::hash;
use serde_json::{Value, json};

use crate::config::schema::RouteMode;
use crate::scenario::criteria::{CriterionResult, CriterionStatus};
use crate::scenario::untouched::untouched;
use crate::scenario::{Check, Criterion, Scenario};

use super::attempt::Bench;
use super::plan::Present;
use super::scenarios::Prepared;
use super::seeds::{self, SeedError, StartState};
use super::suite::{self, SuiteOptions};
use super::tally::CriterionTally;

/// A scenario with everything its runs need.
pub struct Ready<'a> {
    /// The scenario.
    pub prepared: &'a Prepared,
    /// The starting state of each of its clones.
    pub states: BTreeMap<String, StartState>,
    /// How many runs it is to have.
    pub runs: u32,
    /// How long each may take.
    pub timeout: Duration,
    /// The route wanted.
    pub route: RouteMode,
    /// The satisfaction from which on it has passed.
    pub threshold: f64,
    /// The tags whose thresholds hold in place of its own.
    pub held_by: Vec<String>,
    /// What each criterion comes to when the agent does nothing; none for judged ones.
    pub untouched: Vec<Option<CriterionResult>>,
}

/// Why a scenario is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// A starting state cannot be had.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A clone refuses its starting state.
    #[error("the {clone} clone refuses its starting state in {scenario}")]
    Refused {
        /// The clone.
        clone: String,
        /// The scenario's id.
        scenario: String,
        /// What the clone says of it.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Resolves a scenario's settings, opens its clones on their starting states and decides its
/// criteria on them.
pub fn make<'a>(
    bench: &Bench<'_>,
    prepared: &'a Prepared,
    options: &SuiteOptions<'_>,
) -> Result<Ready<'a>, NotReady> {
    let scenario = &prepared.scenario;
    let config = &scenario.config;
    let states = seeds::of_scenario(scenario, bench.clones, &options.states)?;
    let opened = states
        .iter()
        .map(|(clone, state)| (clone.clone(), state.as_seed()))
        .collect();
    let base = archal_core::clock::truncate_to_second(bench.clock.now());
    let found = untouched(scenario, &prepared.compiled, &opened, bench.clones, base);
    if let Some((clone, diagnostics)) = found.refused.into_iter().next() {
        return Err(NotReady::Refused {
            clone,
            scenario: scenario.id.clone(),
            diagnostics,
        });
    }
    let own = options.pass_threshold.or(config.pass_threshold);
    let held_by = config
        .tags
        .iter()
        .filter(|tag| config.pass_threshold.is_none() && options.tag_thresholds.contains_key(*tag))
        .cloned()
        .collect();
    Ok(Ready {
        prepared,
        states,
        runs: options.runs.or(config.runs).unwrap_or(options.default_runs),
        timeout: options
            .timeout
            .unwrap_or_else(|| suite::timeout(scenario, options.default_timeout)),
        route: options
            .route
            .or_else(|| config.route.map(suite::choice))
            .unwrap_or(options.default_route),
        threshold: own.unwrap_or(options.default_threshold),
        held_by,
        untouched: found.criteria,
    })
}

impl Ready<'_> {
    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.prepared.scenario
    }

    /// What it is now, for the plan.
    pub fn present(&self, bench: &Bench<'_>, options: &SuiteOptions<'_>) -> Present {
        Present {
            scenario: self.scenario().id.clone(),
            path: self.scenario().path.clone(),
            inputs: self.inputs(bench, options),
            runs: self.runs,
        }
    }

    /// A hash of all that makes a run of it what it is, but for the agent.
    fn inputs(&self, bench: &Bench<'_>, options: &SuiteOptions<'_>) -> String {
        let scenario = self.scenario();
        let file = self
            .prepared
            .has_file
            .then(|| fs::read(&scenario.path).ok());
        let text = file.flatten().map(|bytes| hash::sha256(&bytes));
        let text = (text.unwrap_or_default(), &scenario.prompt);
        let states: BTreeMap<&String, Value> = self
            .states
            .iter()
            .map(|(clone, state)| (clone, state.identity()))
            .collect();
        let is_judged = |one: &Criterion| matches!(one.check, Check::Judged { .. });
        let judge = bench
            .judge
            .filter(|_| scenario.criteria.iter().any(is_judged));
        let judge = judge.map(|judge| {
            let settings = judge.settings();
            let chosen = &settings.judge;
            let provider = chosen.provider.name();
            json!([provider, chosen.model, chosen.base_url, settings.is_forced])
        });
        hash::of_json(&(
            text,
            states,
            self.timeout.as_secs(),
            self.route,
            options.expose_clone_urls,
            judge,
            options.trouble.to_string(),
        ))
    }

    /// The criteria that hold though nothing was done, and how many are decided without a judge.
    pub fn idle(&self) -> (Vec<&str>, usize) {
        let mut holding = Vec::new();
        let mut decided = 0;
        for (criterion, result) in self.scenario().criteria.iter().zip(&self.untouched) {
            let Some(result) = result else { continue };
            decided += 1;
            if result.status == CriterionStatus::Pass {
                holding.push(criterion.id.as_str());
            }
        }
        (holding, decided)
    }

    /// Why its criteria show nothing, where they hold without anything being done; `tallies` are
    /// those of its runs.
    pub fn vacuous(&self, tallies: &[CriterionTally]) -> Option<String> {
        let evaluated: Vec<&CriterionTally> = tallies
            .iter()
            .filter(|tally| tally.evaluated() > 0)
            .collect();
        let is_judged = evaluated.iter().any(|tally| tally.kind == "P");
        let (holding, decided) = self.idle();
        if decided > 0 && holding.len() == decided && !is_judged {
            return Some(
                "every criterion holds on the untouched starting state: an agent that does \
                 nothing passes"
                    .to_owned(),
            );
        }
        let is_empty = !evaluated.is_empty()
            && evaluated
                .iter()
                .all(|tally| tally.failed == 0 && tally.vacuous == tally.passed);
        is_empty
            .then(|| "every criterion held only because there was nothing it applies to".to_owned())
    }
}
