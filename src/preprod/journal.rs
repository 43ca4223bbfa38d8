//! The paid steps of a run: the user's ledger first, then a file that says that a step is open, then
//! the process.
//!
//! Open steps of a repository stand together in its state folder, whatever folder the artifacts go
//! to; the record of a step that has ended stands with the artifacts, so that whoever goes on with
//! them finds it. A step without a record is begun again under another id.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archal_core::clock::Clock;
use archal_core::{hash, id, id::IdSource};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::budget::amount::Usd;
use crate::budget::cap::{Cap, Caps};
use crate::budget::entry::{AttemptKey, Charge, Cost, Entry, Request};
use crate::budget::ledger::{Ledger, LedgerError, ReserveError};
use crate::budget::prices::{Prices, Tokens};
use crate::budget::spent::{Spent, SpentSource};
use crate::reproduce::estimate::Estimate;
use crate::reproduce::journal::{AttemptId, Begun, Journal, Phase, Refused, StepKey};
use crate::sandbox::StopToken;
use crate::store::atomic::{self, Durability, WriteError};

/// The folder of open steps, in the state folder of preprod.
const OPEN: &str = "open";
/// The kind of a fixer's step in the ledger.
const FIX: &str = "fix";
/// The kind of a run of the agent in a private copy.
const RERUN: &str = "rerun";
/// The folder of records, in the folder of the artifacts.
const ENDED: &str = "steps";

/// An open step: `open/<attempt>.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenStep {
    /// Its key.
    step: String,
    /// The file that its record will be in.
    record: PathBuf,
}

/// A step that has ended: `steps/<key>.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndedStep {
    /// The attempt that ended it.
    attempt: String,
    /// Its key.
    step: String,
    /// What it spent.
    spent: Spent,
    /// What the step says of itself.
    record: Value,
}

/// What a run of the loop may spend, and who counts it.
pub struct Purse<'a> {
    /// The repository.
    pub repo: &'a Path,
    /// The user's ledger, held by the state folder of preprod.
    pub ledger: Ledger,
    /// The cap of this run and that of the day.
    pub caps: Caps,
    /// The name under which this run's money is counted together.
    pub run: String,
    /// What a fixer may spend that says nothing of its cost.
    pub fixer_share: Option<Usd>,
    /// Whether a fixer is given anything to pay with: one that is not and says no cost holds nothing at its end.
    pub fixer_has_key: bool,
    /// What tokens cost, where only those are said.
    pub prices: &'a Prices,
}

/// Keeps the paid steps of one run.
pub struct RunJournal<'a> {
    purse: Purse<'a>,
    clock: Arc<dyn Clock>,
    ids: &'a dyn IdSource,
    /// The state folder of preprod.
    state: PathBuf,
    /// The folder of the artifacts.
    artifacts: PathBuf,
    /// Ends what works when the money is spent.
    work: &'a StopToken,
    is_capped: AtomicBool,
    /// The attempts that are open.
    open: Mutex<BTreeMap<String, Working>>,
}

/// An attempt that is open.
#[derive(Debug, Clone)]
struct Working {
    /// The key of its step.
    step: String,
    /// What it may spend, where that is less than all.
    limit: Option<Usd>,
    /// What it takes from the caps: what it reserved, or what it spent where that is more.
    held: Usd,
    /// Ends it and nothing else.
    end: Option<StopToken>,
    /// Whether it was ended since it spent what it may.
    is_over: bool,
}

