//! What is written down of a grade: `grade.json`.

use archal_core::grade::{Finding, Verdict};
use archal_core::trace::TraceIdentity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reconstruct::replay::Agreement;
use crate::run::score::CriterionReport;

use super::judged::Judgement;
use super::rules::RuleReport;
use super::tiers::TierReport;

/// The grade of one revision of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Grade {
    /// Always `archal.grade`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// The trace.
    pub trace: TraceIdentity,
    /// Its revision.
    pub revision: String,
    /// Whether it shows a real failure.
    pub verdict: Verdict,
    /// One sentence for a person.
    pub summary: String,
    /// Whether to go on to reproduction, and why.
    pub reproduce: bool,
    /// Why the verdict and the way on are what they are.
    pub reason: String,
    /// The matched scenario's id.
    pub scenario: Option<String>,
    /// What was found, the primary finding first.
    pub findings: Vec<Finding>,
    /// How many of the findings, from the first on, made the grade `fail`.
    #[serde(default)]
    pub failing: usize,
    /// What each tier came to.
    #[serde(default)]
    pub tiers: Vec<TierReport>,
    /// The first span of the trace that led to the primary finding.
    pub first_bad_step: Option<String>,
    /// Each criterion on the replayed state.
    pub criteria: Vec<CriterionReport>,
    /// Each rule of the repository.
    #[serde(default)]
    pub rules: Vec<RuleReport>,
    /// What a judge was asked and said; none where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<Judgement>,
    /// How far the replay of the trace's calls agrees with the record; none where it was not replayed.
    pub agreement: Option<Agreement>,
}

impl Grade {
    /// The findings that made it `fail`, the primary one first.
    pub fn failures(&self) -> &[Finding] {
        self.findings.get(..self.failing).unwrap_or_default()
    }

    /// A grade with a verdict that no finding supports: `ok` or `unsure`.
    pub fn without_findings(
        trace: TraceIdentity,
        revision: &str,
        verdict: Verdict,
        summary: &str,
        reason: &str,
    ) -> Self {
        Self {
            schema: "archal.grade".to_owned(),
            version: 1,
            trace,
            revision: revision.to_owned(),
            verdict,
            summary: summary.to_owned(),
            reproduce: false,
            reason: reason.to_owned(),
            scenario: None,
            findings: Vec::new(),
            failing: 0,
            tiers: Vec::new(),
            first_bad_step: None,
            criteria: Vec::new(),
            rules: Vec::new(),
            judge: None,
            agreement: None,
        }
    }
}
