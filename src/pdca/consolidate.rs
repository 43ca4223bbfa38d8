//! From the reviews of a cycle to its findings: repeated ones become one, each is compared with the
//! cycle before and goes to the Creator or the Maker.

use archal_core::hash;
use serde::{Deserialize, Serialize};

use super::finding::{Finding, Open, Review, Route, Severity};
use super::role::Role;

/// Words that two tellings of the same differ by.
const FILLERS: [&str; 12] = [
    "a", "an", "the", "is", "are", "was", "be", "there", "this", "that", "of", "it",
];

/// The findings of a cycle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consolidated {
    /// Those there are, the worst first.
    pub open: Vec<Open>,
    /// Those of the cycle before that are no more.
    pub resolved: Vec<Open>,
}

impl Consolidated {
    /// Adds one that nobody's review tells, before the others.
    pub fn add(&mut self, mut open: Open, previous: &[Open]) {
        open.cycles_open = 1 + cycles_before(&open.id, previous);
        self.resolved.retain(|before| before.id != open.id);
        self.open.insert(0, open);
    }

    /// How many open ones have that severity.
    pub fn count(&self, severity: Severity) -> usize {
        let has = |open: &&Open| open.finding.severity == severity;
        self.open.iter().filter(has).count()
    }
}

/// What a cycle came to, after the findings of the cycle before it.
pub fn consolidate<'a>(
    reviews: impl IntoIterator<Item = (Role, &'a Review)>,
    previous: &[Open],
) -> Consolidated {
    let mut open: Vec<Open> = Vec::new();
    for (role, review) in reviews {
        for finding in &review.findings {
            let id = identity(finding);
            let route = route(role, &finding.category);
            match open.iter_mut().find(|known| known.id == id) {
                Some(known) => merge(known, finding, role, route),
                None => open.push(Open {
                    cycles_open: 1 + cycles_before(&id, previous),
                    id,
                    finding: finding.clone(),
                    routes_to: route,
                }),
            }
        }
    }
    open.sort_by_key(|open| std::cmp::Reverse(open.finding.severity));
    let is_gone = |before: &&Open| !open.iter().any(|now| now.id == before.id);
    let resolved = previous.iter().filter(is_gone).cloned().collect();
    Consolidated { open, resolved }
}

fn cycles_before(id: &str, previous: &[Open]) -> u32 {
    let before = previous.iter().find(|before| before.id == id);
    before.map_or(0, |before| before.cycles_open)
}

fn merge(known: &mut Open, finding: &Finding, role: Role, route: Route) {
    let kept = &mut known.finding;
    if !kept.source.contains(&role) {
        kept.source.push(role);
    }
    if finding.severity > kept.severity {
        kept.severity = finding.severity;
        kept.downgraded = None;
    }
    kept.line = kept.line.or(finding.line);
    kept.fix = kept.fix.take().or_else(|| finding.fix.clone());
    // A wrong approach is not mended within it.
    known.routes_to = known.routes_to.min(route);
}

/// What makes two findings the same over reviewers and cycles: file, category and what is said, without
/// regard to case, numbers, punctuation and filling words.
pub fn identity(finding: &Finding) -> String {
    let file = finding.file.as_deref().unwrap_or("-");
    let said = finding.description.to_lowercase();
    let words = said
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty() && !FILLERS.contains(word))
        .filter(|word| !word.chars().all(|c| c.is_ascii_digit()));
    let words: Vec<&str> = words.collect();
    let hash = hash::sixty_four_bits(words.join(" ").as_bytes()) >> 32;
    format!("{file}:{}:{hash:08x}", finding.category)
}

/// Whom a finding goes to: what Guardian and Skeptic find concerns the approach, what Sage finds the
/// change, and what Trickster breaks the approach unless only a test is missing.
fn route(role: Role, category: &str) -> Route {
    match role {
        Role::Sage => Route::Maker,
        Role::Trickster if category == "testing" => Route::Maker,
        _ => Route::Creator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdca::review::read;

    fn row(severity: &str, place: &str, category: &str, description: &str) -> String {
        format!("| {severity} | {place} | {category} | {description} |\n")
    }

    #[test]
    fn the_same_finding_of_two_reviewers_is_one_at_the_higher_severity() {
        let sage = read(
            Role::Sage,
            &(row("INFO", "a.rs:9", "quality", "A name")
                + &row(
                    "WARNING",
                    "a.rs:3",
                    "security",
                    "The token is logged (twice)",
                )),
        );
        let guardian = read(
            Role::Guardian,
            &(row("CRITICAL", "a.rs:4", "security", "token logged twice!")
                + &row("CRITICAL", "b.rs:4", "security", "token logged twice")),
        );
        let all = consolidate([(Role::Sage, &sage), (Role::Guardian, &guardian)], &[]);
        let told: Vec<_> = all
            .open
            .iter()
            .map(|open| {
                let finding = &open.finding;
                (
                    finding.severity,
                    finding.line,
                    finding.source.len(),
                    open.routes_to,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (Severity::Critical, Some(3), 2, Route::Creator),
                (Severity::Critical, Some(4), 1, Route::Creator),
                (Severity::Info, Some(9), 1, Route::Maker),
            ]
        );
    }

    #[test]
    fn findings_are_followed_over_cycles() {
        let of = |text: String, before: &[Open]| {
            consolidate([(Role::Guardian, &read(Role::Guardian, &text))], before)
        };
        let both = row("CRITICAL", "a.rs:4", "security", "one")
            + &row("WARNING", "a.rs:5", "security", "two");
        let first = of(both, &[]);
        // Moved to another line and told a bit differently.
        let second = of(
            row("CRITICAL", "a.rs:40", "security", "The **one**"),
            &first.open,
        );
        assert_eq!(second.open[0].cycles_open, 2);
        assert_eq!(second.open[0].id, first.open[0].id);
        let gone: Vec<&str> = second
            .resolved
            .iter()
            .map(|open| open.id.as_str())
            .collect();
        assert_eq!(gone, [first.open[1].id.as_str()]);
        // It comes back as a new one.
        let third = of(row("WARNING", "a.rs:5", "security", "two"), &second.open);
        assert_eq!(third.open[0].cycles_open, 1);
    }

    #[test]
    fn findings_go_to_whom_they_concern() {
        for (role, category, wanted) in [
            (Role::Guardian, "security", Route::Creator),
            (Role::Guardian, "testing", Route::Creator),
            (Role::Skeptic, "design", Route::Creator),
            (Role::Sage, "consistency", Route::Maker),
            (Role::Trickster, "testing", Route::Maker),
            (Role::Trickster, "reliability", Route::Creator),
        ] {
            assert_eq!(route(role, category), wanted, "{role} {category}");
        }
    }
}
