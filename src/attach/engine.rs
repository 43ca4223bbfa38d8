//! Everything that works on the traces of one repository shares one engine.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use archal_core::clock::{Clock, Timestamp};
use archal_core::clone::CloneDescriptor;
use archal_core::environment::Environment;
use archal_core::id::IdSource;
use archal_core::source::{FileFormat, SourceDescriptor};
use archal_core::trace::Trace;

use crate::budget::entry::AttemptKey;
use crate::budget::ledger::{Ledger, LedgerError};
use crate::fix::cycles::Cycles;
use crate::host::pool::Waker;
use crate::ingest::artifact::{self, ImportArtifact};
use crate::ingest::pull::rates::SharedRates;
use crate::judge::Judge;
use crate::judge::cache::Cache;
use crate::judge::purse::Purse;
use crate::reproduce::pool::Places;
use crate::run::attempt::Bench;
use crate::sandbox::hold::Probe;
use crate::sandbox::stop::StopToken;
use crate::store::database::DatabaseError;
use crate::store::layout::Layout;

use super::flags::AttachFlags;
use super::ready::{self, Ready, ReadyError};
use super::settings::{Settings as AttachSettings, SettingsError, Surroundings};
use super::state::attempts::{self, AttemptState};
use super::state::{State, attachments, facts, jobs};
use super::telling::Bell;
use super::turns::Turns;

/// For how long the repository at HEAD is taken to be what it was, when traces come in numbers.
const READY_HOLDS: Duration = Duration::from_secs(1);

/// The row of what is not attached yet: its configuration has to be good.
pub const PROBE: i64 = 0;
/// How many private copies of the repository are kept for the next job.
const MOST_PLACES: usize = 2;
/// How the attempts of the judge of traces begin in the ledger.
pub(super) const JUDGED: &str = "judged/";
/// The fact that tells an end from a cut.
const ENDED_WELL: &str = "ended_well";

/// What the engine is given of the world.
pub struct Surround {
    /// The repository, absolute and without links.
    pub repo: PathBuf,
    /// Its state.
    pub layout: Layout,
    /// The caller's environment.
    pub environment: Environment,
    /// The archal binary, for its hidden modes.
    pub binary: PathBuf,
    /// The clones there are.
    pub clones: &'static [CloneDescriptor],
    /// The providers of trace sources there are.
    pub sources: &'static [SourceDescriptor],
    /// The files that are read.
    pub files: &'static FileFormat,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn IdSource>,
    /// How children can be held here.
    pub probe: Probe,
    /// Makes the cycles of agents that are a fixer.
    pub cycles: &'static dyn Cycles,
    /// The user's redaction key.
    pub key: [u8; 32],
}

/// A directory that is attached.
#[derive(Debug, Clone, PartialEq)]
pub struct Attached {
    /// Its row.
    pub id: i64,
    /// The directory.
    pub directory: PathBuf,
    /// What it was attached with.
    pub flags: AttachFlags,
}

/// Jobs in hand, until it is dropped.
pub(super) struct Holding<'a> {
    engine: &'a Engine,
    jobs: Vec<i64>,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        let mut in_hand = self.engine.in_hand();
        for job in &self.jobs {
            in_hand.remove(job);
        }
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] DatabaseError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The engine.
pub struct Engine {
    pub(super) surround: Surround,
    pub(super) state: State,
    pub(super) ledger: Ledger,
    pub(super) places: Places,
    /// Who lends hands for attempts side by side; nobody where no pool does the work.
    pub(super) hands: OnceLock<Waker>,
    /// Rung when a notice was written down.
    pub(super) bell: Bell,
    /// How often services may be asked, by all sources.
    pub(super) rates: Arc<SharedRates>,
    /// Jobs that a thread of this process works on. One that runs and is not among them was
    /// dropped by an error.
    in_hand: Mutex<BTreeSet<i64>>,
    pub(super) turns: Turns,
    ready: Mutex<BTreeMap<i64, Held>>,
    /// The judges of settings in force: each knows how its server does.
    judges: Mutex<Vec<(Weak<AttachSettings>, Arc<Judge<'static>>)>>,
}

struct Held {
    ready: Arc<Ready>,
    flags: AttachFlags,
    config: Option<Timestamp>,
    /// None where HEAD is to be asked again.
    asked_at: Option<Duration>,
    /// Why the configuration in force is an earlier one than that of the file.
    complaint: Option<String>,
}

impl Engine {
    /// An engine over a state that was opened. What a killed process left under way is settled:
    /// its attempts are charged, its jobs go back into the queue.
    pub fn new(surround: Surround, state: State, ledger: Ledger) -> Result<Self, EngineError> {
        let ledger = ledger.held_by(surround.layout.root());
        let rates = Arc::new(SharedRates::new(surround.clock.clone()));
        let engine = Self {
            surround,
            state,
            ledger,
            places: Places::new(MOST_PLACES),
            hands: OnceLock::new(),
            bell: Bell::default(),
            rates,
            in_hand: Mutex::default(),
            turns: Turns::default(),
            ready: Mutex::new(BTreeMap::new()),
            judges: Mutex::default(),
        };
        engine.settle()?;
        Ok(engine)
    }

