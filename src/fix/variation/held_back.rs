//! The base and the patch run on a variation.

use std::collections::BTreeMap;
use std::fs;
use std::mem;
use std::path::{Path, PathBuf};

use archal_core::clone::Seed;
use archal_core::id;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fix::proof::{self, HeldBack, HeldBackStatus};
use crate::fix::repair::{Repair, RepairError};
use crate::report::rate::Rate;
use crate::reproduce::attempts::{AttemptRecord, Attempts};
use crate::reproduce::decision::Shown;
use crate::reproduce::identity::FailureIdentity;
use crate::reproduce::journal::Phase;
use crate::reproduce::seat::Seat;
use crate::run::scenarios::Prepared;
use crate::run::seeds;
use crate::scenario::criteria::CriterionStatus;
use crate::scenario::untouched;
use crate::store::atomic::{self, Durability};

use super::{CANDIDATES, Original, Variation, vocabulary};

/// The file of the secret, in the folder of the fix. It is written after the fixer has ended.
const FILE: &str = "held-back.json";
/// The folder of the runs, in the same folder.
const FOLDER: &str = "held-back";

/// What a variation is made of, kept so that a repair that is cut off goes on with the same one.
#[derive(Debug, Serialize, Deserialize)]
struct Secret {
    secret: String,
}

/// A failure that a patch seems to repair, and what a variation of it is run with.
pub struct Examination<'a> {
    /// How the failure was run.
    pub attempts: &'a Attempts<'a>,
    /// The starting state, by clone.
    pub seeds: &'a BTreeMap<String, Value>,
    /// Files that say what is asked of the agent, relative to the repository.
    pub asked: &'a [PathBuf],
    /// The failure.
    pub identity: &'a FailureIdentity,
    /// How often it showed.
    pub red: Rate,
    /// How many attempts were asked.
    pub runs: u32,
    /// The folder the artifacts go to. Its secret is written after the fixer has ended.
    pub folder: &'a Path,
}

impl Repair<'_> {
    /// Runs the patch on the first valid variation.
    pub(in crate::fix) fn held_back(
        &self,
        base: &dyn Seat,
        patched: &dyn Seat,
    ) -> Result<HeldBack, RepairError> {
        Examination {
            attempts: self.attempts,
            seeds: self.seeds,
            asked: &self.asked(),
            identity: self.identity,
            red: self.red,
            runs: self.runs,
            folder: self.folder,
        }
        .run(base, patched)
    }
}

