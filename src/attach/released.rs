//! A failure that does not show on HEAD, run on the commit that the trace ran at: where it shows
//! there, it is fixed already, by one of the commits in between.

use std::path::Path;

use serde_json::{Value, json};

use crate::fix::publish;
use crate::fix::repair::link_on_the_way;
use crate::report::rate::Rate;
use crate::reproduce::attempts::{AttemptRecord, Attempts, StepError};
use crate::reproduce::decision::{self, Decision, Shown};
use crate::reproduce::journal::{Phase, Refused};
use crate::reproduce::release::{self, Range, Release};
use crate::reproduce::seat::Later;
use crate::store::atomic::{self, Durability};

use super::grading::Failed;
use super::intake::IntakeError;
use super::job::{Artifact, Stage, Status};
use super::manifest::{self, Reproduction};
use super::reproducing::{Ended, Work, chain, is_full};

/// What came of looking at the commit that a trace ran at.
pub(super) enum Released {
    /// It was not looked for: an attempt on HEAD shows something.
    NotAsked,
    /// The trace does not name one.
    Unnamed,
    /// It could not be run there; why.
    NotRun(String),
    /// It was run there.
    Run {
        release: Box<Release>,
        range: Box<Range>,
        made: Vec<AttemptRecord>,
        decided: Decision,
        red: Rate,
    },
    /// The job stops here for now.
    Ended(Ended),
}

impl Released {
    /// As the manifest has it; none where there is nothing to say.
    pub(super) fn document(&self) -> Option<Value> {
        match self {
            Self::NotAsked | Self::Unnamed | Self::Ended(_) => None,
            Self::NotRun(reason) => Some(json!({"reason": reason})),
            Self::Run {
                release,
                range,
                made,
                decided,
                red,
            } => Some(json!({
                "release": release,
                "range": range,
                "outcome": decided,
                "red": red,
                "attempts": made.iter().map(manifest::attempt).collect::<Vec<Value>>(),
            })),
        }
    }
}