    /// Takes a job in hand; to be called in the transaction that makes it run.
    pub(super) fn take_in_hand(&self, job: i64) {
        self.in_hand().insert(job);
    }

    pub(super) fn is_in_hand(&self, job: i64) -> bool {
        self.in_hand().contains(&job)
    }

    /// Lets go of jobs when it is dropped.
    pub(super) fn holding(&self, jobs: Vec<i64>) -> Holding<'_> {
        Holding { engine: self, jobs }
    }

    /// Puts jobs back into the queue that run and that nobody has in hand: an error dropped them,
    /// and the state could not be told.
    pub(super) fn pick_up_dropped(&self) -> Result<(), DatabaseError> {
        let now = self.now();
        self.state
            .write(|change| jobs::requeue_running_but(change, &|job| self.is_in_hand(job), now))?;
        Ok(())
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that this process ends in order, so that the next one need not look for what was
    /// left.
    pub fn close(&self) {
        // Where this fails the next one looks in vain.
        self.state
            .write(|change| facts::set(change, ENDED_WELL, "yes"))
            .ok();
        self.state.fold().ok();
    }

    /// Whether the process before this one was cut off, or nobody knows. From now on this one may
    /// be.
    pub(super) fn was_cut_off(&self) -> Result<bool, DatabaseError> {
        self.state.write(|change| {
            let ended_well = facts::get(change, ENDED_WELL)?;
            facts::set(change, ENDED_WELL, "no")?;
            // A state that is new may have been begun by one that was cut off before it could
            // write this down, or stand in the place of a broken one.
            Ok(ended_well.as_deref() != Some("yes"))
        })
    }

    /// Ends the attempts of a job that were cut off in this process, because their end could not be
    /// written down: it was put back, and nobody works on it.
    pub(super) fn settle_job(&self, job: i64) -> Result<(), EngineError> {
        let made = self
            .state
            .read(|connection| attempts::of_job(connection, job))?;
        if made.is_empty() {
            return Ok(());
        }
        let repo = &self.surround.repo;
        let reserved: BTreeSet<String> = self.ledger.reserved(repo)?.into_iter().collect();
        for attempt in made {
            let key = AttemptKey::new(repo, attempt.id.clone());
            if attempt.state == AttemptState::Running {
                if reserved.contains(&attempt.id) {
                    self.ledger.interrupted(&key)?;
                }
                let (state, now) = (AttemptState::Interrupted, self.now());
                self.state.write_synced(|change| {
                    attempts::end(change, &attempt.id, state, None, None, now)
                })?;
            } else if reserved.contains(&attempt.id) {
                self.charge_as_kept(&attempt.id)?;
            }
        }
        Ok(())
    }

    /// Charges an attempt whose end was written down and not yet told to the ledger.
    fn charge_as_kept(&self, id: &str) -> Result<(), EngineError> {
        let spent = self
            .state
            .read(|connection| attempts::spent(connection, id))?;
        if let Some(spent) = spent {
            let key = AttemptKey::new(&self.surround.repo, id);
            self.ledger.charge(&key, &spent.charge())?;
        }
        Ok(())
    }

    fn settle(&self) -> Result<(), EngineError> {
        let now = self.now();
        let repo = &self.surround.repo;
        let open = self.state.read(attempts::open)?;
        // Ended, and killed before the ledger was told.
        for id in self.ledger.reserved(repo)? {
            self.charge_as_kept(&id)?;
        }
        let known: BTreeSet<String> = open.iter().map(|attempt| attempt.id.clone()).collect();
        // A reservation is made for a job. Where none is known the state was lost, and nobody can
        // say that the attempt did not begin.
        let is_anew = !self.state.read(jobs::any)?;
        self.ledger.recover(repo, |id| {
            // A question to the judge has no row: it may have been answered.
            is_anew || known.contains(id) || id.starts_with(JUDGED)
        })?;
        self.state.write_synced(|change| {
            for attempt in &open {
                let state = AttemptState::Interrupted;
                attempts::end(change, &attempt.id, state, None, None, now)?;
            }
            jobs::requeue_running(change, now)
        })?;
        Ok(())
    }

    /// Attaches a directory, or changes how it is attached. `for_now` is for a single pass: the
    /// next watcher does not go on with it.
    pub fn attach(
        &self,
        directory: PathBuf,
        flags: AttachFlags,
        for_now: bool,
    ) -> Result<Attached, DatabaseError> {
        let now = self.surround.clock.now();
        let kept = serde_json::to_value(&flags).unwrap_or_default();
        let id = self.state.write(|change| {
            if for_now {
                attachments::pass(change, &directory, &kept, now)
            } else {
                attachments::attach(change, &directory, &kept, now)
            }
        })?;
        Ok(Attached {
            id,
            directory,
            flags,
        })
    }

    /// What is known between two lives.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The world it was given.
    pub fn surround(&self) -> &Surround {
        &self.surround
    }

    /// The settings under those flags, for work that needs no commit.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be used.
    pub fn settings(&self, flags: &AttachFlags) -> Result<AttachSettings, SettingsError> {
        AttachSettings::load(flags, self.around())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.surround.clock.now()
    }

    pub(super) fn around(&self) -> Surroundings<'_> {
        Surroundings {
            repo: &self.surround.repo,
            environment: &self.surround.environment,
            clones: self.surround.clones,
            key: self.surround.key,
            containment: self.surround.probe.containment(),
        }
    }

