//! Taking away what goes, and what became of it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use archal_core::diagnostic::Diagnostic;

use crate::attach::state::{State, pruned, results};
use crate::sandbox::StopToken;

use super::known::{self, Reason};
use super::oldest::{self, Oldest, Place};
use super::plan::{Decision, Unit};
use super::survey::{Rows, Survey, Visit};
use super::{PruneError, Pruner, Removed, tree};

/// Diagnostics that are kept; a folder of a million unreadable ones has one reason.
const MOST_FINDINGS: usize = 1_000;
/// How many things that go for want of room are held at the same time.
const MOST_AT_ONCE: usize = if cfg!(test) { 2 } else { 10_000 };
/// After how many that were moved aside these are removed.
const EMPTIED_AFTER: usize = 1_000;
/// How many rows one transaction looks at.
const ROWS_AT_ONCE: usize = if cfg!(test) { 2 } else { 1_000 };

/// What went and what stays, in numbers.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How many parts of traces and runs went.
    pub removed: u64,
    /// Bytes that went.
    pub bytes_removed: u64,
    /// Bytes before.
    pub bytes_before: u64,
    /// What could not be looked at or removed.
    pub diagnostics: Vec<Diagnostic>,
    /// Number and bytes of what stays, by reason.
    pub(super) kept: BTreeMap<Reason, (u64, u64)>,
    left_out: u64,
}

/// Why something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is old.
    Old,
    /// There is not enough room.
    Room,
}

/// One round of pruning.
pub(super) struct Work<'a> {
    pub(super) pruner: &'a Pruner<'a>,
    pub(super) survey: &'a Survey<'a>,
    pub(super) pruned: Pruned,
    /// How many units were moved aside.
    pub(super) number: usize,
    pub(super) told: &'a mut dyn FnMut(Why, Removed),
}

/// Takes away what is old, and measures everything.
struct ByAge<'w, 'a>(&'w mut Work<'a>);

impl Visit for ByAge<'_, '_> {
    fn decided(&mut self, decision: Decision) -> Result<(), PruneError> {
        let pruned = &mut self.0.pruned;
        pruned.bytes_before += decision.bytes;
        for unit in &decision.spare {
            pruned.keep(Reason::Young, unit.bytes());
        }
        if let Some((reason, bytes)) = decision.kept {
            pruned.keep(reason, bytes);
        }
        match decision.going {
            Some((unit, why)) => self.0.take(&unit, Why::Old, why),
            None => Ok(()),
        }
    }

    fn unseen(&mut self, path: &Path, error: &io::Error) {
        self.0.pruned.unseen(path, error);
    }
}

/// Finds what goes first of that behind a place.
struct ByPlace {
    oldest: Oldest,
    behind: Option<Place>,
}

impl Visit for ByPlace {
    fn decided(&mut self, decision: Decision) -> Result<(), PruneError> {
        for unit in decision.spare {
            let place = oldest::place(&unit);
            if unit.bytes() > 0 && self.behind.as_ref().is_none_or(|behind| place > *behind) {
                self.oldest.offer(place, unit);
            }
        }
        Ok(())
    }

    /// It was said in the first walk.
    fn unseen(&mut self, _: &Path, _: &io::Error) {}
}

