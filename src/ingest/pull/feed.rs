//! A source that is asked, inside the watcher: pass after pass.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use archal_core::pull::PullSource;
use archal_core::source::SourceDescriptor;

use super::{Ask, PassError, PassReport, ask};
use crate::ingest::feed::{Feed, FeedHealth};
use crate::ingest::import::Ledger;
use crate::ingest::subscription::Subscription;
use crate::report::causes::chain;
use crate::sandbox::StopToken;

/// Between two passes, where nobody says.
const INTERVAL: Duration = Duration::from_secs(60);
/// And at least: a service is not asked without a pause.
pub(super) const LEAST_INTERVAL: Duration = Duration::from_secs(1);
/// The longest pause that a service may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// A source of which traces are got for as long as the watcher runs.
pub struct PullFeed {
    subscription: Subscription,
    provider: &'static SourceDescriptor,
    pull: PullSource,
    ledger: Arc<dyn Ledger + Send + Sync>,
    interval: Duration,
    detail: Mutex<Option<String>>,
}

impl PullFeed {
    /// Of a source that is registered, whose provider is asked in this way.
    pub fn new(
        subscription: Subscription,
        provider: &'static SourceDescriptor,
        pull: PullSource,
        ledger: Arc<dyn Ledger + Send + Sync>,
    ) -> Self {
        let interval = subscription.source.options.duration("interval");
        Self {
            interval: interval.unwrap_or(INTERVAL).max(LEAST_INTERVAL),
            subscription,
            provider,
            pull,
            ledger,
            detail: Mutex::default(),
        }
    }

    /// One pass; after how long the next one is to be made.
    fn pass(&self, stop: &StopToken, told: &dyn Fn(FeedHealth)) -> Result<Duration, String> {
        let asked = ask(
            &Ask {
                subscription: &self.subscription,
                provider: self.provider,
                pull: self.pull,
                ledger: self.ledger.as_ref(),
                since: None,
                limit: None,
                is_dry: false,
                is_estimated: false,
                stop,
                waits: None,
            },
            &mut |_| {},
        );
        let (report, ended) = match asked {
            Ok(asked) => asked,
            // Who asks it at this moment does what was to be done here.
            Err(PassError::Taken { .. }) => return Ok(self.interval),
            Err(error) if error.is_full() => return Ok(self.waits(&error, told)),
            Err(error) => return Err(in_words(&error)),
        };
        let at = self.subscription.clock.now();
        *self.detail() = Some(format!(
            "asked every {} s, last at {at:.0}: {} new, {} updated, {} waiting",
            self.interval.as_secs(),
            report.new,
            report.updated,
            report.waiting
        ));
        match ended {
            Ok(()) => {
                told(self.health(&report));
                Ok(self.interval)
            }
            Err(error) if error.is_full() => Ok(self.waits(&error, told)),
            Err(error) => match error.retry_after() {
                Some(pause) => {
                    told(FeedHealth::Degraded {
                        reason: format!(
                            "{}; it is asked again in {} s",
                            chain(&error),
                            pause.as_secs()
                        ),
                        advice: error.advice().map(str::to_owned),
                    });
                    Ok(pause.clamp(Duration::from_secs(1), LONGEST_PAUSE))
                }
                None => Err(in_words(&error)),
            },
        }
    }

    /// Nothing is taken in before there is room.
    fn waits(&self, error: &PassError, told: &dyn Fn(FeedHealth)) -> Duration {
        let reason = format!("{}; it is asked again when there is room", chain(error));
        let advice = error.advice().map(str::to_owned);
        told(FeedHealth::Degraded { reason, advice });
        self.interval
    }

    fn health(&self, report: &PassReport) -> FeedHealth {
        let worst = report.diagnostics.iter().find(|finding| finding.is_error());
        match worst {
            Some(finding) if report.failed > 0 => FeedHealth::Degraded {
                reason: format!("{} could not be read: {}", report.failed, finding.message),
                advice: Some(format!("archal trace-source status {}", self.name())),
            },
            _ => FeedHealth::Healthy,
        }
    }

    fn detail(&self) -> MutexGuard<'_, Option<String>> {
        self.detail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_words(error: &PassError) -> String {
    match error.advice() {
        Some(advice) => format!("{}; {advice}", chain(error)),
        None => chain(error),
    }
}

impl Feed for PullFeed {
    fn name(&self) -> &str {
        &self.subscription.source.name
    }

    fn detail(&self) -> Option<String> {
        Self::detail(self).clone()
    }

    fn run(&self, stop: &StopToken, told: &dyn Fn(FeedHealth)) -> Result<(), String> {
        let every = self.interval.as_secs();
        *Self::detail(self) = Some(format!("asked every {every} s"));
        loop {
            let pause = self.pass(stop, told)?;
            if stop.wait(pause) {
                return Ok(());
            }
        }
    }
}
