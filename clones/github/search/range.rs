//! Ranges of numbers and dates in searches.

use jiff::{SignedDuration, Timestamp};

use crate::github::issue_lists::time;

/// The first and last second that a date or time means.
pub(super) fn span(text: &str) -> Option<(i64, i64)> {
    let from: Timestamp = time(text)?;
    let day = text.len() == "2026-01-02".len();
    let length = SignedDuration::from_secs(if day { 86_399 } else { 0 });
    Some((from.as_second(), from.checked_add(length).ok()?.as_second()))
}

/// Whether `value` lies in a range: `>a`, `>=a`, `<a`, `<=a`, `a..b` with `*` for no end, `a`.
pub(super) fn within(range: &str, read: impl Fn(&str) -> Option<(i64, i64)>, value: i64) -> bool {
    let holds = |rest: &str, test: fn(i64, (i64, i64)) -> bool| {
        read(rest).is_some_and(|bound| test(value, bound))
    };
    if let Some(rest) = range.strip_prefix(">=") {
        holds(rest, |value, (first, _)| value >= first)
    } else if let Some(rest) = range.strip_prefix('>') {
        holds(rest, |value, (_, last)| value > last)
    } else if let Some(rest) = range.strip_prefix("<=") {
        holds(rest, |value, (_, last)| value <= last)
    } else if let Some(rest) = range.strip_prefix('<') {
        holds(rest, |value, (first, _)| value < first)
    } else if let Some((from, to)) = range.split_once("..") {
        (from == "*" || holds(from, |value, (first, _)| value >= first))
            && (to == "*" || holds(to, |value, (_, last)| value <= last))
    } else {
        holds(range, |value, (first, last)| {
            (first..=last).contains(&value)
        })
    }
}

/// A whole number as a range of one.
pub(super) fn number(text: &str) -> Option<(i64, i64)> {
    text.parse().ok().map(|number: i64| (number, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_whole_days() {
        let noon = |text: &str| {
            format!("{text}T12:00:00Z")
                .parse::<Timestamp>()
                .expect("valid")
        };
        let on = |range: &str| within(range, span, noon("2026-01-02").as_second());
        for range in [
            "2026-01-02",
            ">2026-01-01",
            ">=2026-01-02",
            "<2026-01-03",
            "<=2026-01-02",
            "2026-01-01..2026-01-02",
            "*..2026-01-02",
            "2026-01-02..*",
            "<2026-01-02T13:00:00Z",
        ] {
            assert!(on(range), "{range}");
        }
        for range in [
            ">2026-01-02",
            "<2026-01-02",
            "2026-01-03",
            "rubbish",
            "<",
            "",
        ] {
            assert!(!on(range), "{range}");
        }
    }
}
