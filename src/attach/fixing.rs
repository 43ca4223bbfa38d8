//! The fix stage: a fixer works on a reproduced failure, and what it did is proved and written.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::fix::brief::Evidence;
use crate::fix::command::CommandFixer;
use crate::fix::publish::{self, Details};
use crate::fix::repair::{Repair, Repaired};
use crate::grade::Grade;
use crate::reconstruct::Reconstruction;
use crate::reproduce::attempts::{AttemptRecord, Attempts};
use crate::reproduce::estimate::Estimate;
use crate::reproduce::identity::FailureIdentity;
use crate::reproduce::interval::Rate;
use crate::run::scenarios::Prepared;
use crate::run::score::CriterionStatus;
use crate::store::atomic::{self, Durability, WriteError};

use super::job::{JobReport, Stage, Status};
use super::stages::{Stages, Work};

/// What the stages before hand on.
pub(super) struct Reproduced<'a> {
    /// How the failure was run.
    pub(super) attempts: &'a Attempts<'a>,
    /// What makes it this failure.
    pub(super) identity: &'a FailureIdentity,
    /// The state it began in.
    pub(super) rebuilt: &'a Reconstruction,
    /// What is wrong.
    pub(super) grade: &'a Grade,
    /// The attempts that showed it.
    pub(super) made: &'a [AttemptRecord],
}

impl Stages<'_> {
    /// Lets a fixer work on a reproduced failure where one may run, and proves what it did.
    pub(super) fn fix(
        &self,
        mut work: Work<'_>,
        reproduced: &Reproduced<'_>,
        told: &mut dyn FnMut(&str),
    ) -> Result<JobReport, WriteError> {
        let Reproduced {
            attempts,
            identity,
            rebuilt,
            grade,
            made,
        } = reproduced;
        let options = self.pass.options;
        let folder = self.folder("fixes", &work);
        let status_file = folder.join("status.json");
        work.job.artifacts.insert(0, status_file.clone());
        let mut missing = Vec::new();
        if options.fix_command.is_none() {
            missing.push("a fix command: --fix-command or attach.fixCommand in .archal.json");
        }
        if !options.allow_external_execution {
            missing.push("permission to run it: --allow-external-execution or attach.allowExternalExecution in .archal.json");
        }
        let command = match (&options.fix_command, options.allow_external_execution) {
            (Some(command), true) => command.clone(),
            _ => {
                let reason = format!("missing: {}", missing.join("; "));
                write_status(&status_file, Status::FixBlocked, &reason, &missing, None)?;
                return Ok(work.end(Stage::Fix, Status::FixBlocked, "external_execution", reason));
            }
        };
        told(&format!("fixing {} with `{command}`", work.job.name));
        let grade_value = serde_json::to_value(grade).unwrap_or_default();
        let evidence: Vec<Evidence> = made.iter().map(evidence).collect();
        let ready = self.pass.ready;
        let scenarios: Vec<&Prepared> = ready.scenarios.iter().chain(&ready.regressions).collect();
        let unreadable: Vec<PathBuf> = ready
            .broken
            .iter()
            .map(|broken| self.relative(&broken.path))
            .collect();
        let repair = Repair {
            attempts,
            workshop: self.pass.workshop,
            identity,
            red: work.job.red.unwrap_or_else(|| Rate::of(0, 0)),
            runs: options.reproduce_runs,
            scenarios: &scenarios,
            scenario_root: ready.place.tree(),
            scenario_places: &options.scenarios,
            seed_files: &options.seed_files,
            unreadable: &unreadable,
            red_runs: made,
            default_timeout: options.timeout,
            timeout: options.fix_timeout,
            other_states: &options.states,
            validation: options.validation_command.as_deref(),
            grade: &grade_value,
            seeds: &rebuilt.seeds,
            evidence: &evidence,
            today: jiff::tz::TimeZone::UTC
                .to_datetime(self.pass.bench.clock.now())
                .date(),
            fixer_estimate: Estimate::UNKNOWN,
            folder: &folder,
        };
        let fixer = CommandFixer {
            command,
            environment: ready.place.environment(self.pass.bench.environment),
            binary: self.pass.bench.binary,
            containment: self.pass.bench.probe.containment(),
            binds: ready.place.binds(),
            scrubber: self.pass.bench.scrubber,
            transcript: folder.join("transcript.log"),
            stop: self.pass.bench.stop,
        };
        match repair.run(&fixer) {
            Err(error) => {
                let reason = chain(&error);
                write_status(&status_file, Status::Error, &reason, &[], None)?;
                Ok(work.end(Stage::Fix, Status::Error, "workspace", reason))
            }
            Ok(Repaired::Failed { reason, proof }) => {
                work.job.green = proof.as_ref().map(|proof| proof.green);
                write_status(&status_file, Status::FixFailed, &reason, &[], None)?;
                Ok(work.end(Stage::Fix, Status::FixFailed, "proof", reason))
            }
            Ok(Repaired::Fixed { proof, patch }) => {
                let details = Details {
                    group: &identity.group(),
                    title: &attempts.prepared.scenario.title,
                    summary: &grade.summary,
                    traces: std::slice::from_ref(&work.imported.identity.trace),
                    proof: &proof,
                };
                let text = publish::details(&details).unwrap_or_else(|error| error.to_string());
                atomic::write(
                    &folder.join("pr-details.md"),
                    text.as_bytes(),
                    Durability::Synced,
                )?;
                let reason = format!("red {} before, green {} after", proof.red, proof.green);
                write_status(&status_file, Status::Fixed, &reason, &[], Some(&patch))?;
                work.job.green = Some(proof.green);
                work.job.artifacts.insert(0, folder.join("pr-details.md"));
                work.job.artifacts.insert(0, folder.join("proof.json"));
                work.job.artifacts.insert(0, patch.clone());
                work.job.patch = Some(patch);
                Ok(work.end(Stage::Fix, Status::Fixed, "", reason))
            }
        }
    }
}

fn evidence(attempt: &AttemptRecord) -> Evidence {
    Evidence {
        failed: attempt
            .run
            .criteria
            .iter()
            .filter(|criterion| criterion.status == CriterionStatus::Fail)
            .filter_map(|criterion| serde_json::to_value(criterion).ok())
            .collect(),
        folder: attempt.run.evidence.clone(),
    }
}

fn write_status(
    file: &Path,
    status: Status,
    reason: &str,
    missing: &[&str],
    patch: Option<&Path>,
) -> Result<(), WriteError> {
    let document = json!({
        "schema": "archal.fix",
        "version": 1,
        "status": status,
        "reason": reason,
        "missing": missing,
        "patch": patch,
    });
    atomic::write_json(file, &document, Durability::Synced)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
