//! Sources of the registry that run inside the watcher: those whose traces go into a directory that
//! is attached. One that fails is started again after a pause; the others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use archal_core::source::SourceStyle;
use archal_core::trace::TraceIdentity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ingest::feed::{self, Feed, FeedHealth};
use crate::ingest::import::{Known, Ledger, LedgerError};
use crate::ingest::pack::Packed;
use crate::ingest::plugin::programs::HeldPrograms;
use crate::ingest::registry::{Places, Registry, Source};
use crate::ingest::subscription::{self, Subscription};
use crate::ingest::watch::Stamp;
use crate::report::causes::chain;
use crate::sandbox::StopToken;

use super::desk::Told;
use super::engine::{Attached, Engine};
use super::ready::Ready;

/// How a source of an attached directory does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceNow {
    /// Its name.
    pub name: String,
    /// Its provider.
    pub provider: String,
    /// Who begins; none where this version does not have the provider.
    pub style: Option<SourceStyle>,
    /// How it does; none while it starts.
    pub health: Option<FeedHealth>,
    /// What is worth knowing of it: where it listens, for example.
    #[serde(default)]
    pub detail: Option<String>,
}

/// The sources of all attached directories.
pub(super) struct Hosted {
    engine: Arc<Engine>,
    places: Places,
    told: Told,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By attachment and name.
    running: BTreeMap<(i64, String), One>,
    /// The registry's files as they were when they were last read.
    stamps: Option<[Option<Stamp>; 3]>,
    /// Why the registry cannot be read; what ran then runs on.
    problem: Option<String>,
}

struct One {
    /// As it was when it was started.
    source: Source,
    style: Option<SourceStyle>,
    health: Arc<Mutex<Option<FeedHealth>>>,
    /// None where it could not be started.
    at_work: Option<AtWork>,
}

struct AtWork {
    feed: Arc<dyn Feed>,
    stop: StopToken,
    thread: JoinHandle<()>,
}

impl Engine {
    /// What a source is given to run with, or to be sent to.
    pub(super) fn subscription(&self, source: &Source, ready: &Ready) -> Subscription {
        let surround = self.surround();
        let redactor = ready.settings.scrubber.redactor().clone();
        let programs = HeldPrograms::new(
            &surround.binary,
            Some(surround.probe.clone()),
            surround.environment.clone(),
            ready.settings.options.sandbox,
            redactor.clone(),
        );
        Subscription {
            programs: Arc::new(programs),
            spool: surround.layout.spool(&source.name),
            source: source.clone(),
            redactor,
            environment: surround.environment.clone(),
            clock: surround.clock.clone(),
            ids: surround.ids.clone(),
            rates: self.rates.clone(),
        }
    }
}

impl Hosted {
    pub(super) fn new(engine: Arc<Engine>, told: Told) -> Self {
        let surround = engine.surround();
        Self {
            places: Places::of(&surround.repo, &surround.layout, &surround.environment),
            engine,
            told,
            inner: Mutex::default(),
        }
    }

    /// Starts and stops sources as the registry has them, where it changed since that was done
    /// last, or `anew` in any case.
    pub(super) fn look(&self, attached: &[Attached], anew: bool) {
        let mut inner = self.inner();
        let stamp = |path: &Path| Stamp::read(path).ok();
        let stamps = [
            stamp(self.places.shared()),
            stamp(self.places.local()),
            self.places.allowed().and_then(stamp),
        ];
        if !anew && inner.stamps == Some(stamps) {
            return;
        }
        inner.stamps = Some(stamps);
        let registry = match Registry::read(&self.places, self.engine.surround().sources) {
            Ok(registry) => registry,
            Err(error) => {
                let problem = format!("{}; archal trace-source list says more", chain(&error));
                if inner.problem.as_ref() != Some(&problem) {
                    (self.told)(&problem);
                }
                inner.problem = Some(problem);
                return;
            }
        };
        inner.problem = None;
        let sources = registry.sources();
        let wanted: BTreeMap<(i64, String), (&Attached, &Source)> = attached
            .iter()
            .filter(|attached| !attached.flags.no_sources)
            .flat_map(|attached| {
                let of = sources.iter().filter(|source| {
                    source.is_enabled && is_same(&source.trace_dir, &attached.directory)
                });
                of.map(move |source| ((attached.id, source.name.clone()), (attached, source)))
            })
            .collect();
        let over: BTreeSet<(i64, String)> = inner
            .running
            .iter()
            .filter(|(key, one)| {
                wanted
                    .get(key)
                    .is_none_or(|(_, source)| **source != one.source)
            })
            .map(|(key, _)| key.clone())
            .collect();
        let over = over.iter().filter_map(|key| inner.running.remove(key));
        let over: Vec<One> = over.collect();
        // Whoever asks how sources do does not wait for those that end.
        drop(inner);
        self.end(over);
        let mut inner = self.inner();
        for (key, (attached, source)) in wanted {
            inner
                .running
                .entry(key)
                .or_insert_with(|| self.start(attached, source.clone()));
        }
    }

