//! Which step is next, and what it does: the desk as the pool sees it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::host::queue::{Step, Weight, WorkKind, WorkSource};
use crate::ingest::pieces::{self, PieceLimits};
use crate::ingest::watch::{Look, Settled, Stamp};
use crate::ingest::{FileReport, FileStatus};
use crate::sandbox::StopToken;

use super::super::engine::Attached;
use super::super::intake::{self, IntakeError};
use super::super::job::{Stage, Status};
use super::super::lead::Led;
use super::super::ready::{Ready, ReadyError};
use super::super::state::{files, jobs, waits};
use super::super::watcher;
use super::{Desk, QUIET, load, step_id};

/// How many jobs are graded at present, each until its part is dropped.
#[derive(Debug, Clone, Default)]
pub(super) struct Grading(Arc<AtomicUsize>);

impl Grading {
    /// One more, unless there are as many as may be: the judge may take minutes for each, and
    /// files are to be read meanwhile.
    fn begin(&self, is_judged: bool) -> Option<Part> {
        let most = watcher::light_steps() - 1;
        if is_judged && self.0.load(Ordering::SeqCst) >= most {
            return None;
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        Some(Part(self.0.clone()))
    }
}

/// A job that is graded.
struct Part(Arc<AtomicUsize>);

impl Drop for Part {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl WorkSource for Desk {
    fn kind(&self) -> WorkKind {
        WorkKind::Trace
    }

    fn claim(&self, weight: Weight) -> Option<Step> {
        match weight {
            Weight::Light => self.claim_light(),
            Weight::Heavy => self.claim_heavy(),
        }
    }

    fn panicked(&self, step: &str, message: &str) {
        (self.told)(&format!("archal has a fault: {step}: {message}"));
        // What it had in hand is in nobody's now; how often that may happen is bounded.
        if let Err(error) = self.engine.pick_up_dropped() {
            self.in_trouble(&error);
        }
        self.wake();
    }
}

impl Desk {
    fn claim_light(&self) -> Option<Step> {
        let now = self.engine.surround.clock.monotonic();
        let mut inner = self.inner();
        if inner.closed || inner.trouble.is_some() {
            return None;
        }
        let waits = !inner.looks.is_empty();
        drop(inner);
        let may_read = waits && self.has_room(now);
        inner = self.inner();
        while may_read
            && let Some(place) = inner.load.first_that_fits(&inner.looks)
            && let Some((id, path, stamp)) = inner.looks.remove(place)
        {
            let of = (id, path.clone());
            inner.queued.remove(&of);
            self.changed.notify_all();
            if let Some((read, since)) = inner.reading.get_mut(&of) {
                // One reader at a time: a large file is told of more than once before its end.
                *since = (stamp != *read).then_some(stamp);
                continue;
            }
            let Some(entry) = inner.attached.get_mut(&id) else {
                continue;
            };
            let is_unchanged = !self.once
                && match entry.settling.look(&path, stamp, now) {
                    Look::Read => false,
                    Look::Later(_) => continue,
                    Look::Unchanged => true,
                };
            if is_unchanged {
                drop(inner);
                let is_forgotten = self.is_forgotten(id, &path);
                inner = self.inner();
                if !is_forgotten {
                    continue;
                }
            }
            let Some(entry) = inner.attached.get_mut(&id) else {
                continue;
            };
            if is_unchanged {
                entry.settling.forget(&path);
            }
            let attached = entry.attached.clone();
            let weight = load::weight(&path, stamp);
            inner.light += 1;
            inner.load.take(weight);
            inner.reading.insert(of, (stamp, None));
            drop(inner);
            let label = format!("reading {}", path.display());
            let file = path.clone();
            return Some(self.light_step(
                &attached,
                (&path, weight),
                label,
                move |desk, attached, stop| desk.read(attached, &file, stamp, stop),
            ));
        }
        let known: Vec<i64> = inner.attached.keys().copied().collect();
        drop(inner);
        let part = self.grading.begin(self.engine.may_judge())?;
        let now = self.engine.now();
        let claimed = self.engine.state.write(|change| {
            while let Some(job) = waits::claim_to_grade(change, &known, now)? {
                if waits::tries(change, job.id)? <= intake::MOST_TRIES {
                    self.engine.take_in_hand(job.id);
                    return Ok(Some(job));
                }
                let reason = intake::TRIED_IN_VAIN;
                let stage = job.report.stage;
                jobs::move_to(change, job.id, stage, Status::Error, reason, now)?;
            }
            Ok(None)
        });
        let job = match claimed {
            Ok(job) => job?,
            Err(error) => {
                self.in_trouble(&error);
                return None;
            }
        };
        let mut inner = self.inner();
        let Some(entry) = inner.attached.get(&job.attachment) else {
            drop(inner);
            self.engine.let_go(job.id);
            // Somebody else's may be next.
            self.wake();
            return None;
        };
        let attached = entry.attached.clone();
        inner.light += 1;
        drop(inner);
        let name = PathBuf::from(&job.report.name);
        let label = format!("grading {}", job.report.name);
        Some(
            self.light_step(&attached, (&name, 0), label, move |desk, attached, stop| {
                let _part = part;
                let told = desk.told.clone();
                let id = job.id;
                desk.engine
                    .grade_again(attached, job, stop, &mut |line| told(line))?;
                desk.job_or_its_file(id);
                Ok(())
            }),
        )
    }

