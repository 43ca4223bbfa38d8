//! What makes two failures the same failure.

use archal_core::grade::Finding;
use archal_core::trace::TraceIdentity;
use archal_core::{hash, id};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::grade::state;

/// The identity of a failure. Order, number and arguments of calls, ids and free text are no
/// part of it, so that the same defect is one failure however often it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureIdentity {
    /// The scenario's id; for a trace that matched none what [`place_of`] says.
    pub scenario: String,
    /// The findings that made the grade `fail`, sorted; the first in the grade is primary.
    pub findings: Vec<FindingIdentity>,
    /// The primary finding: the one an attempt must show to be the same failure.
    pub primary: FindingIdentity,
}

/// The part of a finding that is the same each time it shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingIdentity {
    /// What it fired on: the criterion's id, or the name of the rule that found it.
    pub subject: String,
    /// The operation whose effect decided it.
    pub operation: Option<String>,
    /// The kind of thing it is about.
    pub entity: Option<String>,
}

impl From<&Finding> for FindingIdentity {
    fn from(finding: &Finding) -> Self {
        Self {
            subject: subject_of(finding).to_owned(),
            operation: finding.operation.clone(),
            entity: finding.entity.clone(),
        }
    }
}

/// What a finding is about each time it shows: the criterion, or the rule.
pub fn subject_of(finding: &Finding) -> &str {
    if finding.rule == state::CRITERION {
        &finding.subject
    } else {
        &finding.rule
    }
}

/// What stands for the scenario in the identity of a trace that matched none: its source, project
/// and name, as a JSON list, which no id of a scenario is.
pub fn place_of(trace: &TraceIdentity, name: &str) -> String {
    serde_json::to_string(&(&trace.source, &trace.project, name)).unwrap_or_default()
}

impl FailureIdentity {
    /// The identity of a grade's findings; none where there are none.
    pub fn of(scenario: &str, findings: &[Finding]) -> Option<Self> {
        let primary = findings.first()?.into();
        let mut all: Vec<FindingIdentity> = findings.iter().map(Into::into).collect();
        all.sort();
        all.dedup();
        Some(Self {
            scenario: scenario.to_owned(),
            findings: all,
            primary,
        })
    }

    /// The name of the group of traces that show it: a slug of the primary finding and eight hex digits.
    pub fn group(&self) -> String {
        let whole = serde_json::to_string(&(&self.scenario, &self.findings)).unwrap_or_default();
        format!(
            "{}-{}",
            id::slug(&self.primary.subject, 40),
            hash::short(&whole)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use archal_core::grade::Owner;

    fn finding(subject: &str, summary: &str) -> Finding {
        Finding {
            rule: "state.criterion".to_owned(),
            subject: subject.to_owned(),
            summary: summary.to_owned(),
            spans: vec![summary.to_owned()],
            excerpt: String::new(),
            owner: Owner::Agent,
            confidence: 1.0,
            operation: Some("github:issues/update".to_owned()),
            entity: Some("issues".to_owned()),
            rows: Vec::new(),
            negation: None,
        }
    }

    #[test]
    fn a_rule_is_what_a_finding_of_it_is_about() {
        let by_rule = Finding {
            rule: "rule.no-delete".to_owned(),
            ..finding("what it fired on", "x")
        };
        let trace = |project: &str| TraceIdentity {
            source: "file".to_owned(),
            project: project.to_owned(),
            trace: "t-1".to_owned(),
        };
        let place = place_of(&trace("shop"), "triage");
        let identity = FailureIdentity::of(&place, &[by_rule]).expect("has a finding");
        insta::assert_snapshot!(
            format!("{} {} {}", identity.scenario, identity.primary.subject, identity.group()),
            @r#"["file","shop","triage"] rule.no-delete rule-no-delete-350ede4e"#
        );
        assert_ne!(place, place_of(&trace("bank"), "triage"));
    }

    #[test]
    fn text_spans_and_order_are_no_part_of_it() {
        let first = FailureIdentity::of("s", &[finding("a", "x"), finding("b", "y")]);
        let again = FailureIdentity::of("s", &[finding("a", "other"), finding("b", "z")]);
        assert_eq!(first, again);
        let other = FailureIdentity::of("t", &[finding("a", "x"), finding("b", "y")]);
        assert_ne!(
            first.expect("has findings").group(),
            other.expect("has findings").group()
        );
        assert_eq!(FailureIdentity::of("s", &[]), None);
    }
}
