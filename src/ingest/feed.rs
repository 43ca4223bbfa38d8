//! Sources that run inside the watcher: started, watched over, started again.
//!
//! A feed brings traces for as long as it runs. One that fails is started again after a pause
//! that doubles with each failure, and is shown as unhealthy meanwhile; the others go on.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::StopToken;

/// The pause after the first failure.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// What is told of a feed that ended in a panic.
const FAULT: &str = "archal has a fault that this source finds; please report it";

/// How a feed does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum FeedHealth {
    /// It runs.
    Healthy,
    /// It runs, not as well as it could.
    Degraded {
        /// Why.
        reason: String,
        /// The command that mends it, where there is one.
        advice: Option<String>,
    },
    /// It failed and is started again.
    Failing {
        /// Why.
        reason: String,
        /// How often in a row.
        times: u32,
        /// After how many seconds it is started again.
        pause_seconds: u64,
    },
}

/// Something that brings traces for as long as it runs.
pub trait Feed: Send + Sync {
    /// Its name in status.
    fn name(&self) -> &str;

    /// What is worth knowing of it while it runs: where it listens, for example.
    fn detail(&self) -> Option<String> {
        None
    }

    /// Runs until `stop` or a failure, whose text is returned. `told` is given its health whenever
    /// that changes.
    fn run(&self, stop: &StopToken, told: &dyn Fn(FeedHealth)) -> Result<(), String>;
}

/// Runs `feed` on a thread of its own until `stop`, starting it again when it fails.
pub fn supervise(
    feed: Arc<dyn Feed>,
    stop: StopToken,
    first_pause: Duration,
    told: Box<dyn Fn(FeedHealth) + Send>,
) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new()
        .name(format!("feed-{}", feed.name()))
        .spawn(move || {
            let mut times = 0;
            let mut pause = first_pause;
            while !stop.is_stopped() {
                let has_run = std::cell::Cell::new(false);
                let run = || {
                    feed.run(&stop, &|health| {
                        has_run.set(true);
                        told(health);
                    })
                };
                // A fault of one feed is no end of it, and none of the others.
                let ended = catch_unwind(AssertUnwindSafe(run));
                let ended = ended.unwrap_or_else(|_| Err(FAULT.to_owned()));
                let Err(reason) = ended else { return };
                if has_run.get() {
                    (times, pause) = (0, first_pause);
                }
                times += 1;
                told(FeedHealth::Failing {
                    reason,
                    times,
                    pause_seconds: pause.as_secs(),
                });
                if stop.wait(pause) {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Scripted {
        starts: AtomicU32,
    }

    impl Feed for Scripted {
        fn name(&self) -> &str {
            "scripted"
        }

        fn run(&self, stop: &StopToken, told: &dyn Fn(FeedHealth)) -> Result<(), String> {
            let start = self.starts.fetch_add(1, Ordering::SeqCst);
            if start < 2 {
                return Err(format!("no answer ({start})"));
            }
            told(FeedHealth::Healthy);
            if start == 2 {
                return Err("cut off".to_owned());
            }
            stop.stop();
            Ok(())
        }
    }

    #[test]
    fn a_feed_that_fails_is_started_again_and_says_how_it_does() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, stop) = (Arc::clone(&seen), StopToken::new());
        let feed = Arc::new(Scripted {
            starts: AtomicU32::new(0),
        });
        let thread = supervise(
            feed,
            stop,
            Duration::from_millis(1),
            Box::new(move |health| kept.lock().expect("whole").push(health)),
        )
        .expect("a thread");
        thread.join().expect("ended");
        let times: Vec<u32> = seen
            .lock()
            .expect("whole")
            .iter()
            .map(|health| match health {
                FeedHealth::Failing { times, .. } => *times,
                _ => 0,
            })
            .collect();
        assert_eq!(times, [1, 2, 0, 1, 0]);
    }
}
