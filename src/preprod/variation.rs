//! A patch that makes a scenario pass, on a variation of it that the fixer never saw.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use serde_json::Value;

use crate::fix::proof::HeldBack;
use crate::fix::repair::RepairError;
use crate::fix::variation::held_back::Examination;
use crate::reproduce::attempts::Attempts;
use crate::reproduce::estimate::Estimate;
use crate::reproduce::identity::FailureIdentity;
use crate::reproduce::journal::{AttemptId, Begun, Journal, Phase, Refused, StepKey};
use crate::reproduce::seat::Later;
use crate::reproduce::spent::Spent;
use crate::run::ready::Ready;
use crate::run::seeds::StartState;
use crate::scenario::untouched;

use super::trial::{Trial, Trials};

/// A patch to be examined.
pub struct Examined<'a> {
    /// The attempt it is of.
    pub number: u32,
    /// It.
    pub patch: &'a [u8],
    /// HEAD with the files that git does not track.
    pub before: &'a [u8],
    /// How often each is run at the least.
    pub runs: u32,
    /// The scenarios at HEAD.
    pub base: &'a Trial,
    /// Files that say what is asked of the agent, relative to the repository.
    pub asked: &'a [PathBuf],
}

impl Trials<'_> {
    /// Runs HEAD and a patch on a variation of the scenario at a place of the list.
    ///
    /// # Errors
    ///
    /// When it was stopped, has no money or cannot be carried out.
    pub fn held_back(
        &self,
        examined: &Examined<'_>,
        at: usize,
        folder: &Path,
    ) -> Result<HeldBack, RepairError> {
        let ready = &self.ready[at];
        let Some(identity) = identity(examined.base, at, &ready.scenario().id) else {
            let why = "no criterion fails without the patch, so there is nothing to vary";
            return Ok(HeldBack::not_applicable(why));
        };
        // What is made again after a kill must be of the same times.
        let times = examined.base.records[at].first();
        let now = times.and_then(|one| one.run.base.parse().ok());
        let now = now.unwrap_or_else(|| self.bench.clock.now());
        let seeds = match self.documents(ready, now) {
            Ok(seeds) => seeds,
            Err(why) => return Ok(HeldBack::not_applicable(&why)),
        };
        let name = self.name_of(ready);
        let journal = Named {
            journal: self.journal,
            name: format!("{}/{name}", examined.number),
        };
        let attempts = Attempts {
            journal: &journal,
            ..self.attempts(at)
        };
        let base = Later::new(&self.workshop, examined.before);
        let patched = Later::new(&self.workshop, examined.patch);
        Examination {
            attempts: &attempts,
            seeds: &seeds,
            asked: examined.asked,
            identity: &identity,
            red: examined.base.red(at),
            runs: ready.runs.max(examined.runs),
            folder: &folder.join(name),
        }
        .run(&base, &patched)
    }

    /// The starting state of each clone as a document that can be rewritten.
    fn documents(
        &self,
        ready: &Ready<'_>,
        now: Timestamp,
    ) -> Result<BTreeMap<String, Value>, String> {
        let scenario = ready.scenario();
        let compiled = &ready.prepared.compiled;
        let seeds = ready.states.iter();
        let seeds = seeds
            .map(|(clone, state)| (clone.clone(), state.as_seed()))
            .collect();
        let opened = untouched::untouched(scenario, compiled, &seeds, self.bench.clones, now);
        if let Some((clone, findings)) = opened.refused.first() {
            let why = findings.first().map_or("", |finding| &finding.message);
            return Err(format!("{clone} refuses its starting state: {why}"));
        }
        let mut documents = BTreeMap::new();
        for (clone, state) in opened.states {
            let document = match ready.states.get(&clone) {
                Some(StartState::Document(document)) => document.clone(),
                _ => state.to_json(),
            };
            documents.insert(clone, document);
        }
        Ok(documents)
    }
}

/// What a scenario fails by at HEAD; none where no criterion does.
fn identity(base: &Trial, at: usize, scenario: &str) -> Option<FailureIdentity> {
    let failing = base.records[at]
        .iter()
        .find(|one| !one.findings.is_empty())?;
    let mut findings = failing.findings.clone();
    let primary = findings.first()?.clone();
    findings.sort();
    findings.dedup();
    Some(FailureIdentity {
        scenario: scenario.to_owned(),
        findings,
        primary,
    })
}

/// A journal in which the steps of a variation go by the attempt and the scenario they are of.
struct Named<'a> {
    journal: &'a dyn Journal,
    name: String,
}

impl Named<'_> {
    fn key(&self, key: &StepKey) -> StepKey {
        let phase = match &key.phase {
            Phase::HeldBackBase(number) => {
                Phase::Before(format!("held-back/{}/{number}", self.name))
            }
            Phase::HeldBack => Phase::After(format!("held-back/{}", self.name)),
            other => other.clone(),
        };
        StepKey {
            phase,
            slot: key.slot,
        }
    }
}

impl Journal for Named<'_> {
    fn finished(&self, key: &StepKey) -> Result<Option<Value>, Refused> {
        self.journal.finished(&self.key(key))
    }

    fn begin(&self, key: &StepKey, estimate: &Estimate) -> Result<Begun, Refused> {
        self.journal.begin(&self.key(key), estimate)
    }

    fn meter(&self, id: &AttemptId, spent: &Spent) {
        self.journal.meter(id, spent);
    }

    fn end(&self, id: &AttemptId, record: &Value, spent: &Spent) -> Result<(), Refused> {
        self.journal.end(id, record, spent)
    }

    fn abandon(&self, id: &AttemptId, spent: &Spent) -> Result<(), Refused> {
        self.journal.abandon(id, spent)
    }
}
