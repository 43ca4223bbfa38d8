//! The house rules a compiler does not hold.

mod decoders;
mod prose;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no text of this project.
const LEFT_OUT: &[&str] = &[".git", "target", "node_modules", "__pycache__", ".archal"];

/// A text file of this repository.
struct Text {
    /// Relative to the repository, with `/`.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All text files with one of these endings, sorted by path.
fn files(endings: &[&str]) -> Vec<Text> {
    let mut found = Vec::new();
    collect(root(), &mut found);
    let mut texts: Vec<Text> = found
        .into_iter()
        .filter(|path| {
            endings
                .iter()
                .any(|ending| path.to_string_lossy().ends_with(ending))
        })
        .map(|path| Text {
            text: fs::read_to_string(&path).unwrap_or_default(),
            path: relative(&path),
        })
        .collect();
    texts.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!texts.is_empty(), "no file ends with {endings:?}");
    texts
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a readable folder");
    for entry in entries.map(|entry| entry.expect("a readable entry")) {
        let name = entry.file_name();
        let kind = entry.file_type().expect("a known kind");
        if kind.is_dir() && !LEFT_OUT.contains(&&*name.to_string_lossy()) {
            collect(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

/// Fails with every violation at once.
#[track_caller]
fn none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}
