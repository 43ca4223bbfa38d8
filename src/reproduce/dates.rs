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
    let Some(days) = DAYS.as_ref() else {
        return false;
    };
    days.find_iter(text)
        .any(|day| !is_version(&text[..day.start()], &text[day.end()..]))
}

/// Whether what stands between these is the number of a version, which has points, too: `version
/// 1.2.2026`, or more of them than a day has.
fn is_version(before: &str, after: &str) -> bool {
    let word = before.trim_end().rsplit(|c: char| !c.is_alphanumeric());
    let is_called_so = word
        .map(str::to_ascii_lowercase)
        .next()
        .is_some_and(|word| word == "version" || word == "versions");
    let goes_on = after
        .strip_prefix('.')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    is_called_so || goes_on || before.ends_with('.')
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
            "version 3 is of 31.1.2026.",
            "version 1.2.2026, out on 2026-01-31",
        ];
        for text in days {
            assert!(is_named(text), "{text}");
        }
        let others = [
            "nobody has touched for 90 days",
            "issue 2026 of acme/webapp",
            "maybe 12, 2026 of them",
            "commit 2026-01",
            "version 1.2.2026",
            "what Version 1.2.2026 broke",
            "1.2.2026.4 and 0.1.2.2026",
            "tomorrow",
        ];
        for text in others {
            assert!(!is_named(text), "{text}");
        }
    }
}
