//! From a reproduced failure to a proven patch, or the reason there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::fixer::Fixer;
use archal_core::hash;
use serde_json::Value;

use crate::git::command::GitError;
use crate::report::rate::Rate;
use crate::reproduce::attempts::{AttemptRecord, Attempts, StepError};
use crate::reproduce::decision::Shown;
use crate::reproduce::estimate::Estimate;
use crate::reproduce::identity::FailureIdentity;
use crate::reproduce::journal::{Phase, Refused};
use crate::reproduce::seat::{Later, Seat};
use crate::reproduce::workplace::{Workplace, WorkplaceError, Workshop};
use crate::run::attempt::AttemptError;
use crate::run::scenarios::{self, Prepared};
use crate::run::score::{self, CriterionStatus, ScenarioStatus};
use crate::run::seeds::{self, OtherStates, SeedError};
use crate::run::suite;
use crate::sandbox::child::{ChildOutcome, ChildSpec, DEFAULT_PROCESS_LIMIT};
use crate::sandbox::{self, Hold};
use crate::scenario::Scenario;
use crate::store::atomic::{self, Durability, WriteError};

use super::brief::Evidence;
use super::candidate::Candidate;
use super::conduct::{Breach, BreachRule, Consequence};
use super::proof::{self, Compared, HeldBack, Proof, SetUp, Validation};
use super::publish;

/// How long the validation command may take.
const VALIDATION_TIMEOUT: Duration = Duration::from_secs(900);

/// A reproduced failure and everything a repair needs.
pub struct Repair<'a> {
    /// The failing scenario with the rebuilt state, as it was reproduced.
    pub attempts: &'a Attempts<'a>,
    /// Makes private copies of the repository.
    pub workshop: Workshop<'a>,
    /// The failure.
    pub identity: &'a FailureIdentity,
    /// How often it showed.
    pub red: Rate,
    /// How many attempts were asked.
    pub runs: u32,
    /// Every scenario of the repository, regressions included.
    pub scenarios: &'a [&'a Prepared],
    /// The folder that the scenarios' paths start with.
    pub scenario_root: &'a Path,
    /// Places the configuration names as scenarios.
    pub scenario_places: &'a [String],
    /// Seed files the configuration names.
    pub seed_files: &'a [String],
    /// Scenario files that cannot be read, relative to the repository.
    pub unreadable: &'a [PathBuf],
    /// The attempts that showed the failure.
    pub red_runs: &'a [AttemptRecord],
    /// The time limit of a scenario that has none.
    pub default_timeout: Duration,
    /// The time a fixer may take.
    pub timeout: Duration,
    /// A shell command that must succeed with the patch.
    pub validation: Option<&'a str>,
    /// The grade.
    pub grade: &'a Value,
    /// The rebuilt state, by clone.
    pub seeds: &'a BTreeMap<String, Value>,
    /// What the failed attempts showed.
    pub evidence: &'a [Evidence],
    /// Starting states the configuration names.
    pub other_states: &'a OtherStates,
    /// Today, for the regression's `since`.
    pub today: jiff::civil::Date,
    /// What the fixer may cost.
    pub fixer_estimate: Estimate,
    /// The folder the artifacts go to: `fixes/<trace>`.
    pub folder: &'a Path,
}

/// How a repair ended.
pub enum Repaired {
    /// The patch is proven and written.
    Fixed {
        /// The proof.
        proof: Box<Proof>,
        /// The patch with fix, scenario and seed.
        patch: PathBuf,
    },
    /// There is no proven patch.
    Failed {
        /// Why.
        reason: String,
        /// The proof that failed, where it came to one.
        proof: Option<Box<Proof>>,
        /// What the fixer did beside repairing the agent.
        breaches: Vec<Breach>,
    },
    /// A patch cannot be proved here.
    Blocked {
        /// What is missing, by its code.
        code: String,
        /// Why.
        reason: String,
        /// What the fixer did beside repairing the agent.
        breaches: Vec<Breach>,
    },
}