    /// Whether the state was told to forget what it knew of a file, so that it is read again.
    fn is_forgotten(&self, attachment: i64, path: &Path) -> bool {
        let stamp = self
            .engine
            .state
            .read(|connection| files::stamp(connection, attachment, path));
        matches!(stamp, Ok(None))
    }

    /// Reads the file of a job again whose import is gone; gives the job as it stands.
    fn job_or_its_file(&self, id: i64) -> Option<jobs::StoredJob> {
        let job = self
            .engine
            .state
            .read(|connection| jobs::get(connection, id))
            .ok()??;
        let is_lost = job.report.stage == Stage::Import
            && job.report.status == Status::Blocked
            && self.is_forgotten(job.attachment, &job.report.file);
        if is_lost && let Ok(stamp) = Stamp::read(&job.report.file) {
            let mut inner = self.inner();
            let file = job.report.file.clone();
            if inner.attached.contains_key(&job.attachment)
                && inner.queued.insert((job.attachment, file.clone()))
            {
                inner.looks.push_back((job.attachment, file, stamp));
            }
            drop(inner);
            self.wake();
        }
        Some(job)
    }

    fn light_step(
        &self,
        attached: &Attached,
        (about, weight): (&Path, u64),
        label: String,
        work: impl FnOnce(&Self, &Attached, &StopToken) -> Result<(), IntakeError> + Send + 'static,
    ) -> Step {
        let (own, attached) = (self.own.clone(), attached.clone());
        let of = (attached.id, about.to_owned());
        Step {
            id: step_id(attached.id, &about.to_string_lossy()),
            label,
            weight: Weight::Light,
            run: Box::new(move |stop| {
                let Some(desk) = own.upgrade() else { return };
                let _under_way = UnderWay {
                    desk: &desk,
                    of,
                    weight,
                };
                if let Err(error) = work(&desk, &attached, stop) {
                    desk.in_trouble(&error);
                }
            }),
        }
    }

    /// Reads a file and takes in what it gives.
    fn read(
        &self,
        attached: &Attached,
        path: &Path,
        stamp: Stamp,
        stop: &StopToken,
    ) -> Result<(), IntakeError> {
        let ready = self.ready(attached, false)?;
        let redactor = ready.settings.scrubber.redactor();
        let format = self.engine.surround.files;
        let limits = PieceLimits::default();
        let is_stopped = || stop.is_stopped();
        let (report, large) = pieces::begin(format, path, (redactor, None), limits, &is_stopped);
        let report = if self.once {
            report.settle(Duration::MAX)
        } else {
            let now = self.engine.surround.clock.monotonic();
            let mut inner = self.inner();
            let Some(entry) = inner.attached.get_mut(&attached.id) else {
                return Ok(());
            };
            match entry.settling.after_read(path, stamp, report, now) {
                Settled::Final(report) => report,
                Settled::Waiting { report, .. } => {
                    drop(inner);
                    return self.wait_for(attached, &report);
                }
            }
        };
        let told = self.told.clone();
        if !matches!(report.status, FileStatus::Imported) {
            let row = intake::row(&report);
            told(&format!(
                "{} {}: {}",
                row.status,
                path.display(),
                row.reason.unwrap_or_default()
            ));
        }
        let (bytes, mut told) = (stamp.to_bytes(), |line: &str| told(line));
        match large.filter(|_| report.status == FileStatus::Imported) {
            None => self.engine.take(attached, report, &bytes, &mut told),
            Some(large) => {
                let pieces = (&large, redactor, stop);
                self.engine
                    .take_pieces(attached, report, pieces, &bytes, &mut told)
            }
        }
    }

    /// [`Engine::ready`](super::super::engine::Engine::ready), and tells when the configuration
    /// breaks or is good again.
    fn ready(&self, attached: &Attached, exactly: bool) -> Result<Arc<Ready>, ReadyError> {
        let ready = self.engine.ready(attached, exactly)?;
        let complaint = self.engine.complaint(attached);
        let mut inner = self.inner();
        let Some(entry) = inner.attached.get_mut(&attached.id) else {
            return Ok(ready);
        };
        if entry.complaint == complaint {
            return Ok(ready);
        }
        entry.complaint.clone_from(&complaint);
        drop(inner);
        let good = || "the configuration can be used again".to_owned();
        (self.told)(&complaint.unwrap_or_else(good));
        Ok(ready)
    }