    /// How the sources of an attachment do.
    pub(super) fn of(&self, attachment: i64) -> Vec<SourceNow> {
        let inner = self.inner();
        let own = inner
            .running
            .iter()
            .filter(|((of, _), _)| *of == attachment);
        own.map(|(_, one)| SourceNow {
            name: one.source.name.clone(),
            provider: one.source.provider.clone(),
            style: one.style,
            health: lock(&one.health).clone(),
            detail: one.at_work.as_ref().and_then(|work| work.feed.detail()),
        })
        .collect()
    }

    /// Why the registry cannot be read, where that is so.
    pub(super) fn problem(&self) -> Option<String> {
        self.inner().problem.clone()
    }

    /// Ends the sources of some attachments.
    pub(super) fn let_go(&self, attachments: &[i64]) {
        let mut inner = self.inner();
        let (over, kept) = std::mem::take(&mut inner.running)
            .into_iter()
            .partition(|((of, _), _)| attachments.contains(of));
        inner.running = kept;
        // Whoever asks how sources do does not wait for those that end.
        drop(inner);
        let over: BTreeMap<(i64, String), One> = over;
        self.end(over.into_values().collect());
    }

    /// Ends all.
    pub(super) fn stop(&self) {
        let all = std::mem::take(&mut self.inner().running);
        self.end(all.into_values().collect());
    }

    fn start(&self, attached: &Attached, source: Source) -> One {
        let surround = self.engine.surround();
        let style = source.style(surround.sources);
        let health = Arc::new(Mutex::new(None));
        let name = source.name.clone();
        let failed = |reason: String| {
            (self.told)(&format!("source {name}: {reason}"));
            *lock(&health) = Some(FeedHealth::Failing {
                reason,
                times: 1,
                pause_seconds: 0,
            });
            None
        };
        let at_work = match self.feed(attached, &source) {
            Ok(feed) => {
                let (kept, told) = (health.clone(), self.told.clone());
                let says = name.clone();
                let hear = move |now: FeedHealth| {
                    if lock(&kept).replace(now.clone()).as_ref() != Some(&now) {
                        told(&format!("source {says}: {}", in_words(&now)));
                    }
                };
                let stop = StopToken::new();
                let thread = feed::supervise(
                    feed.clone(),
                    stop.clone(),
                    feed::FIRST_PAUSE,
                    Box::new(hear),
                );
                match thread {
                    Ok(thread) => Some(AtWork { feed, stop, thread }),
                    Err(error) => failed(format!("there is no thread for it: {error}")),
                }
            }
            Err(reason) => failed(reason),
        };
        One {
            source,
            style,
            health,
            at_work,
        }
    }

    fn feed(&self, attached: &Attached, source: &Source) -> Result<Arc<dyn Feed>, String> {
        if let Some(problem) = source.problems.first() {
            return Err(match &problem.help {
                Some(help) => format!("{}; {help}", problem.message),
                None => problem.message.clone(),
            });
        }
        let ready = self
            .engine
            .ready(attached, false)
            .map_err(|error| chain(&error))?;
        let subscription = self.engine.subscription(source, &ready);
        let ledger = Arc::new(EngineLedger(self.engine.clone()));
        subscription::feed(subscription, self.engine.surround().sources, ledger)
    }

    /// All are asked before any is waited for.
    fn end(&self, over: Vec<One>) {
        for one in &over {
            if let Some(work) = &one.at_work {
                work.stop.stop();
            }
        }
        for one in over {
            if let Some(work) = one.at_work {
                work.thread.join().ok();
                (self.told)(&format!("source {}: ended", one.source.name));
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

/// Whether a source's traces go into a directory, which is attached without links in its path.
fn is_same(trace_dir: &Path, directory: &Path) -> bool {
    trace_dir == directory
        || trace_dir
            .canonicalize()
            .is_ok_and(|trace_dir| trace_dir == directory)
}

/// How a source does, in one line.
pub fn in_words(health: &FeedHealth) -> String {
    match health {
        FeedHealth::Healthy => "runs".to_owned(),
        FeedHealth::Degraded { reason, advice } => match advice {
            Some(advice) => format!("{reason}; {advice}"),
            None => reason.clone(),
        },
        FeedHealth::Failing {
            reason,
            pause_seconds,
            ..
        } => format!("{reason}; tried again in {pause_seconds} s"),
    }
}

/// The state's ledger, for feeds that outlive a borrow.
struct EngineLedger(Arc<Engine>);

impl Ledger for EngineLedger {
    fn known(
        &self,
        directory: &Path,
        traces: &[(&TraceIdentity, &str)],
    ) -> Result<Vec<Known>, LedgerError> {
        let clock = self.0.surround().clock.as_ref();
        self.0.state().ledger(clock).known(directory, traces)
    }

    fn place(
        &self,
        directory: &Path,
        identity: &TraceIdentity,
    ) -> Result<Option<PathBuf>, LedgerError> {
        let clock = self.0.surround().clock.as_ref();
        self.0.state().ledger(clock).place(directory, identity)
    }

    fn note(&self, source: &str, packed: &Packed) -> Result<(), LedgerError> {
        let clock = self.0.surround().clock.as_ref();
        self.0.state().ledger(clock).note(source, packed)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
