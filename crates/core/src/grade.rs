//! The plug point of graders, and what a grade is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::trace::Trace;

/// Who has to act on a finding.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// The agent's code, prompts or tools.
    Agent,
    /// The person who asked.
    User,
    /// A service, a network, a limit.
    Environment,
    /// The program around the agent.
    Harness,
}

impl Owner {
    /// As it is written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::User => "user",
            Self::Environment => "environment",
            Self::Harness => "harness",
        }
    }
}

/// Whether a trace shows a real failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does.
    Fail,
    /// It does not.
    Ok,
    /// The evidence does not decide it.
    Unsure,
}

/// One thing a grader found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule that fired: `state.criterion`.
    pub rule: String,
    /// What it fired on, stable across runs of the same failure: a criterion's id.
    pub subject: String,
    /// One sentence for a person.
    pub summary: String,
    /// The spans that show it.
    pub spans: Vec<String>,
    /// The part of the evidence that decided it, short.
    pub excerpt: String,
    /// Who has to act.
    pub owner: Owner,
    /// 0 to 1.
    pub confidence: f64,
    /// The clone operation whose effect decided it, `github:issues.update`, where one did.
    #[serde(default)]
    pub operation: Option<String>,
    /// The collection of the entity it is about, `issues`, where there is one.
    #[serde(default)]
    pub entity: Option<String>,
    /// Rows that showed it, for the reader.
    #[serde(default)]
    pub rows: Vec<BTreeMap<String, serde_json::Value>>,
    /// What a run must hold to that does not show this failure; none where that cannot be said of
    /// state, calls and run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negation: Option<Negation>,
}

/// A criterion that holds of every run without the failure that a finding names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Negation {
    /// What it asks for, one sentence without a number or name that only this trace has.
    pub sentence: String,
    /// The same in CEL, over state, calls and run as criteria of scenarios read them.
    pub cel: String,
}

/// A grader as the catalogue lists it: a pure function over one trace.
#[derive(Clone, Copy)]
pub struct GraderDescriptor {
    /// The rule family's name.
    pub name: &'static str,
    /// One line for lists.
    pub about: &'static str,
    /// Finds what is wrong with the trace; nothing where nothing is.
    pub grade: fn(trace: &Trace) -> Vec<Finding>,
}
