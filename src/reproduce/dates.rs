//! Whether a failure is about days of the calendar: then an agent that reads a clock must read the
//! one of the trace, or it is asked something else.

use std::sync::LazyLock;

use regex::Regex;

use crate::scenario::{Check, Scenario};

/// A day with its year, as people and programs write it: `2026-01-31`, `31 January 2026`,
/// `Jan 31, 2026`, `01/31/2026`, `31.1.2026`.
static DAYS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let month = "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|\
                 sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)";
    let day = r"\d{1,2}(?:st|nd|rd|th)?";
    let year = r"(?:19|20)\d\d";
    Regex::new(&format!(
        r"(?i)\b(?:{year}-\d\d-\d\d|{day}\.? {month},? {year}|{month}\.? {day},? {year}|{month} {year}|\d{{1,2}}[/.]\d{{1,2}}[/.]{year})"
    ))
    .ok()
});

/// Whether the task or a criterion names a day of the calendar.
pub fn matter(task: &str, scenario: &Scenario) -> bool {
    is_named(task)
        || scenario.criteria.iter().any(|criterion| {
            let says = match &criterion.check {
                Check::Cel { source, .. } => is_named(source),
                Check::Judged { .. } => false,
            };
            says || is_named(criterion.label())
        })
}

fn is_named(text: &str) -> bool {
    DAYS.as_ref().is_some_and(|days| days.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn days_of_the_calendar_are_found_and_other_numbers_are_not() {
        let days = [
            "Close what was open on 2026-01-31.",
            "issues from 2026-01-31T09:00:00Z on",
            "before 31 January 2026",
            "before the 3rd Feb, 2026",
            "since Jan. 31, 2026",
            "everything of March 2026",
            "after 01/31/2026",
            "ab 31.1.2026",
        ];
        for text in days {
            assert!(is_named(text), "{text}");
        }
        let others = [
            "nobody has touched for 90 days",
            "issue 2026 of acme/webapp",
            "maybe 12, 2026 of them",
            "commit 2026-01",
            "tomorrow",
        ];
        for text in others {
            assert!(!is_named(text), "{text}");
        }
    }
}
