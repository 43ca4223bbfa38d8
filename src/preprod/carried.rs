//! Files in use that git does not track: they go into the private copy, and into the patch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::git::command::{Git, GitError};
use crate::git::workspace::Workspace;
use crate::reproduce::workplace::{Workplace, WorkplaceError, Workshop};
use crate::run::scenarios::Prepared;
use crate::scenario::spec::is_seed_file;
use crate::store::atomic::{self, Durability, WriteError};

/// Files in use that git does not track, and the patch that adds them.
#[derive(Debug, Default)]
pub struct Carried {
    /// Their paths, relative to the repository.
    pub files: Vec<PathBuf>,
    /// The patch that adds them to HEAD; empty where there are none.
    pub patch: Vec<u8>,
    /// What they held when they were carried over.
    held: BTreeMap<PathBuf, Vec<u8>>,
}

/// Why files cannot be carried over.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// No private copy.
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file in use could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file in use lies outside of the repository.
    #[error("{} lies outside of {}, so it cannot be part of the patch", path.display(), repo.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// The repository.
        repo: PathBuf,
    },
}

/// The files in use: scenarios, their seed files, those of the configuration, and the configuration.
pub fn in_use(
    scenarios: &[Prepared],
    config: Option<&Path>,
    seed_files: &[PathBuf],
) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for prepared in scenarios.iter().filter(|prepared| prepared.has_file) {
        let scenario = &prepared.scenario;
        files.insert(scenario.path.clone());
        let folder = scenario.path.parent().unwrap_or(Path::new(""));
        for seed in &scenario.config.seeds {
            if is_seed_file(&seed.name) {
                files.insert(folder.join(seed.name.trim_start_matches("./")));
            }
        }
    }
    files.extend(config.map(Path::to_owned));
    files.extend(seed_files.iter().cloned());
    files
}

impl Carried {
    /// Finds out which of `files` git does not track at `workshop`'s commit, and makes the patch that
    /// adds them.
    ///
    /// # Errors
    ///
    /// When one lies outside of the repository, or cannot be copied.
    pub fn of(workshop: &Workshop<'_>, files: &BTreeSet<PathBuf>) -> Result<Self, CarryError> {
        let mut carried = Self::default();
        for file in files {
            let file = file.canonicalize().unwrap_or_else(|_| file.clone());
            let Ok(relative) = file.strip_prefix(workshop.repo) else {
                return Err(CarryError::Outside {
                    path: file,
                    repo: workshop.repo.to_owned(),
                });
            };
            let path = workshop.environment.get("PATH").unwrap_or_default();
            let known = Git::new(workshop.repo, path)
                .env("GIT_LITERAL_PATHSPECS", "1")
                .args(["ls-tree", "-z", "--name-only", workshop.base, "--"])
                .arg(relative)
                .output()?;
            if known.is_empty() {
                carried.files.push(relative.to_owned());
            }
        }
        if carried.files.is_empty() {
            return Ok(carried);
        }
        carried.files.sort();
        carried.files.dedup();
        let place = workshop.copy(&[])?;
        for file in &carried.files {
            let from = workshop.repo.join(file);
            let bytes =
                fs::read(&from).map_err(|source| CarryError::Read { path: from, source })?;
            atomic::write(&place.tree().join(file), &bytes, Durability::Derived)?;
            carried.held.insert(file.clone(), bytes);
        }
        carried.patch = place.workspace().patch(&carried.files)?;
        Ok(carried)
    }

    /// Whether a path is one of them.
    pub fn has(&self, path: &Path) -> bool {
        self.files.iter().any(|file| file == path)
    }

    /// Puts one of them back as it was carried over, whatever the user's file holds by now; whether
    /// it was something else.
    ///
    /// # Errors
    ///
    /// When the copy cannot be written.
    pub fn restore(&self, tree: &Path, file: &Path) -> Result<bool, CarryError> {
        let Some(bytes) = self.held.get(file) else {
            return Ok(false);
        };
        let to = tree.join(file);
        let is_link = fs::symlink_metadata(&to).is_ok_and(|found| found.is_symlink());
        if !is_link && fs::read(&to).ok().as_ref() == Some(bytes) {
            return Ok(false);
        }
        atomic::write(&to, bytes, Durability::Derived)?;
        Ok(true)
    }

    /// What the tree of a place differs from HEAD in, these files with it even where git ignores
    /// them.
    ///
    /// # Errors
    ///
    /// When git refuses.
    pub fn patch_of(&self, place: &Workplace) -> Result<Vec<u8>, GitError> {
        let workspace: &Workspace = place.workspace();
        let there = |file: &&PathBuf| place.tree().join(file).exists();
        let files: Vec<PathBuf> = self.files.iter().filter(there).cloned().collect();
        workspace.patch(&files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_back_as_it_was_carried_over() {
        let tree = tempfile::tempdir().expect("a folder");
        let file = Path::new("archal/a.md");
        let carried = Carried {
            files: vec![file.to_owned()],
            patch: Vec::new(),
            held: BTreeMap::from([(file.to_owned(), b"asked".to_vec())]),
        };
        let there = tree.path().join(file);
        for (left, is_other) in [(Some("asked"), false), (Some("less"), true), (None, true)] {
            fs::create_dir_all(tree.path().join("archal")).expect("writable");
            match left {
                Some(text) => fs::write(&there, text).expect("writable"),
                None => fs::remove_file(&there).expect("there"),
            }
            let found = carried.restore(tree.path(), file).expect("written");
            assert_eq!(found, is_other, "{left:?}");
            assert_eq!(fs::read(&there).expect("there"), b"asked");
        }
    }
}