/// Why a step of the loop does not begin.
#[derive(Debug, thiserror::Error)]
pub enum StepRefused {
    /// A cap forbids it.
    #[error("{0}")]
    Budget(String),
    /// archal was asked to stop.
    #[error("stopped")]
    Stopped,
    /// The ledger or a file cannot be written.
    #[error("what is spent cannot be written down")]
    Unwritten(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<StepRefused> for Refused {
    fn from(refused: StepRefused) -> Self {
        match refused {
            StepRefused::Budget(reason) => Self::Budget { reason },
            StepRefused::Stopped => Self::Stopped,
            StepRefused::Unwritten(source) => Self::State(source),
        }
    }
}

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> StepRefused {
    StepRefused::Unwritten(Box::new(error))
}

impl<'a> RunJournal<'a> {
    /// The journal of a run whose artifacts go to `artifacts`; `state` is the folder of preprod in
    /// the state of the repository. `work` is stopped when the money is spent.
    pub fn new(
        purse: Purse<'a>,
        (clock, ids): (Arc<dyn Clock>, &'a dyn IdSource),
        (state, artifacts): (&Path, &Path),
        work: &'a StopToken,
    ) -> Self {
        Self {
            purse,
            clock,
            ids,
            state: state.to_owned(),
            artifacts: artifacts.to_owned(),
            work,
            is_capped: AtomicBool::new(false),
            open: Mutex::default(),
        }
    }

    /// The name under which this run's money is counted together.
    pub fn run(&self) -> &str {
        &self.purse.run
    }

    /// Whether work was ended because its money was spent.
    pub fn is_capped(&self) -> bool {
        self.is_capped.load(Ordering::Relaxed)
    }

    /// What this run took from the caps so far, in its present life and those before.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub fn totals(&self) -> Result<crate::budget::summary::Totals, LedgerError> {
        let repo = crate::budget::entry::repo_name(self.purse.repo);
        let (totals, _) = self.purse.ledger.of_trace(&repo, &self.purse.run)?;
        Ok(totals)
    }

    /// What is left of the run's cap; none where there is no cap.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub fn left(&self) -> Result<Option<Usd>, LedgerError> {
        let Some(cap) = self.purse.caps.per_trace.amount() else {
            return Ok(None);
        };
        let left = cap.micros().saturating_sub(self.totals()?.taken().micros());
        Ok(Usd::from_micros(left.max(0)))
    }

    fn record_file(&self, step: &str) -> PathBuf {
        let name = id::slug(step, 60);
        let name = format!("{name}-{}.json", hash::short(step));
        self.artifacts.join(ENDED).join(name)
    }

    fn open_file(&self, attempt: &str) -> PathBuf {
        self.state.join(OPEN).join(format!("{attempt}.json"))
    }

    fn key(&self, attempt: &str) -> AttemptKey {
        AttemptKey::new(self.purse.repo, attempt)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Working>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of a step that has ended.
    pub fn ended(&self, step: &str) -> Option<Value> {
        let bytes = fs::read(self.record_file(step)).ok()?;
        let ended: EndedStep = serde_json::from_slice(&bytes).ok()?;
        (ended.step == step).then_some(ended.record)
    }

    /// Reserves money for a step and writes down that it is open.
    ///
    /// # Errors
    ///
    /// When a cap forbids it, archal is to stop, or it cannot be written down.
    pub fn open(
        &self,
        step: &str,
        kind: &str,
        estimate: Option<Usd>,
    ) -> Result<AttemptId, StepRefused> {
        self.open_within(step, kind, estimate, None)
    }

    /// The same for a step that may spend no more than `limit`.
    fn open_within(
        &self,
        step: &str,
        kind: &str,
        estimate: Option<Usd>,
        limit: Option<Usd>,
    ) -> Result<AttemptId, StepRefused> {
        if self.work.is_asked() {
            return Err(StepRefused::Stopped);
        }
        let attempt = id::prefixed(self.ids, "attempt");
        let reserved = self.purse.ledger.reserve(
            &Request {
                key: self.key(&attempt),
                kind: kind.to_owned(),
                trace: Some(self.purse.run.clone()),
                estimate,
            },
            &self.purse.caps,
            self.clock.now(),
        );
        let reserved = match reserved {
            Ok(reserved) => reserved.entry.reserved_usd,
            Err(ReserveError::Denied(denied)) => {
                let why = denied.to_string();
                return Err(StepRefused::Budget(
                    why.replace("of this trace", "of this run"),
                ));
            }
            Err(ReserveError::Ledger(error)) => return Err(unwritten(error)),
        };
        let open = OpenStep {
            step: step.to_owned(),
            record: self.record_file(step),
        };
        let written = atomic::write_json(&self.open_file(&attempt), &open, Durability::Synced);
        if let Err(error) = written {
            // Nothing was started, so nothing is spent; where this fails too the next run settles it.
            self.purse.ledger.release(&self.key(&attempt)).ok();
            return Err(unwritten(error));
        }
        let working = Working {
            step: step.to_owned(),
            limit,
            held: reserved.unwrap_or_default(),
            end: None,
            is_over: false,
        };
        self.held().insert(attempt.clone(), working);
        Ok(AttemptId(attempt))
    }

    /// What ends an open step, and nothing else, when it has spent what it may.
    pub fn ends(&self, attempt: &AttemptId, end: &StopToken) {
        if let Some(working) = self.held().get_mut(&attempt.0) {
            working.end = Some(end.clone());
        }
    }

    /// What an open step was allowed where it was ended since it had spent that.
    pub fn over(&self, attempt: &AttemptId) -> Option<Usd> {
        let held = self.held();
        let working = held.get(&attempt.0).filter(|working| working.is_over)?;
        working.limit
    }

    /// What an open step has spent so far. Where that is all it may, it is ended; where it is all
    /// that there is, work is.
    pub fn told(&self, attempt: &AttemptId, spent: Usd) {
        let key = self.key(&attempt.0);
        // What is not metered is charged at the end, or by its whole reservation.
        self.purse.ledger.meter(&key, spent).ok();
        let mut open = self.held();
        let Some(working) = open.get_mut(&attempt.0) else {
            return;
        };
        working.held = working.held.max(spent);
        let cap = self.purse.caps.per_trace.amount();
        // What it reserved is an estimate, and not spent.
        let of_others = |taken: Usd| taken.saturating_sub(working.held);
        let is_all_spent = cap.is_some_and(|cap| {
            let taken = self.totals().map(|totals| of_others(totals.taken()));
            taken.is_ok_and(|taken| taken.saturating_add(spent) >= cap)
        });
        if is_all_spent {
            self.is_capped.store(true, Ordering::Relaxed);
            self.work.stop();
            return;
        }
        let is_over = |limit: Usd| spent >= limit && limit > Usd::ZERO;
        if let Some(end) = working
            .end
            .clone()
            .filter(|_| working.limit.is_some_and(is_over))
        {
            working.is_over = true;
            drop(open);
            end.stop();
        }
    }

    /// Ends a step: its record, its charge, and then it is open no more. Without a record it has no
    /// end, and was cut off.
    ///
    /// # Errors
    ///
    /// When it cannot be written down.
    pub fn close(
        &self,
        attempt: &AttemptId,
        record: Option<&Value>,
        spent: &Spent,
    ) -> Result<(), StepRefused> {
        let open = self.held().remove(&attempt.0);
        let is_fixer = open.as_ref().is_some_and(|open| open.limit.is_some());
        let step = open.map(|open| open.step).unwrap_or_default();
        if let Some(record) = record {
            let ended = EndedStep {
                attempt: attempt.0.clone(),
                step: step.clone(),
                spent: spent.clone(),
                record: record.clone(),
            };
            atomic::write_json(&self.record_file(&step), &ended, Durability::Synced)
                .map_err(unwritten)?;
        }
        let key = self.key(&attempt.0);
        match (record, spent.source) {
            // Cut off, and nobody said what it spent: what was metered last, or all of it.
            (None, SpentSource::Unknown) => self.purse.ledger.interrupted(&key),
            _ => {
                let mut charge = charge(spent, self.purse.prices);
                // One that has nothing to pay with would hold its share for ever: it never says a cost.
                if charge.cost == Cost::Unknown && is_fixer && !self.purse.fixer_has_key {
                    charge.cost = Cost::Unpaid;
                }
                self.purse.ledger.charge(&key, &charge)
            }
        }
        .map_err(unwritten)?;
        remove(&self.open_file(&attempt.0)).map_err(unwritten)
    }
}

impl Journal for RunJournal<'_> {
    fn finished(&self, key: &StepKey) -> Result<Option<Value>, Refused> {
        Ok(self.ended(&key.to_string()))
    }

    fn begin(&self, key: &StepKey, estimate: &Estimate) -> Result<Begun, Refused> {
        let known = estimate.micros.and_then(Usd::from_micros);
        let step = key.to_string();
        if key.phase != Phase::Fixer {
            let id = self.open(&step, RERUN, known)?;
            let may_spend = known.map(Usd::micros);
            return Ok(Begun { id, may_spend });
        }
        let share = known.or(self.purse.fixer_share);
        let id = self.open_within(&step, FIX, share, share)?;
        Ok(Begun {
            id,
            may_spend: share.map(Usd::micros),
        })
    }

    fn meter(&self, id: &AttemptId, spent: &Spent) {
        let known = spent.micros.and_then(Usd::from_micros);
        if let Some(spent) = known.or_else(|| computed(spent, self.purse.prices)) {
            self.told(id, spent);
        }
    }

    fn end(&self, id: &AttemptId, record: &Value, spent: &Spent) -> Result<(), Refused> {
        Ok(self.close(id, Some(record), spent)?)
    }

    fn abandon(&self, id: &AttemptId, spent: &Spent) -> Result<(), Refused> {
        Ok(self.close(id, None, spent)?)
    }
}

/// What tokens cost where their model has a price.
fn computed(spent: &Spent, prices: &Prices) -> Option<Usd> {
    let tokens = tokens(spent)?;
    let price = prices.find(spent.model.as_deref()?)?;
    price.cost(&tokens)
}

fn tokens(spent: &Spent) -> Option<Tokens> {
    (spent.input_tokens.is_some() || spent.output_tokens.is_some()).then(|| Tokens {
        input: spent.input_tokens.unwrap_or_default(),
        output: spent.output_tokens.unwrap_or_default(),
        ..Tokens::default()
    })
}

/// What the ledger is told of a step that ended; what nobody said is unknown, not nothing.
fn charge(spent: &Spent, prices: &Prices) -> Charge {
    let tokens = tokens(spent);
    let cost = match (spent.micros.and_then(Usd::from_micros), spent.source) {
        (Some(amount), _) => Cost::Reported(amount),
        (None, SpentSource::NotStarted) => Cost::Reported(Usd::ZERO),
        (None, _) => {
            let model = spent.model.as_deref();
            let both = model.zip(tokens.as_ref());
            let computed = both.and_then(|(model, tokens)| prices.cost(model, tokens));
            computed.map_or(Cost::Unknown, Cost::Computed)
        }
    };
    Charge { cost, tokens }
}

/// Settles what a run that was killed left open in this repository. To be called by whoever has the
/// lock of preprod, before anything is reserved. Gives the keys of the steps that are charged with all
/// they had reserved, since nothing is known of what they spent.
///
/// # Errors
///
/// When the ledger or the state folder cannot be used.
pub fn settle(
    repo: &Path,
    ledger: &Ledger,
    state: &Path,
    prices: &Prices,
) -> Result<BTreeSet<String>, StepRefused> {
    let folder = state.join(OPEN);
    let mut known = BTreeMap::new();
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        entries => Some(entries.map_err(unwritten)?),
    };
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(attempt) = name.to_str().and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        let open = fs::read(entry.path()).ok();
        let open = open.and_then(|bytes| serde_json::from_slice::<OpenStep>(&bytes).ok());
        known.insert(attempt.to_owned(), open);
    }
    // Those whose end is written down are charged what it says.
    for (attempt, open) in &known {
        let ended = open.as_ref().and_then(|open| fs::read(&open.record).ok());
        let ended = ended.and_then(|bytes| serde_json::from_slice::<EndedStep>(&bytes).ok());
        if let Some(ended) = ended.filter(|ended| ended.attempt == *attempt) {
            let key = AttemptKey::new(repo, attempt.as_str());
            match ledger.charge(&key, &charge(&ended.spent, prices)) {
                // A ledger that was repaired since has nothing to charge.
                Ok(_) | Err(LedgerError::NoSuchAttempt { .. }) => {}
                Err(error) => return Err(unwritten(error)),
            }
        }
    }
    let recovered = ledger
        .recover(repo, |attempt| known.contains_key(attempt))
        .map_err(unwritten)?;
    let whole = recovered.interrupted.iter();
    let whole = whole.filter(|entry| entry.metered_usd.is_none() && entry.reserved_usd.is_some());
    let step = |entry: &Entry| Some(known.get(&entry.attempt)?.as_ref()?.step.clone());
    let whole = whole.filter_map(step).collect();
    for attempt in known.keys() {
        remove(&folder.join(format!("{attempt}.json"))).map_err(unwritten)?;
    }
    Ok(whole)
}

fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(WriteError::Io {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// What a fixer reserves that says nothing of its cost: half of the run's cap, shared by the attempts.
/// The other half is for runs.
pub fn fixer_share(per_run: Cap, attempts: u32) -> Option<Usd> {
    let cap = per_run.amount()?;
    Usd::from_micros(cap.micros() / (2 * i64::from(attempts.max(1))))
}

#[cfg(test)]
mod tests;
