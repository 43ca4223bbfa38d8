//! Every scenario in private copies of the repository: at HEAD, or with a patch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use archal_core::fixer::Checked;
use archal_core::hash;

use crate::budget::amount::Usd;
use crate::fix::checked;
use crate::fix::proof::Compared;
use crate::report::causes::chain;
use crate::report::rate::Rate;
use crate::reproduce::attempts::{AttemptRecord, Attempts, StepError};
use crate::reproduce::estimate::{Basis, Estimate};
use crate::reproduce::identity::{FailureIdentity, FindingIdentity};
use crate::reproduce::journal::{Journal, Phase, Refused};
use crate::reproduce::seat::Later;
use crate::reproduce::workplace::Workshop;
use crate::run::attempt::{AttemptError, Bench};
use crate::run::discarded;
use crate::run::harness::Wanted;
use crate::run::ready::Ready;
use crate::run::report::ScenarioReport;
use crate::run::result::RunResult;
use crate::run::score::{CriterionReport, CriterionStatus, RunStatus, Unjudged};
use crate::run::suite::{self, SuiteOptions};

/// What every trial shares.
pub struct Trials<'a> {
    /// Clones, clock, ids, environment; its token ends what runs.
    pub bench: &'a Bench<'a>,
    /// The scenarios.
    pub ready: &'a [Ready<'a>],
    /// How many of them were asked for: those after them only guard what held before.
    pub asked: usize,
    /// The settings of runs.
    pub options: &'a SuiteOptions<'a>,
    /// The settings of runs of those that guard: what the caller asked is not about them.
    pub guarding: &'a SuiteOptions<'a>,
    /// How the agent is named; it is looked for in each copy anew.
    pub agent: &'a Wanted<'a>,
    /// What one run of each may cost.
    pub estimates: &'a [Estimate],
    /// Makes private copies.
    pub workshop: Workshop<'a>,
    /// Where paid steps are written down.
    pub journal: &'a dyn Journal,
    /// The folder of the artifacts.
    pub artifacts: &'a Path,
}

/// What one more run of a scenario may cost: the most that one of these did, by the agent's own word.
pub fn estimate(report: &ScenarioReport) -> Estimate {
    let cost = |run: &RunResult| Usd::reported(run.cost.as_ref()?.agent_usd?).map(Usd::micros);
    let costs: Option<Vec<i64>> = report.results.iter().map(cost).collect();
    match costs.and_then(|costs| costs.into_iter().max()) {
        None => Estimate::UNKNOWN,
        Some(most) => Estimate {
            micros: Some(most),
            basis: Basis::Recorded,
        },
    }
}

/// Which trial it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// HEAD, before any fix.
    Base,
    /// With the patch of an attempt.
    Patched(u32),
    /// With what the fixer of an attempt changed so far.
    Checked {
        /// The attempt.
        attempt: u32,
        /// Which look at it, from 1.
        check: u32,
    },
}

/// What a trial came to.
pub struct Trial {
    /// Each scenario, in order.
    pub reports: Vec<ScenarioReport>,
    /// The runs of each, in the same order.
    pub records: Vec<Vec<AttemptRecord>>,
}

