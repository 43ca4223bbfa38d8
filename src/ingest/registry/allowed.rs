//! The programs that this user lets the sources of a repository start: `programs.json` in the user's state folder.
//!
//! They stand in no file of the repository, this machine's among them: whoever gives somebody a repository to
//! clone can put any file into it, and a program that it names would run as the user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The value of `schema`.
pub const SCHEMA: &str = "archal.programs";

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedFile {
    /// Always `archal.programs`.
    pub schema: String,
    /// The file's version.
    pub version: u64,
    /// What each repository may start, by its path.
    #[serde(default)]
    pub repositories: BTreeMap<String, BTreeMap<String, Programs>>,
}

/// The programs of a source, by the option that names each; relative to the repository.
pub type Programs = BTreeMap<String, String>;

/// Where the file lies, and which repository's part of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The repository, as the file names it.
    pub repository: String,
}

impl Place {
    /// That of the repository at `repo`, whichever way one came to it.
    pub fn of(path: PathBuf, repo: &Path) -> Self {
        let real = repo.canonicalize();
        let repo = real.as_deref().unwrap_or(repo);
        Self {
            path,
            repository: repo.to_string_lossy().into_owned(),
        }
    }

    /// Held while the file is changed.
    pub fn lock(&self) -> PathBuf {
        self.path.with_extension("lock")
    }
}
