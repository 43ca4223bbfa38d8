//! The stages that only look: grade a trace and rebuild the state it began in.

use std::path::{Path, PathBuf};

use archal_core::clone::CloneDescriptor;
use archal_core::grade::Verdict;
use archal_core::trace::{Trace, TraceIdentity};
use serde::Serialize;
use serde_json::json;

use crate::config::schema::ExecutionPolicy;
use crate::grade::matching::{self, Matched};
use crate::grade::{Grade, state};
use crate::ingest::Imported;
use crate::reconstruct::replay::Replay;
use crate::reconstruct::{self, Context, Missing, Reconstruction, exchanges};
use crate::reproduce::identity::FailureIdentity;
use crate::run::scenarios::Prepared;
use crate::scenario::format;
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::layout::Layout;

use super::job::{Artifact, JobReport, Stage, Status};
use super::ready::Ready;

/// What grading works with.
pub struct Grading<'a> {
    /// Where artifacts go.
    pub layout: &'a Layout,
    /// The repository at HEAD.
    pub ready: &'a Ready,
    /// The clones there are.
    pub clones: &'a [CloneDescriptor],
}

/// A graded trace.
pub struct Graded<'a> {
    /// How its job stands: at its end, or queued to be reproduced.
    pub job: JobReport,
    /// What it fails by, where it is to be reproduced or would be.
    pub failure: Option<Failed<'a>>,
}

/// A trace that shows a failure.
pub struct Failed<'a> {
    /// The scenario it matched.
    pub prepared: &'a Prepared,
    /// The state it began in.
    pub rebuilt: Reconstruction,
    /// The grade.
    pub grade: Grade,
    /// What makes it this failure.
    pub identity: FailureIdentity,
}

