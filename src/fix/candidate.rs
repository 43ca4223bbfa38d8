//! What a fixer left: its one paid step, and the patch that the rules made of its work.
//!
//! The patch is on the disk, synced, before the journal hears that the fixer has ended. So a
//! fixer that has ended is never run again, wherever the proof of its work is cut off. The file
//! is kept beside the other artifacts: whoever resumes after the last of them needs it, too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use archal_core::fixer::{Checked, FixEnd, FixRecord, FixTask, Fixer};
use archal_core::hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::causes::chain;
use crate::reproduce::attempts::StepError;
use crate::reproduce::journal::{Phase, StepKey};
use crate::reproduce::metering;
use crate::reproduce::seat::Later;
use crate::reproduce::spent::Spent;
use crate::reproduce::workplace::Workplace;
use crate::run::attempt::AttemptError;
use crate::scenario::format;
use crate::scenario::spec::is_seed_file;
use crate::store::atomic::{self, Durability, WriteError};

use super::brief::{self, Brief};
use super::checked::of_runs;
use super::repair::{Repair, RepairError};
use super::ruling::{Rejected, Ruled, Ruling};

/// The patch, in the folder of the fix.
pub const FILE: &str = "candidate.patch";
/// The name of the file, in its private home, in which a fixer may say what it used.
pub const USAGE_FILE: &str = "archal-usage.json";
/// What is made from the patch, in the same folder.
const MADE_FROM_IT: &[&str] = &[
    FILE,
    "checks",
    "proof.json",
    "rejected.patch",
    "repo.patch",
    "green",
    "others/after",
    "others/regression",
    "held-back",
    "held-back.json",
];

/// A patch to prove.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) patch: Vec<u8>,
    pub(super) ruled: Ruled,
    /// The fixer that made it.
    pub(super) fixer: FixRecord,
    /// The day it was made.
    pub(super) since: jiff::civil::Date,
}

/// What the journal keeps of the step.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FixerStep {
    /// Everything the step depended on.
    inputs: String,
    /// The day it was made.
    since: String,
    fixer: FixRecord,
    outcome: Outcome,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum Outcome {
    /// A patch; its bytes are in [`FILE`].
    Candidate { sha256: String, ruled: Ruled },
    /// No patch to prove, and why.
    None(Rejected),
}

