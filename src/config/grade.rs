//! How traces are graded by what the repository itself says: `grade`.
//!
//! Whether an expression fits the clones is checked where those are known
//! (`src/grade/rules`); here is what can be said of the settings alone.

use std::collections::BTreeMap;

use archal_core::diagnostic::Diagnostic;
use archal_core::grade::Owner;
use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{judge, notice};

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
    /// Whether the judge of `judge` is asked about traces that nothing else decides. What it is
    /// shown of a trace leaves this machine.
    pub judge: bool,
    /// Where verdicts are sent, as OpenTelemetry's `gen_ai.evaluation.result` events.
    pub results: GradeResults,
}

/// Where verdicts are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GradeResults {
    /// Where OTLP logs are posted to over HTTP: `http://localhost:4318`; `/v1/logs` is added to an
    /// address without a path. Without it nothing is sent.
    pub endpoint: Option<String>,
    /// Headers of the request, each with the environment variable that holds its value:
    /// `{"authorization": "OTEL_AUTHORIZATION"}`.
    pub headers_env: BTreeMap<String, String>,
    /// Which grades are sent: `change`, those whose verdict is another one than the one that was
    /// sent last for their trace, or `every`, one for each revision of a trace.
    pub on: ResultsOn,
}

/// Which grades are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResultsOn {
    /// Those with another verdict than the trace had.
    #[default]
    Change,
    /// One for each revision of a trace.
    Every,
}

impl GradeResults {
    /// The address that logs are posted to; none where nothing is sent.
    pub fn url(&self) -> Option<String> {
        let endpoint = self.endpoint.as_deref()?.trim();
        let uri: Uri = endpoint.parse().ok()?;
        Some(match uri.path() {
            "" | "/" => format!("{}/v1/logs", endpoint.trim_end_matches('/')),
            _ => endpoint.to_owned(),
        })
    }
}

/// What is wrong with where verdicts are sent: the key and the finding.
fn results_problem(results: &GradeResults) -> Option<(String, Diagnostic)> {
    let finding = |key: &str, message: String, help: &str| {
        let finding = Diagnostic::error("config/grade-results", message).with_help(help);
        Some((format!("grade.results.{key}"), finding))
    };
    if let Some(endpoint) = &results.endpoint {
        if let Err(reason) = notice::usable(endpoint) {
            return finding(
                "endpoint",
                format!("`grade.results.endpoint` {reason}"),
                "\"endpoint\": \"http://localhost:4318\"",
            );
        }
        if notice::holds_a_secret(endpoint) {
            return finding(
                "endpoint",
                "`grade.results.endpoint` seems to hold a secret".to_owned(),
                "keep it in a variable and name that: \"headersEnv\": {\"authorization\": \"OTEL_AUTHORIZATION\"}",
            );
        }
    }
    for (header, variable) in &results.headers_env {
        if http::HeaderName::from_bytes(header.as_bytes()).is_err() {
            return finding(
                "headersEnv",
                format!("{header:?} is no name of a header"),
                "\"headersEnv\": {\"authorization\": \"OTEL_AUTHORIZATION\"}",
            );
        }
        if !judge::is_variable(variable) {
            return finding(
                "headersEnv",
                format!(
                    "`grade.results.headersEnv` names a variable for `{header}`, not its value"
                ),
                "\"headersEnv\": {\"authorization\": \"OTEL_AUTHORIZATION\"}",
            );
        }
    }
    None
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
    let mut found: Vec<_> = results_problem(&settings.results).into_iter().collect();
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
            ..GradeSettings::default()
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

    #[test]
    fn verdicts_are_posted_to_an_address_without_secrets() {
        let results =
            |text: &str| -> GradeResults { serde_json::from_str(text).expect("settings") };
        let url = |endpoint: &str| {
            let results = results(&format!(r#"{{"endpoint": "{endpoint}"}}"#));
            assert_eq!(results_problem(&results), None, "{endpoint}");
            results.url().expect("an address")
        };
        assert_eq!(
            url("http://localhost:4318"),
            "http://localhost:4318/v1/logs"
        );
        assert_eq!(
            url("https://otel.example.com/"),
            "https://otel.example.com/v1/logs"
        );
        assert_eq!(
            url("https://a.example.com/x/v1/logs"),
            "https://a.example.com/x/v1/logs"
        );
        assert_eq!(GradeResults::default().url(), None);
        for (wrong, told) in [
            (
                r#"{"endpoint": "http://otel.example.com"}"#,
                "must be https",
            ),
            (
                r#"{"endpoint": "https://me:pw@example.com/"}"#,
                "seems to hold a secret",
            ),
            (r#"{"endpoint": "otel"}"#, "must begin with https://"),
            (r#"{"headersEnv": {"a b": "X"}}"#, "no name of a header"),
            (
                r#"{"headersEnv": {"authorization": "Bearer x"}}"#,
                "not its value",
            ),
        ] {
            let (_, finding) = results_problem(&results(wrong)).expect("refused");
            assert!(
                finding.message.contains(told),
                "{wrong}: {}",
                finding.message
            );
        }
    }
}