impl Trials<'_> {
    /// Runs every scenario with `patch`, as often as `count` says for its place.
    ///
    /// # Errors
    ///
    /// When a run could not be made, or may not begin.
    pub fn make(
        &self,
        which: Which,
        patch: &[u8],
        count: &dyn Fn(usize) -> u32,
    ) -> Result<Trial, StepError> {
        let seat = Later::new(&self.workshop, patch);
        let mut trial = Trial {
            reports: Vec::new(),
            records: Vec::new(),
        };
        for (at, ready) in self.ready.iter().enumerate() {
            let name = self.name_of(ready);
            let (phase, folder) = match which {
                Which::Base => (
                    Phase::Before(name.clone()),
                    self.artifacts.join("base").join(&name),
                ),
                Which::Checked { attempt, check } => (
                    Phase::After(format!("{attempt}/check-{check}/{name}")),
                    self.artifacts
                        .join("attempts")
                        .join(attempt.to_string())
                        .join("checks")
                        .join(check.to_string())
                        .join(&name),
                ),
                Which::Patched(attempt) => (
                    Phase::After(format!("{attempt}/{name}")),
                    self.artifacts
                        .join("attempts")
                        .join(attempt.to_string())
                        .join("runs")
                        .join(&name),
                ),
            };
            let identity = any(&ready.scenario().id);
            let attempts = self.attempts(at);
            let made = attempts.make(&phase, &seat, &identity, count(at), &folder)?;
            let mut results = Vec::new();
            for record in &made {
                let mut result = record.run.clone();
                result.index = record.number;
                results.push(result);
            }
            let report = suite::of_scenario(ready, results);
            if is_judge_out_of_money(&report) {
                // They show nothing, and are made again when there is money.
                let unjudged = made.iter().filter(|one| one.run.is_unjudged());
                for one in unjudged {
                    discarded::remove(&one.run.evidence).map_err(AttemptError::from)?;
                }
                let reason = "the money for the judge is spent, so criteria are open".to_owned();
                return Err(Refused::Budget { reason }.into());
            }
            trial.reports.push(report);
            trial.records.push(made);
        }
        Ok(trial)
    }

    /// What fails, once with an unfinished change: the check of an attempt, by their numbers.
    pub fn checked(
        &self,
        (attempt, check): (u32, u32),
        patch: &[u8],
        targets: &[usize],
    ) -> Checked {
        let count = |at: usize| u32::from(targets.contains(&at));
        let trial = match self.make(Which::Checked { attempt, check }, patch, &count) {
            Ok(trial) => trial,
            Err(error) if error.is_stopped() => return Checked::Stopped,
            Err(StepError::Attempt(AttemptError::Harness(error))) => {
                return Checked::Fails(format!("there is no agent to run: {error}"));
            }
            Err(error) => return Checked::Unknown(chain(&error)),
        };
        let red = targets.iter().filter(|at| {
            let green = trial.green(**at);
            green.k < green.n
        });
        let runs = red.flat_map(|at| &trial.records[*at]);
        let why: String = runs.map(|one| checked::failed(&one.run)).collect();
        match why.is_empty() {
            true => Checked::Passes,
            false => Checked::Fails(why),
        }
    }

    /// How a scenario is run.
    pub(super) fn attempts(&self, at: usize) -> Attempts<'_> {
        let ready = &self.ready[at];
        let options = match at < self.asked {
            true => self.options,
            false => self.guarding,
        };
        Attempts {
            bench: self.bench,
            prepared: ready.prepared,
            states: &ready.states,
            proven: None,
            stand_ins: &[],
            task: &ready.scenario().prompt,
            agent: self.agent,
            model: options.model,
            timeout: ready.timeout,
            clock: None,
            route: ready.route,
            expose_clone_urls: options.expose_clone_urls,
            trouble: &options.trouble,
            journal: self.journal,
            estimate: self.estimates.get(at).copied().unwrap_or(Estimate::UNKNOWN),
            hands: None,
        }
    }

    /// What a scenario is called in folders and steps: its id, or more where several have it.
    pub(super) fn name_of(&self, ready: &Ready<'_>) -> String {
        let scenario = ready.scenario();
        let same = |other: &&Ready<'_>| other.scenario().id == scenario.id;
        if self.ready.iter().filter(same).count() < 2 {
            return scenario.id.clone();
        }
        let path: PathBuf = scenario.path.clone();
        format!(
            "{}-{}",
            scenario.id,
            hash::short(&path.display().to_string())
        )
    }
}

/// Which failure it is follows from the runs at HEAD, so no run is held to one beforehand.
fn any(scenario: &str) -> FailureIdentity {
    FailureIdentity {
        scenario: scenario.to_owned(),
        findings: Vec::new(),
        primary: FindingIdentity {
            subject: String::new(),
            operation: None,
            entity: None,
        },
    }
}

impl Trial {
    /// Runs of a scenario that did not pass, of those that were made.
    pub fn red(&self, at: usize) -> Rate {
        let green = self.green(at);
        Rate::of(green.n - green.k, green.n)
    }

    /// Runs of a scenario that passed and in which nothing was left open, of those that were made.
    pub fn green(&self, at: usize) -> Rate {
        let runs = &self.records[at];
        let passed = |one: &&AttemptRecord| {
            let run = &one.run;
            run.score.status == RunStatus::Passed && !run.criteria.iter().any(is_open)
        };
        Rate::of(runs.iter().filter(passed).count() as u64, runs.len() as u64)
    }

    /// A scenario beside itself in another trial.
    pub fn compared(&self, after: &Self, at: usize) -> Compared {
        let (one, other) = (&self.reports[at], &after.reports[at]);
        let (before, now) = (broken(one), broken(other));
        Compared {
            scenario: one.scenario.clone(),
            before: one.score.status,
            after: other.score.status,
            newly_broken: now.difference(&before).cloned().collect(),
            quarantined: one.quarantine.is_some(),
        }
    }
}

/// Whether a judge that was asked left a criterion open: it could not be reached or paid, or was
/// unsure. Such a run shows nothing to rely on, whatever the other criteria came to.
pub fn is_open(criterion: &CriterionReport) -> bool {
    criterion.unjudged.is_some() || criterion.status == CriterionStatus::Unsure
}

/// Whether a judge was not asked since its money was spent.
pub fn is_judge_out_of_money(report: &ScenarioReport) -> bool {
    let mut criteria = report.results.iter().flat_map(|result| &result.criteria);
    criteria.any(|criterion| criterion.unjudged == Some(Unjudged::Budget))
}

/// The criteria that did not hold in some run, or were left open.
fn broken(report: &ScenarioReport) -> BTreeSet<String> {
    let criteria = report.results.iter().flat_map(|result| &result.criteria);
    criteria
        .filter(|one| one.status == CriterionStatus::Fail || is_open(one))
        .map(|one| one.id.clone())
        .collect()
}
