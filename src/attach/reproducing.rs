//! The reproduce stage: the agent's own harness on the rebuilt state, until the failure shows.

use std::error::Error;
use std::path::PathBuf;

use archal_core::trace::{Trace, Usage};
use rusqlite::ErrorCode;

use crate::budget::amount::Usd;
use crate::budget::prices::Tokens;
use crate::config::schema::{ExecutionPolicy, NoticeEvent, ReproduceModel};
use crate::reconstruct::proven::Proven;
use crate::reconstruct::replay::Replay;
use crate::reconstruct::{Context, exchanges};
use crate::report::rate::Rate;
use crate::reproduce::attempts::{Attempts, StepError};
use crate::reproduce::dates;
use crate::reproduce::decision::Decision;
use crate::reproduce::estimate::Estimate;
use crate::reproduce::identity::FailureIdentity;
use crate::reproduce::journal::{Phase, Refused};
use crate::reproduce::recorded::model;
use crate::reproduce::recorded::replay::Replayed;
use crate::reproduce::workplace::{WorkplaceError, Workshop};
use crate::run::attempt::{AttemptError, Bench};
use crate::run::seeds;
use crate::run::stand_in::StandIn;
use crate::run::suite;
use crate::run::trouble::TroubleEverywhere;
use crate::sandbox::stop::StopToken;
use crate::store::database::DatabaseError;
use crate::store::layout;

use super::engine::{Attached, Engine};
use super::fixing::Reproduced;
use super::grading::{Failed, Grading, JudgeUse};
use super::intake::IntakeError;
use super::job::{Artifact, JobReport, Stage, Status};
use super::journal::JobJournal;
use super::manifest::{Fidelity, Reproduction};
use super::ready::Ready;
use super::released::Released;
use super::state::failures::FailureStatus;
use super::state::{attempts, failures, jobs};

pub(super) use crate::report::causes::chain;

/// A job under way in the stages that run children.
pub(super) struct Work<'a> {
    pub(super) engine: &'a Engine,
    pub(super) ready: &'a Ready,
    pub(super) id: i64,
    pub(super) trace: &'a Trace,
    pub(super) bench: &'a Bench<'a>,
    pub(super) journal: &'a JobJournal<'a>,
    pub(super) stop: &'a StopToken,
    pub(super) told: &'a mut dyn FnMut(&str),
    pub(super) job: JobReport,
}

/// What answers as it did in the trace.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// The clones made of it.
    pub(super) stand_ins: Vec<StandIn>,
    /// Whether the model is among it.
    pub(super) is_model: bool,
    /// The same, as it is told.
    pub(super) fidelity: Fidelity,
}

/// How a stage that runs children ended.
pub(super) enum Ended {
    /// The job is at its end.
    Job(Box<JobReport>),
    /// It goes on later at this stage: stopped, or without money.
    Later {
        /// The stage.
        stage: Stage,
        /// Queued or waiting for money.
        status: Status,
        /// Why.
        reason: String,
    },
}

impl Engine {
    /// Reproduces the failure of a job that was claimed, and lets a fixer repair it where the
    /// policy says so.
    pub fn work(
        &self,
        attached: &Attached,
        stored: jobs::StoredJob,
        stop: &StopToken,
        told: &mut dyn FnMut(&str),
    ) -> Result<(), IntakeError> {
        let id = stored.id;
        let stage = stored.report.stage;
        self.settle_job(id)
            .map_err(|error| IntakeError::Step(Box::new(error)))?;
        let Some(trace) = self.imported(&stored.report.name, &stored.import_hash) else {
            // Graded again it is found to be missing, and read again from its file.
            return self.grade_again(attached, stored, stop, told);
        };
        let ready = self.ready(attached, true)?;
        let judge = self.judge(&ready);
        let grading = Grading {
            layout: &self.surround.layout,
            ready: &ready,
            clones: self.surround.clones,
            judge: judge.as_deref().map_or(JudgeUse::Nobody, JudgeUse::Kept),
            now: self.now(),
        };
        let mut fresh = stored.report.clone();
        fresh.artifacts.clear();
        fresh.missing.clear();
        // A newer revision of the trace may be graded at this moment.
        let turn = self.turns.take(std::iter::once(&stored.report.trace));
        let graded = grading.grade(fresh, &trace)?;
        drop(turn);
        let mut job = graded.job;
        let Some(failed) = graded.failure.filter(|_| !job.status.is_terminal()) else {
            // HEAD, the scenario or the policy changed since it was graded.
            let now = self.now();
            self.state
                .write(|change| jobs::put(change, id, &job, Some(&ready.base), now))?;
            return Ok(());
        };
        if stored.report.group != job.group {
            // Another failure than the one it was claimed for: it waits for its turn in that group.
            let now = self.now();
            let identity = serde_json::to_value(&failed.identity).unwrap_or_default();
            let is_told = self.state.write(|change| {
                let group = failed.identity.group();
                failures::seen(change, &group, &identity, &failed.grade.summary, now)?;
                jobs::put(change, id, &job, Some(&ready.base), now)?;
                let told = (NoticeEvent::New, failed.grade.summary.as_str());
                self.note(change, &ready, &group, told)
            })?;
            self.bell.ring_if(is_told);
            return Ok(());
        }
        if let Some(end) = self.recall(&stored, &job, &ready)? {
            told(&format!("{} had come to its end before", end.name));
            return self.put_ended(id, &ready, Ended::Job(Box::new(end)));
        }
        self.make_room(&stored)?;
        // A job that was stopped in the fix stage says so until it gets there again.
        job.stage = stage;
        let bench = self.bench(&ready, stop);
        let journal = JobJournal::new(self, &ready, attached, (id, &job), stop);
        let work = Work {
            engine: self,
            ready: &ready,
            id,
            trace: &trace,
            bench: &bench,
            journal: &journal,
            stop,
            told,
            job,
        };
        let ended = work.reproduce(&failed)?;
        self.put_ended(id, &ready, ended)
    }