impl<'a> Grading<'a> {
    /// Grades a trace and writes `grade.json`, `scenario.md` and `seed.json`. The same trace on
    /// the same commit gives the same files and the same job.
    pub fn grade(&self, mut job: JobReport, trace: &Trace) -> Result<Graded<'a>, WriteError> {
        if self.ready.policy() == ExecutionPolicy::Observe {
            let reason = "the policy is observe";
            return Ok(ended(
                job,
                Stage::Import,
                Status::Observed,
                "policy",
                reason,
            ));
        }
        let identity = job.trace.clone();
        let folder = self.folder("grades", &job);
        let prepared = match matching::find(trace, &self.ready.scenarios) {
            Matched::One(prepared) => prepared,
            Matched::None => {
                job.cause = Some("no scenario's Config `match` names the trace".to_owned());
                let reason = format!(
                    "no scenario's Config `match` names a trace called {:?}",
                    trace.name
                );
                return self.unmatched(job, trace, &folder, identity, reason);
            }
            Matched::Tie(first, second) => {
                let reason = format!(
                    "scenarios {} and {} match the trace equally well",
                    first.scenario.id, second.scenario.id
                );
                job.cause = Some(reason.clone());
                return self.unmatched(job, trace, &folder, identity, reason);
            }
        };
        job.scenario = Some(self.ready.relative(&prepared.scenario.path));
        let context = Context {
            clones: self.clones,
            tools: &self.ready.settings.tools,
            owned: &[],
        };
        let rebuilt = reconstruct::reconstruct(trace, &context);
        let traced = exchanges::of(trace, &context);
        let replay = if rebuilt.missing.is_empty() {
            Replay::run(&rebuilt, &traced, self.clones)
        } else {
            Err(Vec::new())
        };
        let grade = match &replay {
            Ok(replay) => state::grade(trace, identity, prepared, replay, rebuilt.base),
            Err(_) => {
                let mut grade = Grade::without_findings(
                    identity,
                    &trace.revision,
                    Verdict::Unsure,
                    "the state the trace began in cannot be rebuilt from it",
                    "see what is missing in the seed stage",
                );
                grade.scenario = Some(prepared.scenario.id.clone());
                grade
            }
        };
        job.artifacts
            .push(artifact(folder.join("grade.json"), &grade)?);
        let seed = self.seed(&job, trace, prepared, &rebuilt, &grade)?;
        job.artifacts.push(seed);
        if let Err(diagnostics) = &replay {
            job.missing.clone_from(&rebuilt.missing);
            let refused = diagnostics.first().map(|finding| finding.message.as_str());
            let reason = not_rebuilt(&rebuilt.missing, refused);
            job.cause = rebuilt
                .missing
                .first()
                .map(|missing| format!("{}: {}", missing.field, missing.how));
            return Ok(ended(job, Stage::Seed, Status::Blocked, "evidence", reason));
        }
        match grade.verdict {
            Verdict::Ok => Ok(ended(job, Stage::Grade, Status::Ok, "", grade.reason)),
            Verdict::Unsure => Ok(ended(job, Stage::Grade, Status::Unsure, "", grade.reason)),
            Verdict::Fail => Ok(self.failed(job, prepared, rebuilt, grade)),
        }
    }

    fn failed(
        &self,
        mut job: JobReport,
        prepared: &'a Prepared,
        rebuilt: Reconstruction,
        grade: Grade,
    ) -> Graded<'a> {
        let Some(identity) = FailureIdentity::of(&prepared.scenario.id, &grade.findings) else {
            let reason = "no finding names a failure";
            return ended(job, Stage::Grade, Status::Unsure, "", reason);
        };
        job.group = Some(identity.group());
        let summary = grade.summary.clone();
        let mut graded = if self.ready.policy() <= ExecutionPolicy::Grade {
            ended(job, Stage::Grade, Status::FailedGrade, "policy", summary)
        } else {
            ended(job, Stage::Reproduce, Status::Queued, "", summary)
        };
        graded.failure = Some(Failed {
            prepared,
            rebuilt,
            grade,
            identity,
        });
        graded
    }

    fn unmatched(
        &self,
        mut job: JobReport,
        trace: &Trace,
        folder: &Path,
        identity: TraceIdentity,
        reason: String,
    ) -> Result<Graded<'a>, WriteError> {
        let grade = Grade::without_findings(
            identity,
            &trace.revision,
            Verdict::Unsure,
            "no scenario says what this agent should have done",
            &reason,
        );
        job.artifacts
            .push(artifact(folder.join("grade.json"), &grade)?);
        Ok(ended(
            job,
            Stage::Grade,
            Status::Blocked,
            "scenario",
            reason,
        ))
    }

    fn seed(
        &self,
        job: &JobReport,
        trace: &Trace,
        prepared: &Prepared,
        rebuilt: &Reconstruction,
        grade: &Grade,
    ) -> Result<Artifact, WriteError> {
        let folder = self.folder("seeds", job);
        let mut scenario = prepared.scenario.clone();
        if let Some(task) = trace.input_text() {
            scenario.prompt = task;
        }
        atomic::write(
            &folder.join("scenario.md"),
            format::write(&scenario).as_bytes(),
            Durability::Derived,
        )?;
        let mut document = serde_json::to_value(rebuilt).unwrap_or_default();
        if let Some(object) = document.as_object_mut() {
            object.insert("schema".to_owned(), json!("archal.seed"));
            object.insert("version".to_owned(), json!(1));
            object.insert("agreement".to_owned(), json!(grade.agreement));
        }
        artifact(folder.join("seed.json"), &document)
    }

    fn folder(&self, stage: &str, job: &JobReport) -> PathBuf {
        self.layout.attach(stage).join(&job.name)
    }
}

/// Writes an artifact and says what it holds.
fn artifact(file: PathBuf, document: &impl Serialize) -> Result<Artifact, WriteError> {
    let bytes = atomic::json_bytes(&file, document)?;
    atomic::write(&file, &bytes, Durability::Derived)?;
    Ok(Artifact::written(file, &bytes))
}

/// A job that begins.
pub fn begun(imported: &Imported, name: &str, file: PathBuf) -> JobReport {
    JobReport {
        trace: imported.identity.clone(),
        name: name.to_owned(),
        revision: imported.trace.revision.clone(),
        file,
        status: Status::Running,
        stage: Stage::Import,
        reason_code: None,
        reason: String::new(),
        cause: None,
        missing: Vec::new(),
        group: None,
        scenario: None,
        red: None,
        green: None,
        artifacts: Vec::new(),
        patch: None,
    }
}

fn ended<'a>(
    mut job: JobReport,
    stage: Stage,
    status: Status,
    code: &str,
    reason: impl Into<String>,
) -> Graded<'a> {
    job.stage = stage;
    job.status = status;
    job.reason_code = (!code.is_empty()).then(|| code.to_owned());
    job.reason = reason.into();
    Graded { job, failure: None }
}

fn not_rebuilt(missing: &[Missing], refused: Option<&str>) -> String {
    match (missing.split_first(), refused) {
        (Some((first, more)), _) => {
            let more = match more.len() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            format!(
                "{} of {} is not known: {}{more}",
                first.field, first.entity, first.why
            )
        }
        (None, Some(refused)) => format!("the rebuilt state is not a seed: {refused}"),
        (None, None) => "the rebuilt state is not a seed".to_owned(),
    }
}
