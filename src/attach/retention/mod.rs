//! What goes of the state folder because it is old, or because there is too much of it.
//!
//! Oldest first: the evidence of runs, then imports, grades and seeds of traces. What a job under
//! way, a blocked one, an open failure, a patch that is not applied or a regression refers to
//! stays. Rows stay too, with a note, so that a trace that went is not taken for a new one.
//!
//! - `known`: what the state knows that decides.
//! - `plan`: what may go, and in which order.
//! - `tree`: looking and removing without following a link.

mod known;
mod plan;
mod tree;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use archal_core::clock::Clock;
use archal_core::diagnostic::Diagnostic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::schema::Retention;
use crate::run::kept::prune;
use crate::run::kept::shelf::Shelf;
use crate::sandbox::StopToken;
use crate::store::database::DatabaseError;
use crate::store::layout::Layout;

use super::state::pruned::{self, Part};
use super::state::{Look, State};

pub use known::Reason;
use plan::{Plan, Unit};
use tree::Tree;

/// As much of the last run's summary as is looked through for run ids.
const SUMMARY: u64 = 16 << 20;

/// What decides and removes.
#[derive(Clone, Copy)]
pub struct Pruner<'a> {
    /// The state folder.
    pub layout: &'a Layout,
    /// The repository, whose regressions refer to traces.
    pub repo: &'a Path,
    /// What is kept how long.
    pub settings: &'a Retention,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Ends it between two traces; none where nobody can ask for it.
    pub stop: Option<&'a StopToken>,
}

/// What went, or would go, and what stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneReport {
    /// The state folder.
    pub folder: PathBuf,
    /// Whether nothing was removed, only looked at.
    pub dry_run: bool,
    /// What goes, in that order.
    pub removed: Vec<Removed>,
    /// What stays, by reason.
    pub kept: Vec<Kept>,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes that went.
    pub bytes_removed: u64,
    /// What could not be looked at or removed.
    pub diagnostics: Vec<Diagnostic>,
}

/// Something that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// The trace; none for a run of `archal run`.
    pub trace: Option<String>,
    /// `runs` for the evidence of runs, `trace` for all of it.
    pub part: Part,
    /// Why.
    pub why: String,
    /// Its files and folders, relative to the state folder.
    pub paths: Vec<PathBuf>,
    /// Its bytes.
    pub bytes: u64,
}

/// What stays for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Why.
    pub reason: Reason,
    /// How many traces and runs.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why nothing can be pruned.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The state cannot be read or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The state folder cannot be opened.
    #[error("cannot open the state folder {}", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

