//! One trace through its stages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use archal_core::grade::Verdict;
use archal_core::trace::TraceIdentity;
use serde_json::{Value, json};

use crate::config::schema::ExecutionPolicy;
use crate::grade::matching::{self, Matched};
use crate::grade::{Grade, state};
use crate::ingest::Imported;
use crate::reconstruct::replay::Replay;
use crate::reconstruct::{self, Reconstruction, exchanges};
use crate::reproduce::attempts::{AttemptRecord, Attempts};
use crate::reproduce::decision::{self, Decision, Shown};
use crate::reproduce::estimate::Estimate;
use crate::reproduce::identity::FailureIdentity;
use crate::reproduce::interval::Rate;
use crate::reproduce::journal::Phase;
use crate::reproduce::memory::MemoryJournal;
use crate::reproduce::slot;
use crate::run::scenarios::Prepared;
use crate::run::seeds::StartState;
use crate::run::suite;
use crate::scenario::format;
use crate::store::atomic::{self, Durability, WriteError};
use crate::store::layout;

use super::engine::Pass;
use super::fixing::Reproduced;
use super::job::{JobReport, Stage, Status};

/// Takes traces through their stages, one after the other.
pub struct Stages<'a> {
    pub(super) pass: &'a Pass<'a>,
    /// Groups that were worked on in this pass.
    groups: BTreeSet<String>,
}

/// A trace under way.
pub(super) struct Work<'a> {
    pub(super) imported: &'a Imported,
    pub(super) job: JobReport,
}

impl Work<'_> {
    /// The job at its end.
    pub(super) fn end(
        mut self,
        stage: Stage,
        status: Status,
        code: &str,
        reason: impl Into<String>,
    ) -> JobReport {
        self.job.stage = stage;
        self.job.status = status;
        self.job.reason_code = (!code.is_empty()).then(|| code.to_owned());
        self.job.reason = reason.into();
        self.job
    }
}

impl<'a> Stages<'a> {
    /// Stages of one pass.
    pub fn new(pass: &'a Pass<'a>) -> Self {
        Self {
            pass,
            groups: BTreeSet::new(),
        }
    }

    /// Takes one trace as far as the policy allows.
    pub fn take(
        &mut self,
        name: &str,
        imported: &Imported,
        file: PathBuf,
        told: &mut dyn FnMut(&str),
    ) -> Result<JobReport, WriteError> {
        let work = Work {
            imported,
            job: JobReport {
                trace: imported.identity.clone(),
                name: name.to_owned(),
                revision: imported.trace.revision.clone(),
                file,
                status: Status::Observed,
                stage: Stage::Import,
                reason_code: None,
                reason: String::new(),
                missing: Vec::new(),
                group: None,
                scenario: None,
                red: None,
                green: None,
                artifacts: Vec::new(),
                patch: None,
            },
        };
        for stage in ["grades", "seeds", "runs", "fixes"] {
            let folder = self.folder(stage, &work);
            // What cannot be removed is set aside with the rest.
            slot::sweep(&folder).ok();
            layout::set_aside(&folder)?;
        }
        if self.pass.options.policy == ExecutionPolicy::Observe {
            return Ok(work.end(
                Stage::Import,
                Status::Observed,
                "policy",
                "the policy is observe",
            ));
        }
        self.grade(work, told)
    }

    /// The folder of one stage of this job.
    pub(super) fn folder(&self, stage: &str, work: &Work<'_>) -> PathBuf {
        self.pass.layout.attach(stage).join(&work.job.name)
    }

