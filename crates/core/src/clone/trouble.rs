//! What goes wrong on purpose: faults of single calls, and limits of how many there may be.
//!
//! A plan counts calls, never time or chance, so the same calls meet the same trouble.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What goes wrong in one clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Faults of calls.
    pub faults: Vec<Fault>,
    /// How many calls a caller may make.
    pub rate_limit: Option<RateLimit>,
}

impl Trouble {
    /// Whether nothing goes wrong.
    pub fn is_none(&self) -> bool {
        self.faults.is_empty() && self.rate_limit.is_none()
    }
}

/// Something that goes wrong with calls of an operation. Shown as people write it:
/// `issues/update#2=500`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The operation's id; one that ends in `*` stands for all that begin so.
    pub operation: String,
    /// Which of its calls, from 1; none for every one.
    pub nth: Option<u32>,
    /// What happens.
    pub effect: FaultEffect,
}

/// Every operation of a clone.
pub const EVERY_OPERATION: &str = "*";

impl Fault {
    /// Whether calls of `operation` count for it.
    pub fn concerns(&self, operation: &str) -> bool {
        match self.operation.strip_suffix('*') {
            Some(start) => operation.starts_with(start),
            None => self.operation == operation,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)?;
        if let Some(nth) = self.nth {
            write!(f, "#{nth}")?;
        }
        write!(f, "={}", self.effect)
    }
}

/// What a fault does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultEffect {
    /// The service answers with this status and does nothing.
    Status(u16),
    /// The answer comes so many milliseconds late.
    Latency(u64),
    /// The connection ends before the service does anything.
    Drop,
    /// The service does what it was asked, and the connection ends before its answer.
    NoAnswer,
    /// The connection ends in the middle of the answer's body.
    Cut,
    /// The service says that the caller has made too many calls.
    RateLimit,
    /// A read shows the state as it was before the last change.
    Stale,
    /// What the call would tell webhooks is not delivered.
    WebhookLost,
    /// What the call tells webhooks is delivered twice.
    WebhookTwice,
}

impl FaultEffect {
    /// The longest delay, in milliseconds: ten minutes.
    pub const MAX_LATENCY: u64 = 600_000;
    /// How the effects are written, for messages.
    pub const FORMS: &str = "a status from 400 to 599, a delay up to 600s such as 250ms or 2s, drop, \
        no-answer, cut, rate-limit, stale, webhook-lost or webhook-twice";

    /// The delay before the answer, where there is one.
    pub fn delay(self) -> Option<Duration> {
        match self {
            Self::Latency(millis) => Some(Duration::from_millis(millis)),
            _ => None,
        }
    }
}

/// The effects that are written as a word.
const WORDS: &[(&str, FaultEffect)] = &[
    ("cut", FaultEffect::Cut),
    ("drop", FaultEffect::Drop),
    ("no-answer", FaultEffect::NoAnswer),
    ("rate-limit", FaultEffect::RateLimit),
    ("stale", FaultEffect::Stale),
    ("webhook-lost", FaultEffect::WebhookLost),
    ("webhook-twice", FaultEffect::WebhookTwice),
];

impl fmt::Display for FaultEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Latency(millis) => write!(f, "{millis}ms"),
            word => {
                let written = WORDS.iter().find(|(_, effect)| effect == word);
                f.write_str(written.map_or("", |(word, _)| word))
            }
        }
    }
}

impl FromStr for FaultEffect {
    type Err = NoEffect;

    fn from_str(text: &str) -> Result<Self, NoEffect> {
        if let Some((_, effect)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*effect);
        }
        let delay = text
            .strip_suffix("ms")
            .map(|digits| (digits, 1))
            .or_else(|| text.strip_suffix('s').map(|digits| (digits, 1_000)));
        let read = match delay {
            Some((digits, unit)) => digits
                .trim()
                .parse::<u64>()
                .ok()
                .and_then(|count| count.checked_mul(unit))
                .filter(|millis| (1..=Self::MAX_LATENCY).contains(millis))
                .map(Self::Latency),
            None => text
                .parse()
                .ok()
                .filter(|status| (400..=599).contains(status))
                .map(Self::Status),
        };
        read.ok_or(NoEffect)
    }
}

