//! One run as it is kept: `result.json`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::budget::entry::CostSource;
use crate::sandbox::child::ChildOutcome;
use crate::session::RouteReport;
use crate::session::evidence::RefusedEgress;

use super::score::{CriterionReport, RunScore};

/// One run that was made: `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// Always `archal.run`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// The run's id, the name of its folder.
    pub run_id: String,
    /// The scenario's id.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// Which of its scenario's runs it is, from 1.
    #[serde(default = "first")]
    pub index: u32,
    /// The suite it belongs to; none for an attempt of attach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// When it began, by the caller's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Virtual now at its start; offsets in the evidence are relative to it.
    pub base: String,
    /// The route used and why.
    pub route: RouteReport,
    /// How the harness was held.
    pub containment: String,
    /// How its number of processes was limited.
    pub process_limit: String,
    /// How the harness ended.
    pub harness: ChildOutcome,
    /// What the agent said.
    pub answer: String,
    /// Wall time of the harness in milliseconds.
    pub duration_ms: u64,
    /// Wall time archal added in milliseconds: from the request to the start of the harness, and
    /// from its end to the result. The judge's time is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overhead_ms: Option<f64>,
    /// What it cost, agent and judge together; none where neither said anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<RunCost>,
    /// The figures the agent left in `AGENT_METRICS_FILE`, as it wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Value>,
    /// What is odd about what the agent left behind, one sentence each; it changes nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Calls the clones answered.
    pub calls: usize,
    /// Each criterion.
    pub criteria: Vec<CriterionReport>,
    /// What the harness tried to reach and was refused.
    pub refused: Vec<RefusedEgress>,
    /// Published operations that were called and are not modelled.
    pub unmodelled: Vec<String>,
    /// Why the run says nothing, where it says nothing.
    pub inconclusive: Vec<String>,
    /// Status and score.
    #[serde(flatten)]
    pub score: RunScore,
    /// The folder with the evidence.
    pub evidence: PathBuf,
}

impl RunResult {
    /// Whether a judge is yet to decide something of it: a suite that is gone on with makes it again.
    pub fn is_unjudged(&self) -> bool {
        self.criteria.iter().any(|one| one.unjudged.is_some())
    }
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunCost {
    /// Dollars, as far as they are known: the sum of the two below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// The weaker of where the two come from: unknown when one of them is.
    pub source: CostSource,
    /// What the agent says it spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_usd: Option<f64>,
    /// What the judge's questions cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge_usd: Option<f64>,
}

fn first() -> u32 {
    1
}