    fn grade(
        &mut self,
        mut work: Work<'_>,
        told: &mut dyn FnMut(&str),
    ) -> Result<JobReport, WriteError> {
        let trace = &work.imported.trace;
        let identity = work.imported.identity.clone();
        let folder = self.folder("grades", &work);
        let prepared = match matching::find(trace, &self.pass.ready.scenarios) {
            Matched::One(prepared) => prepared,
            Matched::None => {
                let reason = format!(
                    "no scenario's Config `match` names a trace called {:?}",
                    trace.name
                );
                return self.unmatched(work, &folder, identity, &reason);
            }
            Matched::Tie(first, second) => {
                let reason = format!(
                    "scenarios {} and {} match the trace equally well",
                    first.scenario.id, second.scenario.id
                );
                return self.unmatched(work, &folder, identity, &reason);
            }
        };
        work.job.scenario = Some(self.shown_path(prepared));
        let rebuilt = reconstruct::reconstruct(trace, self.pass.bench.clones);
        let traced = exchanges::of(trace, self.pass.bench.clones);
        let replay = if rebuilt.missing.is_empty() {
            Replay::run(&rebuilt, &traced, self.pass.bench.clones)
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
        let grade_file = folder.join("grade.json");
        atomic::write_json(&grade_file, &grade, Durability::Derived)?;
        work.job.artifacts.push(grade_file);
        told(&format!("graded {}: {}", work.job.name, grade.summary));
        let seed_file = self.write_seed(&work, prepared, &rebuilt, &grade)?;
        work.job.artifacts.push(seed_file);
        if let Err(diagnostics) = &replay {
            work.job.missing.clone_from(&rebuilt.missing);
            let reason = match (rebuilt.missing.first(), diagnostics.first()) {
                (Some(first), _) => format!(
                    "{} of {} is not known: {}{}",
                    first.field,
                    first.entity,
                    first.why,
                    match rebuilt.missing.len() {
                        1 => String::new(),
                        more => format!(" (and {} more)", more - 1),
                    }
                ),
                (None, Some(diagnostic)) => {
                    format!("the rebuilt state is not a seed: {}", diagnostic.message)
                }
                (None, None) => "the rebuilt state is not a seed".to_owned(),
            };
            return Ok(work.end(Stage::Seed, Status::Blocked, "evidence", reason));
        }
        match grade.verdict {
            Verdict::Ok => Ok(work.end(Stage::Grade, Status::Ok, "", grade.reason)),
            Verdict::Unsure => Ok(work.end(Stage::Grade, Status::Unsure, "", grade.reason)),
            Verdict::Fail => self.failed(work, prepared, &rebuilt, &grade, told),
        }
    }

    fn unmatched(
        &self,
        mut work: Work<'_>,
        folder: &Path,
        identity: TraceIdentity,
        reason: &str,
    ) -> Result<JobReport, WriteError> {
        let grade = Grade::without_findings(
            identity,
            &work.imported.trace.revision,
            Verdict::Unsure,
            "no scenario says what this agent should have done",
            reason,
        );
        let file = folder.join("grade.json");
        atomic::write_json(&file, &grade, Durability::Derived)?;
        work.job.artifacts.push(file);
        Ok(work.end(Stage::Grade, Status::Blocked, "scenario", reason))
    }

    fn write_seed(
        &self,
        work: &Work<'_>,
        prepared: &Prepared,
        rebuilt: &Reconstruction,
        grade: &Grade,
    ) -> Result<PathBuf, WriteError> {
        let folder = self.folder("seeds", work);
        let mut scenario = prepared.scenario.clone();
        if let Some(task) = work.imported.trace.input_text() {
            scenario.prompt = task;
        }
        atomic::write(
            &folder.join("scenario.md"),
            format::write(&scenario).as_bytes(),
            Durability::Derived,
        )?;
        let file = folder.join("seed.json");
        let mut document = serde_json::to_value(rebuilt).unwrap_or_default();
        if let Some(object) = document.as_object_mut() {
            object.insert("schema".to_owned(), json!("archal.seed"));
            object.insert("version".to_owned(), json!(1));
            object.insert("agreement".to_owned(), json!(grade.agreement));
        }
        atomic::write_json(&file, &document, Durability::Derived)?;
        Ok(file)
    }

    fn failed(
        &mut self,
        mut work: Work<'_>,
        prepared: &'a Prepared,
        rebuilt: &Reconstruction,
        grade: &Grade,
        told: &mut dyn FnMut(&str),
    ) -> Result<JobReport, WriteError> {
        let Some(identity) = FailureIdentity::of(&prepared.scenario.id, &grade.findings) else {
            return Ok(work.end(
                Stage::Grade,
                Status::Unsure,
                "",
                "no finding names a failure",
            ));
        };
        let group = identity.group();
        work.job.group = Some(group.clone());
        match self.pass.options.policy {
            ExecutionPolicy::Observe | ExecutionPolicy::Grade => {
                return Ok(work.end(
                    Stage::Grade,
                    Status::FailedGrade,
                    "policy",
                    grade.summary.clone(),
                ));
            }
            ExecutionPolicy::Reproduce | ExecutionPolicy::Fix => {}
        }
        if !self.groups.insert(group.clone()) {
            let reason = format!("the same failure as another trace of this pass: {group}");
            return Ok(work.end(Stage::Reproduce, Status::GroupMember, "", reason));
        }
        if let Err(error) = &self.pass.ready.harness {
            let reason = error.to_string();
            return Ok(work.end(Stage::Reproduce, Status::Blocked, "harness", reason));
        }
        let Some(task) = work.imported.trace.input_text() else {
            return Ok(work.end(
                Stage::Reproduce,
                Status::Blocked,
                "evidence",
                "the trace does not hold what the agent was asked",
            ));
        };
        let states: BTreeMap<String, StartState> = rebuilt
            .seeds
            .iter()
            .map(|(clone, seed)| (clone.clone(), StartState::Document(seed.clone())))
            .collect();
        // A single pass begins each trace anew, so there is nothing to resume.
        let journal = MemoryJournal::new();
        let attempts = Attempts {
            bench: self.pass.bench,
            prepared,
            states: &states,
            task: &task,
            agent: self.pass.agent,
            model: self.pass.options.model.as_deref(),
            timeout: suite::timeout(&prepared.scenario, self.pass.options.timeout),
            route: self.pass.options.route,
            expose_clone_urls: self.pass.options.expose_clone_urls,
            journal: &journal,
            estimate: Estimate::of(&work.imported.trace, &|_, _| None),
        };
        let folder = self.folder("runs", &work);
        let made = match attempts.make(
            &Phase::Reproduce,
            &self.pass.ready.place,
            &identity,
            self.pass.options.reproduce_runs,
            &folder,
        ) {
            Ok(made) => made,
            Err(error) => {
                return Ok(work.end(
                    Stage::Reproduce,
                    Status::Error,
                    "session",
                    error.to_string(),
                ));
            }
        };
        let shown: Vec<Shown> = made.iter().map(|attempt| attempt.shown.clone()).collect();
        let decided = decision::decide(&shown);
        let (same, counted) = decision::counts(&shown);
        let red = Rate::of(same, counted);
        work.job.red = Some(red);
        let manifest = self.write_manifest(&folder, &identity, &made, &decided, red)?;
        work.job.artifacts.insert(0, manifest);
        told(&format!(
            "reproduced {}: red {red} on {}",
            work.job.name, self.pass.ready.base
        ));
        match decided {
            Decision::NotReproduced => {
                let reason = format!("the failure does not show on HEAD in {counted} attempts");
                Ok(work.end(Stage::Reproduce, Status::NotReproduced, "", reason))
            }
            Decision::Flaky => {
                let reason = format!("it shows in {red} attempts, fewer than 0.6 of them");
                Ok(work.end(Stage::Reproduce, Status::Flaky, "", reason))
            }
            Decision::Blocked { cause } => {
                Ok(work.end(Stage::Reproduce, Status::Blocked, "void", cause))
            }
            Decision::Reproduced if self.pass.options.policy == ExecutionPolicy::Reproduce => {
                let reason = format!("red {red}: {}", grade.summary);
                Ok(work.end(Stage::Reproduce, Status::Reproduced, "policy", reason))
            }
            Decision::Reproduced => {
                let reproduced = Reproduced {
                    attempts: &attempts,
                    identity: &identity,
                    rebuilt,
                    grade,
                    made: &made,
                };
                self.fix(work, &reproduced, told)
            }
        }
    }

    fn write_manifest(
        &self,
        folder: &Path,
        identity: &FailureIdentity,
        made: &[AttemptRecord],
        decided: &Decision,
        red: Rate,
    ) -> Result<PathBuf, WriteError> {
        let file = folder.join("manifest.json");
        let manifest = json!({
            "schema": "archal.reproduction",
            "version": 1,
            "outcome": decided,
            "command": self.pass.ready.harness.as_ref().map(|harness| &harness.command).ok(),
            "base": self.pass.ready.base,
            "leftOut": self.pass.ready.left_out,
            "identity": identity,
            "group": identity.group(),
            "red": red,
            "attempts": made.iter().map(|attempt| json!({
                "number": attempt.number,
                "shown": attempt.shown,
                "findings": attempt.findings,
                "runId": attempt.run.run_id,
                "durationMs": attempt.run.duration_ms,
                "route": attempt.run.route,
                "containment": attempt.run.containment,
                "evidence": attempt.run.evidence,
            })).collect::<Vec<Value>>(),
        });
        atomic::write_json(&file, &manifest, Durability::Derived)?;
        let outputs: Vec<&crate::run::attempt::RunResult> =
            made.iter().map(|attempt| &attempt.run).collect();
        atomic::write_json(&folder.join("stdout.json"), &outputs, Durability::Derived)?;
        let mut stderr = Vec::new();
        for attempt in made {
            stderr.extend_from_slice(format!("--- attempt {}\n", attempt.number).as_bytes());
            // Kept beside the attempt too; a file that is gone is an empty one here.
            stderr.extend(std::fs::read(attempt.run.evidence.join("stderr")).unwrap_or_default());
        }
        atomic::write(&folder.join("stderr.log"), &stderr, Durability::Derived)?;
        Ok(file)
    }

    /// A scenario's path as it is in the repository.
    fn shown_path(&self, prepared: &Prepared) -> PathBuf {
        self.relative(&prepared.scenario.path)
    }

    /// A path of the private copy as it is in the repository.
    pub(super) fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.pass.ready.place.tree())
            .unwrap_or(path)
            .to_owned()
    }
}
