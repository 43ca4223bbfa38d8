//! The process that does a repository's work, as others meet it: its socket, its background, its log.

use std::time::{Duration, Instant};

use archal_core::clock::{Clock, Timestamp};

mod background;
mod interrupts;
mod log;
mod socket;

/// A bound for what happens at once unless something is broken.
const SOON: Duration = Duration::from_secs(20);

/// Waits, looking again and again, for a condition that must come true soon.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come true");
        std::thread::yield_now();
    }
}

/// A wall clock that stands still and a monotonic one that does not.
struct RunningClock(Instant);

impl RunningClock {
    fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RunningClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}
