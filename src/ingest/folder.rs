//! Which files of a trace directory are read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use archal_core::diagnostic::Diagnostic;
use archal_core::source::SourceDescriptor;

/// How many folders below the trace directory are looked into.
pub const MAX_DEPTH: usize = 3;
/// How many entries one scan looks at; the rest is named in a diagnostic.
pub const MAX_ENTRIES: usize = 2_000_000;

/// What a scan of a trace directory found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// The files that the source reads, sorted by path.
    pub files: Vec<PathBuf>,
    /// Folders and files that could not be looked at: errors, because traces may lie there.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a trace directory could not be scanned at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the trace directory {}", path.display())]
pub struct ScanError {
    /// The directory.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

/// Finds the files of `directory` that `source` reads, at most [`MAX_DEPTH`] folders deep.
///
/// Dot-files and dot-folders, empty files, unfinished names (`.tmp`, `.part`, …), links to
/// folders and links that lead out of the directory are left out.
pub fn scan(source: &SourceDescriptor, directory: &Path) -> Result<Scan, ScanError> {
    let failed = |error| ScanError {
        path: directory.to_owned(),
        source: error,
    };
    let root = directory.canonicalize().map_err(failed)?;
    let mut found = Scan::default();
    let mut folders = vec![(directory.to_owned(), 0)];
    let mut left = MAX_ENTRIES;
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(failed(error)),
            Err(error) => {
                found.diagnostics.push(unreadable(&folder, &error));
                continue;
            }
        };
        for entry in entries {
            if left == 0 {
                found.diagnostics.push(too_many(directory));
                folders.clear();
                break;
            }
            left -= 1;
            match entry {
                Ok(entry) => {
                    let path = entry.path();
                    if is_hidden(&path) {
                        continue;
                    }
                    match look(&path, &root) {
                        Ok(Entry::Folder) if depth < MAX_DEPTH => folders.push((path, depth + 1)),
                        Ok(Entry::File) if (source.accepts)(&path) => found.files.push(path),
                        Ok(_) => {}
                        Err(error) => found.diagnostics.push(unreadable(&path, &error)),
                    }
                }
                Err(error) => found.diagnostics.push(unreadable(&folder, &error)),
            }
        }
    }
    found.files.sort();
    Ok(found)
}

enum Entry {
    Folder,
    File,
    Other,
}

fn look(path: &Path, root: &Path) -> io::Result<Entry> {
    let kind = match fs::symlink_metadata(path) {
        // It went away between listing and looking: a writer's temporary file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entry::Other),
        other => other?,
    };
    if kind.is_dir() {
        return Ok(Entry::Folder);
    }
    if kind.is_symlink() {
        // A link that leads nowhere or out of the directory is not an error, just not ours.
        let inside = path
            .canonicalize()
            .is_ok_and(|target| target.starts_with(root) && target.is_file());
        return Ok(if inside { Entry::File } else { Entry::Other });
    }
    Ok(if kind.is_file() && kind.len() > 0 {
        Entry::File
    } else {
        Entry::Other
    })
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error("trace/unreadable", format!("cannot be looked at: {error}")).in_file(path)
}

fn too_many(directory: &Path) -> Diagnostic {
    Diagnostic::error(
        "trace/too-many-files",
        format!("more than {MAX_ENTRIES} entries; the rest was not looked at"),
    )
    .in_file(directory)
    .with_help("pack traces into batch files, or attach a folder of it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use archal_core::source::Decoded;
    use archal_core::stability::Stability;

    const JSON_ONLY: SourceDescriptor = SourceDescriptor {
        name: "json_only",
        about: "a source for this test",
        stability: Stability::Beta,
        accepts: |path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        },
        decode: |_| Decoded::default(),
    };

    #[test]
    fn files_are_sorted_bounded_in_depth_and_never_outside() {
        let outside = tempfile::tempdir().expect("temporary folder");
        fs::write(outside.path().join("secret.json"), "{}").expect("writable");
        let inside = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| inside.path().join(name);
        fs::create_dir_all(at("a/b/c/d")).expect("writable");
        fs::create_dir_all(at(".hidden")).expect("writable");
        for name in [
            "z.json",
            "b.json",
            "note.txt",
            ".dot.json",
            ".hidden/x.json",
            "a/b/c/deep.json",
            "a/b/c/d/too-deep.json",
        ] {
            fs::write(at(name), "{}").expect("writable");
        }
        fs::write(at("empty.json"), "").expect("writable");
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink(outside.path().join("secret.json"), at("out.json")).expect("link");
            symlink(outside.path(), at("out")).expect("link");
            symlink(at("z.json"), at("in.json")).expect("link");
            symlink(at("nowhere.json"), at("dangling.json")).expect("link");
        }
        let scan = scan(&JSON_ONLY, inside.path()).expect("readable");
        let names: Vec<String> = scan
            .files
            .iter()
            .map(|path| {
                path.strip_prefix(inside.path())
                    .expect("inside")
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(names, ["a/b/c/deep.json", "b.json", "in.json", "z.json"]);
        assert_eq!(scan.diagnostics, []);
    }

    #[test]
    fn a_missing_directory_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let missing = folder.path().join("nowhere");
        let error = scan(&JSON_ONLY, &missing).expect_err("missing");
        assert!(error.to_string().ends_with("nowhere"), "{error}");
    }
}