    /// The judge of an attachment's traces; none where none is asked.
    pub(super) fn judge(&self, ready: &Ready) -> Option<Arc<Judge<'static>>> {
        let wanted = ready.settings.judge.as_ref()?;
        let mut judges = self.judges.lock().unwrap_or_else(PoisonError::into_inner);
        judges.retain(|(settings, _)| settings.strong_count() > 0);
        let own = Arc::downgrade(&ready.settings);
        if let Some((_, judge)) = judges.iter().find(|(settings, _)| settings.ptr_eq(&own)) {
            return Some(judge.clone());
        }
        let judge = Arc::new(Judge::new(
            wanted.clone(),
            Cow::Owned(self.surround.environment.clone()),
            ready.settings.scrubber.redactor().clone(),
            self.surround.clock.clone(),
            ready.settings.prices.clone(),
            Purse::over(wanted, self.ledger.clone()),
            Cache::new(self.surround.layout.judge_cache()),
        ));
        judges.push((own, judge.clone()));
        Some(judge)
    }

    /// Whether some trace may be judged.
    pub(super) fn may_judge(&self) -> bool {
        let judges = self.judges.lock();
        !judges.unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What runs need, for a step that can be stopped.
    pub(super) fn bench<'a>(&'a self, ready: &'a Ready, stop: &'a StopToken) -> Bench<'a> {
        Bench {
            clones: self.surround.clones,
            clock: self.surround.clock.clone(),
            ids: self.surround.ids.as_ref(),
            binary: &self.surround.binary,
            files: self.surround.files,
            probe: &self.surround.probe,
            environment: &self.surround.environment,
            allow: &ready.settings.options.allow,
            scrubber: &ready.settings.scrubber,
            judge: None,
            stop: Some(stop),
        }
    }

    /// The repository at HEAD for an attachment; read again when HEAD, the configuration or the
    /// flags have changed, which is asked at most once a second unless `exactly`.
    ///
    /// Where the configuration of what is attached already cannot be used any more, the last one
    /// that could stays in force, and [`Self::complaint`] says why.
    pub fn ready(&self, attached: &Attached, exactly: bool) -> Result<Arc<Ready>, ReadyError> {
        let mut held = self.held();
        let asked_at = self.surround.clock.monotonic();
        let config = self.config_changed_at(attached);
        let path = self.surround.environment.get("PATH").unwrap_or_default();
        if let Some(known) = held.get_mut(&attached.id)
            && known.flags == attached.flags
            && known.config == config
        {
            let is_fresh = |at: Duration| asked_at.saturating_sub(at) < READY_HOLDS;
            if !exactly && known.asked_at.is_some_and(is_fresh) {
                return Ok(known.ready.clone());
            }
            if ready::head(&self.surround.repo, path)? == known.ready.base {
                known.asked_at = Some(asked_at);
                return Ok(known.ready.clone());
            }
        }
        // Directories attached alike share one, and with it the copy and the rules of redaction.
        let is_alike = |other: &&Held| {
            other.flags == attached.flags && other.config == config && other.complaint.is_none()
        };
        let mut shared = None;
        if held.values().any(|other| is_alike(&other)) {
            let base = ready::head(&self.surround.repo, path)?;
            let other = held
                .values()
                .find(|other| is_alike(other) && other.ready.base == base);
            shared = other.map(|other| other.ready.clone());
        }
        let prepared = match shared {
            Some(ready) => Ok(ready),
            None => {
                Ready::prepare(&attached.flags, self.around(), &self.surround.binary).map(Arc::new)
            }
        };
        let (ready, complaint) = match prepared {
            Ok(ready) => (ready, None),
            Err(ReadyError::Settings(error)) => {
                let last_good = held
                    .get(&attached.id)
                    .filter(|known| attached.id != PROBE && known.flags == attached.flags);
                let Some(known) = last_good else {
                    return Err(ReadyError::Settings(error));
                };
                let ready = if ready::head(&self.surround.repo, path)? == known.ready.base {
                    known.ready.clone()
                } else {
                    let settings = known.ready.settings.clone();
                    let binary = &self.surround.binary;
                    Arc::new(Ready::with(settings, self.around(), binary)?)
                };
                let complaint = format!("{}; the last good one stays in force", error.in_full());
                (ready, Some(complaint))
            }
            Err(error) => return Err(error),
        };
        held.insert(
            attached.id,
            Held {
                ready: ready.clone(),
                flags: attached.flags.clone(),
                config,
                asked_at: Some(asked_at),
                complaint,
            },
        );
        Ok(ready)
    }

    /// Why the configuration in force for an attachment is not that of its file, where that is
    /// so. The file is looked at again when it was written since.
    pub fn complaint(&self, attached: &Attached) -> Option<String> {
        let is_known = self
            .held()
            .get(&attached.id)
            .is_none_or(|known| known.config == self.config_changed_at(attached));
        if !is_known && let Err(error) = self.ready(attached, false) {
            return Some(super::reproducing::chain(&error));
        }
        self.held().get(&attached.id)?.complaint.clone()
    }

    /// Asks for HEAD again before anything else is done: somebody says that something changed.
    pub(super) fn look_anew(&self) {
        for known in self.held().values_mut() {
            known.asked_at = None;
        }
    }

    /// Removes the private copies that were looked at.
    pub(super) fn forget_ready(&self) {
        self.held().clear();
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<i64, Held>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the configuration file was last written; none where there is none.
    pub(super) fn config_changed_at(&self, attached: &Attached) -> Option<Timestamp> {
        let file = match &attached.flags.config {
            Some(file) => file.clone(),
            None => crate::config::find(&self.surround.repo)?,
        };
        let changed = std::fs::metadata(file).ok()?.modified().ok()?;
        changed.try_into().ok()
    }

    /// The trace of a job as its import artifact has it; none where that is not there as it was.
    pub(super) fn imported(&self, name: &str, import_hash: &str) -> Option<Trace> {
        let path = artifact::artifact_path(&self.surround.layout, name);
        // A newer revision may have set it aside while the job was under way.
        let aside = path.with_file_name(name);
        let set_aside = std::fs::read_dir(aside)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let bytes = std::iter::once(path).chain(set_aside).find_map(|path| {
            let bytes = std::fs::read(path).ok()?;
            (archal_core::hash::sha256(&bytes) == import_hash).then_some(bytes)
        })?;
        let artifact: ImportArtifact = serde_json::from_slice(&bytes).ok()?;
        Some(artifact.trace)
    }
}