impl Work<'_> {
    /// Runs the failure at the trace's own release, as often as on HEAD.
    pub(super) fn released(
        &self,
        attempts: &Attempts<'_>,
        failed: &Failed<'_>,
        folder: &Path,
    ) -> Result<Released, IntakeError> {
        let Some(name) = &self.trace.release else {
            return Ok(Released::Unnamed);
        };
        let surround = &self.engine.surround;
        let path = surround.environment.get("PATH").unwrap_or_default();
        let release = match release::resolve(&surround.repo, path, name) {
            Ok(release) => release,
            Err(reason) => return Ok(Released::NotRun(reason)),
        };
        if release.commit == self.ready.base {
            let reason = format!("the trace's release {name} is HEAD itself");
            return Ok(Released::NotRun(reason));
        }
        // Which code runs with the agent's keys is the repository's to say, and not the trace's.
        let base = &self.ready.base;
        if !release::is_in_history(&surround.repo, path, &release.commit, base) {
            let reason = format!("the trace's release {name} is not in the history of HEAD");
            return Ok(Released::NotRun(reason));
        }
        let range = match release::between(&surround.repo, path, &release.commit, base) {
            Ok(range) => range,
            Err(error) => return Ok(Released::NotRun(chain(&error))),
        };
        let commit = release.commit.clone();
        let mut workshop = self.workshop();
        workshop.base = &commit;
        let seat = Later::new(&workshop, &[]);
        let made = attempts.make(
            &Phase::Release,
            &seat,
            &failed.identity,
            self.ready.settings.options.reproduce_runs,
            &folder.join("release"),
        );
        let made = match made {
            Ok(made) => made,
            Err(error) if error.is_stopped() => {
                return Ok(Released::Ended(
                    self.later(Stage::Reproduce, &Refused::Stopped),
                ));
            }
            // What is known without them is worth telling now.
            Err(StepError::Refused(refused @ Refused::Budget { .. })) => {
                let reason = format!("the trace's release {name} was not run: {refused}");
                return Ok(Released::NotRun(reason));
            }
            Err(error) if matches!(error, StepError::Refused(_)) || is_full(&error) => {
                return Err(IntakeError::Step(Box::new(error)));
            }
            Err(error) => {
                let reason = format!(
                    "the trace's release {name} cannot be run: {}",
                    chain(&error)
                );
                return Ok(Released::NotRun(reason));
            }
        };
        let shown: Vec<Shown> = made.iter().map(|attempt| attempt.shown.clone()).collect();
        let (same, counted) = decision::counts(&shown);
        Ok(Released::Run {
            release: Box::new(release),
            range: Box::new(range),
            made,
            decided: decision::decide(&shown),
            red: Rate::of(same, counted),
        })
    }

    /// The end of a job whose failure does not show on HEAD.
    pub(super) fn not_shown(
        mut self,
        failed: &Failed<'_>,
        told: &Reproduction<'_>,
        released: Released,
        folder: &Path,
    ) -> Result<Ended, IntakeError> {
        let counted = told.counted();
        let plain = format!("the failure does not show on HEAD in {counted} attempts");
        let reason = match &released {
            Released::NotAsked | Released::Unnamed | Released::Ended(_) => plain,
            Released::NotRun(reason) => format!("{plain}, and {reason}"),
            Released::Run {
                release,
                range,
                decided: Decision::Reproduced,
                red,
                ..
            } => {
                self.job.green = Some(Rate::of(counted, counted));
                self.job.red = Some(*red);
                let reason = format!(
                    "green {counted}/{counted} on HEAD, red {red} at the trace's release {} ({}): {}",
                    release.name,
                    release.by,
                    range.told()
                );
                if self.regression(failed, told, folder)? {
                    let file = folder.join("regression.patch");
                    self.job.artifacts.insert(1, Artifact::of(file.clone()));
                    self.job.patch = Some(file);
                }
                return Ok(self.end(Stage::Reproduce, Status::AlreadyFixed, "", reason));
            }
            Released::Run { release, red, .. } => format!(
                "{plain}, and in {red} attempts at the trace's release {}",
                release.name
            ),
        };
        let reason = told.reason(&reason);
        Ok(self.end(Stage::Reproduce, Status::NotReproduced, "", reason))
    }

    /// Writes the failure as a regression, in a patch for HEAD; whether there is one. What needs
    /// the trace's own answers could not be run without it.
    fn regression(
        &self,
        failed: &Failed<'_>,
        told: &Reproduction<'_>,
        folder: &Path,
    ) -> Result<bool, IntakeError> {
        if told.is_recorded() {
            return Ok(false);
        }
        let Some(task) = self.trace.input_text() else {
            return Ok(false);
        };
        let today = jiff::tz::TimeZone::UTC
            .to_datetime(self.bench.clock.now())
            .date();
        let step = |error: StepError| IntakeError::Step(Box::new(error));
        let place = self
            .workshop()
            .copy(&[])
            .map_err(|error| step(error.into()))?;
        let group = failed.identity.group();
        let scenario = &failed.prepared.scenario;
        let seeds = &failed.rebuilt.seeds;
        let earlier = publish::earlier(place.tree(), &group, self.bench.clones);
        let since = (today, told.clock);
        let mut files = Vec::new();
        for (path, bytes) in publish::regression(scenario, &group, &task, seeds, since, earlier) {
            if link_on_the_way(place.tree(), &path).is_some() {
                return Ok(false);
            }
            atomic::write(&place.tree().join(&path), &bytes, Durability::Derived)?;
            files.push(path);
        }
        let patch = place
            .workspace()
            .patch(&files)
            .map_err(|error| IntakeError::Step(Box::new(error)))?;
        let file = folder.join("regression.patch");
        atomic::write(&file, &patch, Durability::Derived)?;
        Ok(true)
    }
}
