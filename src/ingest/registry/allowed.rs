//! What this user allows the sources of a repository: `allowed-sources.json` in the user's state folder.
//!
//! It stands in no file of the repository, this machine's among them: whoever gives somebody a repository to
//! clone can put any file into it, and a program that it names would run as the user, a variable that it
//! names would be sent to the host that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The value of `schema`.
pub const SCHEMA: &str = "archal.allowed-sources";
/// The name of the file.
pub const FILE: &str = "allowed-sources.json";

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedFile {
    /// Always `archal.allowed-sources`.
    pub schema: String,
    /// The file's version.
    pub version: u64,
    /// What the sources of each repository may do, by its path and their names.
    #[serde(default)]
    pub repositories: BTreeMap<String, BTreeMap<String, Allowed>>,
}

/// The options that say whom a source asks and what with, as they were when they were allowed. Paths are
/// relative to the repository. A program that is not among them is not started.
pub type Allowed = BTreeMap<String, String>;

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