impl Pruner<'_> {
    /// Says what would go, and touches nothing.
    ///
    /// # Errors
    ///
    /// When the state or its folder cannot be read.
    pub fn look(&self, state: Option<&Look>) -> Result<PruneReport, PruneError> {
        let known = match state {
            Some(state) => state.read(|rows| known::all(rows, self.repo))?,
            None => BTreeMap::new(),
        };
        let Some(tree) = self.open()? else {
            return Ok(self.report(Plan::default(), true));
        };
        let mut plan = self.plan(&tree, &known);
        let going = std::mem::take(&mut plan.going);
        let mut report = self.report(plan, true);
        for (unit, why) in going {
            report.add(&unit, why);
        }
        Ok(report)
    }

    /// Removes what is to go. A watcher may work meanwhile: of each trace it is asked again,
    /// in the transaction that takes it away, whether it may go.
    ///
    /// # Errors
    ///
    /// When the state or its folder cannot be read. What cannot be removed is a diagnostic.
    pub fn prune(&self, state: Option<&State>) -> Result<PruneReport, PruneError> {
        let known = match state {
            Some(state) => state.read_apart(|rows| known::all(rows, self.repo))?,
            None => BTreeMap::new(),
        };
        let Some(tree) = self.open()? else {
            return Ok(self.report(Plan::default(), false));
        };
        let mut plan = self.plan(&tree, &known);
        let going = std::mem::take(&mut plan.going);
        let mut report = self.report(plan, false);
        for (number, (unit, why)) in going.into_iter().enumerate() {
            if self.stop.is_some_and(StopToken::is_stopped) {
                break;
            }
            match (&unit.trace, state) {
                (Some(_), Some(state)) => {
                    self.take(state, &tree, (number, unit, why), &mut report)?;
                }
                (Some(_), None) => {}
                (None, _) => {
                    let mut left = unit.clone();
                    left.paths.retain(|(path, _)| {
                        let removed = tree.remove(path);
                        report.told(path, removed.map(|_| ()))
                    });
                    report.add(&left, why);
                }
            }
        }
        let emptied = tree.empty();
        report.told(Path::new("attach/.pruned"), emptied);
        Ok(report)
    }

    fn open(&self) -> Result<Option<Tree>, PruneError> {
        Tree::open(self.layout.root()).map_err(|source| PruneError::Open {
            path: self.layout.root().to_owned(),
            source,
        })
    }

    fn plan(&self, tree: &Tree, known: &BTreeMap<String, known::KnownTrace>) -> Plan {
        let mut last_run = Vec::new();
        if let Ok(file) = File::open(self.layout.last_run()) {
            // Without a summary no run is the last one.
            _ = file.take(SUMMARY).read_to_end(&mut last_run);
        }
        let last_run = String::from_utf8_lossy(&last_run);
        let needed = prune::needed(Shelf {
            layout: self.layout,
        });
        let runs = plan::Runs {
            last: &last_run,
            needed: &needed,
        };
        plan::make(tree, known, self.settings, runs, self.clock.now())
    }

    fn report(&self, plan: Plan, dry_run: bool) -> PruneReport {
        PruneReport {
            folder: self.layout.root().to_owned(),
            dry_run,
            removed: Vec::new(),
            kept: plan
                .kept
                .into_iter()
                .map(|(reason, (count, bytes))| Kept {
                    reason,
                    count,
                    bytes,
                })
                .collect(),
            bytes_before: plan.bytes,
            bytes_removed: 0,
            diagnostics: plan.diagnostics,
        }
    }

    /// Takes a part of a trace away and notes it, unless the trace changed meanwhile. While the
    /// transaction lasts, no job of it can begin.
    fn take(
        &self,
        state: &State,
        tree: &Tree,
        (number, unit, why): (usize, Unit, String),
        report: &mut PruneReport,
    ) -> Result<(), PruneError> {
        let Some((_, planned)) = &unit.trace else {
            return Ok(());
        };
        let mut gone = unit.clone();
        let mut told = Vec::new();
        let is_taken = state.write(|change| {
            let now = known::one(change, self.repo, planned.id)?;
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
                let (part, at) = (unit.part, self.clock.now());
                pruned::note(change, planned.id, part, gone.bytes(), at)?;
                pruned::drop_artifacts(change, planned.id, |path| {
                    let is_below = |gone: &Path| path.ancestors().any(|at| at.ends_with(gone));
                    gone.paths.iter().any(|(path, _)| is_below(path))
                })?;
            }
            Ok(true)
        })?;
        for (path, error) in told {
            report.told(&path, Err(error));
        }
        if is_taken {
            report.add(&gone, why);
        } else {
            report.kept.push(Kept {
                reason: Reason::Changed,
                count: 1,
                bytes: unit.bytes(),
            });
        }
        Ok(())
    }
}

impl PruneReport {
    fn add(&mut self, unit: &Unit, why: String) {
        if unit.paths.is_empty() {
            return;
        }
        self.bytes_removed += unit.bytes();
        self.removed.push(Removed {
            trace: unit.trace.as_ref().map(|(name, _)| name.clone()),
            part: unit.part,
            why,
            paths: unit.paths.iter().map(|(path, _)| path.clone()).collect(),
            bytes: unit.bytes(),
        });
    }

    /// Notes what could not be removed; whether it was.
    fn told(&mut self, path: &Path, removed: io::Result<()>) -> bool {
        match removed {
            Ok(()) => true,
            Err(error) => {
                let told = format!("cannot be removed: {error}");
                self.diagnostics
                    .push(Diagnostic::warning("prune/not-removed", told).in_file(path));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