impl Examination<'_> {
    /// Runs the patch on the first valid variation.
    ///
    /// # Errors
    ///
    /// When it was stopped, has no money or cannot be carried out.
    pub fn run(&self, base: &dyn Seat, patched: &dyn Seat) -> Result<HeldBack, RepairError> {
        if !self.attempts.stand_ins.is_empty() {
            return Ok(HeldBack::not_applicable(
                "what answers as recorded says the names of the trace",
            ));
        }
        let place = base.place()?;
        place.renew()?;
        let vocabulary = match vocabulary::of(place.tree(), self.asked) {
            Ok(words) => words,
            Err(error) => {
                let why = format!("the words of the agent's code cannot be told: {error}");
                return Ok(HeldBack::not_applicable(&why));
            }
        };
        let attempts = self.attempts;
        let original = Original {
            prepared: attempts.prepared,
            seeds: self.seeds,
            task: attempts.task,
            vocabulary: &vocabulary,
            is_clock_fixed: attempts.clock.is_some()
                || attempts.prepared.scenario.config.clock.is_some(),
            clones: attempts.bench.clones,
        };
        let secret = self.secret()?;
        let expected = self.decided(original.prepared, original.seeds);
        let mut why = Vec::new();
        for candidate in 1..=CANDIDATES {
            let made = super::make(&original, &secret, candidate)
                .and_then(|made| self.alike(made, &expected));
            match made {
                Err(reason) => why.push(format!("variation {candidate}: {reason}")),
                Ok(made) => match self.on(&made, base, patched)? {
                    Ok(held_back) => return Ok(held_back),
                    Err(reason) => why.push(format!("variation {candidate}: {reason}")),
                },
            }
        }
        Ok(HeldBack::not_applicable(&why.join("; ")))
    }

    /// A variation whose criteria come to the same on the untouched state as those of the
    /// original; or why it is none.
    fn alike(
        &self,
        made: Variation,
        expected: &Result<Vec<Option<CriterionStatus>>, String>,
    ) -> Result<Variation, String> {
        let expected = expected.as_ref().map_err(Clone::clone)?;
        let found = self.decided(&made.prepared, &made.seeds)?;
        let same = |one: &Option<CriterionStatus>, other: &Option<CriterionStatus>| {
            one.as_ref().map(mem::discriminant) == other.as_ref().map(mem::discriminant)
        };
        let both = expected.iter().zip(&found);
        let differing = both
            .zip(&made.prepared.scenario.criteria)
            .find_map(|((one, other), criterion)| (!same(one, other)).then_some(&criterion.id));
        match differing {
            Some(criterion) => Err(format!(
                "criterion {criterion} comes to something else on it"
            )),
            None => Ok(made),
        }
    }

    /// What each criterion comes to where nothing was done.
    fn decided(
        &self,
        prepared: &Prepared,
        seeds: &BTreeMap<String, Value>,
    ) -> Result<Vec<Option<CriterionStatus>>, String> {
        let bench = self.attempts.bench;
        let seeds = seeds
            .iter()
            .map(|(clone, seed)| (clone.clone(), Seed::Document(seed)))
            .collect();
        let base = self.attempts.clock.unwrap_or_else(|| bench.clock.now());
        let found = untouched::untouched(
            &prepared.scenario,
            &prepared.compiled,
            &seeds,
            bench.clones,
            base,
        );
        if let Some((clone, findings)) = found.refused.first() {
            let why = findings.first().map_or("", |finding| &finding.message);
            return Err(format!("{clone} refuses its starting state: {why}"));
        }
        let status = |result: Option<_>| {
            result.map(|result: crate::scenario::criteria::CriterionResult| result.status)
        };
        Ok(found.criteria.into_iter().map(status).collect())
    }

    /// Runs base and patch on a variation; or says why the base does not show the failure on it.
    fn on(
        &self,
        made: &Variation,
        base: &dyn Seat,
        patched: &dyn Seat,
    ) -> Result<Result<HeldBack, String>, RepairError> {
        let states = seeds::of_rebuilt(&made.prepared.scenario, &made.seeds);
        let renamed = |text: &str| made.renaming.text(text);
        let proven = self.attempts.proven.map(|proven| proven.renamed(&renamed));
        let attempts = Attempts {
            prepared: &made.prepared,
            states: &states,
            proven: proven.as_ref(),
            task: &made.task,
            ..*self.attempts
        };
        let is_steady = self.red.k == self.red.n;
        let number = made.changed.candidate;
        let folder = self.folder.join(FOLDER);
        let red = attempts.make(
            &Phase::HeldBackBase(number),
            base,
            self.identity,
            if is_steady { 1 } else { self.runs },
            &folder.join(number.to_string()).join("base"),
        )?;
        if !red.iter().any(|attempt| attempt.shown == Shown::RedSame) {
            let seen = red.first().map_or_else(String::new, told);
            return Ok(Err(format!("without the patch {seen}")));
        }
        let green = attempts.make(
            &Phase::HeldBack,
            patched,
            self.identity,
            if is_steady {
                1
            } else {
                proof::green_runs(self.runs, self.red)
            },
            &folder.join("patched"),
        )?;
        let failing = green.iter().find(|attempt| attempt.shown != Shown::Green);
        Ok(Ok(HeldBack {
            status: match failing {
                None => HeldBackStatus::Passed,
                Some(_) => HeldBackStatus::Failed,
            },
            reason: match failing {
                None => format!(
                    "red without the patch and green with it on {}",
                    proof::told(&made.changed)
                ),
                Some(attempt) => format!(
                    "red without the patch, and with it {} on {}",
                    told(attempt),
                    proof::told(&made.changed)
                ),
            },
            changed: Some(made.changed.clone()),
            base: red,
            patched: green,
        }))
    }

    /// The secret of this repair, made where there is none.
    fn secret(&self) -> Result<String, RepairError> {
        let file = self.folder.join(FILE);
        let kept = fs::read(&file).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Secret>(&bytes).ok());
        if let Some(kept) = kept {
            return Ok(kept.secret);
        }
        let made = Secret {
            secret: id::prefixed(self.attempts.bench.ids, "held-back"),
        };
        atomic::write_json(&file, &made, Durability::Synced)?;
        Ok(made.secret)
    }
}

/// What an attempt showed, as the end of a sentence.
fn told(attempt: &AttemptRecord) -> String {
    match &attempt.shown {
        Shown::Green => "no failure shows".to_owned(),
        Shown::RedSame => "the failure still shows".to_owned(),
        Shown::RedOther { failed } => format!("another failure shows: {}", failed.join(", ")),
        Shown::Void { cause, .. } => format!("the run says nothing: {cause}"),
    }
}