impl Repair<'_> {
    /// The patch of a fixer that ran earlier, or runs now; or why there is none.
    pub(super) fn candidate(
        &self,
        fixer: &dyn Fixer,
    ) -> Result<Result<Candidate, Rejected>, RepairError> {
        let key = StepKey {
            phase: Phase::Fixer,
            slot: 1,
        };
        let inputs = self.fixer_inputs(fixer);
        let kept = self.attempts.journal.finished(&key)?;
        if let Some(found) = kept.and_then(|kept| self.read_back(kept, &inputs)) {
            return Ok(found);
        }
        let record = self.fixer_step(&key, fixer, &inputs)?;
        // What was written is what counts, now as after a restart.
        self.read_back(record, &inputs)
            .ok_or_else(|| RepairError::Gone {
                path: self.folder.join(FILE),
            })
    }

    /// Everything the fixer's step depends on, as one hash.
    fn fixer_inputs(&self, fixer: &dyn Fixer) -> String {
        hash::of_json(&(
            (self.workshop.base, self.identity, fixer.name()),
            format::write(&self.attempts.prepared.scenario),
            self.seeds,
        ))
    }

    /// A step with an end, where its patch is there and whole.
    fn read_back(&self, kept: Value, inputs: &str) -> Option<Result<Candidate, Rejected>> {
        let step: FixerStep = serde_json::from_value(kept).ok()?;
        if step.inputs != inputs {
            return None;
        }
        let (sha256, ruled) = match step.outcome {
            Outcome::Candidate { sha256, ruled } => (sha256, ruled),
            Outcome::None(rejected) => return Some(Err(rejected)),
        };
        let patch = fs::read(self.folder.join(FILE)).ok()?;
        if hash::sha256(&patch) != sha256 {
            return None;
        }
        Some(Ok(Candidate {
            patch,
            ruled,
            fixer: step.fixer,
            since: step.since.parse().ok()?,
        }))
    }

    /// The fixer's step from its beginning in the journal to its end there.
    fn fixer_step(
        &self,
        key: &StepKey,
        fixer: &dyn Fixer,
        inputs: &str,
    ) -> Result<Value, RepairError> {
        // Whatever costs nothing comes first, so that a fixer which begins also runs.
        self.clear()?;
        let place = self.workshop.open(&[])?;
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
        let journal = self.attempts.journal;
        let begun = journal.begin(key, &self.fixer_estimate)?;
        let home = place.home();
        let usage = home.join(USAGE_FILE);
        let changed = || {
            let changed = place.workspace().changed();
            changed.is_ok_and(|changed| !changed.is_empty())
        };
        let checks = AtomicU32::new(0);
        let task = FixTask {
            workspace: place.tree(),
            installed: &place.installed(),
            home: &home,
            brief: &folder,
            timeout: self.timeout,
            budget_usd: Spent::usd_of(begun.may_spend),
            usage: &usage,
            changed: &changed,
            check: &|patch| self.checked(patch, checks.fetch_add(1, Ordering::Relaxed) + 1),
        };
        let scrubber = self.attempts.bench.scrubber;
        let record = metering::metered(journal, &begun.id, &usage, scrubber, || fixer.fix(&task));
        let spent = Spent::of_fixer(&record);
        let step = match record.end {
            FixEnd::Stopped => Err(RepairError::Stopped),
            _ => self.keep(&place, record, inputs),
        };
        match step {
            Ok(step) => {
                journal.end(&begun.id, &step, &spent)?;
                Ok(step)
            }
            Err(error) => {
                journal.abandon(&begun.id, &spent)?;
                Err(error)
            }
        }
    }

    /// The failure with what a fixer changed so far: one run, in a copy of its own.
    fn checked(&self, patch: &[u8], number: u32) -> Checked {
        let seat = Later::new(&self.workshop, patch);
        let folder = self.folder.join("checks").join(number.to_string());
        let made = self
            .attempts
            .make(&Phase::Check(number), &seat, self.identity, 1, &folder);
        match made {
            Err(error) if error.is_stopped() => Checked::Stopped,
            Err(StepError::Attempt(AttemptError::Harness(error))) => {
                Checked::Fails(format!("there is no agent to run: {error}"))
            }
            Err(error) => Checked::Unknown(chain(&error)),
            Ok(made) => of_runs(made.iter().map(|one| (&one.shown, &one.run))),
        }
    }

    /// Takes what the fixer left by the rules, and keeps the patch.
    fn keep(
        &self,
        place: &Workplace,
        record: FixRecord,
        inputs: &str,
    ) -> Result<Value, RepairError> {
        let outcome = match self.outcome(place, &record)? {
            Err(rejected) => Outcome::None(rejected),
            Ok((patch, ruled)) => {
                atomic::write(&self.folder.join(FILE), &patch, Durability::Synced)?;
                Outcome::Candidate {
                    sha256: hash::sha256(&patch),
                    ruled,
                }
            }
        };
        let step = FixerStep {
            inputs: inputs.to_owned(),
            since: self.today.to_string(),
            fixer: record,
            outcome,
        };
        serde_json::to_value(&step).map_err(RepairError::Encode)
    }

    fn outcome(
        &self,
        place: &Workplace,
        record: &FixRecord,
    ) -> Result<Result<(Vec<u8>, Ruled), Rejected>, RepairError> {
        if record.end == FixEnd::Stopped {
            return Err(RepairError::Stopped);
        }
        let asked = self.asked();
        let ruling = Ruling {
            asked: &asked,
            carried: &[],
            scrubber: self.attempts.bench.scrubber,
            has_setup: self.workshop.options.setup.is_some(),
        };
        let ruled = match ruling.of_tree(place, record)? {
            Ok(ruled) => ruled,
            Err(rejected) => return Ok(Err(rejected)),
        };
        let patch = place.workspace().patch(&[])?;
        let is_new = !patch.is_empty();
        let ruled = ruling.of_patch(ruled, place, record, (&patch, is_new));
        Ok(ruled.map(|ruled| (patch, ruled)))
    }

    /// Removes what was made from a patch that is lost.
    fn clear(&self) -> Result<(), RepairError> {
        for name in MADE_FROM_IT {
            let path = self.folder.join(name);
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            match removed {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(WriteError::Io { path, source }.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Files that say what is asked of the agent: scenarios and seeds of the base commit, and
    /// the places the configuration names.
    pub(super) fn asked(&self) -> Vec<PathBuf> {
        let plain = |place: &String| PathBuf::from(place.trim_start_matches("./"));
        let mut asked: Vec<PathBuf> = self
            .scenario_places
            .iter()
            .map(plain)
            .filter(|place| place != Path::new("."))
            .collect();
        for prepared in self.scenarios {
            let scenario = &prepared.scenario;
            let path = scenario
                .path
                .strip_prefix(self.scenario_root)
                .unwrap_or(&scenario.path);
            let folder = path.parent().unwrap_or(Path::new(""));
            asked.extend(
                scenario
                    .config
                    .seeds
                    .iter()
                    .filter(|seed| is_seed_file(&seed.name))
                    .map(|seed| folder.join(seed.name.trim_start_matches("./"))),
            );
            asked.push(path.to_owned());
        }
        asked.extend(self.seed_files.iter().map(plain));
        asked
    }
}
