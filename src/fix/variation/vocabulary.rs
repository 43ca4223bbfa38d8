//! The words of the agent's own code. What the code names is no name of the trace alone: an agent
//! that is written for the label `keep-open` or the repository `acme/webapp` is right to know it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::renaming::is_of_word;
use crate::fix::rules::{self, Rule};

/// The most files that are read.
const MOST_FILES: usize = 5_000;
/// The most bytes that are read of a file.
const MOST_BYTES: u64 = 1 << 20;
/// Folders that hold no code of the agent.
const NOT_CODE: &[&str] = &[".git", ".archal", "node_modules", ".venv", "target", "docs"];

/// The words of the files in `tree`, lower case. Tests, scenarios and seeds are no part of it, nor
/// are recorded traces and what a README says; archal's configuration is, which holds what the
/// agent is started with.
///
/// # Errors
///
/// When a folder cannot be read, or there are more files than are read.
pub fn of(tree: &Path, asked: &[PathBuf]) -> io::Result<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    let mut folders = vec![tree.to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            let path = entry.path();
            if kind.is_dir() && !NOT_CODE.contains(&name.as_str()) {
                folders.push(path);
                continue;
            }
            if !kind.is_file() || entry.metadata()?.len() > MOST_BYTES {
                continue;
            }
            let within = path.strip_prefix(tree).unwrap_or(&path);
            let is_config = name.starts_with(".archal.json");
            let is_asked = rules::of(within, asked) == Rule::Reverted && !is_config;
            if is_asked || name.to_lowercase().starts_with("readme") {
                continue;
            }
            files += 1;
            if files > MOST_FILES {
                return Err(io::Error::other("the repository has too many files"));
            }
            let bytes = fs::read(&path)?;
            let text = String::from_utf8_lossy(&bytes);
            if text.contains("\"resourceSpans\"") {
                continue;
            }
            let said = text.split(|c| !is_of_word(c));
            words.extend(said.filter(|word| word.len() > 1).map(str::to_lowercase));
        }
    }
    Ok(words)
}
