//! From a reproduced failure to a proven patch, or the reason there is none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::fixer::{FixEnd, FixRecord, FixTask, Fixer};
use serde_json::Value;

use crate::git::command::{Git, GitError};
use crate::reproduce::attempts::Attempts;
use crate::reproduce::decision::Shown;
use crate::reproduce::identity::FailureIdentity;
use crate::reproduce::interval::Rate;
use crate::reproduce::workplace::{Workplace, WorkplaceError, Workshop};
use crate::run::attempt::AttemptError;
use crate::run::scenarios::{self, Prepared};
use crate::run::score::{self, ScenarioStatus};
use crate::run::seeds::{self, OtherStates, SeedError};
use crate::run::suite;
use crate::sandbox::child::ChildSpec;
use crate::sandbox::{self, Hold};
use crate::scenario::format;
use crate::store::atomic::{self, Durability, WriteError};

use super::brief::{self, Brief, Evidence};
use super::proof::{self, Compared, HeldBack, Proof, Validation};
use super::publish;
use super::rules::{self, Rule};

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
    /// Places the configuration names as scenarios.
    pub scenario_places: &'a [String],
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
}

impl Repair<'_> {
    /// Lets `fixer` change a private copy, and proves what it changed in a fresh one.
    pub fn run(&self, fixer: &dyn Fixer) -> Result<Repaired, RepairError> {
        let place = self.workshop.open()?;
        let record = self.let_fix(fixer, &place)?;
        let failed = |reason: &str| {
            Ok(Repaired::Failed {
                reason: reason.to_owned(),
                proof: None,
            })
        };
        match record.end {
            FixEnd::Ended => {}
            FixEnd::ToolError => {
                let code = record.exit_code.unwrap_or(-1);
                return failed(&format!("the fix command exited with status {code}"));
            }
            FixEnd::Timeout => return failed("the fix command ran out of time"),
            FixEnd::Killed => return failed("the fix command was killed"),
            FixEnd::NotStarted => return failed("the fix command could not be started"),
        }
        let (reverted, review) = self.apply_rules(&place)?;
        let patch = place.workspace().patch()?;
        if patch.is_empty() {
            return failed(if reverted.is_empty() {
                "no_change: the fix command changed nothing"
            } else {
                "no_change: the fix command changed only tests, scenarios or seeds"
            });
        }
        let proof = self.prove(&patch, reverted, review, record)?;
        atomic::write_json(
            &self.folder.join("proof.json"),
            &proof.1,
            Durability::Synced,
        )?;
        let (place, proof) = proof;
        if !proof.proven {
            atomic::write(
                &self.folder.join("rejected.patch"),
                &patch,
                Durability::Synced,
            )?;
            return Ok(Repaired::Failed {
                reason: proof.reason.clone(),
                proof: Some(Box::new(proof)),
            });
        }
        let group = self.identity.group();
        let kept = publish::regression(
            &self.attempts.prepared.scenario,
            &group,
            self.attempts.task,
            self.seeds,
            self.today,
        );
        for (path, bytes) in kept {
            atomic::write(&place.tree().join(path), &bytes, Durability::Derived)?;
        }
        if let Some(reason) = self.regression_objection(&place, &group)? {
            return Ok(Repaired::Failed {
                reason,
                proof: Some(Box::new(proof)),
            });
        }
        let path = self.folder.join("repo.patch");
        atomic::write(&path, &place.workspace().patch()?, Durability::Synced)?;
        Ok(Repaired::Fixed {
            proof: Box::new(proof),
            patch: path,
        })
    }

    fn let_fix(&self, fixer: &dyn Fixer, place: &Workplace) -> Result<FixRecord, RepairError> {
        let folder = place.beside("brief");
        let seed = serde_json::to_value(self.seeds).unwrap_or_default();
        brief::write(
            &folder,
            &Brief {
                grade: self.grade,
                scenario: &format::write(&self.attempts.prepared.scenario),
                seed: &seed,
                attempts: self.evidence,
            },
        )?;
        Ok(fixer.fix(&FixTask {
            workspace: place.tree(),
            home: &place.home(),
            brief: &folder,
            timeout: self.timeout,
        }))
    }

    /// Puts back what may not be changed and names what must be reviewed.
    fn apply_rules(&self, place: &Workplace) -> Result<(Vec<String>, Vec<String>), RepairError> {
        let (mut reverted, mut review) = (Vec::new(), Vec::new());
        for (_, path) in place.workspace().changed_files()? {
            match rules::of(&path, self.scenario_places) {
                Rule::Reverted => {
                    place.workspace().restore(&path)?;
                    reverted.push(path);
                }
                Rule::Review => review.push(path),
                Rule::Free => {}
            }
        }
        Ok((reverted, review))
    }

    /// Proves the patch in a fresh copy, so that nothing but the patch can have made it green.
    fn prove(
        &self,
        patch: &[u8],
        reverted: Vec<String>,
        review: Vec<String>,
        fixer: FixRecord,
    ) -> Result<(Workplace, Proof), RepairError> {
        let base = self.workshop.open()?;
        let patched = self.workshop.open()?;
        let patch_file = patched.beside("fix.patch");
        atomic::write(&patch_file, patch, Durability::Derived)?;
        let path = self.workshop.environment.get("PATH").unwrap_or_default();
        Git::new(patched.tree(), path)
            .args(["apply", "--whitespace=nowarn"])
            .arg(&patch_file)
            .output()?;
        if !review.is_empty() {
            self.workshop.set_up(&patched)?;
        }
        let green_runs = self.attempts.make(
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
            others.push(Compared {
                scenario: prepared.scenario.id.clone(),
                before: self.status(prepared, &base, "before")?,
                after: self.status(prepared, &patched, "after")?,
            });
        }
        let validation = self
            .validation
            .map(|command| self.validate(command, &patched));
        let objection = proof::objection(&green_runs, &others, validation.as_ref());
        let green = green_runs
            .iter()
            .filter(|attempt| attempt.shown == Shown::Green)
            .count() as u64;
        let proof = Proof {
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
            validation,
            held_back: HeldBack::not_run(),
            reverted,
            review,
            changed: patched
                .workspace()
                .changed_files()?
                .into_iter()
                .map(|(_, path)| path)
                .collect(),
            fixer,
        };
        Ok((patched, proof))
    }

    /// How a scenario of the repository ends in a copy, from its own starting state.
    fn status(
        &self,
        prepared: &Prepared,
        place: &Workplace,
        label: &str,
    ) -> Result<ScenarioStatus, RepairError> {
        let scenario = &prepared.scenario;
        let states = seeds::of_scenario(scenario, self.attempts.bench.clones, self.other_states)?;
        let attempts = Attempts {
            bench: self.attempts.bench,
            prepared,
            states: &states,
            task: &scenario.prompt,
            harness: self.attempts.harness,
            timeout: suite::timeout(scenario, self.default_timeout),
            route: self.attempts.route,
        };
        let folder = self.folder.join("others").join(label).join(&scenario.id);
        let runs = scenario.config.runs.unwrap_or(1);
        let made = attempts.make(place, self.identity, runs, &folder)?;
        let scores: Vec<_> = made.iter().map(|attempt| attempt.run.score).collect();
        let threshold = scenario.config.pass_threshold.unwrap_or(100.0);
        Ok(score::of_scenario(&scores, threshold).status)
    }

    /// Why the regression that is kept would not guard: it cannot be read back, or it does not
    /// pass with the patch.
    fn regression_objection(
        &self,
        place: &Workplace,
        group: &str,
    ) -> Result<Option<String>, RepairError> {
        let file = place
            .tree()
            .join(publish::FOLDER)
            .join(format!("{group}.md"));
        let prepared = match scenarios::load(&file, self.attempts.bench.clones) {
            Ok((prepared, _)) => prepared,
            Err(broken) => {
                let why = broken
                    .diagnostics
                    .first()
                    .map(|finding| finding.message.clone());
                return Ok(Some(format!(
                    "the regression scenario cannot be read back: {}",
                    why.unwrap_or_default()
                )));
            }
        };
        let status = self.status(&prepared, place, "regression")?;
        Ok((status != ScenarioStatus::Passed)
            .then(|| "the regression scenario does not pass with the patch".to_owned()))
    }

    fn validate(&self, command: &str, place: &Workplace) -> Validation {
        let bench = self.attempts.bench;
        let end = sandbox::run(
            &ChildSpec {
                command: vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()],
                directory: place.tree().to_owned(),
                environment: place.environment(self.workshop.environment),
                timeout: VALIDATION_TIMEOUT,
                grace: Duration::from_secs(5),
                output_cap: 1 << 20,
                binds: place.binds().to_vec(),
                process_limit: None,
            },
            &Hold {
                helper: bench.binary,
                containment: bench.probe.containment(),
            },
        );
        Validation {
            command: command.to_owned(),
            passed: end.succeeded(),
        }
    }
}
