//! How traces are graded by what the repository itself says: `grade`.
//!
//! Whether an expression fits the clones is checked where those are known
//! (`src/grade/rules`); here is what can be said of the settings alone.

use archal_core::diagnostic::Diagnostic;
use archal_core::grade::Owner;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most rules: each is decided on every trace.
const MOST_RULES: usize = 200;
/// The longest id.
const MAX_ID: usize = 64;

/// How traces are graded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GradeSettings {
    /// What must hold of every trace, whichever scenario it belongs to.
    pub rules: Vec<GradeRule>,
}

/// What must hold of every trace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GradeRule {
    /// Its name in findings: `no-refund-without-approval`.
    pub id: String,
    /// What must hold, one sentence. Without `cel` it is compiled as a `[D]` criterion is.
    pub sentence: String,
    /// The traces it is for, as CEL over calls, state and output; without it all of them.
    #[serde(default)]
    pub when: Option<String>,
    /// What must hold, as CEL over calls, state and output.
    #[serde(default)]
    pub cel: Option<String>,
    /// Who has to act where it does not hold; the agent where nobody is named.
    #[serde(default)]
    pub owner: Option<RuleOwner>,
}

/// Who has to act where a rule does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleOwner {
    /// The agent's code, prompts or tools.
    Agent,
    /// The person who asked; nothing is repaired for it.
    User,
    /// A service, a network, a limit; nothing is repaired for it.
    Environment,
    /// The program around the agent.
    Harness,
}

impl RuleOwner {
    /// The same in the words of findings.
    pub fn owner(self) -> Owner {
        match self {
            Self::Agent => Owner::Agent,
            Self::User => Owner::User,
            Self::Environment => Owner::Environment,
            Self::Harness => Owner::Harness,
        }
    }
}

/// What cannot be used of it: the key's dotted path and what is wrong there.
pub(super) fn check(settings: &GradeSettings) -> Vec<(String, Diagnostic)> {
    let mut found = Vec::new();
    if settings.rules.len() > MOST_RULES {
        let message = format!("{} rules; {MOST_RULES} is the most", settings.rules.len());
        let finding = Diagnostic::error("config/grade-rule", message);
        found.push(("grade.rules".to_owned(), finding));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (at, rule) in settings.rules.iter().enumerate() {
        let mut refuse = |key: &str, message: String, help: &str| {
            let finding = Diagnostic::error("config/grade-rule", message).with_help(help);
            found.push((format!("grade.rules.{at}.{key}"), finding));
        };
        if !is_id(&rule.id) {
            refuse(
                "id",
                format!("{:?} is no id of a rule", rule.id),
                "small letters, digits and hyphens, at most 64: \"no-refund-without-approval\"",
            );
        } else if seen.contains(&rule.id.as_str()) {
            refuse(
                "id",
                format!("two rules are called `{}`", rule.id),
                "an id names one rule in findings and groups of failures",
            );
        }
        seen.push(&rule.id);
        if rule.sentence.trim().is_empty() {
            refuse(
                "sentence",
                "the sentence is empty".to_owned(),
                "say what must hold: \"No refund is made without an approval before it\"",
            );
        }
    }
    found
}

fn is_id(id: &str) -> bool {
    id.len() <= MAX_ID
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_names_and_each_is_one_rule() {
        let rule = |id: &str, sentence: &str| GradeRule {
            id: id.to_owned(),
            sentence: sentence.to_owned(),
            ..GradeRule::default()
        };
        let settings = GradeSettings {
            rules: vec![
                rule("no-delete", "Nothing is deleted"),
                rule("No Delete", "Nothing is deleted"),
                rule("no-delete", " "),
            ],
        };
        let told: Vec<String> = check(&settings)
            .into_iter()
            .map(|(path, finding)| format!("{path}: {}", finding.message))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        grade.rules.1.id: "No Delete" is no id of a rule
        grade.rules.2.id: two rules are called `no-delete`
        grade.rules.2.sentence: the sentence is empty
        "#);
    }
}
