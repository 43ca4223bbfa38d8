//! The journal of a job's paid steps: the user's ledger first, then the job's rows, then the
//! process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use archal_core::id;
use serde_json::Value;

use crate::budget::amount::Usd;
use crate::budget::cap::{Cap, WhichCap};
use crate::budget::entry::{AttemptKey, Request};
use crate::budget::ledger::{Denied, LedgerError, ReserveError};
use crate::reproduce::estimate::Estimate;
use crate::reproduce::journal::{AttemptId, Begun, Journal, Phase, Refused, StepKey};
use crate::reproduce::spent::Spent;
use crate::sandbox::stop::StopToken;
use crate::store::database::DatabaseError;

use super::engine::{Attached, Engine};
use super::job::JobReport;
use super::kept::{KeptAttempt, Place};
use super::ready::Ready;
use super::state::attempts::{self, AttemptState};
use super::state::failures;
use super::state::time_text;

/// Micro-dollars.
const DOLLAR: i64 = 1_000_000;

/// Keeps the paid steps of one job.
pub struct JobJournal<'a> {
    engine: &'a Engine,
    ready: &'a Ready,
    attached: &'a Attached,
    job: i64,
    trace: String,
    stop: &'a StopToken,
    /// Where steps are kept beside the state.
    place: Place,
    /// The step that each attempt is at.
    begun: Mutex<BTreeMap<String, (String, u32)>>,
}

impl<'a> JobJournal<'a> {
    /// The journal of a job.
    pub fn new(
        engine: &'a Engine,
        ready: &'a Ready,
        attached: &'a Attached,
        (job, report): (i64, &JobReport),
        stop: &'a StopToken,
    ) -> Self {
        Self {
            engine,
            ready,
            attached,
            job,
            trace: report.name.clone(),
            stop,
            place: Place::of(&engine.surround.layout, report, &ready.base),
            begun: Mutex::default(),
        }
    }

    /// Keeps an attempt beside the state. It counts only where the state is lost, so that a job
    /// does not fail for want of it.
    fn keep(&self, id: &AttemptId, record: &Value, spent: &Spent) {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((phase, slot)) = begun.get(&id.0) else {
            return;
        };
        let kept = self.place.add(KeptAttempt {
            id: id.0.clone(),
            phase: phase.clone(),
            slot: *slot,
            record: record.clone(),
            spent: spent.clone(),
            ended_at: time_text(self.engine.now()),
        });
        if let Err(error) = kept {
            tracing::warn!("{}", super::reproducing::chain(&error));
        }
    }

    /// What mends a cap that is reached.
    fn way_out(&self, denied: &Denied) -> String {
        let (directory, repo) = (&self.attached.directory, &self.engine.surround.repo);
        let mut flags = self.attached.flags.clone();
        match denied.which {
            WhichCap::Trace => {
                flags.budget_usd = Some(Cap::AtMost(more_than(denied)).into());
                format!("to go on: {}", flags.command(directory, repo))
            }
            WhichCap::Day => format!(
                "it goes on with the next day (UTC), or with a higher budget.perDayUsd in .archal.json and {}",
                flags.command(directory, repo)
            ),
        }
    }

    fn key(&self, id: &AttemptId) -> AttemptKey {
        AttemptKey::new(&self.engine.surround.repo, id.0.clone())
    }

    fn finish(
        &self,
        id: &AttemptId,
        state: AttemptState,
        record: Option<&Value>,
        spent: &Spent,
    ) -> Result<(), Refused> {
        let now = self.engine.now();
        let kept = serde_json::to_value(spent).unwrap_or_default();
        // What it spent stands in the row, so that a process that is killed before the next line
        // leaves the charge to the next one.
        self.engine
            .state
            .write_synced(|change| attempts::end(change, &id.0, state, record, Some(&kept), now))
            .map_err(refused)?;
        self.engine
            .ledger
            .charge(&self.key(id), &spent.charge())
            .map_err(unpaid)?;
        Ok(())
    }
}