    fn wait_for(&self, attached: &Attached, report: &FileReport) -> Result<(), IntakeError> {
        let now = self.engine.now();
        let row = intake::row(report);
        // Without a stamp: after a restart it is looked at again.
        self.engine
            .state
            .write(|change| files::put(change, attached.id, &row, &[], now))?;
        Ok(())
    }

    /// When the judge of a trace is to be asked again that could not be.
    pub(super) fn next_judged(&self) -> Option<Duration> {
        let known: Vec<i64> = self.inner().attached.keys().copied().collect();
        let now = self.engine.now();
        let due = self
            .engine
            .state
            .read(|connection| waits::next_due(connection, &known, now));
        // Where the state cannot be read, whoever works finds out.
        let left = Duration::try_from(due.ok()??.duration_since(now)).ok()?;
        let monotonic = self.engine.surround.clock.monotonic();
        Some(monotonic.saturating_add(left))
    }

    fn claim_heavy(&self) -> Option<Step> {
        let inner = self.inner();
        let now = self.engine.surround.clock.monotonic();
        let is_quiet = self.once || inner.quiet_since.saturating_add(QUIET) <= now;
        let is_first = inner.attached.values().all(|entry| entry.is_scanned);
        if inner.closed
            || inner.trouble.is_some()
            || inner.light > 0
            || !inner.looks.is_empty()
            || !is_quiet
            || !is_first
        {
            return None;
        }
        let known: Vec<i64> = inner.attached.keys().copied().collect();
        drop(inner);
        match self.lead(&known) {
            Ok(step) => step,
            Err(error) => {
                self.in_trouble(&error);
                None
            }
        }
    }

    /// The next job that leads its group; the others of the group become its members.
    fn lead(&self, known: &[i64]) -> Result<Option<Step>, IntakeError> {
        loop {
            let next = self.engine.state.read(|connection| {
                if waits::any_to_grade(connection, known, self.engine.now())? {
                    return Ok(None);
                }
                jobs::next_to_reproduce(connection, known)
            })?;
            let Some(job) = next else { return Ok(None) };
            let job = self.engine.led_before(job, known)?;
            let attached = self
                .inner()
                .attached
                .get(&job.attachment)
                .map(|entry| entry.attached.clone());
            let Some(attached) = attached else {
                return Ok(None);
            };
            let ready = self.ready(&attached, true)?;
            match self.engine.lead(&job, &ready.base)? {
                Led::Member(reason) => {
                    (self.told)(&format!(
                        "{} {}: {reason}",
                        Status::GroupMember.name(),
                        job.report.name
                    ));
                }
                Led::Leader => return Ok(Some(self.heavy_step(attached, job))),
            }
        }
    }

    fn heavy_step(&self, attached: Attached, job: jobs::StoredJob) -> Step {
        let own = self.own.clone();
        Step {
            id: step_id(attached.id, &job.report.name),
            label: format!("reproducing {}", job.report.name),
            weight: Weight::Heavy,
            run: Box::new(move |stop| {
                let Some(desk) = own.upgrade() else { return };
                let told = desk.told.clone();
                let (id, name) = (job.id, job.report.name.clone());
                let holding = desk.engine.holding(vec![id]);
                let worked = catch_unwind(AssertUnwindSafe(|| {
                    desk.engine
                        .work(&attached, job, stop, &mut |line| told(line))
                }));
                let Ok(worked) = worked else {
                    told(&format!(
                        "archal has a fault that {name} finds; please report it"
                    ));
                    desk.engine.give_up(id);
                    return;
                };
                match worked {
                    Ok(()) => {
                        if let Some(job) = desk.job_or_its_file(id) {
                            told(&format!(
                                "{} {name}: {}",
                                job.report.status.name(),
                                job.report.reason
                            ));
                        }
                    }
                    Err(error) => {
                        desk.engine.put_back(id, &error);
                        drop(holding);
                        desk.in_trouble(&error);
                    }
                }
            }),
        }
    }
}

/// A light step under way, until it is dropped, however it ends.
struct UnderWay<'a> {
    desk: &'a Desk,
    /// Its attachment and, where it reads one, its file.
    of: (i64, PathBuf),
    /// What its file counts for among large ones.
    weight: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut inner = self.desk.inner();
        inner.light -= 1;
        inner.rung += 1;
        inner.quiet_since = self.desk.engine.surround.clock.monotonic();
        if let Some((_, Some(stamp))) = inner.reading.remove(&self.of)
            && inner.attached.contains_key(&self.of.0)
            && inner.queued.insert(self.of.clone())
        {
            let (attachment, path) = self.of.clone();
            inner.looks.push_back((attachment, path, stamp));
        }
        let others_waited = inner.load.release(self.weight) && !inner.looks.is_empty();
        drop(inner);
        if others_waited {
            self.desk.wake();
        }
        self.desk.changed.notify_all();
        self.desk.timers.notify_all();
    }
}
