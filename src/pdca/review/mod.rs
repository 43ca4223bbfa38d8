//! Reading reviews: the verdict and the findings of every shape reviewers write.
//!
//! Reviews are what a model wrote, maybe about a text that wants to be taken for one: what stands in
//! quotes and code blocks is evidence of a finding, and never a finding or a verdict itself.

mod blocks;
mod lines;
mod table;
mod words;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::finding::{Downgrade, Finding, Review, Severity, Verdict};
use super::role::Role;
use lines::Line;

/// A finding with the places that say its severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The finding.
    pub(super) finding: Finding,
    /// Every place that names its severity.
    pub(super) tokens: Vec<Range<usize>>,
    /// The line it begins on, from 1.
    pub(super) line: usize,
}

/// What a reviewer wrote.
pub fn read(role: Role, text: &str) -> Review {
    let lines = lines::of(text);
    let found = findings_of(role, &lines);
    Review {
        verdict: verdict(&lines),
        unread: unread(&found, &lines),
        findings: found.into_iter().map(|found| found.finding).collect(),
    }
}

/// The findings, in order.
pub(super) fn findings(role: Role, text: &str) -> Vec<Found> {
    findings_of(role, &lines::of(text))
}

fn findings_of(role: Role, lines: &[Line<'_>]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let taken = if !line.is_prose {
            None
        } else if line.heading.is_some() {
            blocks::under_heading(role, &lines[at..])
        } else if line.is_row() {
            Some(table::rows(role, &lines[at..]))
        } else {
            blocks::of_line(role, &lines[at..])
        };
        match taken {
            Some((mut more, count)) => {
                found.append(&mut more);
                at += count.max(1);
            }
            None => at += 1,
        }
    }
    found
}

/// What every shape gives of a finding.
#[derive(Default)]
struct Parts<'a> {
    location: &'a str,
    category: &'a str,
    description: &'a str,
    fix: &'a str,
}

fn found(
    role: Role,
    severity: Severity,
    parts: &Parts<'_>,
    text: String,
    tokens: Vec<Range<usize>>,
    line: usize,
) -> Found {
    let downgraded = words::downgraded(&text);
    let (file, line_there) = words::location(parts.location);
    let category = words::plain(parts.category).to_ascii_lowercase();
    let fix = words::plain(parts.fix);
    let description = words::plain(&words::without_downgrade(parts.description));
    Found {
        finding: Finding {
            file,
            line: line_there,
            severity,
            category: if category.is_empty() {
                words::category_in(&description)
                    .unwrap_or(default_category(role))
                    .to_owned()
            } else {
                category.replace(' ', "-")
            },
            description: if description.is_empty() {
                "no description".to_owned()
            } else {
                description
            },
            fix: (!fix.is_empty() && fix != "-").then_some(fix),
            source: vec![role],
            text,
            downgraded: downgraded.filter(|_| severity == Severity::Info),
        },
        tokens,
        line,
    }
}

/// What a role's findings are about unless it says otherwise.
const fn default_category(role: Role) -> &'static str {
    match role {
        Role::Guardian => "security",
        Role::Trickster => "reliability",
        Role::Sage => "quality",
        _ => "design",
    }
}

/// The verdict that is stated; the strictest one where there are several.
fn verdict(lines: &[Line<'_>]) -> Option<Verdict> {
    static STATED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^[\s#*_>-]*(?:final |overall )?verdict\s*[*_]*\s*(?:[:—–-]|$)\s*(.*)$")
            .ok()
    });
    let stated = STATED.as_ref()?;
    let mut verdicts = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.is_prose) {
        let Some(rest) = stated.captures(line.text).and_then(|found| found.get(1)) else {
            continue;
        };
        let rest = rest.as_str().trim();
        // `### Verdict` may have the word on the next line.
        let rest = if rest.trim_matches(['*', '_', ':']).is_empty() {
            let next = lines[at + 1..]
                .iter()
                .find(|line| !line.text.trim().is_empty());
            next.filter(|line| line.is_prose)
                .map_or("", |line| line.text)
        } else {
            rest
        };
        verdicts.extend(words::leading_verdict(rest));
    }
    [
        Verdict::Rejected,
        Verdict::ApprovedWithFixes,
        Verdict::Approved,
    ]
    .into_iter()
    .find(|verdict| verdicts.contains(verdict))
}

/// The first line that names a severity where no finding was read, other than to say that there is none of it.
/// Beside findings words are about them: there only a CRITICAL counts, where none of them is one.
fn unread(found: &[Found], lines: &[Line<'_>]) -> Option<String> {
    static NAMED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\b(?:CRITICAL|WARNING)\b").ok());
    let is_critical = |one: &Found| {
        one.finding.severity == Severity::Critical || one.finding.downgraded.is_some()
    };
    if found.iter().any(is_critical) {
        return None;
    }
    let is_read = |line: &Line<'_>| {
        let extent = |one: &Found| one.line..one.line + one.finding.text.lines().count();
        found.iter().any(|one| extent(one).contains(&line.number))
    };
    let prose: Vec<&str> = lines
        .iter()
        .filter(|line| line.is_prose && !is_read(line))
        .map(|line| line.text)
        .collect();
    let rest = words::without_denials(&prose.join("\n"));
    let names = |line: &&str| match found.is_empty() {
        true => NAMED.as_ref().is_some_and(|named| named.is_match(line)),
        false => words::tokens(line)
            .iter()
            .any(|(severity, _)| *severity == Severity::Critical),
    };
    rest.lines().find(names).map(words::plain)
}

/// Why the severity of a text was lowered, where it was.
pub(super) const fn reason_in_words(reason: Downgrade) -> &'static str {
    match reason {
        Downgrade::NoEvidence => "no evidence",
        Downgrade::HedgeWithoutEvidence => "hedge without evidence",
    }
}
