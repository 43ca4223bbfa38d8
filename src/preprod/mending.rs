//! One fix attempt: the fixer in a private copy, and the patch that the rules made of its work.
//!
//! The patch is on the disk, synced, before the journal hears that the fixer has ended. So a fixer
//! that has ended is never run again for the same failures of the same tree.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal_core::fixer::{Checked, FixEnd, FixRecord, FixTask, Fixer};
use archal_core::hash;
use serde::{Deserialize, Serialize};

use crate::fix::conduct::{Breach, BreachRule, Consequence};
use crate::fix::confinement::Confinement;
use crate::fix::repair::link_on_the_way;
use crate::fix::ruling::{Rejected, Ruled, Ruling};
use crate::git::command::GitError;
use crate::reproduce::estimate::Estimate;
use crate::reproduce::journal::{Journal, Phase, Refused, StepKey};
use crate::reproduce::metering;
use crate::reproduce::spent::Spent;
use crate::reproduce::workplace::{Workplace, WorkplaceError, Workshop};
use crate::run::scrub::Scrubber;
use crate::sandbox::StopToken;
use crate::sandbox::child::Bind;
use crate::store::atomic::{self, Durability, WriteError};

use super::brief::Brief;
use super::carried::{Carried, CarryError};
use super::journal::RunJournal;

/// The patch, in the folder of the attempt.
pub const PATCH: &str = "fix.patch";
/// What the fixer printed, in the same folder.
pub const TRANSCRIPT: &str = "transcript.log";
/// The runs on variations that it never saw, in the same folder.
pub const HELD_BACK: &str = "held-back";
/// The name of the file, in its private home, in which a fixer may say what it used.
const USAGE_FILE: &str = "archal-usage.json";

/// What one attempt left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mended {
    /// Everything it depended on, as one hash.
    pub inputs: String,
    /// The fixer's record.
    pub fixer: FixRecord,
    /// The hash of the patch; none where there is none to try.
    pub patch: Option<String>,
    /// Why there is none.
    pub reason: Option<String>,
    /// Tests, scenarios and seeds that it changed; put back.
    pub reverted: Vec<String>,
    /// Manifests, lock files, CI and instructions that it changed; for a person to review.
    pub review: Vec<String>,
    /// Files that the patch changes.
    pub changed: Vec<String>,
    /// What the fixer did beside repairing the agent, by the name of a rule.
    #[serde(default)]
    pub breaches: Vec<Breach>,
}

/// Why an attempt could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum MendError {
    /// No private copy.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Files in use could not be put back.
    #[error(transparent)]
    Carry(#[from] CarryError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The record has no JSON form.
    #[error("the record of the fixer cannot be encoded")]
    Encode(#[source] serde_json::Error),
    /// The step may not begin, or its end could not be kept.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// archal was asked to stop while the fixer worked.
    #[error("stopped before the fixer had ended")]
    Stopped,
}

/// Makes fixers that work in a place.
pub trait Shop {
    /// For what an attempt depends on, and for people.
    fn name(&self) -> &str;

    /// Everything about it that decides what it does, as one text: another one is asked anew.
    fn identity(&self) -> String;

    /// How far a fixer is confined.
    fn confinement(&self) -> Confinement<'_>;

    /// A fixer that is shown `binds`, with further variables; its transcript goes to a file, and the
    /// token ends it.
    fn fixer<'p>(
        &'p self,
        place: &'p Workplace,
        binds: &'p [Bind],
        confinement: &'p Confinement<'p>,
        variables: BTreeMap<String, String>,
        kept: (PathBuf, &'p StopToken),
    ) -> Box<dyn Fixer + 'p>;
}

/// What every attempt shares.
pub struct Mender<'a> {
    /// Makes private copies.
    pub workshop: Workshop<'a>,
    /// Files in use that git does not track.
    pub carried: &'a Carried,
    /// Files that say what is asked of the agent, relative to the repository.
    pub asked: &'a [PathBuf],
    /// Who mends.
    pub shop: &'a dyn Shop,
    /// How long it may take.
    pub timeout: Duration,
    /// Ends all work.
    pub work: &'a StopToken,
    /// What must not reach a disk.
    pub scrubber: &'a Scrubber,
    /// Where paid steps are written down.
    pub journal: &'a RunJournal<'a>,
    /// The folder of attempts.
    pub folder: &'a Path,
}

