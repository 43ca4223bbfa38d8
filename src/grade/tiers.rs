//! The tiers of grading: which one a finding is of, and what each came to.

use std::fmt;

use archal_core::grade::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tier, cheap ones first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// 1: the shape of the trace.
    Signals,
    /// 2: what the last answer says against the calls.
    Claims,
    /// 3: the replayed state by the matched scenario, and the repository's rules.
    State,
    /// 4: a judge.
    Judge,
}

impl Tier {
    /// The tier of a finding, by the family its rule is of: `signal.loop` is of the signals.
    pub fn of(finding: &Finding) -> Self {
        match finding.rule.split('.').next().unwrap_or_default() {
            "state" | "rule" => Self::State,
            "claim" | "claims" => Self::Claims,
            "judge" => Self::Judge,
            _ => Self::Signals,
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::Signals => 1,
            Self::Claims => 2,
            Self::State => 3,
            Self::Judge => 4,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signals => "signals",
            Self::Claims => "claims",
            Self::State => "state",
            Self::Judge => "judge",
        }
    }
}

/// What a tier came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TierReport {
    /// The tier.
    pub tier: Tier,
    /// How many findings are its own.
    pub findings: usize,
    /// What it did, or why it said nothing.
    pub note: String,
}

impl fmt::Display for TierReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, name) = (self.tier.number(), self.tier.name());
        let findings = match self.findings {
            0 => "nothing found".to_owned(),
            1 => "1 finding".to_owned(),
            more => format!("{more} findings"),
        };
        write!(f, "tier {number} {name}: {findings}")?;
        if !self.note.is_empty() {
            write!(f, " ({})", self.note)?;
        }
        Ok(())
    }
}
