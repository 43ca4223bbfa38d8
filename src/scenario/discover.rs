//! Finds scenario files in files, folders and patterns.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use regex::Regex;
use thiserror::Error;

use super::format::{MAX_BYTES, is_meant_as_scenario};

/// The most files and folders that are looked at.
const MAX_ENTRIES: usize = 50_000;
/// How deep folders are entered.
const MAX_DEPTH: usize = 24;
/// Folders that hold no scenarios of the project.
const SKIPPED_FOLDERS: [&str; 3] = ["node_modules", "target", "venv"];

/// Where failures that were repaired are kept as scenarios, relative to the repository.
pub const REGRESSIONS: &str = "archal/regressions";

/// The places of a repository's scenarios: those that its configuration names, and the folder of its
/// regressions where there is one, which guard whether or not somebody names them.
pub fn with_regressions(root: &Path, named: &[String]) -> Vec<String> {
    let mut places = named.to_vec();
    if root.join(REGRESSIONS).is_dir() {
        places.push(REGRESSIONS.to_owned());
    }
    places
}

/// Why scenarios could not be looked for.
#[derive(Debug, Error)]
pub enum DiscoverError {
    /// Nothing is there.
    #[error("no file or folder `{}`", .path.display())]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },
    /// A folder or file could not be read.
    #[error("`{}` could not be read", .path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is too much to look at.
    #[error("more than {MAX_ENTRIES} files and folders below `{}`", .path.display())]
    TooMany {
        /// Where the search began.
        path: PathBuf,
    },
    /// A pattern cannot be understood.
    #[error("`{pattern}` is not a pattern")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        source: regex::Error,
    },
}