/// Why a repair could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// No workspace.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A run could not be made.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// A scenario's starting state cannot be had.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// An artifact could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What was just written is not there any more.
    #[error("{} cannot be read back", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// The fixer's record has no JSON form.
    #[error("the record of the fixer cannot be encoded")]
    Encode(#[source] serde_json::Error),
    /// Evidence could not be written or read back.
    #[error(transparent)]
    Evidence(StepError),
    /// A step may not begin, or its end could not be kept.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// archal was asked to stop while the fixer or the validation command ran.
    #[error("stopped before the repair had ended")]
    Stopped,
}

impl RepairError {
    /// Whether archal was asked to stop, so that nothing is wrong with the fix.
    pub fn is_stopped(&self) -> bool {
        matches!(
            self,
            Self::Stopped
                | Self::Refused(Refused::Stopped)
                | Self::Attempt(AttemptError::Stopped { .. })
                | Self::Workplace(WorkplaceError::Stopped)
        )
    }
}

impl From<StepError> for RepairError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Attempt(error) => Self::Attempt(error),
            StepError::Workplace(error) => Self::Workplace(error),
            StepError::Refused(refused) => Self::Refused(refused),
            StepError::Slot(_) | StepError::Gone { .. } => Self::Evidence(error),
        }
    }
}

