//! Where archal keeps its state in a repository: `.archal/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic::{self, Durability, WriteError};

/// What the first use writes to `.archal/.gitignore`: archal's own state is ignored, the files a
/// user writes there (harness, registry of sources) are not.
const GITIGNORE: &str =
    "/attach/\n/cache/\n/spool/\n/state.db*\n/watcher.*\n/trace-sources.local.json\n/.gitignore\n";

/// The state folder of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The state folder of the repository at `repo`: `ARCHAL_STATE_DIR` where given, else `.archal`.
    pub fn of(repo: &Path, state_directory: Option<&Path>) -> Self {
        Self {
            root: state_directory.map_or_else(|| repo.join(".archal"), |dir| repo.join(dir)),
        }
    }

    /// The state folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the state folder with its `.gitignore`, unless there is one already.
    ///
    /// Fails early, with the path, where the folder cannot be written.
    pub fn prepare(&self) -> Result<(), WriteError> {
        let gitignore = self.root.join(".gitignore");
        if !gitignore.exists() {
            return atomic::write(&gitignore, GITIGNORE.as_bytes(), Durability::Derived);
        }
        probe_writable(&self.root).map_err(|source| WriteError::Io {
            path: self.root.clone(),
            source,
        })
    }

    /// The folder of one run's evidence.
    pub fn run(&self, run_id: &str) -> PathBuf {
        self.root.join("cache").join("runs").join(run_id)
    }

    /// The summary of the last run.
    pub fn last_run(&self) -> PathBuf {
        self.root.join("cache").join("last-run.json")
    }

    /// A folder of attach: `imports`, `grades`, `seeds`, `runs` or `fixes`.
    pub fn attach(&self, stage: &str) -> PathBuf {
        self.root.join("attach").join(stage)
    }
}

fn probe_writable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    tempfile::Builder::new()
        .prefix(".archal-")
        .suffix(".tmp")
        .tempfile_in(folder)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preparing_keeps_a_gitignore_that_is_there() {
        let repo = tempfile::tempdir().expect("temporary folder");
        let layout = Layout::of(repo.path(), None);
        fs::create_dir(layout.root()).expect("writable");
        let gitignore = layout.root().join(".gitignore");
        fs::write(&gitignore, "mine\n").expect("writable");
        layout.prepare().expect("writable");
        assert_eq!(fs::read_to_string(gitignore).expect("readable"), "mine\n");
    }
}
