//! Which trace of a group is worked on.

use crate::store::database::DatabaseError;

use super::engine::Engine;
use super::inbox::decide::DISMISSED;
use super::intake::IntakeError;
use super::job::{Stage, Status};
use super::reproducing::{chain, is_full};
use super::state::failures::{self, FailureStatus};
use super::state::jobs;

/// Why a job ended that archal could not carry on.
const FAULT: &str = "archal has a fault that this trace finds; please report it";

/// What a job is to its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Led {
    /// It is worked on.
    Leader,
    /// Another one is or was, or a person said that none is to be.
    Member(String),
}

impl Engine {
    /// Makes a queued job the one of its group that is worked on at commit `base`, unless another
    /// one is or was; then it ends as a member, and so do all that wait behind it.
    pub(super) fn lead(&self, job: &jobs::StoredJob, base: &str) -> Result<Led, DatabaseError> {
        let now = self.now();
        self.state.write(|change| {
            let end = |id: i64, reason: &str| {
                jobs::move_to(
                    change,
                    id,
                    Stage::Reproduce,
                    Status::GroupMember,
                    reason,
                    now,
                )
            };
            let run = || {
                let stage = job.report.stage;
                self.take_in_hand(job.id);
                jobs::move_to(change, job.id, stage, Status::Running, "", now)
            };
            let Some(group) = &job.report.group else {
                run()?;
                return Ok(Led::Leader);
            };
            let failure = failures::get(change, group)?;
            if let (Some(failure), false) = (&failure, job.is_asked) {
                if failure.status == FailureStatus::Dismissed {
                    // By this reason the job is found when the dismissal is taken back.
                    end(job.id, DISMISSED)?;
                    return Ok(Led::Member(DISMISSED.to_owned()));
                }
                let leader = failure.leader.filter(|leader| *leader != job.id);
                if let Some(leader) = leader
                    && let Some(leader) = jobs::get(change, leader)?
                    && holds(&leader, failure.base.as_deref(), base)
                {
                    let reason = format!("the same failure as {}: {group}", leader.report.name);
                    end(job.id, &reason)?;
                    return Ok(Led::Member(reason));
                }
            }
            if failure.is_some() {
                failures::lead(change, group, job.id, base)?;
            }
            run()?;
            for other in jobs::queued_of_group(change, group, job.id)? {
                let reason = format!("the same failure as {}: {group}", job.report.name);
                end(other.id, &reason)?;
            }
            Ok(Led::Leader)
        })
    }

    /// Puts a job back that could not be worked on for a reason that is not its own; where the
    /// state refuses that too, the next start finds it running and does the same.
    pub(super) fn put_back(&self, id: i64, error: &IntakeError) {
        let now = self.now();
        let reason = if is_full(error) {
            "the disk is full".to_owned()
        } else {
            chain(error)
        };
        self.state
            .write(|change| {
                let Some(job) = jobs::get(change, id)? else {
                    return Ok(());
                };
                if job.report.status != Status::Running {
                    return Ok(());
                }
                jobs::move_to(change, id, job.report.stage, Status::Queued, &reason, now)
            })
            .ok();
    }

    /// Puts a claimed job back whose directory was detached before it began.
    pub(super) fn let_go(&self, id: i64) {
        let now = self.now();
        drop(self.holding(vec![id]));
        // Where the state refuses, the next start finds it running.
        self.state
            .write(|change| match jobs::get(change, id)? {
                Some(job) => {
                    let stage = job.report.stage;
                    jobs::move_to(change, id, stage, Status::Queued, "detached", now)
                }
                None => Ok(()),
            })
            .ok();
    }

    /// Ends a running job: archal has a fault that it finds.
    pub(super) fn give_up(&self, id: i64) {
        let now = self.now();
        // Where the state refuses, the next start finds it running.
        self.state
            .write(|change| match jobs::get(change, id)? {
                Some(job) if job.report.status == Status::Running => {
                    let stage = job.report.stage;
                    jobs::move_to(change, id, stage, Status::Error, FAULT, now)
                }
                _ => Ok(()),
            })
            .ok();
    }
}

/// Whether a leader's work still speaks for its group: it is under way, or was done on this
/// commit.
fn holds(leader: &jobs::StoredJob, worked_on: Option<&str>, base: &str) -> bool {
    match leader.report.status {
        Status::Superseded | Status::Cancelled | Status::Error => false,
        // Its import was lost, so nothing was ever worked on.
        Status::Blocked if leader.report.stage == Stage::Import => false,
        status if !status.is_terminal() => true,
        _ => worked_on == Some(base),
    }
}
