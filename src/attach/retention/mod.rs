//! What goes of the state folder because it is old, or because there is too much of it.
//!
//! Oldest first: the evidence of runs, then imports, grades and seeds of traces. What a job under
//! way, a blocked one, an open failure, a patch that is not applied, an open pull request or a
//! regression refers to stays. Rows stay too, with a note, so that a trace that went is not taken for a new one.
//!
//! There may be a million traces: none is remembered longer than it takes to decide about it, but
//! for those that go next because there is not enough room.
//!
//! - `known`: what the state knows that decides.
//! - `loops`: artifacts of the loop before a change ships that something refers to.
//! - `plan`: what of one trace may go.
//! - `survey`: all traces and runs, one after another.
//! - `oldest`: which of them go first.
//! - `work`: taking them away, and what became of it.
//! - `tree`: looking and removing without following a link.

mod known;
mod loops;
mod oldest;
mod plan;
mod survey;
mod tree;
mod work;

use std::cell::RefCell;
use std::collections::BTreeSet;
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
use crate::session::service::place::Place;
use crate::store::database::DatabaseError;
use crate::store::layout::Layout;

use super::state::pruned::Part;
use super::state::{Look, State};

pub use known::Reason;
use survey::{Rows, Survey};
use tree::Tree;
pub use work::Pruned;
use work::{Why, Work};

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
        self.report(&match state {
            Some(state) => Rows::Look(state),
            None => Rows::None { dry_run: true },
        })
    }

    /// Removes what is to go. A watcher may work meanwhile: of each trace it is asked again,
    /// in the transaction that takes it away, whether it may go.
    ///
    /// # Errors
    ///
    /// When the state or its folder cannot be read. What cannot be removed is a diagnostic.
    pub fn prune(&self, state: Option<&State>) -> Result<PruneReport, PruneError> {
        self.report(&match state {
            Some(state) => Rows::State(state),
            None => Rows::None { dry_run: false },
        })
    }

    /// [`Self::prune`] that names nothing one by one: there may be very many.
    ///
    /// # Errors
    ///
    /// As of [`Self::prune`].
    pub fn prune_in_numbers(&self, state: &State) -> Result<Pruned, PruneError> {
        self.work(&Rows::State(state), &mut |_, _| {})
    }

    fn report(&self, rows: &Rows<'_>) -> Result<PruneReport, PruneError> {
        let (mut old, mut removed) = (Vec::new(), Vec::new());
        let pruned = self.work(rows, &mut |why, one| match why {
            Why::Old => old.push(one),
            Why::Room => removed.push(one),
        })?;
        // Folders are read in no order.
        old.sort_by(|one: &Removed, other| {
            let place = |one: &Removed| (one.trace.is_none(), one.trace.clone(), one.paths.clone());
            place(one).cmp(&place(other))
        });
        old.append(&mut removed);
        Ok(PruneReport {
            folder: self.layout.root().to_owned(),
            dry_run: rows.is_dry(),
            removed: old,
            kept: pruned
                .kept
                .into_iter()
                .map(|(reason, (count, bytes))| Kept {
                    reason,
                    count,
                    bytes,
                })
                .collect(),
            bytes_before: pruned.bytes_before,
            bytes_removed: pruned.bytes_removed,
            diagnostics: pruned.diagnostics,
        })
    }

    fn work(
        &self,
        rows: &Rows<'_>,
        told: &mut dyn FnMut(Why, Removed),
    ) -> Result<Pruned, PruneError> {
        let opened = Tree::open(self.layout.root()).map_err(|source| PruneError::Open {
            path: self.layout.root().to_owned(),
            source,
        })?;
        let Some(tree) = opened else {
            return Ok(Pruned::default());
        };
        let mut last_run = Vec::new();
        if let Ok(file) = File::open(self.layout.last_run()) {
            // Without a summary no run is the last one.
            _ = file.take(SUMMARY).read_to_end(&mut last_run);
        }
        let survey = Survey {
            tree: &tree,
            rows,
            settings: self.settings,
            regressions: known::regressions(self.repo),
            held: plan::Held {
                last_run: String::from_utf8_lossy(&last_run).into_owned(),
                needed: prune::needed(Shelf {
                    layout: self.layout,
                }),
                sessions: running_sessions(self.layout),
                loops: loops::held(self.layout),
            },
            now: self.clock.now(),
            stop: self.stop,
            left: RefCell::default(),
        };
        let mut work = Work {
            pruner: self,
            survey: &survey,
            pruned: Pruned::default(),
            number: 0,
            told,
        };
        work.old()?;
        work.room()?;
        work.results()?;
        if !rows.is_dry() {
            let emptied = tree.empty();
            work.pruned.told(Path::new(tree::ASIDE), emptied);
        }
        work.pruned.say_what_was_left_out();
        Ok(work.pruned)
    }
}

#[cfg(test)]
mod tests;

/// The sessions of clones that run, or of which that cannot be known.
fn running_sessions(layout: &Layout) -> BTreeSet<String> {
    let places = Place::all(layout).unwrap_or_default().into_iter();
    places
        .filter(|place| place.is_held().unwrap_or(true))
        .map(|place| place.name().to_owned())
        .collect()
}
