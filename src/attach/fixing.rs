//! The fix stage: a fixer works on a reproduced failure, and what it did is proved and written.

use std::path::{Path, PathBuf};

use archal_core::fixer::Fixer;
use serde_json::json;

use crate::fix::brief::Evidence;
use crate::fix::conduct::Breach;
use crate::fix::confinement::Confinement;
use crate::fix::cycles::{self, CyclesFixer, Ground};
use crate::fix::driven::DrivenFixer;
use crate::fix::proof::Proof;
use crate::fix::publish::details::{self, Details};
use crate::fix::publish::program::Programs;
use crate::fix::publish::publication::Publication;
use crate::fix::publish::push::StepError;
use crate::fix::publish::record;
use crate::fix::repair::{Repair, RepairError, Repaired};
use crate::report::rate::Rate;
use crate::reproduce::attempts::{AttemptRecord, Attempts};
use crate::reproduce::estimate::Estimate;
use crate::reproduce::journal::Refused;
use crate::run::scenarios::Prepared;
use crate::run::score::CriterionStatus;
use crate::store::atomic::{self, Durability, WriteError};

use super::grading::Failed;
use super::intake::IntakeError;
use super::job::{Artifact, Stage, Status};
use super::reproducing::{Ended, Recorded, Work, chain, is_full};
use super::state::jobs;

/// What the stages before hand on.
pub(super) struct Reproduced<'a> {
    /// How the failure was run.
    pub(super) attempts: &'a Attempts<'a>,
    /// What fails, and the state it began in.
    pub(super) failed: &'a Failed<'a>,
    /// The attempts that showed it.
    pub(super) made: &'a [AttemptRecord],
    /// What answered as it did in the trace.
    pub(super) recorded: &'a Recorded,
}