    fn put_ended(&self, id: i64, ready: &Ready, ended: Ended) -> Result<(), IntakeError> {
        let now = self.now();
        if let Ended::Job(job) = &ended {
            self.keep_end(job, ready)?;
        }
        let is_told = self.state.write(|change| match &ended {
            Ended::Job(job) => {
                jobs::put(change, id, job, Some(&ready.base), now)?;
                let Some(group) = &job.group else {
                    return Ok(false);
                };
                let event = match job.status {
                    Status::Blocked | Status::FixBlocked => NoticeEvent::Blocked,
                    Status::FixFailed => NoticeEvent::FixFailed,
                    Status::Fixed => NoticeEvent::Fixed,
                    _ => return Ok(false),
                };
                // What a person dismissed meanwhile stays dismissed.
                let is_dismissed = failures::get(change, group)?
                    .is_some_and(|failure| failure.status == FailureStatus::Dismissed);
                if event == NoticeEvent::Fixed && !is_dismissed {
                    failures::set_status(change, group, FailureStatus::Fixed, None, now)?;
                }
                self.note(change, ready, group, (event, &job.reason))
            }
            Ended::Later {
                stage,
                status,
                reason,
            } => {
                jobs::move_to(change, id, *stage, *status, reason, now)?;
                Ok(false)
            }
        })?;
        self.bell.ring_if(is_told);
        Ok(())
    }

    /// Moves what an earlier job of the trace left in the folders of runs and fixes out of the
    /// way, before the first attempt of this one.
    fn make_room(&self, stored: &jobs::StoredJob) -> Result<(), IntakeError> {
        let (begun, earlier) = self.state.read(|connection| {
            Ok((
                !attempts::of_job(connection, stored.id)?.is_empty(),
                jobs::earlier(connection, stored.trace, stored.id)?,
            ))
        })?;
        if begun || earlier == 0 {
            return Ok(());
        }
        for stage in ["runs", "fixes"] {
            let folder = self.surround.layout.attach(stage).join(&stored.report.name);
            layout::set_aside(&folder, earlier)?;
        }
        Ok(())
    }
}

impl<'a> Work<'a> {
    /// The folder of one stage of this job.
    pub(super) fn folder(&self, stage: &str) -> PathBuf {
        self.engine
            .surround
            .layout
            .attach(stage)
            .join(&self.job.name)
    }

