//! What work is to the host: steps that somebody has ready.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::StopToken;

/// A kind of work.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum WorkKind {
    /// A stage of a trace.
    Trace,
    /// A step of a pre-prod job.
    Preprod,
    /// A step of a PDCA cycle.
    Pdca,
}

/// What a step needs of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Milliseconds inside this process.
    Light,
    /// It runs children.
    Heavy,
}

/// Where work comes from. The source keeps what is to be done and decides what is next; the pool
/// decides when.
pub trait WorkSource: Send + Sync {
    /// What kind of work it has.
    fn kind(&self) -> WorkKind;

    /// The next step of that weight that is ready, claimed so that nobody else gets it; none when
    /// nothing is. It is asked again when a step has ended or [`wake`](super::pool::Pool::wake) was
    /// called. A claimed step runs exactly once, whatever happens in this process.
    ///
    /// Two weights may be asked for at the same time, one weight never.
    fn claim(&self, weight: Weight) -> Option<Step>;

    /// A step of this source panicked: it ended nowhere in particular.
    fn panicked(&self, step: &str, message: &str) {
        _ = (step, message);
    }
}

/// One step, ready to run.
pub struct Step {
    /// What it is about, for status and for stopping it: a job's id. Steps that run at the same time
    /// may share it.
    pub id: String,
    /// What it does, for a person.
    pub label: String,
    /// What it needs.
    pub weight: Weight,
    /// The work. The token says when it is to end.
    pub run: Box<dyn FnOnce(&StopToken) + Send>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Step")
            .field("id", &self.id)
            .field("label", &self.label)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}
