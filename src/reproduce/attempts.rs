//! The attempts: the agent's own harness on the rebuilt state, as often as asked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::clock::Timestamp;
use archal_core::{hash, id};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::schema::RouteMode;
use crate::host::pool::Waker;
use crate::reconstruct::proven::Proven;
use crate::run::attempt::{self, Attempt, AttemptError, AttemptPlan, Bench, RunResult};
use crate::run::environment::{self, METRICS_FILE, Start, Told};
use crate::run::harness::{self, Harness, Wanted};
use crate::run::scenarios::Prepared;
use crate::run::seeds::StartState;
use crate::run::stand_in::StandIn;
use crate::run::suite;
use crate::run::trouble::TroubleEverywhere;
use crate::sandbox::child::ChildOutcome;
use crate::scenario::format;

use super::decision::Shown;
use super::estimate::Estimate;
use super::identity::{FailureIdentity, FindingIdentity};
use super::journal::{AttemptId, Journal, Phase, Refused, StepKey};
use super::metering;
use super::rounds::Round;
use super::seat::Seat;
use super::showing::{self, OfTrace};
use super::slot::{Slot, SlotError};
use super::spent::Spent;
use super::workplace::{Workplace, WorkplaceError};

/// What every attempt at one failure shares.
#[derive(Clone, Copy)]
pub struct Attempts<'a> {
    /// Clones, clock, ids, environment.
    pub bench: &'a Bench<'a>,
    /// The scenario whose criteria decide.
    pub prepared: &'a Prepared,
    /// The rebuilt state.
    pub states: &'a BTreeMap<String, StartState>,
    /// What the trace proves beside it; none where the state is a person's, and whole.
    pub proven: Option<&'a Proven>,
    /// Services and models that answer as they did in the trace.
    pub stand_ins: &'a [StandIn],
    /// What the agent is asked: the trace's own input.
    pub task: &'a str,
    /// How the agent is named; it is looked for in each copy anew, so that a repaired one is run.
    pub agent: &'a Wanted<'a>,
    /// The model the agent is told to use.
    pub model: Option<&'a str>,
    /// The time limit of one attempt.
    pub timeout: Duration,
    /// The time at which clocks stand, where dates matter and the scenario says none.
    pub clock: Option<Timestamp>,
    /// The route.
    pub route: RouteMode,
    /// Whether the agent is told the clones' addresses in `isolated` too.
    pub expose_clone_urls: bool,
    /// What goes wrong on purpose beside what the scenario says.
    pub trouble: &'a TroubleEverywhere,
    /// Where paid steps are written down.
    pub journal: &'a dyn Journal,
    /// What one attempt may cost.
    pub estimate: Estimate,
    /// Who lends hands for attempts beside the first; none where they are made one by one.
    pub hands: Option<&'a Waker>,
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

/// Why attempts did not come to their end.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A run could not be made.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// No workspace.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// A folder of evidence could not be written.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// A step may not begin, or its end could not be kept.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What was just written is not there any more.
    #[error("the evidence in {} cannot be read back", folder.display())]
    Gone {
        /// The folder.
        folder: PathBuf,
    },
}

impl StepError {
    /// Whether archal was asked to stop, so that this is no result.
    pub fn is_stopped(&self) -> bool {
        matches!(
            self,
            Self::Attempt(AttemptError::Stopped { .. })
                | Self::Workplace(WorkplaceError::Stopped)
                | Self::Refused(Refused::Stopped)
        )
    }
}

/// What the journal keeps of an attempt; the rest is read from its evidence.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlotRecord {
    /// Everything the attempt depended on.
    inputs: String,
    /// The bytes of its evidence.
    evidence: String,
    shown: Shown,
    findings: Vec<FindingIdentity>,
}

