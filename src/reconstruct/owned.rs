//! Starting states that a repository owns, as files: what fills the gaps of its traces.
//!
//! `archal/seeds/github.json` is a document of the GitHub clone's seed schema, and so is
//! `archal/seeds/github-labels.json`: the name begins with that of the clone. What the
//! configuration's `seeds` names as a file is one, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::Diagnostic;

use super::Owned;
use crate::run::seeds::{self, StartState};

/// Where a repository keeps the states that its traces leave out.
const FOLDER: &str = "archal/seeds";
/// The most files read from it.
const MOST: usize = 1_000;

/// The states that the repository at `tree` owns: those of the configuration, then those of its
/// folder in order of name. What cannot be read is told and left out.
pub fn of_repository(
    tree: &Path,
    configured: &BTreeMap<String, StartState>,
    clones: &[CloneDescriptor],
) -> (Vec<Owned>, Vec<Diagnostic>) {
    let mut owned: Vec<Owned> = configured
        .iter()
        .filter_map(|(clone, state)| match state {
            StartState::Document(document) => Some(Owned {
                origin: format!("seeds.{clone} of the configuration"),
                clone: clone.clone(),
                document: document.clone(),
            }),
            // One that comes with the clone says nothing of the world the trace was in.
            StartState::Named(_) => None,
        })
        .collect();
    let mut problems = Vec::new();
    for (clone, path) in in_folder(tree, clones) {
        match seeds::read(&tree.join(&path)) {
            Ok(document) => owned.push(Owned {
                origin: path.display().to_string(),
                clone,
                document,
            }),
            Err(error) => {
                problems.push(Diagnostic::warning("seed/owned", error.to_string()));
            }
        }
    }
    (owned, problems)
}

fn in_folder(tree: &Path, clones: &[CloneDescriptor]) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(tree.join(FOLDER)) else {
        return Vec::new();
    };
    let mut found: Vec<(String, PathBuf)> = entries
        .take(MOST)
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let stem = name.strip_suffix(".json")?;
            let of = |clone: &&CloneDescriptor| {
                let rest = stem.strip_prefix(clone.name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
            };
            let clone = clones.iter().find(of)?;
            Some((clone.name.to_owned(), Path::new(FOLDER).join(&name)))
        })
        .collect();
    found.sort();
    found
}