impl Mender<'_> {
    /// The folder of an attempt.
    pub fn folder_of(&self, attempt: u32) -> PathBuf {
        self.folder.join(format!("{attempt}"))
    }

    /// An attempt that was made earlier for the same failures of the same tree, or is made now.
    /// `before` is the patch it goes on from, `about` what it is to mend, and `check` runs that with a change.
    ///
    /// # Errors
    ///
    /// When it could not be carried out.
    pub fn attempt(
        &self,
        brief: &Brief<'_>,
        (before, about): (&[u8], &str),
        check: &(dyn Fn(&[u8]) -> Checked + Sync),
    ) -> Result<(Mended, Vec<u8>), MendError> {
        let key = StepKey {
            phase: Phase::Fixer,
            slot: brief.attempt,
        };
        let inputs = hash::of_json(&(
            self.workshop.base,
            hash::sha256(before),
            (self.shop.identity(), self.timeout),
            about,
        ));
        if let Some(found) = self.kept(&key, &inputs) {
            return Ok(found);
        }
        let place = self.workshop.open(before)?;
        let beside = place.beside("brief");
        brief.write(&beside)?;
        let usage = place.home().join(USAGE_FILE);
        let variables = brief.variables(&beside, &usage);
        let folder = self.folder_of(brief.attempt);
        // A fixer that runs anew must not read of what its work was held to before.
        let held_back = folder.join(HELD_BACK);
        match fs::remove_dir_all(&held_back) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                let path = held_back;
                return Err(WriteError::Io { path, source }.into());
            }
            _ => {}
        }
        let guards = self.workshop.guards(&place)?;
        // What ends it alone, and with everything else.
        let end = self.work.within();
        let confinement = Confinement {
            stop: Some(&end),
            ..self.shop.confinement()
        };
        let binds = place.shown_to_fixer(confinement.mode, &guards);
        let begun = self.journal.begin(&key, &Estimate::UNKNOWN)?;
        self.journal.ends(&begun.id, &end);
        let home = place.home();
        let changed = || {
            let now = self.carried.patch_of(&place);
            now.is_ok_and(|now| now != before)
        };
        let task = FixTask {
            workspace: place.tree(),
            home: &home,
            brief: &beside,
            timeout: self.timeout,
            budget_usd: Spent::usd_of(begun.may_spend),
            usage: &usage,
            installed: &place.installed(),
            changed: &changed,
            check,
        };
        let transcript = folder.join(TRANSCRIPT);
        let fixer = self
            .shop
            .fixer(&place, binds, &confinement, variables, (transcript, &end));
        let mut record = metering::metered(self.journal, &begun.id, &usage, self.scrubber, || {
            fixer.fix(&task)
        });
        if let Some(share) = self.journal.over(&begun.id)
            && !self.work.is_stopped()
        {
            // It was ended for its money alone: that is an attempt like another.
            record.end = FixEnd::LimitBudget;
            record.detail = Some(format!("it spent its share of ${share}"));
        }
        let spent = Spent::of_fixer(&record);
        let mended = match record.end {
            FixEnd::Stopped => Err(MendError::Stopped),
            _ => self.keep(&place, before, record, &inputs, &folder),
        };
        match mended {
            // One that never worked is asked again another time.
            Ok((mended, patch)) if is_unusable(mended.fixer.end) => {
                self.journal.abandon(&begun.id, &spent)?;
                Ok((mended, patch))
            }
            Ok((mended, patch)) => {
                let value = serde_json::to_value(&mended).map_err(MendError::Encode)?;
                self.journal.end(&begun.id, &value, &spent)?;
                Ok((mended, patch))
            }
            Err(error) => {
                self.journal.abandon(&begun.id, &spent)?;
                Err(error)
            }
        }
    }

    fn kept(&self, key: &StepKey, inputs: &str) -> Option<(Mended, Vec<u8>)> {
        let record = self.journal.ended(&key.to_string())?;
        let mended: Mended = serde_json::from_value(record).ok()?;
        if mended.inputs != inputs {
            return None;
        }
        let Some(expected) = &mended.patch else {
            return Some((mended, Vec::new()));
        };
        let patch = fs::read(self.folder_of(key.slot).join(PATCH)).ok()?;
        (hash::sha256(&patch) == *expected).then_some((mended, patch))
    }

    /// Takes what the fixer left by the rules, and keeps the patch.
    fn keep(
        &self,
        place: &Workplace,
        before: &[u8],
        record: FixRecord,
        inputs: &str,
        folder: &Path,
    ) -> Result<(Mended, Vec<u8>), MendError> {
        let ruled = self.rule(place, before, &record)?;
        let mut mended = Mended {
            inputs: inputs.to_owned(),
            reason: None,
            fixer: record,
            patch: None,
            reverted: Vec::new(),
            review: Vec::new(),
            changed: Vec::new(),
            breaches: Vec::new(),
        };
        let (ruled, patch) = match ruled {
            Ok(ruled) => ruled,
            Err(rejected) => {
                mended.reason = Some(rejected.reason);
                mended.breaches = rejected.breaches;
                return Ok((mended, Vec::new()));
            }
        };
        mended.reverted = ruled.reverted;
        mended.review = ruled.review;
        mended.changed = ruled.changed;
        mended.breaches = ruled.breaches;
        atomic::write(&folder.join(PATCH), &patch, Durability::Synced)?;
        mended.patch = Some(hash::sha256(&patch));
        Ok((mended, patch))
    }

    /// What the rules for fixers make of the tree, and the patch of what they leave of it.
    fn rule(
        &self,
        place: &Workplace,
        before: &[u8],
        record: &FixRecord,
    ) -> Result<Result<(Ruled, Vec<u8>), Rejected>, MendError> {
        let ruling = Ruling {
            asked: self.asked,
            carried: &self.carried.files,
            scrubber: self.scrubber,
            has_setup: self.workshop.options.setup.is_some(),
        };
        let mut ruled = match ruling.of_tree(place, record)? {
            Ok(ruled) => ruled,
            Err(rejected) => return Ok(Err(rejected)),
        };
        for file in &self.carried.files {
            if let Some(link) = link_on_the_way(place.tree(), file)
                && link != *file
            {
                let detail = "the fix puts a symbolic link there";
                let breach = Breach::new(BreachRule::LinkAdded, detail, Consequence::Refused);
                let breach = breach.at(&link.display().to_string());
                return Ok(Err(Rejected {
                    reason: breach.reason(),
                    blocked: None,
                    breaches: vec![breach],
                }));
            }
            let was_there = place.tree().join(file).exists();
            if self.carried.restore(place.tree(), file)? {
                let shown = file.display().to_string();
                let how = match was_there {
                    true => "it was changed",
                    false => "it was deleted",
                };
                let breach =
                    Breach::new(BreachRule::ScenarioChanged, how, Consequence::PutBack).at(&shown);
                if !ruled.reverted.contains(&shown) {
                    ruled.breaches.push(breach);
                    ruled.reverted.push(shown);
                }
            }
        }
        let patch = self.carried.patch_of(place)?;
        let is_new = !patch.is_empty() && patch != before;
        let ruled = ruling.of_patch(ruled, place, record, (&patch, is_new));
        Ok(ruled.map(|ruled| (ruled, patch)))
    }
}

/// Whether it makes no sense to ask the fixer again before something outside is mended.
pub fn is_unusable(end: FixEnd) -> bool {
    matches!(
        end,
        FixEnd::NotStarted | FixEnd::Auth | FixEnd::Quota | FixEnd::Denied
    )
}
