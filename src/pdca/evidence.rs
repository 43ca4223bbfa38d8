//! The evidence gate: a finding that blocks or asks for a fix shows something, or becomes an `INFO`.

use std::sync::LazyLock;

use regex::Regex;

use super::artifacts;
use super::finding::{Downgrade, Review, Severity};
use super::review;
use super::role::Role;

/// Words of someone who only supposes.
const HEDGES: [&str; 12] = [
    "might be",
    "could potentially",
    "appears to",
    "seems like",
    "may not",
    "possibly",
    "it is possible",
    "there could be",
    "it might",
    "perhaps",
    "conceivably",
    "one could argue",
];

/// What shows that something was seen, in lower case.
const MARKERS: [&str; 13] = [
    "output:",
    "error:",
    "stack trace",
    "exit code",
    "$ ",
    "```",
    "command:",
    "result:",
    "observed:",
    "expected:",
    "actual:",
    "reproduction:",
    "steps to reproduce",
];

/// A review after the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gated {
    /// What the review comes to.
    pub review: Review,
    /// The review as it is to be kept, where it was changed.
    pub text: Option<String>,
    /// What was lowered, in order.
    pub downgrades: Vec<Downgraded>,
}

/// A finding that was made an `INFO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downgraded {
    /// What it was.
    pub from: Severity,
    /// Why it is no more.
    pub reason: Downgrade,
    /// The line of the review, from 1.
    pub line: usize,
}

/// Reads a review and makes findings without evidence an `INFO`, in its text as well. `file` is the
/// artifact, whose original is kept beside it.
pub fn gate(role: Role, text: &str, file: &str) -> Gated {
    let mut review = review::read(role, text);
    let found = review::findings(role, text);
    let mut changed = text.to_owned();
    let mut downgrades = Vec::new();
    let mut places = Vec::new();
    for (finding, found) in review.findings.iter_mut().zip(found) {
        if finding.severity == Severity::Info {
            continue;
        }
        let Some(reason) = lacks(&finding.text) else {
            continue;
        };
        downgrades.push(Downgraded {
            from: finding.severity,
            reason,
            line: found.line,
        });
        finding.severity = Severity::Info;
        finding.downgraded = Some(reason);
        places.extend(found.tokens.into_iter().map(|place| (place, reason)));
    }
    // From the last to the first, so that earlier places stay where they are.
    places.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let original = artifacts::original(file);
    for (place, reason) in places {
        let reason = review::reason_in_words(reason);
        let note = format!("INFO (downgraded: {reason}; original in {original})");
        changed.replace_range(place, &note);
    }
    Gated {
        review,
        text: (!downgrades.is_empty()).then_some(changed),
        downgrades,
    }
}

/// Why a finding shows nothing; none where it does.
fn lacks(text: &str) -> Option<Downgrade> {
    static PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"line \d|:\d").ok());
    let text = text.to_lowercase();
    let shows = MARKERS.iter().any(|marker| text.contains(marker))
        || PLACE.as_ref().is_some_and(|place| place.is_match(&text));
    if shows {
        None
    } else if HEDGES.iter().any(|hedge| text.contains(hedge)) {
        Some(Downgrade::HedgeWithoutEvidence)
    } else {
        Some(Downgrade::NoEvidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REVIEW: &str = "\
| Location | Severity | Category | Description | Fix |
|---|---|---|---|---|
| src/a.rs:3 | CRITICAL | security | it might be unsafe | x |
| src/b.rs | **WARNING** | quality | it might be slow | x |
| src/c.rs | CRITICAL | quality | it is slow | x |
| src/d.rs | INFO | quality | a name | x |

### 4. CRITICAL, a panic
#### WARNING as well
It seems like it fails.

### 5. WARNING, a hang
Observed: it hangs.
";

    #[test]
    fn what_shows_nothing_becomes_an_info_where_it_stands_and_nothing_else_changes() {
        let gated = gate(Role::Sage, REVIEW, "check-sage.md");
        let told: Vec<_> = gated
            .downgrades
            .iter()
            .map(|down| (down.from, down.reason, down.line))
            .collect();
        assert_eq!(
            told,
            [
                (Severity::Warning, Downgrade::HedgeWithoutEvidence, 4),
                (Severity::Critical, Downgrade::NoEvidence, 5),
                (Severity::Critical, Downgrade::HedgeWithoutEvidence, 8),
            ]
        );
        let severities: Vec<_> = gated
            .review
            .findings
            .iter()
            .map(|one| one.severity)
            .collect();
        assert_eq!(
            severities,
            [
                Severity::Critical,
                Severity::Info,
                Severity::Info,
                Severity::Info,
                Severity::Info,
                Severity::Warning
            ]
        );
        let changed = gated.text.expect("changed");
        let hedge = "INFO (downgraded: hedge without evidence; original in check-sage.md.orig)";
        let nothing = "INFO (downgraded: no evidence; original in check-sage.md.orig)";
        assert_eq!(
            changed,
            REVIEW
                .replace(
                    "**WARNING** | quality | it might",
                    &format!("**{hedge}** | quality | it might")
                )
                .replace(
                    "CRITICAL | quality | it is slow",
                    &format!("{nothing} | quality | it is slow")
                )
                .replace("4. CRITICAL", &format!("4. {hedge}"))
                .replace("#### WARNING", &format!("#### {hedge}"))
        );
    }

    #[test]
    fn a_changed_review_is_not_changed_again_and_reads_as_the_same() {
        let first = gate(Role::Sage, REVIEW, "check-sage.md");
        let changed = first.text.expect("changed");
        let again = gate(Role::Sage, &changed, "check-sage.md");
        assert_eq!((again.text, again.downgrades), (None, Vec::new()));
        let strip = |review: &Review| {
            let mut findings = review.findings.clone();
            for finding in &mut findings {
                finding.text.clear();
            }
            findings
        };
        assert_eq!(strip(&again.review), strip(&first.review));
    }
}