impl Repair<'_> {
    /// Lets `fixer` change a private copy, and proves what it changed in a fresh one. A repair
    /// that was cut off goes on after the last step that has an end in the journal.
    pub fn run(&self, fixer: &dyn Fixer) -> Result<Repaired, RepairError> {
        let candidate = match self.candidate(fixer)? {
            Ok(candidate) => candidate,
            Err(rejected) => {
                let (reason, breaches) = (rejected.reason, rejected.breaches);
                return Ok(match rejected.blocked {
                    Some(code) => Repaired::Blocked {
                        code,
                        reason,
                        breaches,
                    },
                    None => Repaired::Failed {
                        reason,
                        proof: None,
                        breaches,
                    },
                });
            }
        };
        let failed = |reason: String| {
            Ok(Repaired::Failed {
                reason,
                proof: None,
                breaches: candidate.ruled.breaches.clone(),
            })
        };
        let proof = match self.prove(&candidate) {
            // A fix that leaves no agent to run is a fix that failed, not a fault of archal.
            Err(RepairError::Attempt(AttemptError::Harness(error))) => {
                return failed(format!("with the patch there is no agent to run: {error}"));
            }
            proof => proof?,
        };
        atomic::write_json(&self.folder.join("proof.json"), &proof, Durability::Synced)?;
        let kept = if proof.proven {
            self.keep_regression(&candidate)?
        } else {
            Err(proof.reason.clone())
        };
        match kept {
            Ok(whole) => {
                let path = self.folder.join("repo.patch");
                atomic::write(&path, &whole, Durability::Synced)?;
                Ok(Repaired::Fixed {
                    proof: Box::new(proof),
                    patch: path,
                })
            }
            Err(reason) => {
                let path = self.folder.join("rejected.patch");
                atomic::write(&path, &candidate.patch, Durability::Synced)?;
                Ok(Repaired::Failed {
                    reason,
                    breaches: proof.breaches.clone(),
                    proof: Some(Box::new(proof)),
                })
            }
        }
    }

    /// The proved patch with the failure kept as a regression, from a copy in which nothing has
    /// run; or why the regression would not guard.
    fn keep_regression(
        &self,
        candidate: &Candidate,
    ) -> Result<Result<Vec<u8>, String>, RepairError> {
        let group = self.identity.group();
        let place = self.workshop.copy(&candidate.patch)?;
        let earlier = publish::earlier(place.tree(), &group, self.attempts.bench.clones);
        let mut files = Vec::new();
        for (path, bytes) in publish::regression(
            &self.attempts.prepared.scenario,
            &group,
            self.attempts.task,
            self.seeds,
            (candidate.since, self.attempts.clock),
            earlier,
        ) {
            if let Some(link) = link_on_the_way(place.tree(), &path) {
                return Ok(Err(format!(
                    "the regression cannot be kept: {} is a symbolic link",
                    link.display()
                )));
            }
            atomic::write(&place.tree().join(&path), &bytes, Durability::Derived)?;
            files.push(path);
        }
        let whole = place.workspace().patch(&files)?;
        let file = place
            .tree()
            .join(publish::FOLDER)
            .join(format!("{group}.md"));
        let prepared = match scenarios::load(&file, self.attempts.bench.clones) {
            Ok((prepared, _)) => prepared,
            Err(broken) => {
                let why = broken.diagnostics.first();
                return Ok(Err(format!(
                    "the regression scenario cannot be read back: {}",
                    why.map_or("", |finding| &finding.message)
                )));
            }
        };
        let folder = self.folder.join("others").join("regression").join(&group);
        let guarded = Later::new(&self.workshop, &whole);
        let (status, _) = self.status(&prepared, &guarded, &Phase::Regression, &folder)?;
        drop(guarded);
        Ok(if status == ScenarioStatus::Passed {
            Ok(whole)
        } else {
            Err("the regression scenario does not pass with the patch".to_owned())
        })
    }

    /// Proves the patch in fresh copies, so that nothing but the patch can have made it green.
    fn prove(&self, candidate: &Candidate) -> Result<Proof, RepairError> {
        let base = Later::new(&self.workshop, &[]);
        let patched = Later::new(&self.workshop, &candidate.patch);
        let green_runs = self.attempts.make(
            &Phase::Green,
            &patched,
            self.identity,
            proof::green_runs(self.runs, self.red),
            &self.folder.join("green"),
        )?;
        let mut others = Vec::new();
        for prepared in self
            .scenarios
            .iter()
            .filter(|other| !other.scenario.config.retired)
        {
            let name = self.name_of(&prepared.scenario);
            let folder = |label: &str| self.folder.join("others").join(label).join(&name);
            let before = Phase::Before(name.clone());
            let (before, broken_before) =
                self.status(prepared, &base, &before, &folder("before"))?;
            let after = Phase::After(name.clone());
            let (after, broken_after) =
                self.status(prepared, &patched, &after, &folder("after"))?;
            others.push(Compared {
                scenario: prepared.scenario.id.clone(),
                before,
                after,
                quarantined: prepared.scenario.config.flaky,
                newly_broken: broken_after.difference(&broken_before).cloned().collect(),
            });
        }
        let validation = self
            .validation
            .map(|command| {
                let place = patched.place()?;
                // Whether it passes must not depend on what the last run left.
                place.renew()?;
                self.validate(command, place)
            })
            .transpose()?;
        let set_up = self.workshop.options.setup.as_ref().map(|command| {
            let place = patched.place()?;
            Ok::<_, WorkplaceError>(SetUp::of(command, place.set_up_confined()))
        });
        let guards = |path: &&PathBuf| path.starts_with(publish::FOLDER);
        let objection = proof::objection(self.red_runs, &green_runs, &others, validation.as_ref())
            .or_else(|| {
                let broken = self.unreadable.iter().find(guards)?;
                Some(format!(
                    "the regression {} cannot be read",
                    broken.display()
                ))
            });
        let held_back = match &objection {
            None => self.held_back(&base, &patched)?,
            Some(_) => HeldBack::not_applicable("the proof had failed before"),
        };
        let mut breaches = candidate.ruled.breaches.clone();
        let mut refuse = |rule, detail: &str| {
            let breach = Breach::new(rule, detail, Consequence::Refused);
            let reason = breach.reason();
            breaches.push(breach);
            reason
        };
        let is_good = green_runs
            .iter()
            .all(|attempt| attempt.shown == Shown::Green);
        let objection = if is_good && proof::is_silenced(self.red_runs, &green_runs) {
            objection.map(|objection| refuse(BreachRule::AgentSilenced, &objection))
        } else if let Some(objection) = held_back.objection() {
            Some(match held_back.is_special_cased() {
                true => refuse(BreachRule::SpecialCased, &objection),
                false => objection,
            })
        } else {
            objection
        };
        let green = green_runs
            .iter()
            .filter(|attempt| attempt.shown == Shown::Green)
            .count() as u64;
        Ok(Proof {
            schema: "archal.proof".to_owned(),
            version: 1,
            proven: objection.is_none(),
            reason: objection.unwrap_or_else(|| {
                "red on the base commit, green with the patch, nothing else worse".to_owned()
            }),
            base: self.workshop.base.to_owned(),
            identity: self.identity.clone(),
            red: self.red,
            green: Rate::of(green, green_runs.len() as u64),
            green_runs,
            others,
            unreadable: self.unreadable.to_vec(),
            set_up: set_up.transpose()?,
            validation,
            held_back,
            reverted: candidate.ruled.reverted.clone(),
            review: candidate.ruled.review.clone(),
            changed: candidate.ruled.changed.clone(),
            breaches,
            fixer: candidate.fixer.clone(),
        })
    }

    /// What a scenario is called among the others: its id, or more where several have it.
    fn name_of(&self, scenario: &Scenario) -> String {
        let named_so = |other: &&&Prepared| other.scenario.id == scenario.id;
        if self.scenarios.iter().filter(named_so).count() < 2 {
            return scenario.id.clone();
        }
        let path = scenario.path.strip_prefix(self.scenario_root);
        let path = path.unwrap_or(&scenario.path).display().to_string();
        format!("{}-{}", scenario.id, hash::short(&path))
    }

    /// How a scenario of the repository ends in a copy, from its own starting state, and which
    /// criteria broke in any of its runs.
    fn status(
        &self,
        prepared: &Prepared,
        seat: &dyn Seat,
        phase: &Phase,
        folder: &Path,
    ) -> Result<(ScenarioStatus, BTreeSet<String>), RepairError> {
        let scenario = &prepared.scenario;
        let states = seeds::of_scenario(scenario, self.attempts.bench.clones, self.other_states)?;
        let attempts = Attempts {
            prepared,
            states: &states,
            proven: None,
            stand_ins: &[],
            clock: None,
            task: &scenario.prompt,
            timeout: suite::timeout(scenario, self.default_timeout),
            ..*self.attempts
        };
        let runs = scenario.config.runs.unwrap_or(1);
        let made = attempts.make(phase, seat, self.identity, runs, folder)?;
        let scores: Vec<_> = made.iter().map(|attempt| attempt.run.score).collect();
        let threshold = scenario.config.pass_threshold.unwrap_or(100.0);
        let broken = made
            .iter()
            .flat_map(|attempt| &attempt.run.criteria)
            .filter(|criterion| criterion.status == CriterionStatus::Fail)
            .map(|criterion| criterion.id.clone())
            .collect();
        Ok((score::of_scenario(&scores, threshold).status, broken))
    }

    fn validate(&self, command: &str, place: &Workplace) -> Result<Validation, RepairError> {
        let bench = self.attempts.bench;
        let end = sandbox::run(
            &ChildSpec {
                command: vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()],
                directory: place.tree().to_owned(),
                environment: place.environment(self.workshop.environment),
                timeout: VALIDATION_TIMEOUT,
                idle: None,
                grace: Duration::from_secs(5),
                output_cap: 1 << 20,
                binds: place.binds().to_vec(),
                process_limit: Some(DEFAULT_PROCESS_LIMIT),
                confine: place.confine(self.workshop.options.sandbox, self.workshop.environment),
            },
            &Hold {
                helper: bench.binary,
                containment: bench.probe.containment(),
                stop: bench.stop,
            },
        );
        if end.outcome == ChildOutcome::Stopped {
            return Err(RepairError::Stopped);
        }
        Ok(Validation {
            command: command.to_owned(),
            passed: end.succeeded(),
            confined: end.confined,
        })
    }
}

/// The first part of `path` below `root` that is a symbolic link.
pub fn link_on_the_way(root: &Path, path: &Path) -> Option<PathBuf> {
    let mut place = root.to_owned();
    path.components().find_map(|part| {
        place.push(part);
        let is_link = fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_symlink());
        is_link.then(|| place.strip_prefix(root).unwrap_or(&place).to_owned())
    })
}
