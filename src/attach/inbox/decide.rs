//! Confirm, dismiss, reopen: what a person decides of a failure.

use archal_core::clock::Timestamp;

use crate::attach::job::Status;
use crate::attach::state::failures::{self, Failure, FailureStatus};
use crate::attach::state::jobs::{self, StoredJob};
use crate::attach::state::{State, notices, pruned};
use crate::store::atomic::WriteError;
use crate::store::database::DatabaseError;
use crate::store::layout::Layout;

use super::document::Decided;
use super::labels::{self, Label};
use super::{Desk, directories, issue, leader, members};

/// Why a job of a dismissed group is a mere member; a reopened group finds it by this.
pub const DISMISSED: &str = "the failure was dismissed";

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// It is a failure.
    Confirm {
        /// Why, where a person says it.
        reason: Option<&'a str>,
    },
    /// It is none, or nobody cares.
    Dismiss {
        /// Why.
        reason: &'a str,
    },
    /// What was decided is taken back.
    Reopen,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The state cannot be changed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The labels cannot be kept.
    #[error(transparent)]
    Labels(#[from] WriteError),
}

/// Writes down what a person decides of a group. It takes effect at once, whoever works on it.
///
/// # Errors
///
/// When the state or the labels cannot be written; then neither is.
pub fn decide(
    state: &State,
    layout: &Layout,
    desk: &Desk,
    failure: &Failure,
    decision: Decision<'_>,
    now: Timestamp,
) -> Result<Decided, DecideError> {
    let file = labels::path(layout);
    let (label, reason) = match decision {
        Decision::Confirm { reason } => (Some(Label::Fail), reason),
        Decision::Dismiss { reason } => (Some(Label::Ok), Some(reason)),
        Decision::Reopen => (None, None),
    };
    let mut lines = Vec::new();
    let mut appended = None;
    let changed = state.write_synced(|change| {
        // As it is now: another person, or archal, may have changed it.
        let before = failures::get(change, &failure.name)?.map_or(failure.status, |now| now.status);
        let set = |status, note| failures::set_status(change, &failure.name, status, note, now);
        let mut moved = 0;
        match decision {
            Decision::Confirm { reason } => {
                // A fixed one stays fixed, so that it can show again.
                if before != FailureStatus::Fixed {
                    set(FailureStatus::Confirmed, Some(reason.unwrap_or_default()))?;
                }
                if before == FailureStatus::Dismissed {
                    moved = put_back(change, failure, now)?;
                }
            }
            Decision::Dismiss { reason } => {
                set(FailureStatus::Dismissed, Some(reason))?;
                failures::unask(change, &failure.name)?;
                notices::mute(change, &failure.name, now)?;
                for job in members(change, failure)? {
                    if matches!(job.report.status, Status::Queued | Status::WaitingBudget) {
                        let stage = job.report.stage;
                        jobs::move_to(change, job.id, stage, Status::GroupMember, DISMISSED, now)?;
                        moved += 1;
                    }
                }
            }
            Decision::Reopen => {
                set(FailureStatus::Reopened, Some(""))?;
                moved = put_back(change, failure, now)?;
            }
        }
        lines = labels::of(
            &members(change, failure)?,
            &failure.name,
            label,
            reason,
            now,
        );
        // Last, when nothing else can refuse but the commit itself.
        let result = labels::append(&file, &lines);
        let is_kept = result.is_ok();
        appended = Some(result);
        if is_kept {
            Ok((before, moved))
        } else {
            // Any error takes back what was changed.
            Err(rusqlite::Error::ExecuteReturnedResults)
        }
    });
    let (before, jobs) = match (changed, appended) {
        (_, Some(Err(error))) => return Err(error.into()),
        (Err(error), Some(Ok(appended))) => {
            // Where this fails too, the labels say what a person said, and nothing else is so.
            appended.take_back().ok();
            return Err(error.into());
        }
        (changed, _) => changed?,
    };
    let issue = state.read(|rows| {
        let now = failures::get(rows, &failure.name)?;
        let now = now.as_ref().unwrap_or(failure);
        let job = leader(rows, now)?;
        Ok(issue(desk, now, job.as_ref(), &directories(rows)?))
    })?;
    Ok(Decided {
        issue,
        before,
        labels: lines.len(),
        labels_file: file,
        jobs,
    })
}

/// Puts the one job back into the queue that leads the group, or else its first, where a
/// dismissal took it out; the others are its members either way.
fn put_back(
    change: &rusqlite::Connection,
    failure: &Failure,
    now: Timestamp,
) -> rusqlite::Result<usize> {
    let all = members(change, failure)?;
    let is_taken_out = |job: &&StoredJob| {
        job.report.status == Status::GroupMember && job.report.reason == DISMISSED
    };
    let leads = all.iter().find(|job| Some(job.id) == failure.leader);
    let chosen = match leads {
        // The leader has come to its end, or is worked on: nothing else has to be.
        Some(leader) if !is_taken_out(&leader) => None,
        Some(leader) => Some(leader),
        None => all.iter().find(is_taken_out),
    };
    let Some(job) = chosen else {
        return Ok(0);
    };
    // What was removed of it because it was old is derived again.
    pruned::forget(change, job.trace)?;
    let reason = "the dismissal was taken back";
    jobs::move_to(
        change,
        job.id,
        job.report.stage,
        Status::Queued,
        reason,
        now,
    )?;
    Ok(1)
}
