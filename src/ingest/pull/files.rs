//! Files and folders that somebody else writes, looked at again and again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archal_core::hash;
use archal_core::source::FileFormat;

use super::feed::LEAST_INTERVAL;
use crate::ingest::feed::{Feed, FeedHealth};
use crate::ingest::import::{Import, ImportReport, Ledger};
use crate::ingest::subscription::Subscription;
use crate::ingest::watch::Stamp;
use crate::report::causes::chain;
use crate::sandbox::StopToken;

/// Between two looks, where nobody says.
const INTERVAL: Duration = Duration::from_secs(60);

/// Files or a folder that somebody else writes, imported whenever they changed.
pub struct FilePull {
    subscription: Subscription,
    format: &'static FileFormat,
    ledger: Arc<dyn Ledger + Send + Sync>,
    path: PathBuf,
    interval: Duration,
    /// What was read, by the hash of its path: a file that did not change is not read again.
    read: Mutex<BTreeMap<u64, Stamp>>,
    detail: Mutex<Option<String>>,
}

impl FilePull {
    /// Over the source's option `path`; none where it has none.
    pub fn new(
        subscription: Subscription,
        format: &'static FileFormat,
        ledger: Arc<dyn Ledger + Send + Sync>,
    ) -> Option<Self> {
        let options = &subscription.source.options;
        let interval = options.duration("interval");
        Some(Self {
            path: options.path("path")?,
            interval: interval.unwrap_or(INTERVAL).max(LEAST_INTERVAL),
            subscription,
            format,
            ledger,
            read: Mutex::default(),
            detail: Mutex::default(),
        })
    }

    /// The same, asked at another interval.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Asks once.
    ///
    /// # Errors
    ///
    /// Why it cannot be asked, with causes.
    pub fn ask(&self, stop: &StopToken) -> Result<ImportReport, String> {
        if !self.path.exists() {
            return Err(format!("there is no {}", self.path.display()));
        }
        let seen = Mutex::new(BTreeMap::new());
        let is_wanted = |path: &Path| {
            let key = hash::sixty_four_bits(path.as_os_str().as_encoded_bytes());
            let Ok(stamp) = Stamp::read(path) else {
                return true;
            };
            lock(&seen).insert(key, stamp);
            lock(&self.read).get(&key) != Some(&stamp)
        };
        let Subscription {
            source,
            redactor,
            clock,
            ..
        } = &self.subscription;
        let import = Import {
            format: self.format,
            redactor,
            ledger: self.ledger.as_ref(),
            clock: clock.as_ref(),
            source: &source.name,
            provider: &source.provider,
            directory: &source.trace_dir,
            since: None,
            limit: None,
            is_dry: false,
            is_wanted: &is_wanted,
            is_stopped: &|| stop.is_asked(),
        };
        let report = import
            .run(&self.path, &mut |_| {})
            .map_err(|error| chain(&error))?;
        if !report.is_interrupted {
            *lock(&self.read) = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        }
        Ok(report)
    }
}

impl Feed for FilePull {
    fn name(&self) -> &str {
        &self.subscription.source.name
    }

    fn detail(&self) -> Option<String> {
        lock(&self.detail).clone()
    }

    fn run(&self, stop: &StopToken, told: &dyn Fn(FeedHealth)) -> Result<(), String> {
        *lock(&self.detail) = Some(format!(
            "reads {} every {} s",
            self.path.display(),
            self.interval.as_secs()
        ));
        let mut is_first = true;
        loop {
            let report = self.ask(stop)?;
            // Files that did not change are not read again, and so say nothing new.
            match report.diagnostics.iter().find(|finding| finding.is_error()) {
                Some(finding) => told(FeedHealth::Degraded {
                    reason: format!("{} could not be read: {}", report.failed, finding.message),
                    advice: Some(format!("archal trace-source sync {}", self.name())),
                }),
                None if is_first || report.files > 0 => told(FeedHealth::Healthy),
                None => {}
            }
            is_first = false;
            if stop.wait(self.interval) {
                return Ok(());
            }
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
