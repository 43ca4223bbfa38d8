//! Numbers and ages in words.

use super::super::number_words;

/// Units of time and their seconds; a month has 30 days and a year 365.
const UNITS: &[(&str, u64)] = &[
    ("second", 1),
    ("minute", 60),
    ("hour", 3_600),
    ("day", DAY),
    ("week", 7 * DAY),
    ("fortnight", 14 * DAY),
    ("month", 30 * DAY),
    ("year", 365 * DAY),
];

/// The seconds of a day.
pub(super) const DAY: u64 = 86_400;

/// A number in one word: digits are read elsewhere. `twenty-five` is one.
pub(super) fn number(word: &str) -> Option<u64> {
    match word {
        "dozen" => Some(12),
        "hundred" => Some(100),
        _ => number_words::number(word).map(u64::from),
    }
}

/// The seconds of a unit of time in the singular or plural.
pub(super) fn unit(word: &str) -> Option<u64> {
    let singular = word.strip_suffix('s').unwrap_or(word);
    let found = UNITS.iter().find(|(name, _)| *name == singular);
    found.map(|(_, seconds)| *seconds)
}

/// `40-day-old` as seconds.
pub(super) fn age_adjective(word: &str) -> Option<u64> {
    let inner = word.strip_suffix("-old")?;
    let (count, unit_word) = inner.rsplit_once('-')?;
    let count = count.parse().ok().or_else(|| number(count))?;
    unit(unit_word)?.checked_mul(count)
}

/// How old something is, in seconds before the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Exactly.
    Exactly(u64),
    /// Evenly from one to the other, for several things.
    Between(u64, u64),
}

impl Age {
    /// More than so old: a day more, or a unit more where that is less.
    pub(super) fn more_than(seconds: u64, unit: u64) -> Self {
        Self::Exactly(seconds.saturating_add(unit.min(DAY)))
    }

    /// Less than so old: half of it.
    pub(super) fn less_than(seconds: u64) -> Self {
        Self::Exactly(seconds / 2)
    }

    /// The age of the thing at `place` of `count`.
    pub(super) fn of(self, place: usize, count: usize) -> u64 {
        match self {
            Self::Exactly(seconds) => seconds,
            Self::Between(one, other) => {
                let (low, high) = (one.min(other), one.max(other));
                let steps = u64::try_from(count.saturating_sub(1)).unwrap_or(u64::MAX);
                let place = u64::try_from(place).unwrap_or(u64::MAX);
                if steps == 0 {
                    return low.midpoint(high);
                }
                // Oldest first, as numbers go up with time.
                high - (high - low) / steps * place.min(steps)
            }
        }
    }
}

/// Seconds before the run as seed documents write them.
pub(super) fn ago(seconds: u64) -> String {
    let mut left = seconds;
    let mut out = String::new();
    for (unit, size) in [('d', DAY), ('h', 3_600), ('m', 60), ('s', 1)] {
        let count = left / size;
        left %= size;
        if count > 0 {
            out.push_str(&count.to_string());
            out.push(unit);
        }
    }
    if out.is_empty() {
        return "now".to_owned();
    }
    out.push_str(" ago");
    out
}