/// The scenario files that `wanted` names, sorted, each once. Relative names are below `root`.
///
/// A file is taken as it is. In a folder and its folders every `*.md` file with a section for the
/// prompt, the success criteria or the Config is one, except `README.md`, whether or not it can be
/// run; so is what a pattern finds, in which `*` and `?` stand for text within a name and `**` for
/// any folders. Hidden folders, `node_modules`, `target`
/// and `venv` are not entered, links to folders are not followed.
///
/// # Errors
/// When a name is neither file nor folder, or something cannot be read.
pub fn discover(root: &Path, wanted: &[String]) -> Result<Vec<PathBuf>, DiscoverError> {
    let mut found = Vec::new();
    for name in wanted {
        let path = root.join(name);
        if path.is_file() {
            found.push(path);
        } else if path.is_dir() {
            walk(&path, &mut |file| keep(file, &mut found))?;
        } else if name.contains(['*', '?']) {
            let (base, pattern) = split_pattern(root, name)?;
            if base.is_dir() {
                walk(&base, &mut |file| {
                    let below = file.strip_prefix(&base).unwrap_or(file);
                    if pattern.is_match(&slashes(below)) {
                        keep(file, &mut found)
                    } else {
                        Ok(())
                    }
                })?;
            }
        } else {
            return Err(DiscoverError::Missing { path });
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Keeps a file that is a scenario.
fn keep(file: &Path, found: &mut Vec<PathBuf>) -> Result<(), DiscoverError> {
    if is_scenario(file)? {
        found.push(file.to_owned());
    }
    Ok(())
}

fn is_scenario(file: &Path) -> Result<bool, DiscoverError> {
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase());
    let is_candidate = name.is_some_and(|name| name.ends_with(".md") && name != "readme.md");
    if !is_candidate {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    File::open(file)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|source| DiscoverError::Unreadable {
            path: file.to_owned(),
            source,
        })?;
    Ok(is_meant_as_scenario(&String::from_utf8_lossy(&bytes)))
}

/// Shows every file below a folder, in order of name.
fn walk(
    start: &Path,
    see: &mut dyn FnMut(&Path) -> Result<(), DiscoverError>,
) -> Result<(), DiscoverError> {
    let mut seen = 0_usize;
    let mut open = vec![(start.to_owned(), 0_usize)];
    while let Some((folder, depth)) = open.pop() {
        let unreadable = |source| DiscoverError::Unreadable {
            path: folder.clone(),
            source,
        };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            seen += 1;
            if seen > MAX_ENTRIES {
                return Err(DiscoverError::TooMany {
                    path: start.to_owned(),
                });
            }
            let kind = entry.file_type().map_err(unreadable)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let skipped = name.starts_with('.') || SKIPPED_FOLDERS.contains(&name.as_ref());
            if kind.is_dir() {
                if !skipped && depth < MAX_DEPTH {
                    open.push((entry.path(), depth + 1));
                }
            } else if entry.path().is_file() {
                see(&entry.path())?;
            }
        }
    }
    Ok(())
}

/// The folder a pattern starts from and the rest of it.
fn split_pattern(root: &Path, pattern: &str) -> Result<(PathBuf, Regex), DiscoverError> {
    let mut base = root.to_owned();
    let mut rest: Vec<String> = Vec::new();
    for part in Path::new(pattern).components() {
        let text = part.as_os_str().to_string_lossy();
        if rest.is_empty() && !text.contains(['*', '?']) {
            base.push(part);
        } else if part != Component::CurDir {
            rest.push(text.into_owned());
        }
    }
    let mut source = String::from("^");
    for (at, part) in rest.iter().enumerate() {
        let last = at + 1 == rest.len();
        if part == "**" {
            source.push_str(if last { ".*" } else { "(?:[^/]+/)*" });
            continue;
        }
        for c in part.chars() {
            match c {
                '*' => source.push_str("[^/]*"),
                '?' => source.push_str("[^/]"),
                other => source.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        if !last {
            source.push('/');
        }
    }
    source.push('$');
    let regex = Regex::new(&source).map_err(|source| DiscoverError::Pattern {
        pattern: pattern.to_owned(),
        source,
    })?;
    Ok((base, regex))
}

fn slashes(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(root: &Path, wanted: &[&str]) -> Vec<String> {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        discover(root, &wanted)
            .expect("found")
            .iter()
            .map(|path| slashes(path.strip_prefix(root).expect("below the root")))
            .collect()
    }

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("scenarios/close.md", "# T\n## Prompt\nx\n"),
            ("scenarios/notes.md", "# Notes\n## Setup\nx\n"),
            ("broken/unprompted.md", "# T\n## Success Criteria\nx\n"),
            ("broken/aliased.md", "# T\n## Checks\nx\n"),
            ("broken/configured.md", "# T\n## Config\nx\n"),
            ("broken/notes.md", "# Criteria\n### Config\nx\n"),
            ("scenarios/README.md", "# T\n## Prompt\nx\n"),
            ("scenarios/deep/open.md", "# T\n## Task\nx\n"),
            ("scenarios/deep/open.txt", "# T\n## Task\nx\n"),
            ("scenarios/node_modules/dep.md", "# T\n## Task\nx\n"),
            ("scenarios/.hidden/dep.md", "# T\n## Task\nx\n"),
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        root
    }

    #[test]
    fn folders_give_the_files_with_a_prompt() {
        let root = tree();
        let all = ["scenarios/close.md", "scenarios/deep/open.md"];
        assert_eq!(files(root.path(), &["scenarios"]), all);
        assert_eq!(
            files(root.path(), &["scenarios", "scenarios/close.md"]),
            all
        );
    }

    #[test]
    fn a_scenario_that_lacks_its_prompt_is_found_too() {
        let root = tree();
        assert_eq!(
            files(root.path(), &["broken"]),
            [
                "broken/aliased.md",
                "broken/configured.md",
                "broken/unprompted.md"
            ]
        );
    }

    #[test]
    fn a_file_is_taken_as_it_is() {
        let root = tree();
        assert_eq!(
            files(root.path(), &["scenarios/notes.md"]),
            ["scenarios/notes.md"]
        );
    }

    #[test]
    fn patterns_stay_within_a_name_unless_they_say_otherwise() {
        let root = tree();
        assert_eq!(
            files(root.path(), &["scenarios/*.md"]),
            ["scenarios/close.md"]
        );
        assert_eq!(
            files(root.path(), &["scenarios/**/*.md"]),
            ["scenarios/close.md", "scenarios/deep/open.md"]
        );
        assert_eq!(
            files(root.path(), &["s*/deep/op?n.md"]),
            ["scenarios/deep/open.md"]
        );
        assert_eq!(files(root.path(), &["nowhere/*.md"]), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_is_nothing_is_an_error() {
        let root = tree();
        let missing = discover(root.path(), &["scenarios/absent.md".to_owned()]);
        assert!(
            matches!(missing, Err(DiscoverError::Missing { .. })),
            "{missing:?}"
        );
    }
}