    /// Makes private copies of the repository at the base commit.
    pub(super) fn workshop(&self) -> Workshop<'a> {
        Workshop {
            repo: &self.engine.surround.repo,
            base: &self.ready.base,
            options: &self.ready.settings.options.workspace,
            environment: &self.engine.surround.environment,
            binary: &self.engine.surround.binary,
            containment: self.engine.surround.probe.containment(),
            stop: Some(self.stop),
        }
    }

    /// The job at its end.
    pub(super) fn end(
        mut self,
        stage: Stage,
        status: Status,
        code: &str,
        reason: impl Into<String>,
    ) -> Ended {
        self.job.stage = stage;
        self.job.status = status;
        self.job.reason_code = (!code.is_empty()).then(|| code.to_owned());
        self.job.reason = reason.into();
        if matches!(status, Status::Blocked | Status::FixBlocked) && self.job.cause.is_none() {
            self.job.cause = Some(self.job.reason.clone());
        }
        Ended::Job(Box::new(self.job))
    }

    /// The job that is not at its end: somebody asked to stop, or the money is spent.
    pub(super) fn later(&self, stage: Stage, refused: &Refused) -> Ended {
        let status = match refused {
            Refused::Budget { .. } => Status::WaitingBudget,
            Refused::Stopped | Refused::State(_) => Status::Queued,
        };
        Ended::Later {
            stage,
            status,
            reason: refused.to_string(),
        }
    }

    fn reproduce(mut self, failed: &Failed<'_>) -> Result<Ended, IntakeError> {
        let options = &self.ready.settings.options;
        if let (Err(error), None) = (&self.ready.harness, &options.workspace.setup) {
            let reason = error.to_string();
            return Ok(self.end(Stage::Reproduce, Status::Blocked, "harness", reason));
        }
        let Some(task) = self.trace.input_text() else {
            let reason = "the trace does not hold what the agent was asked";
            return Ok(self.end(Stage::Reproduce, Status::Blocked, "evidence", reason));
        };
        let recorded = match self.recorded() {
            Ok(recorded) => recorded,
            Err(reason) => return Ok(self.end(Stage::Reproduce, Status::Blocked, "model", reason)),
        };
        let states = seeds::of_rebuilt(&failed.prepared.scenario, &failed.rebuilt.seeds);
        let owned = [&self.ready.owned[..], &failed.owned].concat();
        let context = Context {
            clones: self.bench.clones,
            tools: &self.ready.settings.tools,
            owned: &owned,
        };
        let traced = exchanges::of(self.trace, &context);
        let replay = Replay::run(&failed.rebuilt, &traced, self.bench.clones).ok();
        let proven = Proven::of(&traced, &failed.rebuilt, replay.as_ref(), &context);
        let proven = proven.ended_as(self.trace);
        let attempts = Attempts {
            bench: self.bench,
            prepared: &failed.prepared,
            states: &states,
            proven: Some(&proven),
            stand_ins: &recorded.stand_ins,
            task: &task,
            agent: &self.ready.settings.agent,
            model: options.model.as_deref(),
            timeout: suite::timeout(&failed.prepared.scenario, options.timeout),
            clock: dates::matter(&task, &failed.prepared.scenario)
                .then_some(self.trace.started_at)
                .flatten(),
            route: options.route,
            expose_clone_urls: options.expose_clone_urls,
            trouble: &TroubleEverywhere::default(),
            journal: self.journal,
            estimate: match recorded.is_model {
                true => Estimate::NOTHING,
                false => Estimate::of(self.trace, &|model, usage| self.price(model, usage)),
            },
            hands: self.engine.hands.get(),
        };
        let folder = self.folder("runs");
        let workshop = self.workshop();
        let seat = self.engine.places.later(&workshop);
        let made = attempts.make(
            &Phase::Reproduce,
            &seat,
            &failed.identity,
            options.reproduce_runs,
            &folder,
        );
        let made = match made {
            Ok(made) => made,
            Err(error) => return self.unmade(error),
        };
        let told = Reproduction::of(&self, failed, &recorded.fidelity, (made, attempts.clock));
        self.job.red = Some(told.red);
        let did = match told.decided {
            Decision::Reproduced => "reproduced",
            _ => "tried",
        };
        (self.told)(&format!(
            "{did} {}: red {} on {}",
            self.job.name, told.red, self.ready.base
        ));
        let release = match told.is_green() {
            true => self.released(&attempts, failed, &folder)?,
            false => Released::NotAsked,
        };
        let release = match release {
            Released::Ended(ended) => return Ok(ended),
            other => other,
        };
        let manifest = told.write(&self, &folder, &release)?;
        self.job.artifacts.insert(0, Artifact::of(manifest));
        match &told.decided {
            Decision::NotReproduced => return self.not_shown(failed, &told, release, &folder),
            Decision::Flaky => {
                let reason = told.reason(&format!(
                    "it shows in {} attempts, fewer than 0.6 of them",
                    told.red
                ));
                return Ok(self.end(Stage::Reproduce, Status::Flaky, "", reason));
            }
            Decision::Blocked { by, cause } => {
                return Ok(self.end(Stage::Reproduce, Status::Blocked, by.code(), cause));
            }
            Decision::Reproduced => {}
        }
        self.shows(&failed.identity, told.red)?;
        if self.ready.policy() == ExecutionPolicy::Reproduce {
            let reason = told.reason(&format!("red {}: {}", told.red, failed.grade.summary));
            return Ok(self.end(Stage::Reproduce, Status::Reproduced, "policy", reason));
        }
        self.fix(&Reproduced {
            attempts: &attempts,
            failed,
            made: &told.made,
            recorded: &recorded,
        })
    }

    /// What answers in the place of services and models as it did in the trace; why the agent has
    /// no model otherwise.
    fn recorded(&self) -> Result<Recorded, String> {
        let options = &self.ready.settings.options;
        let clones = self.bench.clones;
        let mut recorded = Recorded::default();
        if options.reproduce.replay {
            let replay = Replayed::of(self.trace, clones);
            recorded.fidelity.replayed = replay.hosts();
            recorded.stand_ins.extend(replay.stand_in());
        }
        match options.reproduce.model {
            ReproduceModel::Recorded => {
                let mut made = model::stand_in(self.trace, clones)?;
                let replayed = &recorded.fidelity.replayed;
                made.hosts.retain(|host| !replayed.contains(host));
                recorded.stand_ins.push(made);
                recorded.is_model = true;
                recorded.fidelity.model = ReproduceModel::Recorded;
            }
            ReproduceModel::Live => {
                let keys = &options.workspace.agent_keys;
                let is_set = |name: &String| {
                    let value = self.bench.environment.get(name);
                    value.is_some_and(|value| !value.is_empty())
                };
                if !keys.is_empty() && !keys.iter().any(is_set) {
                    return Err(format!(
                        "the agent has no key for its model: agentKeys names {}, and none of them is set; set one, or replay the trace's own turns with reproduce.model: recorded",
                        keys.join(", ")
                    ));
                }
            }
        }
        Ok(recorded)
    }

    /// The attempts did not come to their end.
    fn unmade(self, error: StepError) -> Result<Ended, IntakeError> {
        match error {
            error if error.is_stopped() => Ok(self.later(Stage::Reproduce, &Refused::Stopped)),
            StepError::Refused(refused @ Refused::Budget { .. }) => {
                Ok(self.later(Stage::Reproduce, &refused))
            }
            error if matches!(error, StepError::Refused(_)) || is_full(&error) => {
                Err(IntakeError::Step(Box::new(error)))
            }
            error => Ok(self.not_run(&error)),
        }
    }

    /// What a call of a model cost, in millionths of a US dollar; none where nobody can say.
    fn price(&self, model: &str, usage: &Usage) -> Option<i64> {
        let tokens = Tokens {
            input: usage.input_tokens?,
            output: usage.output_tokens?,
            cache_read: usage.cached_tokens.unwrap_or_default(),
            cache_write: 0,
        };
        let price = self.ready.settings.prices.find(model)?;
        price.cost(&tokens).map(Usd::micros)
    }

    /// The failure shows on this commit. One that was fixed is open again by this.
    fn shows(&self, identity: &FailureIdentity, red: Rate) -> Result<(), DatabaseError> {
        let now = self.engine.now();
        let group = identity.group();
        let reason = format!("in {red} attempts");
        let is_told = self.engine.state.write(|change| {
            let failure = failures::get(change, &group)?;
            let mut event = NoticeEvent::Reproduced;
            if failure.is_some_and(|failure| failure.status == FailureStatus::Fixed) {
                failures::set_status(change, &group, FailureStatus::Reopened, None, now)?;
                event = NoticeEvent::Reopened;
            }
            let told = (event, reason.as_str());
            self.engine.note(change, self.ready, &group, told)
        })?;
        self.engine.bell.ring_if(is_told);
        Ok(())
    }

    /// Nothing ran: what is missing is named, or archal is at fault.
    fn not_run(self, error: &StepError) -> Ended {
        let reason = chain(error);
        match error {
            StepError::Attempt(AttemptError::Harness(_)) => {
                self.end(Stage::Reproduce, Status::Blocked, "harness", reason)
            }
            StepError::Workplace(
                WorkplaceError::Setup { .. }
                | WorkplaceError::Share { .. }
                | WorkplaceError::OtherLock { .. },
            ) => self.end(Stage::Reproduce, Status::Blocked, "dependencies", reason),
            _ => self.end(Stage::Reproduce, Status::Error, "session", reason),
        }
    }
}

/// Whether a full disk is what an error came from.
pub(super) fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        let io = cause.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| {
            matches!(
                io.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            )
        }) {
            return true;
        }
        let sqlite = cause.downcast_ref::<rusqlite::Error>();
        if sqlite.is_some_and(|sqlite| sqlite.sqlite_error_code() == Some(ErrorCode::DiskFull)) {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::atomic::WriteError;

    #[test]
    fn a_full_disk_is_seen_through_whatever_tells_of_it() {
        let full = || {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
            let source = rusqlite::Error::SqliteFailure(code, None);
            DatabaseError::of(Path::new("state.db"), source)
        };
        assert!(is_full(&full()));
        assert!(is_full(&IntakeError::State(full())));
        assert!(is_full(&Refused::State(Box::new(full()))));
        assert!(is_full(&StepError::Refused(Refused::State(Box::new(
            full()
        )))));
        let written = WriteError::Io {
            path: "grade.json".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        assert!(is_full(&IntakeError::Write(written)));
        let other = DatabaseError::of(Path::new("state.db"), rusqlite::Error::InvalidQuery);
        assert!(!is_full(&IntakeError::State(other)));
    }
}