impl Work<'_> {
    /// Takes away what is old, and measures everything.
    pub(super) fn old(&mut self) -> Result<(), PruneError> {
        self.survey.each(&mut ByAge(self))
    }

    /// Takes from what nothing refers to, the oldest first, until the rest is small enough.
    pub(super) fn room(&mut self) -> Result<(), PruneError> {
        let Some(most) = self.pruner.settings.max_bytes else {
            return Ok(());
        };
        let mut left = self.pruned.bytes_before - self.pruned.bytes_removed;
        let mut behind: Option<Place> = None;
        while left > most.in_bytes() {
            let mut found = ByPlace {
                oldest: Oldest::new(left - most.in_bytes(), MOST_AT_ONCE),
                behind: behind.take(),
            };
            self.survey.each(&mut found)?;
            for (place, unit) in found.oldest.into_units() {
                if self.pruner.stop.is_some_and(StopToken::is_stopped) {
                    return Ok(());
                }
                left = left.saturating_sub(unit.bytes());
                behind = Some(place);
                self.pruned.unkeep(Reason::Young, unit.bytes());
                self.take(&unit, Why::Room, format!("more than {most}"))?;
            }
            if behind.is_none() {
                // The rest has to stay.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Takes the rows of verdicts that came to their end long ago.
    pub(super) fn results(&mut self) -> Result<(), PruneError> {
        let (Rows::State(state), Some(limit)) = (self.survey.rows, self.pruner.settings.traces)
        else {
            return Ok(());
        };
        let now = self.survey.now;
        let before = now.checked_sub(limit.duration()).unwrap_or(Timestamp::MIN);
        let mut seen = 0;
        while !self.pruner.stop.is_some_and(StopToken::is_stopped) {
            let next = state.write(|rows| results::prune(rows, before, seen, ROWS_AT_ONCE))?;
            let Some(next) = next else { break };
            seen = next;
        }
        Ok(())
    }

    /// Takes something away, or says that it would go.
    pub(super) fn take(&mut self, unit: &Unit, why: Why, reason: String) -> Result<(), PruneError> {
        let tree = self.survey.tree;
        let gone = match (&unit.trace, self.survey.rows) {
            (Some(_), Rows::State(state)) => self.take_trace(state, unit)?,
            (None, rows) if !rows.is_dry() => {
                let mut gone = unit.clone();
                gone.paths.retain(|(path, _)| {
                    let removed = tree.remove(path);
                    self.pruned.told(path, removed.map(|_| ()))
                });
                Some(gone)
            }
            _ => Some(unit.clone()),
        };
        let Some(gone) = gone else {
            self.pruned.keep(Reason::Changed, unit.bytes());
            return Ok(());
        };
        if gone.paths.is_empty() {
            return Ok(());
        }
        self.pruned.removed += 1;
        self.pruned.bytes_removed += gone.bytes();
        let bytes = gone.bytes();
        (self.told)(
            why,
            Removed {
                trace: gone.trace.map(|(name, _)| name),
                part: gone.part,
                why: reason,
                paths: gone.paths.into_iter().map(|(path, _)| path).collect(),
                bytes,
            },
        );
        Ok(())
    }

    /// Takes a part of a trace away and notes it; none where the trace changed meanwhile. While
    /// the transaction lasts, no job of it can begin.
    fn take_trace(&mut self, state: &State, unit: &Unit) -> Result<Option<Unit>, PruneError> {
        let Some((_, planned)) = &unit.trace else {
            return Ok(None);
        };
        let (tree, number) = (self.survey.tree, self.number);
        self.number += 1;
        let mut gone = unit.clone();
        let mut told: Vec<(PathBuf, io::Error)> = Vec::new();
        let is_taken = state.write(|change| {
            let now = known::one(change, self.pruner.repo, planned.id)?;
            if now.as_ref() != Some(planned) {
                return Ok(false);
            }
            gone.paths
                .retain(|(path, _)| match tree.take(path, number) {
                    Ok(_) => true,
                    Err(error) => {
                        told.push((path.clone(), error));
                        false
                    }
                });
            if !gone.paths.is_empty() {
                let (part, at) = (unit.part, self.pruner.clock.now());
                pruned::note(change, planned.id, part, gone.bytes(), at)?;
                pruned::drop_artifacts(change, planned.id, |path| {
                    let is_below = |gone: &Path| path.ancestors().any(|at| at.ends_with(gone));
                    gone.paths.iter().any(|(path, _)| is_below(path))
                })?;
            }
            Ok(true)
        })?;
        for (path, error) in told {
            self.pruned.told(&path, Err(error));
        }
        if self.number.is_multiple_of(EMPTIED_AFTER) {
            self.pruned.told(Path::new(tree::ASIDE), tree.empty());
        }
        Ok(is_taken.then_some(gone))
    }
}

impl Pruned {
    fn keep(&mut self, reason: Reason, bytes: u64) {
        let (count, sum) = self.kept.entry(reason).or_default();
        *count += 1;
        *sum += bytes;
    }

    /// Takes back that something stays.
    fn unkeep(&mut self, reason: Reason, bytes: u64) {
        let (count, sum) = self.kept.entry(reason).or_default();
        *count = count.saturating_sub(1);
        *sum = sum.saturating_sub(bytes);
        if *count == 0 {
            self.kept.remove(&reason);
        }
    }

    fn unseen(&mut self, path: &Path, error: &io::Error) {
        let told = format!("left alone: {error}");
        self.say(Diagnostic::warning("prune/unreadable", told).in_file(path));
    }

    /// Notes what could not be removed; whether it was.
    pub(super) fn told(&mut self, path: &Path, removed: io::Result<()>) -> bool {
        let Err(error) = removed else {
            return true;
        };
        let told = format!("cannot be removed: {error}");
        self.say(Diagnostic::warning("prune/not-removed", told).in_file(path));
        false
    }

    fn say(&mut self, finding: Diagnostic) {
        if self.diagnostics.len() < MOST_FINDINGS {
            self.diagnostics.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    /// Says how much more there is to say.
    pub(super) fn say_what_was_left_out(&mut self) {
        if self.left_out > 0 {
            let told = format!("{} more could not be looked at or removed", self.left_out);
            self.diagnostics
                .push(Diagnostic::warning("prune/not-removed", told));
        }
    }
}
