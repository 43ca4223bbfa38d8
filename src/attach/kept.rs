//! What a job leaves beside its runs, so that a state that is lost is derived again without paying
//! twice: its paid steps and its end, in `runs/<trace>/job.json`.
//!
//! The rows of the state are what counts. This file is read only by a job that knows of no paid
//! step, as it is when its row was begun anew: then the steps of its earlier life become its own,
//! and where that life had come to an end on the same commit, so does it.

use std::fs;
use std::path::{Path, PathBuf};

use archal_core::trace::TraceIdentity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reproduce::spent::Spent;
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::database::DatabaseError;
use crate::store::layout::Layout;

use super::engine::Engine;
use super::job::{Artifact, JobReport, Stage, Status};
use super::ready::Ready;
use super::state::{attempts, failures, jobs};
use super::watcher::next_stage;

const SCHEMA: &str = "archal.job";
const VERSION: u32 = 1;

/// A paid step that has come to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptAttempt {
    /// Its id, under which the ledger has it.
    pub(super) id: String,
    /// What it was for.
    pub(super) phase: String,
    /// Its place among those.
    pub(super) slot: u32,
    /// Its record.
    pub(super) record: Value,
    /// What it spent.
    pub(super) spent: Spent,
    /// When it ended.
    pub(super) ended_at: String,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    schema: String,
    version: u32,
    trace: TraceIdentity,
    revision: String,
    /// The commit that was worked on.
    base: String,
    attempts: Vec<KeptAttempt>,
    /// How the job ended; none while it is under way.
    end: Option<JobReport>,
}

/// Where the file of one job stands, and what it says of whose it is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    file: PathBuf,
    trace: TraceIdentity,
    revision: String,
    base: String,
}

impl Place {
    pub(super) fn of(layout: &Layout, job: &JobReport, base: &str) -> Self {
        Self {
            file: layout.attach("runs").join(&job.name).join("job.json"),
            trace: job.trace.clone(),
            revision: job.revision.clone(),
            base: base.to_owned(),
        }
    }

    /// What an earlier life of the job left; none where another revision or trace left it, or
    /// where it cannot be read.
    fn read(&self) -> Option<Kept> {
        let kept: Kept = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        let is_of_this = kept.schema == SCHEMA
            && kept.version == VERSION
            && kept.trace == self.trace
            && kept.revision == self.revision;
        is_of_this.then_some(kept)
    }

    /// Adds a step that has ended.
    pub(super) fn add(&self, attempt: KeptAttempt) -> Result<(), WriteError> {
        let mut kept = self.read().unwrap_or_else(|| Kept {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            trace: self.trace.clone(),
            revision: self.revision.clone(),
            base: self.base.clone(),
            attempts: Vec::new(),
            end: None,
        });
        kept.base.clone_from(&self.base);
        // Work goes on, so it is at no end.
        kept.end = None;
        kept.attempts.retain(|known| known.id != attempt.id);
        kept.attempts.push(attempt);
        self.write(&kept)
    }

    /// Says how the job ended; nothing where it had no paid step.
    fn end(&self, job: &JobReport) -> Result<(), WriteError> {
        let Some(mut kept) = self.read() else {
            return Ok(());
        };
        kept.base.clone_from(&self.base);
        kept.end = Some(job.clone());
        self.write(&kept)
    }

    fn write(&self, kept: &Kept) -> Result<(), WriteError> {
        atomic::write_json(&self.file, kept, Durability::Synced)
    }
}

impl Engine {
    /// Keeps how a job ended that had paid steps.
    pub(super) fn keep_end(&self, job: &JobReport, ready: &Ready) -> Result<(), WriteError> {
        Place::of(&self.surround.layout, job, &ready.base).end(job)
    }

    /// Whether an earlier life of a job, of which its row knows nothing, left paid steps.
    fn has_earlier_life(&self, job: &jobs::StoredJob) -> Result<Option<Kept>, DatabaseError> {
        if job.is_asked {
            return Ok(None);
        }
        let Some(kept) = Place::of(&self.surround.layout, &job.report, "").read() else {
            return Ok(None);
        };
        let is_new = self.state.read(|connection| {
            Ok(attempts::of_job(connection, job.id)?.is_empty()
                && jobs::earlier(connection, job.trace, job.id)? == 0)
        })?;
        Ok(is_new.then_some(kept))
    }

    /// Takes over what an earlier life of a job left: its paid steps, and its end where that
    /// still speaks. `graded` is the job as it is graded now.
    pub(super) fn recall(
        &self,
        job: &jobs::StoredJob,
        graded: &JobReport,
        ready: &Ready,
    ) -> Result<Option<JobReport>, DatabaseError> {
        let Some(kept) = self.has_earlier_life(job)? else {
            return Ok(None);
        };
        self.state.write_synced(|change| {
            for attempt in &kept.attempts {
                attempts::restore(change, job.id, attempt)?;
            }
            Ok(())
        })?;
        let options = &ready.settings.options;
        let may_fix = options.fixer.is_some() && options.allow_external_execution;
        let end = kept.end.filter(|end| {
            kept.base == ready.base
                && end.group == graded.group
                && end.name == graded.name
                && is_result(end)
                && next_stage(end.status, options.policy, may_fix).is_none()
                && end.artifacts.iter().all(Artifact::is_intact)
                && end.patch.as_deref().is_none_or(Path::exists)
        });
        Ok(end.map(|end| JobReport {
            file: job.report.file.clone(),
            ..end
        }))
    }

    /// The job of the group which was worked on in an earlier life of the state: it leads again,
    /// so that nobody pays for another one. The given one where there is none.
    pub(super) fn led_before(
        &self,
        job: jobs::StoredJob,
        known: &[i64],
    ) -> Result<jobs::StoredJob, DatabaseError> {
        let Some(group) = &job.report.group else {
            return Ok(job);
        };
        let (failure, others) = self.state.read(|connection| {
            Ok((
                failures::get(connection, group)?,
                jobs::queued_of_group(connection, group, job.id)?,
            ))
        })?;
        if job.is_asked || failure.is_none_or(|failure| failure.leader.is_some()) {
            return Ok(job);
        }
        if self.has_earlier_life(&job)?.is_some() {
            return Ok(job);
        }
        for other in others {
            if known.contains(&other.attachment)
                && other.report.stage >= Stage::Reproduce
                && self.has_earlier_life(&other)?.is_some()
            {
                return Ok(other);
            }
        }
        Ok(job)
    }
}

/// Whether an end came of paid steps and not of what archal or its surroundings lacked.
fn is_result(end: &JobReport) -> bool {
    match end.status {
        Status::NotReproduced
        | Status::Flaky
        | Status::Reproduced
        | Status::FixFailed
        | Status::FixBlocked
        | Status::Fixed
        | Status::AlreadyFixed => true,
        // What blocks before the first attempt costs nothing, and may be there by now.
        Status::Blocked => end.stage == Stage::Reproduce && end.red.is_some(),
        _ => false,
    }
}