/// A text that is no effect of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no effect of a fault")]
pub struct NoEffect;

/// How many calls a caller may make in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls.
    pub calls: u64,
    /// Seconds until the count begins anew; the service's own where none.
    pub window: Option<u64>,
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.calls)?;
        match self.window {
            Some(window) => write!(f, "/{window}s"),
            None => Ok(()),
        }
    }
}

impl FromStr for RateLimit {
    type Err = NoRateLimit;

    /// `100`, `100/60s`, `100/5m` or `100/1h`.
    fn from_str(text: &str) -> Result<Self, NoRateLimit> {
        let (calls, window) = match text.split_once('/') {
            None => (text, None),
            Some((calls, window)) => {
                let units = [("s", 1), ("m", 60), ("h", 3_600)];
                let (digits, unit) = units
                    .iter()
                    .find_map(|(unit, seconds)| Some((window.strip_suffix(unit)?, *seconds)))
                    .ok_or(NoRateLimit)?;
                let count: u64 = digits.parse().map_err(|_| NoRateLimit)?;
                let seconds = count.checked_mul(unit).ok_or(NoRateLimit)?;
                if !(1..=86_400).contains(&seconds) {
                    return Err(NoRateLimit);
                }
                (calls, Some(seconds))
            }
        };
        let calls = calls.parse().map_err(|_| NoRateLimit)?;
        Ok(Self { calls, window })
    }
}

/// A text that is no rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a rate limit is a number of calls, or that and a time of up to 24h: 100, 100/60s, 5000/1h"
)]
pub struct NoRateLimit;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_read_as_they_are_written() {
        let written = [
            "404",
            "599",
            "250ms",
            "2s",
            "600s",
            "drop",
            "no-answer",
            "cut",
            "rate-limit",
            "stale",
            "webhook-lost",
            "webhook-twice",
        ];
        let read: Vec<String> = written
            .iter()
            .map(|text| {
                text.parse::<FaultEffect>()
                    .map_or_else(|_| "none".to_owned(), |effect| effect.to_string())
            })
            .collect();
        insta::assert_snapshot!(read.join(" "), @"404 599 250ms 2000ms 600000ms drop no-answer cut rate-limit stale webhook-lost webhook-twice");
        for text in ["", "200", "600", "0s", "601s", "2h", "dropped", "-1"] {
            assert_eq!(text.parse::<FaultEffect>(), Err(NoEffect), "{text}");
        }
    }

    #[test]
    fn a_fault_concerns_operations_by_name_or_beginning() {
        let fault = |operation: &str| Fault {
            operation: operation.to_owned(),
            nth: Some(2),
            effect: FaultEffect::Status(502),
        };
        assert!(fault("*").concerns("issues/update"));
        assert!(fault("issues/*").concerns("issues/update"));
        assert!(!fault("issues/*").concerns("pulls/update"));
        assert!(!fault("issues/update").concerns("issues/update-comment"));
        assert_eq!(fault("issues/*").to_string(), "issues/*#2=502");
    }

    #[test]
    fn rate_limits_have_a_count_and_perhaps_a_time() {
        let read = |text: &str| text.parse::<RateLimit>().map(|limit| limit.to_string());
        assert_eq!(read("10").as_deref(), Ok("10"));
        assert_eq!(read("10/5m").as_deref(), Ok("10/300s"));
        for text in ["", "ten", "10/", "10/5", "10/0s", "10/25h", "-1", "1/s"] {
            assert_eq!(read(text), Err(NoRateLimit), "{text}");
        }
    }
}
