//! Times in a clone's state, and how seeds and evidence write them.

use jiff::Timestamp;

use crate::clock;

/// A time in a clone's state and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The time itself, whole seconds where the service has whole seconds.
    pub at: Timestamp,
    /// Whether a call of this run set it; otherwise the seed did.
    pub by_call: bool,
}

impl Stamp {
    /// How evidence writes it: `+run` when a call set it, else the offset from `base`: `-95d`.
    pub fn evidence(&self, base: Timestamp) -> String {
        if self.by_call {
            return "+run".to_owned();
        }
        offset(self.at, base)
    }
}

/// The offset of `at` from `base` in days, hours, minutes and seconds: `-95d`, `+1h30m`, `+0s`.
pub fn offset(at: Timestamp, base: Timestamp) -> String {
    let seconds = clock::truncate_to_second(at).as_second() - base.as_second();
    let sign = if seconds < 0 { '-' } else { '+' };
    let mut left = seconds.unsigned_abs();
    let mut out = String::from(sign);
    for (unit, size) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
        let count = left / size;
        left %= size;
        if count > 0 {
            out.push_str(&count.to_string());
            out.push(unit);
        }
    }
    if out.len() == 1 {
        out.push_str("0s");
    }
    out
}

/// A time as a seed may write it: RFC 3339, an [`offset`], or words: `95d ago`, `now`.
///
/// The present moment and offsets of zero stand one second before `base`, so that the text of a
/// seed time never equals the text of a time that a call sets.
pub fn seed_time(text: &str, base: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let time = if text == "now" {
        base
    } else if let Some(past) = text.strip_suffix("ago") {
        shift(past, base, -1)?
    } else if let Some(past) = text.strip_prefix('-') {
        shift(past, base, -1)?
    } else if let Some(future) = text.strip_prefix('+') {
        shift(future, base, 1)?
    } else {
        text.parse().ok()?
    };
    if time == base {
        base.checked_sub(std::time::Duration::from_secs(1)).ok()
    } else {
        Some(time)
    }
}

fn shift(text: &str, base: Timestamp, sign: i64) -> Option<Timestamp> {
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    let mut units = 0;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let size = match c {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let count: i64 = digits.parse().ok()?;
        digits.clear();
        seconds = seconds.checked_add(count.checked_mul(size)?)?;
        units += 1;
    }
    if !digits.is_empty() || units == 0 {
        return None;
    }
    Timestamp::from_second(base.as_second().checked_add(sign * seconds)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Timestamp {
        "2026-01-10T00:00:00Z".parse().expect("valid")
    }

    #[test]
    fn offsets_are_written_short_and_read_back() {
        for (seconds, text) in [
            (-95 * 86_400, "-95d"),
            (-5_400, "-1h30m"),
            (86_401, "+1d1s"),
        ] {
            let at = Timestamp::from_second(base().as_second() + seconds).expect("in range");
            assert_eq!(offset(at, base()), text);
            assert_eq!(seed_time(text, base()), Some(at));
        }
    }

    #[test]
    fn seed_times_take_words_and_never_equal_the_base() {
        let day_before: Timestamp = "2026-01-09T00:00:00Z".parse().expect("valid");
        assert_eq!(seed_time("1d ago", base()), Some(day_before));
        assert_eq!(seed_time("2026-01-09T00:00:00Z", base()), Some(day_before));
        let just_before: Timestamp = "2026-01-09T23:59:59Z".parse().expect("valid");
        assert_eq!(seed_time("now", base()), Some(just_before));
        assert_eq!(seed_time("0d ago", base()), Some(just_before));
        assert_eq!(seed_time("ago", base()), None);
        assert_eq!(seed_time("95x ago", base()), None);
        assert_eq!(seed_time("99999999999999999999d ago", base()), None);
    }

    #[test]
    fn evidence_tells_who_set_a_time() {
        let at = base();
        let by_call = Stamp { at, by_call: true };
        assert_eq!(by_call.evidence(base()), "+run");
        let by_seed = Stamp { at, by_call: false };
        assert_eq!(by_seed.evidence(base()), "+0s");
    }
}
