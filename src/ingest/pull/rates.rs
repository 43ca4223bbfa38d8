//! How often services may be asked: one bucket for each limit, for all sources of the process.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archal_core::clock::Clock;
use archal_core::pull::Rates;
use governor::clock::{Clock as _, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// Of how many requests of a minute one may be sent at once.
const ONE_IN: u32 = 4;

/// The buckets of a process.
pub struct SharedRates {
    clock: Arc<dyn Clock>,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl SharedRates {
    /// No bucket yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            buckets: Mutex::default(),
        }
    }
}

impl Rates for SharedRates {
    fn take(&self, bucket: &str, per_minute: NonZeroU32) -> Duration {
        let now = self.clock.monotonic();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets
            .entry(bucket.to_owned())
            .or_insert_with(|| Bucket::new(per_minute, now));
        bucket.take(now)
    }

    fn hold(&self, bucket: &str, pause: Duration) {
        let until = self.clock.monotonic().saturating_add(pause);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(bucket) {
            bucket.held = bucket.held.max(until);
        }
    }
}

/// Places are given in the future: the limiter lives in the time of the last place it gave.
struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Nanos>>,
    clock: FakeRelativeClock,
    /// What the clock shows, in the time of the process.
    shows: Duration,
    /// Nobody sends before.
    held: Duration,
}

impl Bucket {
    fn new(per_minute: NonZeroU32, now: Duration) -> Self {
        // What may be sent at once counts against the first minute.
        let burst = per_minute.get() / ONE_IN;
        let steady = per_minute.get().saturating_sub(burst).max(1);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(Duration::from_secs(60) / steady)
            .unwrap_or_else(|| Quota::per_minute(per_minute))
            .allow_burst(burst);
        let clock = FakeRelativeClock::default();
        Self {
            limiter: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            shows: now,
            held: Duration::ZERO,
        }
    }

    fn take(&mut self, now: Duration) -> Duration {
        self.forward(now.max(self.held));
        while let Err(early) = self.limiter.check() {
            let wait = early.wait_time_from(self.clock.now());
            // A place that is not free needs time; none at all would go on for ever.
            self.forward(self.shows + wait.max(Duration::from_micros(1)));
        }
        self.shows.saturating_sub(now)
    }

    fn forward(&mut self, to: Duration) {
        if let Some(by) = to.checked_sub(self.shows) {
            self.clock.advance(by);
            self.shows = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use archal_core::clock::{FakeClock, Timestamp};

    use super::*;

    fn rates() -> (Arc<FakeClock>, SharedRates) {
        let clock = Arc::new(FakeClock::new(Timestamp::UNIX_EPOCH));
        (clock.clone(), SharedRates::new(clock))
    }

    const THIRTY: NonZeroU32 = NonZeroU32::new(30).expect("more than none");

    #[test]
    fn no_minute_has_more_requests_than_it_may_and_buckets_are_apart() {
        let (clock, rates) = rates();
        let mut sent = Vec::new();
        for number in 0..200 {
            if number % 50 == 49 {
                // Whoever did nothing for a while has no more than the others.
                clock.advance(Duration::from_secs(400));
            }
            let at = clock.monotonic() + rates.take("org", THIRTY);
            if let Some(last) = sent.last() {
                assert!(at >= *last, "in the order in which they were taken");
            }
            sent.push(at);
        }
        for (place, from) in sent.iter().enumerate() {
            let minute = sent[place..]
                .iter()
                .take_while(|at| **at < *from + Duration::from_secs(60));
            let count = minute.count();
            assert!(count <= 30, "{count} from {from:?}");
        }
        assert_eq!(sent[0], Duration::ZERO);
        assert_eq!(rates.take("other", THIRTY), Duration::ZERO);
    }

    #[test]
    fn what_a_service_said_holds_for_all_who_ask_it() {
        let (clock, rates) = rates();
        rates.hold("org", Duration::from_secs(9));
        assert_eq!(rates.take("org", THIRTY), Duration::ZERO, "not known yet");
        rates.hold("org", Duration::from_secs(90));
        rates.hold("org", Duration::from_secs(5));
        assert_eq!(rates.take("org", THIRTY), Duration::from_secs(90));
        assert_eq!(rates.take("other", THIRTY), Duration::ZERO);
        clock.advance(Duration::from_secs(100));
        assert_eq!(rates.take("org", THIRTY), Duration::ZERO);
    }
}
