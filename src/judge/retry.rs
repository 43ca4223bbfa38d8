//! Which failures pass by themselves, and how long to wait for it.

use std::time::Duration;

use archal_core::clock::Timestamp;
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::fmt::rfc2822;

/// How often a request is sent again.
const TIMES: usize = 3;
/// The longest pause. A provider that asks for a longer one is asked another day.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// The pauses before each further try: about half a second, one and two, longer by up to as much
/// again, so that many who failed at once do not come back at once.
pub(super) fn pauses(seed: u64) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(LONGEST)
        .with_max_times(TIMES)
        .with_jitter()
        .with_jitter_seed(seed)
        .build()
}

/// Whether a status says that the same request may be answered later.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 529)
}

/// `Retry-After`: seconds, or the time of day.
pub(super) fn after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<Duration> = pauses(7).collect();
        assert_eq!(pauses.len(), TIMES);
        for (pause, least) in pauses.iter().zip([500, 1_000, 2_000]) {
            let least = Duration::from_millis(least);
            assert!((least..=2 * least).contains(pause), "{pauses:?}");
        }
        assert_eq!(pauses, super::pauses(7).collect::<Vec<_>>());
    }

    #[test]
    fn both_forms_of_retry_after_are_understood() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().expect("valid");
        let after = |text| after(text, now).map(|after| after.as_secs());
        assert_eq!(after(" 120"), Some(120));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(after("soon"), None);
    }
}
