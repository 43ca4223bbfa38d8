//! Time as an argument.

use std::sync::Mutex;
use std::time::Duration;

pub use jiff::Timestamp;

/// Where the time comes from. Only the composition root names the real one.
pub trait Clock: Send + Sync {
    /// The wall clock, UTC.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary fixed point; never goes back.
    fn monotonic(&self) -> Duration;
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct FakeClock {
    start: Timestamp,
    elapsed: Mutex<Duration>,
}

impl FakeClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            start,
            elapsed: Mutex::new(Duration::ZERO),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut elapsed = self.lock();
        *elapsed += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Duration> {
        // A poisoned lock holds a plain duration, which is valid whatever happened.
        self.elapsed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.start
            .checked_add(*self.lock())
            .unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        *self.lock()
    }
}

/// Cuts a time to whole seconds, towards the past.
pub fn truncate_to_second(time: Timestamp) -> Timestamp {
    let seconds = time.as_nanosecond().div_euclid(1_000_000_000);
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(time)
}

/// Writes a time in RFC 3339 with whole seconds, `2026-01-02T03:04:05Z`, as GitHub does.
pub fn rfc3339_seconds(time: Timestamp) -> String {
    format!("{:.0}", truncate_to_second(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_cut_towards_the_past() {
        let time: Timestamp = "2026-01-02T03:04:05.999Z".parse().expect("valid");
        assert_eq!(rfc3339_seconds(time), "2026-01-02T03:04:05Z");
        let before_epoch: Timestamp = "1969-12-31T23:59:58.5Z".parse().expect("valid");
        assert_eq!(rfc3339_seconds(before_epoch), "1969-12-31T23:59:58Z");
    }

    #[test]
    fn a_fake_clock_moves_only_when_told() {
        let clock = FakeClock::new(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), Timestamp::from_second(2).expect("in range"));
        assert_eq!(clock.monotonic(), Duration::from_secs(2));
    }
}
