//! The journal of paid steps: what was begun, what it cost, what came of it.
//!
//! A step that costs money is begun under a new attempt id, and ended with a record that is
//! durable before anything goes on. A process that is killed in between leaves an attempt
//! without an end: it is interrupted, charged by whoever keeps the journal, and the step is
//! begun again under another id. A step with an end is never begun again while what it left can
//! still be read.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::estimate::Estimate;
use super::spent::Spent;

/// Which part of a job a paid step belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// The failure run again on the base commit.
    Reproduce,
    /// The failure run again on the commit that the trace ran at.
    Release,
    /// The fixer.
    Fixer,
    /// What fails with an unfinished change of the fixer, by its number.
    Check(u32),
    /// The failure run again with the patch.
    Green,
    /// Another scenario without the patch.
    Before(String),
    /// Another scenario with the patch.
    After(String),
    /// The regression that is kept.
    Regression,
    /// A held-back variation, by its number, without the patch.
    HeldBackBase(u32),
    /// The held-back variation with the patch.
    HeldBack,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reproduce => f.write_str("reproduce"),
            Self::Release => f.write_str("release"),
            Self::Fixer => f.write_str("fixer"),
            Self::Check(number) => write!(f, "check/{number}"),
            Self::Green => f.write_str("green"),
            Self::Before(scenario) => write!(f, "before/{scenario}"),
            Self::After(scenario) => write!(f, "after/{scenario}"),
            Self::Regression => f.write_str("regression"),
            Self::HeldBackBase(number) => write!(f, "held-back-base/{number}"),
            Self::HeldBack => f.write_str("held-back"),
        }
    }
}

/// One paid step of a job. Its text, `green/2` or `before/sweep/1`, is unique in the job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepKey {
    /// The part of the job.
    pub phase: Phase,
    /// Which of its runs, from 1.
    pub slot: u32,
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.phase, self.slot)
    }
}

/// The id of one attempt at a step; never given twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId(pub String);

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An attempt that may begin now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its id.
    pub id: AttemptId,
    /// What it may spend, in millionths of a US dollar, where there is a cap.
    pub may_spend: Option<i64>,
}

/// Why a step does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no money left for it.
    #[error("{reason}")]
    Budget {
        /// Which cap, how much of it is spent, what mends it.
        reason: String,
    },
    /// Somebody asked to stop. That is no result: the job goes on at this step another time.
    #[error("stopped; it goes on at this step when it is started again")]
    Stopped,
    /// The journal cannot be read or written.
    #[error("the journal of paid steps cannot be read or written")]
    State(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Keeps the paid steps of one job.
pub trait Journal: Sync {
    /// The record of a step that has an end, as it was given to [`Journal::end`].
    fn finished(&self, key: &StepKey) -> Result<Option<Value>, Refused>;

    /// Asks to begin a step, and reserves its money. A step that has an end is begun again only
    /// where what it left is gone or was made for something else; its next end takes the place
    /// of the one before.
    fn begin(&self, key: &StepKey, estimate: &Estimate) -> Result<Begun, Refused>;

    /// What an attempt is known to have spent so far.
    fn meter(&self, id: &AttemptId, spent: &Spent);

    /// Ends an attempt with its record, which is durable before this returns, and charges it.
    fn end(&self, id: &AttemptId, record: &Value, spent: &Spent) -> Result<(), Refused>;

    /// Ends an attempt that gave no record, since it was stopped or archal could not carry it
    /// out, and charges what it spent. The step has no end by this.
    fn abandon(&self, id: &AttemptId, spent: &Spent) -> Result<(), Refused>;
}
