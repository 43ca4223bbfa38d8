//! What reviewers say: a verdict and findings, each with what identifies it over cycles.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::role::Role;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Should be fixed; never blocks alone.
    Warning,
    /// Blocks.
    Critical,
}

/// What a reviewer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Good as it is.
    Approved,
    /// Good once its warnings are seen to; counts as approval.
    ApprovedWithFixes,
    /// Not good.
    Rejected,
}

impl Severity {
    /// The word in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }

    /// A severity in any of the words that logs and reviewers use for it.
    pub fn parse(text: &str) -> Option<Self> {
        match normal(text).as_str() {
            "CRITICAL" | "BLOCKER" => Some(Self::Critical),
            "WARNING" | "WARN" | "BUG" => Some(Self::Warning),
            "INFO" | "RECOMMENDATION" | "NOTE" => Some(Self::Info),
            _ => None,
        }
    }
}

impl Verdict {
    /// The word in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ApprovedWithFixes => "APPROVED_WITH_FIXES",
            Self::Rejected => "REJECTED",
        }
    }

    /// A verdict in any of the words that logs and reviewers use for it.
    pub fn parse(text: &str) -> Option<Self> {
        match normal(text).as_str() {
            "APPROVED" | "APPROVE" => Some(Self::Approved),
            "APPROVED WITH FIXES" => Some(Self::ApprovedWithFixes),
            "REJECTED" | "REJECT" | "NEEDS CHANGES" => Some(Self::Rejected),
            _ => None,
        }
    }

    /// Whether it approves.
    pub const fn approves(self) -> bool {
        matches!(self, Self::Approved | Self::ApprovedWithFixes)
    }
}

/// Upper case, with spaces for `_` and `-`, without emphasis around it.
fn normal(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || "*`[]:.".contains(c))
        .to_ascii_uppercase()
        .replace(['_', '-'], " ")
}

/// `Display` by name and reading by any known word.
macro_rules! word {
    ($type:ty, $what:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text)
                    .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no {}", $what)))
            }
        }
    };
}

word!(Severity, "severity");
word!(Verdict, "verdict");

/// A finding of a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Where it is, relative to the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: `security`, `quality`, …
    pub category: String,
    /// What is wrong.
    pub description: String,
    /// What would mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Who found it.
    pub source: Vec<Role>,
    /// What the reviewer wrote of it, whole: its evidence.
    #[serde(skip)]
    pub text: String,
    /// Why it was made an `INFO`, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgraded: Option<Downgrade>,
}

/// Why a finding was made an `INFO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Downgrade {
    /// It shows nothing.
    NoEvidence,
    /// It only supposes.
    HedgeWithoutEvidence,
}

/// Whom an open finding goes to in the next cycle.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// The approach is wrong.
    Creator,
    /// The change within the approach is.
    Maker,
}

/// A finding of a cycle after repeated ones became one: an entry of `findings-cycle-<N>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    /// The same as long as file, category and description are.
    pub id: String,
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Whom it goes to.
    pub routes_to: Route,
    /// In how many cycles running it was found.
    pub cycles_open: u32,
}

/// How sure the Creator is, from 0 to 1; what it does not say is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    /// That it understood the task.
    pub task_understanding: f64,
    /// That the proposal is whole.
    pub solution_completeness: f64,
    /// That the risks are known.
    pub risk_coverage: f64,
}

/// What an agent says of itself in its last line, `STATUS: …`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Status {
    /// It is done; also when it says nothing.
    #[default]
    Done,
    /// It is done, and doubts something.
    DoneWithConcerns,
    /// It cannot go on without an answer.
    NeedsContext,
    /// It cannot go on.
    Blocked,
}

/// What was read from a review.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Review {
    /// The verdict it states, the strictest of several; none where it states none.
    pub verdict: Option<Verdict>,
    /// The findings, in order.
    pub findings: Vec<Finding>,
    /// The first line that names a severity where no finding could be read.
    pub unread: Option<String>,
}

impl Review {
    /// How many findings have that severity.
    pub fn count(&self, severity: Severity) -> usize {
        let has = |finding: &&Finding| finding.severity == severity;
        self.findings.iter().filter(has).count()
    }

    /// What the review comes to: a finding that blocks rejects, a rejection with warnings alone approves
    /// with fixes, and a review without a verdict or with findings that nobody can read approves nothing.
    pub fn outcome(&self) -> Verdict {
        match self.verdict {
            _ if self.unread.is_some() || self.count(Severity::Critical) > 0 => Verdict::Rejected,
            Some(Verdict::Rejected) if self.count(Severity::Warning) > 0 => {
                Verdict::ApprovedWithFixes
            }
            Some(verdict) => verdict,
            None => Verdict::Rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(verdict: Option<Verdict>, severities: &[Severity]) -> Review {
        let finding = |severity: &Severity| Finding {
            file: None,
            line: None,
            severity: *severity,
            category: "quality".to_owned(),
            description: "a".to_owned(),
            fix: None,
            source: vec![Role::Sage],
            text: String::new(),
            downgraded: None,
        };
        Review {
            verdict,
            findings: severities.iter().map(finding).collect(),
            unread: None,
        }
    }

    #[test]
    fn words_of_both_formats_are_read_and_written_in_upper_case() {
        for (text, wanted) in [
            ("critical", "CRITICAL"),
            ("**WARNING**", "WARNING"),
            ("bug", "WARNING"),
            ("[Info]", "INFO"),
            ("recommendation", "INFO"),
        ] {
            let severity: Severity = serde_json::from_value(text.into()).expect(text);
            assert_eq!(serde_json::to_value(severity).expect("text"), wanted);
        }
        for (text, wanted) in [
            ("approved_with_fixes", "APPROVED_WITH_FIXES"),
            ("APPROVED WITH FIXES", "APPROVED_WITH_FIXES"),
            ("needs_changes", "REJECTED"),
            ("Approved.", "APPROVED"),
        ] {
            let verdict: Verdict = serde_json::from_value(text.into()).expect(text);
            assert_eq!(serde_json::to_value(verdict).expect("text"), wanted);
        }
        assert_eq!(Severity::parse("criticality"), None);
        assert_eq!(Verdict::parse("not approved"), None);
    }

    #[test]
    fn a_rejection_stands_on_what_blocks_and_silence_approves_nothing() {
        use Severity::{Critical, Info, Warning};
        use Verdict::{Approved, ApprovedWithFixes, Rejected};
        for (verdict, severities, wanted) in [
            (Some(Approved), &[Critical][..], Rejected),
            (Some(Rejected), &[Warning, Info], ApprovedWithFixes),
            (Some(Rejected), &[Info], Rejected),
            (Some(Rejected), &[], Rejected),
            (Some(Approved), &[Warning], Approved),
            (None, &[Warning], Rejected),
            (None, &[], Rejected),
        ] {
            let outcome = review(verdict, severities).outcome();
            assert_eq!(outcome, wanted, "{verdict:?} {severities:?}");
        }
        let unread = Review {
            unread: Some("One CRITICAL leaks.".to_owned()),
            ..review(Some(Approved), &[])
        };
        assert_eq!(unread.outcome(), Rejected);
    }
}
