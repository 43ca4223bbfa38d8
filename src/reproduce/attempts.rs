//! The attempts: the agent's own harness on the rebuilt state, as often as asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::id;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::RouteMode;
use crate::grade::state::decisive;
use crate::run::attempt::{self, Attempt, AttemptError, AttemptPlan, Bench, RunResult};
use crate::run::environment::{self, Start, Told};
use crate::run::harness::{self, Wanted};
use crate::run::scenarios::Prepared;
use crate::run::score::{CriterionStatus, RunStatus};
use crate::run::seeds::StartState;
use crate::run::suite;
use crate::sandbox::child::ChildOutcome;

use super::decision::Shown;
use super::identity::{FailureIdentity, FindingIdentity};
use super::workplace::Workplace;

/// What every attempt at one failure shares.
#[derive(Clone, Copy)]
pub struct Attempts<'a> {
    /// Clones, clock, ids, environment.
    pub bench: &'a Bench<'a>,
    /// The scenario whose criteria decide.
    pub prepared: &'a Prepared,
    /// The rebuilt state.
    pub states: &'a BTreeMap<String, StartState>,
    /// What the agent is asked: the trace's own input.
    pub task: &'a str,
    /// How the agent is named; it is looked for in each copy anew, so that a repaired one is run.
    pub agent: &'a Wanted<'a>,
    /// The model the agent is told to use.
    pub model: Option<&'a str>,
    /// The time limit of one attempt.
    pub timeout: Duration,
    /// The route.
    pub route: RouteMode,
    /// Whether the agent is told the clones' addresses in `isolated` too.
    pub expose_clone_urls: bool,
}

/// One attempt that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// Its number, from 1.
    pub number: u32,
    /// What it showed.
    pub shown: Shown,
    /// Its findings.
    pub findings: Vec<FindingIdentity>,
    /// Its run.
    pub run: RunResult,
}

impl Attempts<'_> {
    /// Makes `count` attempts in `place`, their evidence in numbered folders under `folder`.
    pub fn make(
        &self,
        place: &Workplace,
        identity: &FailureIdentity,
        count: u32,
        folder: &Path,
    ) -> Result<Vec<AttemptRecord>, AttemptError> {
        (1..=count)
            .map(|number| {
                let attempt = self.one(place, folder.join(format!("attempt-{number}")))?;
                let findings = findings(&attempt, self.prepared);
                Ok(AttemptRecord {
                    number,
                    shown: shown(&attempt, &findings, identity),
                    findings,
                    run: attempt.result,
                })
            })
            .collect()
    }

    fn one(&self, place: &Workplace, evidence: PathBuf) -> Result<Attempt, AttemptError> {
        place
            .renew()
            .map_err(|error| AttemptError::Place(error.into()))?;
        let harness = harness::find(place.tree(), self.agent)?;
        let run_id = id::prefixed(self.bench.ids, "run");
        let home = place.home();
        let told = Told {
            task: self.task,
            model: self.model,
            session: &run_id,
            folder: &home,
        };
        let start = Start::Cleared {
            named: &place.agent_variables(),
            home: &home,
        };
        attempt::make(
            self.bench,
            AttemptPlan {
                prepared: self.prepared,
                states: self.states,
                command: &harness.command,
                environment: environment::of(self.bench.environment, start, &harness, &told),
                directory: place.tree(),
                binds: place.binds(),
                timeout: self.timeout,
                route: self
                    .prepared
                    .scenario
                    .config
                    .route
                    .map_or(self.route, suite::choice),
                expose_clone_urls: self.expose_clone_urls,
                run_id: run_id.clone(),
                evidence,
                agent_folder: home.clone(),
            },
        )
    }
}

fn findings(attempt: &Attempt, prepared: &Prepared) -> Vec<FindingIdentity> {
    attempt
        .result
        .criteria
        .iter()
        .filter(|criterion| criterion.status == CriterionStatus::Fail)
        .map(|criterion| {
            let decisive = decisive(criterion, prepared, &attempt.changes);
            FindingIdentity {
                subject: criterion.id.clone(),
                operation: decisive.operation,
                entity: decisive.entity,
            }
        })
        .collect()
}

/// What one attempt showed, by the stated rule.
fn shown(attempt: &Attempt, findings: &[FindingIdentity], identity: &FailureIdentity) -> Shown {
    let result = &attempt.result;
    if let ChildOutcome::NotStarted { reason } = &result.harness {
        return Shown::Void {
            cause: format!("the harness did not start: {reason}"),
        };
    }
    if result.harness == ChildOutcome::Stopped {
        return Shown::Void {
            cause: "archal was stopped before the harness had ended".to_owned(),
        };
    }
    let crashed = result.harness != (ChildOutcome::Exited { code: 0 });
    if crashed && attempt.calls.is_empty() {
        return Shown::Void {
            cause: "the harness ended with a failure before its first call".to_owned(),
        };
    }
    if let Some(first) = result.unmodelled.first() {
        return Shown::Void {
            cause: format!("a clone does not model {first}"),
        };
    }
    if findings.contains(&identity.primary) {
        return Shown::RedSame;
    }
    if let Some(reason) = result.inconclusive.first() {
        return Shown::Void {
            cause: reason.clone(),
        };
    }
    if result.score.status == RunStatus::Passed {
        return Shown::Green;
    }
    let mut failed: Vec<String> = findings
        .iter()
        .map(|finding| finding.subject.clone())
        .collect();
    if crashed {
        failed.push("the harness ended with a failure".to_owned());
    }
    Shown::RedOther { failed }
}