impl Journal for JobJournal<'_> {
    fn finished(&self, key: &StepKey) -> Result<Option<Value>, Refused> {
        let phase = key.phase.to_string();
        let found = self
            .engine
            .state
            .read(|connection| attempts::finished(connection, self.job, (&phase, key.slot)))
            .map_err(refused)?;
        Ok(found.and_then(|attempt| attempt.record))
    }

    fn begin(&self, key: &StepKey, estimate: &Estimate) -> Result<Begun, Refused> {
        let is_dismissed = |rows: &rusqlite::Connection| failures::is_dismissed(rows, self.job);
        // What is put back into the queue by this finds there that it was dismissed.
        if self.stop.is_asked() || self.engine.state.read(is_dismissed).map_err(refused)? {
            return Err(Refused::Stopped);
        }
        let id = AttemptId(id::prefixed(self.engine.surround.ids.as_ref(), "attempt"));
        let now = self.engine.now();
        let caps = &self.ready.settings.caps;
        let estimate = match (&key.phase, estimate.micros.and_then(Usd::from_micros)) {
            // Nobody knows what a fixer costs, and it may cost the most of all.
            (Phase::Fixer, None) => caps.fixer_share(),
            (_, estimate) => estimate,
        };
        let reserved = self.engine.ledger.reserve(
            &Request {
                key: self.key(&id),
                kind: kind(&key.phase).to_owned(),
                trace: Some(self.trace.clone()),
                estimate,
            },
            caps,
            now,
        );
        let reserved = match reserved {
            Ok(reserved) => reserved,
            Err(ReserveError::Denied(denied)) => {
                return Err(Refused::Budget {
                    reason: format!("{denied}; {}", self.way_out(&denied)),
                });
            }
            Err(ReserveError::Ledger(error)) => return Err(unpaid(error)),
        };
        let phase = key.phase.to_string();
        let begun = self.engine.state.write_synced(|change| {
            attempts::begin(change, &id.0, self.job, (&phase, key.slot), now)
        });
        self.begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.0.clone(), (phase, key.slot));
        if let Err(error) = begun {
            // Nothing was started, so nothing is spent; where this fails too the next start of
            // archal releases it.
            self.engine.ledger.release(&self.key(&id)).ok();
            return Err(refused(error));
        }
        Ok(Begun {
            id,
            may_spend: reserved.entry.reserved_usd.map(Usd::micros),
        })
    }

    fn meter(&self, id: &AttemptId, spent: &Spent) {
        if let Some(spent) = spent.micros.and_then(Usd::from_micros) {
            // What is not metered is charged at the end, or by its whole reservation.
            self.engine.ledger.meter(&self.key(id), spent).ok();
        }
    }

    fn end(&self, id: &AttemptId, record: &Value, spent: &Spent) -> Result<(), Refused> {
        // Whatever becomes of the state, what was paid for is known.
        self.keep(id, record, spent);
        self.finish(id, AttemptState::Ended, Some(record), spent)
    }

    fn abandon(&self, id: &AttemptId, spent: &Spent) -> Result<(), Refused> {
        self.finish(id, AttemptState::Interrupted, None, spent)
    }
}

/// A cap with which an attempt that was refused may begin: at least twice the present one.
fn more_than(denied: &Denied) -> Usd {
    let taken = denied.spent.saturating_add(denied.reserved);
    let needed = taken.saturating_add(denied.asked.unwrap_or_default());
    let twice = denied.cap.saturating_add(denied.cap);
    // Whole dollars are easier to agree to.
    let dollars = needed.max(twice).micros().div_euclid(DOLLAR) + 1;
    Usd::from_micros(dollars.saturating_mul(DOLLAR)).unwrap_or(twice)
}

fn kind(phase: &Phase) -> &'static str {
    match phase {
        Phase::Reproduce | Phase::Release => "reproduce",
        Phase::Fixer => "fix",
        Phase::Check(_)
        | Phase::Green
        | Phase::Before(_)
        | Phase::After(_)
        | Phase::Regression
        | Phase::HeldBackBase(_)
        | Phase::HeldBack => "proof",
    }
}

fn refused(error: DatabaseError) -> Refused {
    Refused::State(Box::new(error))
}

fn unpaid(error: LedgerError) -> Refused {
    Refused::State(Box::new(error))
}
