//! The environment as an argument.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variables and working directory of the caller, taken once at the start.
///
/// Values that are not UTF-8 are left out: no variable archal reads or hands on needs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Variables by name.
    pub variables: BTreeMap<String, String>,
    /// The absolute working directory.
    pub directory: PathBuf,
}

impl Environment {
    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A path relative to the working directory, made absolute without touching the disk.
    pub fn resolve(&self, path: impl AsRef<std::path::Path>) -> PathBuf {
        self.directory.join(path)
    }
}