impl Attempts<'_> {
    /// Makes `count` attempts in `seat`, their evidence in numbered folders under `folder`. An
    /// attempt that was made earlier, of the same things and with its evidence whole, is taken
    /// from the journal. Where further hands are lent, attempts are made side by side, each in a
    /// workplace of its own; what comes of it is the same.
    pub fn make(
        &self,
        phase: &Phase,
        seat: &dyn Seat,
        identity: &FailureIdentity,
        count: u32,
        folder: &Path,
    ) -> Result<Vec<AttemptRecord>, StepError> {
        let inputs = self.inputs(seat, identity);
        let key = |number| StepKey {
            phase: phase.clone(),
            slot: number,
        };
        let mut round = Round::default();
        for number in 1..=count {
            let slot = Slot::new(folder, number);
            let kept = self.journal.finished(&key(number))?;
            match kept.and_then(|kept| read_back(kept, number, &inputs, &slot)) {
                Some(record) => round.has(number, record),
                None => round.lacks(number),
            }
        }
        round.work_off(seat, self.hands, &|seat, number| {
            let slot = Slot::new(folder, number);
            let record = self.step(&key(number), seat, identity, &inputs, &slot)?;
            // What was written is what counts, now as after a restart.
            read_back(record, number, &inputs, &slot).ok_or_else(|| StepError::Gone {
                folder: slot.folder().to_owned(),
            })
        })
    }

    /// Everything an attempt depends on, as one hash: evidence of something else is no evidence.
    fn inputs(&self, seat: &dyn Seat, identity: &FailureIdentity) -> String {
        let states: BTreeMap<&String, Value> = self
            .states
            .iter()
            .map(|(clone, state)| (clone, state.identity()))
            .collect();
        // The agent's variables may hold keys; only the hash of all is kept.
        let inputs = hash::of_json(&(
            (seat.base(), hash::sha256(seat.patch()), identity),
            (format::write(&self.prepared.scenario), self.task, states),
            (format!("{:?}", self.agent), self.model),
            (self.timeout, self.route, self.expose_clone_urls, self.clock),
            self.proven.map(|proven| format!("{proven:?}")),
            self.stand_ins
                .iter()
                .map(|made| (&made.hosts, &made.recorded))
                .collect::<Vec<_>>(),
        ));
        match self.trouble.to_string() {
            none if none.is_empty() => inputs,
            trouble => hash::of_json(&(inputs, trouble)),
        }
    }

    /// One attempt, from its beginning in the journal to its end there.
    fn step(
        &self,
        key: &StepKey,
        seat: &dyn Seat,
        identity: &FailureIdentity,
        inputs: &str,
        slot: &Slot,
    ) -> Result<Value, StepError> {
        // Whatever costs nothing comes first, so that an attempt which begins is also made.
        let place = seat.place()?;
        place.renew()?;
        let harness = harness::find(place.tree(), self.agent).map_err(AttemptError::from)?;
        slot.clear()?;
        let begun = self.journal.begin(key, &self.estimate)?.id;
        let made = self.one(place, &harness, &begun, slot);
        let spent = self.spent(&made, slot);
        let attempt = match made {
            Ok(attempt) => attempt,
            Err(error) => {
                self.journal.abandon(&begun, &spent)?;
                match error {
                    AttemptError::Stopped { .. } => slot.clear()?,
                    // What the agent said is there to read, though the attempt counts for nothing.
                    _ => slot.settle()?,
                }
                return Err(error.into());
            }
        };
        let kept = self.kept(&attempt, inputs, identity, slot);
        match &kept {
            Ok(record) => self.journal.end(&begun, record, &spent)?,
            // Its evidence is lost; what it spent is not.
            Err(_) => self.journal.abandon(&begun, &spent)?,
        }
        kept
    }

    /// Gives the evidence of an attempt its place, and says what is written down of it.
    fn kept(
        &self,
        attempt: &Attempt,
        inputs: &str,
        identity: &FailureIdentity,
        slot: &Slot,
    ) -> Result<Value, StepError> {
        slot.settle()?;
        let findings = showing::findings(attempt, self.prepared);
        let of_trace = self.proven.map(|proven| OfTrace {
            is_answered: proven.is_answered,
            is_about_the_end: self.prepared.reads_the_run(&identity.primary.subject),
        });
        let record = SlotRecord {
            inputs: inputs.to_owned(),
            evidence: slot.fingerprint()?,
            shown: showing::shown(attempt, &findings, identity, of_trace, |calls| {
                // Times in calls are of the attempt's own beginning.
                let base = attempt.result.base.parse().unwrap_or_default();
                self.proven?.gap(calls, base, self.bench.clones)
            }),
            findings,
        };
        Ok(serde_json::to_value(&record).map_err(AttemptError::Encode)?)
    }

    fn one(
        &self,
        place: &Workplace,
        harness: &Harness,
        begun: &AttemptId,
        slot: &Slot,
    ) -> Result<Attempt, AttemptError> {
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
        let plan = AttemptPlan {
            prepared: self.prepared,
            states: self.states,
            stand_ins: self.stand_ins,
            command: &harness.command,
            environment: environment::of(self.bench.environment, start, harness, &told),
            directory: place.tree(),
            binds: place.binds(),
            confine: place.confine_patched(self.bench.environment),
            timeout: self.timeout,
            clock: self.clock,
            route: self
                .prepared
                .scenario
                .config
                .route
                .map_or(self.route, suite::choice),
            trouble: self.trouble,
            expose_clone_urls: self.expose_clone_urls,
            run_id: run_id.clone(),
            index: 1,
            suite: None,
            prices: None,
            evidence: slot.partial().to_owned(),
            evidence_as: slot.folder().to_owned(),
            agent_folder: home.clone(),
        };
        let metrics = home.join(METRICS_FILE);
        metering::metered(self.journal, begun, &metrics, self.bench.scrubber, || {
            attempt::make(self.bench, plan)
        })
    }

    /// What an attempt spent, by the agent's own word as it was kept with the evidence.
    fn spent(&self, made: &Result<Attempt, AttemptError>, slot: &Slot) -> Spent {
        let not_started = match made {
            Ok(attempt) => matches!(attempt.result.harness, ChildOutcome::NotStarted { .. }),
            // These come before a harness is started; after any other error one may have run, and
            // what it spent is unknown.
            Err(error) => matches!(error, AttemptError::Harness(_)),
        };
        if not_started {
            return Spent::NOTHING;
        }
        metering::read(&slot.partial().join(METRICS_FILE), self.bench.scrubber)
    }
}

/// An attempt made earlier, where it was made of the same things and its evidence is whole.
fn read_back(record: Value, number: u32, inputs: &str, slot: &Slot) -> Option<AttemptRecord> {
    let record: SlotRecord = serde_json::from_value(record).ok()?;
    if record.inputs != inputs || slot.fingerprint().ok()? != record.evidence {
        return None;
    }
    let result = fs::read(slot.folder().join("result.json")).ok()?;
    Some(AttemptRecord {
        number,
        shown: record.shown,
        findings: record.findings,
        run: serde_json::from_slice(&result).ok()?,
    })
}
