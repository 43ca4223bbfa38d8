//! All traces and runs that left something on the disk, one after another.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use archal_core::clock::Timestamp;
use rusqlite::Connection;

use crate::attach::state::{Look, State};
use crate::config::schema::Retention;
use crate::sandbox::StopToken;
use crate::store::database::DatabaseError;

use super::PruneError;
use super::known::{self, KnownTrace};
use super::plan::{self, Decision, OnDisk, STAGES};
use super::tree::Tree;

/// Traces of which something is left that are remembered; others are told of again.
const MOST_LEFT: usize = 10_000;
/// Where `archal run` leaves its evidence and its suites, sessions of clones theirs and `archal preprod
/// run` its artifacts, and how the names there begin.
const RUNS: [(&str, &str); 4] = [
    ("cache/runs", "run-"),
    (plan::SESSIONS, ""),
    ("cache/suites", "suite-"),
    (plan::LOOPS, "preprod-"),
];

/// The state that is asked, and whether anything may go.
pub(super) enum Rows<'a> {
    /// There is none.
    None {
        /// Whether nothing is removed.
        dry_run: bool,
    },
    /// Only to be looked at.
    Look(&'a Look),
    /// To be changed.
    State(&'a State),
}

impl Rows<'_> {
    /// Whether nothing is removed.
    pub(super) fn is_dry(&self) -> bool {
        match self {
            Self::None { dry_run } => *dry_run,
            Self::Look(_) => true,
            Self::State(_) => false,
        }
    }

    fn read<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<Option<T>>,
    ) -> Result<Option<T>, DatabaseError> {
        match self {
            Self::None { .. } => Ok(None),
            Self::Look(state) => state.read(question),
            Self::State(state) => state.read(question),
        }
    }
}

/// What is gone through, and by which rules.
pub(super) struct Survey<'a> {
    pub(super) tree: &'a Tree,
    pub(super) rows: &'a Rows<'a>,
    pub(super) settings: &'a Retention,
    /// The groups that are kept as regressions.
    pub(super) regressions: BTreeSet<String>,
    /// The suites and runs that stay.
    pub(super) held: plan::Held,
    pub(super) now: Timestamp,
    pub(super) stop: Option<&'a StopToken>,
    /// Traces of which something could not be taken away: later stages show them again.
    pub(super) left: RefCell<BTreeSet<String>>,
}

/// What is told of each.
pub(super) trait Visit {
    /// What was decided of a trace or run.
    fn decided(&mut self, decision: Decision) -> Result<(), PruneError>;
    /// A file or folder that cannot be looked at.
    fn unseen(&mut self, path: &Path, error: &io::Error);
}

/// Why a walk through one folder ends early.
enum End {
    /// The folder cannot be read.
    Folder(io::Error),
    Prune(PruneError),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Folder(error)
    }
}

impl Survey<'_> {
    /// Decides about each trace and run, in no order.
    pub(super) fn each(&self, visit: &mut dyn Visit) -> Result<(), PruneError> {
        for (stage, name) in STAGES.iter().enumerate() {
            let folder = Path::new("attach").join(name);
            self.names(&folder, visit, &mut |name, visit| {
                self.trace(stage, name, visit)
            })?;
        }
        for (folder, beginning) in RUNS {
            let folder = Path::new(folder);
            self.names(folder, visit, &mut |name, visit| {
                if folder == Path::new(plan::LOOPS) && matches!(name, "lock" | "open") {
                    return Ok(());
                }
                let path = folder.join(name);
                let around = (&self.held, self.now);
                match plan::of_run(self.tree, (&path, beginning), self.settings, around) {
                    Ok(decision) => visit.decided(decision)?,
                    Err(error) => visit.unseen(&path, &error),
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The names in a folder; what begins with a dot is archal's own, or nobody's.
    fn names(
        &self,
        folder: &Path,
        visit: &mut dyn Visit,
        each: &mut dyn FnMut(&str, &mut dyn Visit) -> Result<(), PruneError>,
    ) -> Result<(), PruneError> {
        let mut one = |name: &OsStr| {
            if self.stop.is_some_and(StopToken::is_stopped) {
                return Ok(ControlFlow::Break(()));
            }
            if let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) {
                each(name, visit).map_err(End::Prune)?;
            }
            Ok(ControlFlow::Continue(()))
        };
        match self.tree.each(folder, &mut one) {
            Err(End::Prune(error)) => return Err(error),
            Err(End::Folder(error)) => visit.unseen(folder, &error),
            Ok(()) => {}
        }
        Ok(())
    }

    /// The trace of an entry of a stage's folder, unless an earlier stage or entry showed it.
    fn trace(&self, stage: usize, entry: &str, visit: &mut dyn Visit) -> Result<(), PruneError> {
        let name = match stage {
            0 => entry.strip_suffix(".json").unwrap_or(entry),
            _ => entry,
        };
        let imports = Path::new("attach").join(STAGES[0]);
        let import = imports.join(format!("{name}.json"));
        let stages = STAGES.iter().skip(1);
        let folders = stages.map(|stage| (*stage, Path::new("attach").join(stage).join(name)));
        // `imports` has a file for the present revision and a folder for earlier ones.
        let mut places = vec![(STAGES[0], import), (STAGES[0], imports.join(name))];
        places.extend(folders);
        let own = match stage {
            0 if entry.len() > name.len() => 0,
            0 => 1,
            later => later + 1,
        };
        let is_there = |(_, path): &(&str, PathBuf)| self.tree.has(path);
        if places[..own].iter().any(is_there) || self.left.borrow().contains(name) {
            return Ok(());
        }
        let mut found = OnDisk::default();
        for (stage, path) in places[own..].iter().filter(|place| is_there(place)) {
            if let Err(error) = found.look(self.tree, stage, path) {
                visit.unseen(path, &error);
            }
        }
        let known = self.known(name)?;
        visit.decided(found.decide(name, known, self.settings, self.now))?;
        if !is_there(&places[own]) && places[own..].iter().any(is_there) {
            let mut left = self.left.borrow_mut();
            if left.len() < MOST_LEFT {
                left.insert(name.to_owned());
            }
        }
        Ok(())
    }

    fn known(&self, name: &str) -> Result<Option<KnownTrace>, DatabaseError> {
        self.rows
            .read(|rows| known::named(rows, &self.regressions, name))
    }
}
