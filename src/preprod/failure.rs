//! Whose fault a failed scenario is, with what says so: `preprod-failures.json`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::run::score::ScenarioStatus;

use super::status::word;

/// The value of `schema` in the document.
pub const SCHEMA: &str = "archal.preprod-failures";
/// The version of the document written here.
pub const VERSION: u32 = 1;
/// The largest document that is handed on in a variable; above it only ids are.
pub const MOST_IN_VARIABLE: usize = 64 << 10;
/// The most rows of a criterion that are told.
pub const MOST_ROWS: usize = 5;

/// Whose fault a failure is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// What the agent needed refused: the network, its key, its rate.
    Environment,
    /// A clone does not do what the service would.
    Clone,
    /// The program that runs the agent: no call, no start, no end.
    Harness,
    /// What the task names is not in the starting state.
    Seed,
    /// The criteria ask what cannot be, or can be read in two ways.
    Scenario,
    /// The agent's own choice or conduct.
    Agent,
    /// It passes in some runs.
    Flaky,
}

/// In which way it is the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentFault {
    /// It did the wrong thing with the right tool.
    WrongChoice,
    /// A service refused what it sent.
    WrongArguments,
    /// It ended in the middle.
    StoppedEarly,
    /// It says that it did what no call of it did.
    UnsupportedClaim,
}

/// One thing that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sign {
    /// The run.
    pub run: String,
    /// The call in it, where it is one: `seq` of `calls.jsonl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// What was seen there.
    pub seen: String,
}

/// Whose fault a failed scenario is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Classification {
    /// Whose fault it is.
    pub category: Category,
    /// In which way it is the agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<AgentFault>,
    /// The rule that decided.
    pub rule: String,
    /// In one sentence.
    pub summary: String,
    /// What says so, at least one sign.
    pub evidence: Vec<Sign>,
}

/// A criterion that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedCriterion {
    /// Its id.
    pub id: String,
    /// What it says.
    pub label: String,
    /// Runs in which it did not hold.
    pub failed: usize,
    /// Runs in which it was decided.
    pub evaluated: usize,
    /// Why, from the last run in which it did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// The rows that decided it there, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Value>,
}

/// One run of a failed scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunOfFailure {
    /// Its id.
    pub run: String,
    /// Whether it passed.
    pub passed: bool,
    /// The folder with its calls, states and output.
    pub evidence: PathBuf,
}

/// A failed scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The scenario's id.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub path: PathBuf,
    /// How it ended.
    pub status: ScenarioStatus,
    /// Whose fault that is.
    #[serde(flatten)]
    pub classification: Classification,
    /// Whether it goes to the fixer.
    pub for_fixer: bool,
    /// The criteria that did not hold.
    pub criteria: Vec<FailedCriterion>,
    /// Its runs.
    pub runs: Vec<RunOfFailure>,
}

impl Failure {
    /// For a person, in one line.
    pub fn line(&self) -> String {
        format!("{}: {}", self.scenario, self.how())
    }

    /// The same without the scenario's name.
    pub fn how(&self) -> String {
        let fault = self
            .classification
            .fault
            .map_or_else(String::new, |fault| format!(" ({})", word(&fault)));
        format!(
            "{}{fault}: {}",
            word(&self.classification.category),
            self.classification.summary
        )
    }
}

/// All of them: `preprod-failures.json`, and what a fixer is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailuresDocument {
    /// Always `archal.preprod-failures`.
    pub schema: String,
    /// The format's version.
    pub version: u32,
    /// Whether only ids are left of each failure.
    pub truncated: bool,
    /// The failures; in a truncated document as many as have room.
    pub failures: Vec<FailureEntry>,
    /// Failures that had no room in a truncated document.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

/// A failure in the document: whole, or its ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FailureEntry {
    /// All of it.
    Whole(Box<Failure>),
    /// Its ids.
    Ids(FailureIds),
}

/// What is left of a failure in a truncated document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureIds {
    /// The scenario's id.
    pub scenario: String,
    /// Whose fault it is.
    pub category: Category,
    /// Whether it goes to the fixer.
    pub for_fixer: bool,
    /// The ids of the criteria that did not hold.
    pub criteria: Vec<String>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl FailuresDocument {
    /// The whole document.
    pub fn of(failures: &[Failure]) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            truncated: false,
            failures: failures
                .iter()
                .map(|failure| FailureEntry::Whole(Box::new(failure.clone())))
                .collect(),
            left_out: 0,
        }
    }

    fn ids(failures: &[Failure], room: usize) -> Self {
        Self {
            truncated: true,
            failures: failures
                .iter()
                .take(room)
                .map(|failure| {
                    FailureEntry::Ids(FailureIds {
                        scenario: failure.scenario.clone(),
                        category: failure.classification.category,
                        for_fixer: failure.for_fixer,
                        criteria: failure.criteria.iter().map(|one| one.id.clone()).collect(),
                    })
                })
                .collect(),
            left_out: failures.len().saturating_sub(room),
            ..Self::of(&[])
        }
    }

    /// As the value of a variable, at most [`MOST_IN_VARIABLE`] bytes: the whole, else ids, else as
    /// many ids as have room.
    pub fn in_variable(failures: &[Failure]) -> String {
        let text = |document: &Self| serde_json::to_string(document).unwrap_or_default();
        let whole = text(&Self::of(failures));
        if whole.len() <= MOST_IN_VARIABLE {
            return whole;
        }
        let mut room = failures.len();
        loop {
            let cut = text(&Self::ids(failures, room));
            if cut.len() <= MOST_IN_VARIABLE || room == 0 {
                return cut;
            }
            room /= 2;
        }
    }
}

#[cfg(test)]
pub(super) fn sample(scenario: &str, explanation: &str) -> Failure {
    Failure {
        scenario: scenario.to_owned(),
        title: "T".to_owned(),
        path: "s.md".into(),
        status: ScenarioStatus::Failed,
        classification: Classification {
            category: Category::Agent,
            fault: Some(AgentFault::WrongChoice),
            rule: "agent.criterion".to_owned(),
            summary: "a criterion does not hold".to_owned(),
            evidence: Vec::new(),
        },
        for_fixer: true,
        criteria: vec![FailedCriterion {
            id: "c1".to_owned(),
            label: "L".to_owned(),
            failed: 1,
            evaluated: 1,
            explanation: Some(explanation.to_owned()),
            rows: Vec::new(),
        }],
        runs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_too_long_for_a_variable_is_cut_to_ids_and_says_so() {
        let short = FailuresDocument::in_variable(&[sample("a", "x")]);
        assert!(short.contains("\"truncated\":false") && short.contains("\"x\""));
        let long = "x".repeat(MOST_IN_VARIABLE);
        let cut = FailuresDocument::in_variable(&[sample("a", &long)]);
        insta::assert_snapshot!(cut, @r#"{"schema":"archal.preprod-failures","version":1,"truncated":true,"failures":[{"scenario":"a","category":"agent","forFixer":true,"criteria":["c1"]}]}"#);
        let many: Vec<Failure> = (0..2000)
            .map(|number| sample(&format!("scenario-{number:0>60}"), &long[..100]))
            .collect();
        let cut = FailuresDocument::in_variable(&many);
        assert!(cut.len() <= MOST_IN_VARIABLE);
        let read: FailuresDocument = serde_json::from_str(&cut).expect("valid");
        assert_eq!(read.failures.len() + read.left_out, 2000);
        assert!(read.truncated && read.left_out > 0);
    }
}