impl Work<'_> {
    /// Lets a fixer work on a reproduced failure where one may run, and proves what it did.
    pub(super) fn fix(mut self, reproduced: &Reproduced<'_>) -> Result<Ended, IntakeError> {
        let Reproduced {
            attempts,
            failed,
            made,
            recorded,
        } = reproduced;
        let options = &self.ready.settings.options;
        let folder = self.folder("fixes");
        let status_file = folder.join("status.json");
        if let Some((code, reason)) = recorded.fidelity.proves_nothing() {
            return self.blocked(code, reason, &[]);
        }
        let mut missing = Vec::new();
        if options.fixer.is_none() {
            missing.push("a fixer: --fixer, --fix-command, or fixer.name or attach.fixCommand in .archal.json");
        }
        if !options.allow_external_execution {
            missing.push("permission to run it: --allow-external-execution or attach.allowExternalExecution in .archal.json");
        }
        let chosen = match (&options.fixer, options.allow_external_execution) {
            (Some(chosen), true) => chosen.clone(),
            _ => {
                let reason = format!("missing: {}", missing.join("; "));
                return self.blocked("external_execution", reason, &missing);
            }
        };
        let confinement = Confinement::on(
            attempts.bench,
            attempts.states,
            options.sandbox,
            &chosen.hosts,
        );
        let place = &self.ready.place;
        if let Err(reason) = confinement.is_to_be_had(&[place.tree(), &place.home()]) {
            return self.blocked("sandbox", reason.clone(), &[reason.as_str()]);
        }
        self.enter_fix()?;
        (self.told)(&format!("fixing {} with {}", self.job.name, chosen.shown()));
        let grade_value = serde_json::to_value(&failed.grade).unwrap_or_default();
        let evidence: Vec<Evidence> = made.iter().map(evidence).collect();
        let ready = self.ready;
        let scenarios: Vec<&Prepared> = ready.scenarios.iter().chain(&ready.regressions).collect();
        let unreadable: Vec<PathBuf> = ready
            .broken
            .iter()
            .map(|broken| ready.relative(&broken.path))
            .collect();
        let repair = Repair {
            attempts,
            workshop: self.workshop(),
            identity: &failed.identity,
            red: self.job.red.unwrap_or_else(|| Rate::of(0, 0)),
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
            seeds: &failed.rebuilt.seeds,
            evidence: &evidence,
            today: jiff::tz::TimeZone::UTC
                .to_datetime(self.bench.clock.now())
                .date(),
            fixer_estimate: Estimate::UNKNOWN,
            folder: &folder,
        };
        let guards = match self.workshop().guards(&ready.place) {
            Ok(guards) => guards,
            Err(error) => {
                return Ok(self.end(Stage::Fix, Status::Error, "workspace", chain(&error)));
            }
        };
        let binds = ready.place.shown_to_fixer(options.sandbox, &guards);
        let mut environment = ready.place.environment(self.bench.environment);
        let withheld = &options.workspace.agent_keys;
        environment.extend(chosen.variables(self.bench.environment, withheld));
        let transcript = folder.join("transcript.log");
        let surround = self.engine.surround();
        let fixer: Box<dyn Fixer> = match chosen.is_cycles {
            true => Box::new(CyclesFixer {
                cycles: surround.cycles,
                ground: Ground {
                    choice: &chosen,
                    repo: &surround.repo,
                    options: &options.workspace,
                    bench: attempts.bench,
                    mode: options.sandbox,
                    prices: &ready.settings.prices,
                    folder: folder.join(cycles::NAME),
                    transcript,
                    stop: self.stop,
                },
            }),
            false => Box::new(DrivenFixer {
                driver: chosen.driver.clone(),
                model: chosen.model.clone(),
                arguments: chosen.arguments.clone(),
                idle: chosen.idle,
                environment,
                prices: &ready.settings.prices,
                binary: self.bench.binary,
                containment: self.bench.probe.containment(),
                binds,
                confinement: Some(&confinement),
                scrubber: self.bench.scrubber,
                transcript,
                stop: Some(self.stop),
            }),
        };
        let repaired = repair.run(fixer.as_ref());
        let mut breaches = Vec::new();
        let (status, code, reason) = match repaired {
            Err(error) if error.is_stopped() => {
                return Ok(self.later(Stage::Fix, &Refused::Stopped));
            }
            Err(RepairError::Refused(refused @ Refused::Budget { .. })) => {
                return Ok(self.later(Stage::Fix, &refused));
            }
            Err(error) if matches!(error, RepairError::Refused(_)) || is_full(&error) => {
                return Err(IntakeError::Step(Box::new(error)));
            }
            Err(error) => (Status::Error, "workspace".to_owned(), chain(&error)),
            Ok(Repaired::Failed {
                reason,
                proof,
                breaches: found,
            }) => {
                breaches = found;
                self.job.green = proof.as_ref().map(|proof| proof.green);
                (Status::FixFailed, "proof".to_owned(), reason)
            }
            Ok(Repaired::Blocked {
                code,
                reason,
                breaches: found,
            }) => {
                breaches = found;
                (Status::FixBlocked, code, reason)
            }
            Ok(Repaired::Fixed { proof, patch }) => {
                let traces = self.group_traces()?;
                let scenario = self.job.scenario.as_deref();
                let scenario = scenario.map(|path| ready.relative(path));
                let title = &attempts.prepared.scenario.title;
                let details = Details {
                    group: &failed.identity.group(),
                    title,
                    summary: &failed.grade.summary,
                    traces: &traces,
                    scenario: scenario.as_deref(),
                    cost: &cost(&proof),
                    proof: &proof,
                };
                let text = details::details(&details).unwrap_or_else(|error| error.to_string());
                let text = self.bench.scrubber.text(&text);
                let details_file = folder.join("pr-details.md");
                atomic::write(&details_file, text.as_bytes(), Durability::Synced)?;
                self.job.green = Some(proof.green);
                for file in [details_file, folder.join("proof.json"), patch.clone()] {
                    self.job.artifacts.insert(0, Artifact::of(file));
                }
                let mut reason = format!("red {} before, green {} after", proof.red, proof.green);
                let mut code = "";
                match self.publish(&proof, &patch, (title, &text), &traces) {
                    Err(StepError::Stopped) => {
                        return Ok(self.later(Stage::Fix, &Refused::Stopped));
                    }
                    Err(error) => return Err(IntakeError::Step(Box::new(error))),
                    Ok(()) => {}
                }
                if let Some(published) = &self.job.published {
                    self.job
                        .artifacts
                        .insert(0, Artifact::of(folder.join(record::FILE)));
                    reason = format!("{reason}; {}", published.line());
                    if published.refusal.is_some() || !published.findings.is_empty() {
                        code = "publish";
                    }
                }
                self.job.patch = Some(patch);
                breaches.clone_from(&proof.breaches);
                (Status::Fixed, code.to_owned(), reason)
            }
        };
        let patch = self.job.patch.as_deref();
        write_status(&status_file, status, &reason, &[], (patch, &breaches))?;
        let place = if status == Status::Fixed { 3 } else { 0 };
        self.job.artifacts.insert(place, Artifact::of(status_file));
        Ok(self.end(Stage::Fix, status, &code, reason))
    }

    /// Ends the stage before a fixer begins, and writes down what is missing.
    fn blocked(
        mut self,
        code: &str,
        reason: String,
        missing: &[&str],
    ) -> Result<Ended, IntakeError> {
        let file = self.folder("fixes").join("status.json");
        write_status(&file, Status::FixBlocked, &reason, missing, (None, &[]))?;
        self.job.artifacts.insert(0, Artifact::of(file));
        Ok(self.end(Stage::Fix, Status::FixBlocked, code, reason))
    }

    /// Publishes a proven patch where that is asked for, and reads back what came of it.
    fn publish(
        &mut self,
        proof: &Proof,
        patch: &Path,
        (title, details): (&str, &str),
        traces: &[String],
    ) -> Result<(), StepError> {
        let options = &self.ready.settings.options;
        let Some(settings) = &options.publish else {
            return Ok(());
        };
        (self.told)(&format!("publishing the fix of {}", self.job.name));
        let published = Publication {
            settings,
            programs: Programs {
                repo: &self.engine.surround.repo,
                environment: self.bench.environment,
                helper: self.bench.binary,
                stop: self.stop,
            },
            base: &proof.base,
            patch,
            group: &proof.identity.group(),
            traces,
            title: &self.bench.scrubber.text(title),
            details,
            folder: &self.folder("fixes"),
            now: self.engine.now(),
            scrubber: self.bench.scrubber,
        }
        .run()?;
        self.job.published = Some(published);
        Ok(())
    }

    /// Writes down that the job has come to its fix.
    fn enter_fix(&mut self) -> Result<(), IntakeError> {
        if self.job.stage != Stage::Fix {
            let now = self.engine.now();
            self.engine.state.write(|change| {
                jobs::move_to(change, self.id, Stage::Fix, Status::Running, "", now)
            })?;
            self.job.stage = Stage::Fix;
        }
        Ok(())
    }

    /// The traces that show the failure, this one first.
    fn group_traces(&self) -> Result<Vec<String>, IntakeError> {
        let wanted = jobs::Wanted {
            failure: self.job.group.as_deref(),
            most: Some(1000),
            ..jobs::Wanted::default()
        };
        let others = self
            .engine
            .state
            .read(|connection| jobs::list(connection, &wanted))?;
        let mut traces = vec![self.job.trace.trace.clone()];
        for other in others {
            if !traces.contains(&other.report.trace.trace) {
                traces.push(other.report.trace.trace);
            }
        }
        Ok(traces)
    }
}

/// What a fix cost, in one line.
fn cost(proof: &Proof) -> String {
    let fixer = match proof.fixer.cost_usd {
        Some(usd) => format!("{usd:.2} USD"),
        None => "an unknown amount".to_owned(),
    };
    let attempts = proof.red.n + proof.green.n;
    format!("{fixer} for the fixer; {attempts} runs of the failing scenario")
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
    (patch, breaches): (Option<&Path>, &[Breach]),
) -> Result<(), WriteError> {
    let document = json!({
        "schema": "archal.fix",
        "version": 1,
        "status": status,
        "reason": reason,
        "missing": missing,
        "patch": patch,
        "breaches": breaches,
    });
    atomic::write_json(file, &document, Durability::Synced)
}
