//! Which files of a trace directory are read.

use std::fs::{self, DirEntry, Metadata, ReadDir};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use archal_core::diagnostic::Diagnostic;
use archal_core::source::FileFormat;

use super::watch::Stamp;

/// How many folders below the trace directory are looked into.
pub const MAX_DEPTH: usize = 3;
/// How many entries one scan looks at; the rest is named in a diagnostic.
pub const MAX_ENTRIES: usize = 2_000_000;
/// How many files of one folder a walk shows at a time.
const BATCH: usize = 1024;

/// What a scan of a trace directory found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    /// The files that are read, sorted by path.
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

/// Finds the files of `directory` that `format` reads, at most [`MAX_DEPTH`] folders deep.
///
/// Dot-files and dot-folders, empty files, unfinished names (`.tmp`, `.part`, …), links to
/// folders and links that lead out of the directory are left out.
pub fn scan(format: &FileFormat, directory: &Path) -> Result<Scan, ScanError> {
    let mut found = Scan::default();
    walk(format.accepts, directory, &mut |step| {
        match step {
            Step::Folder(_) => {}
            Step::Files(files) => found.files.extend(files.into_iter().map(|(path, _)| path)),
            Step::Finding(finding) => found.diagnostics.push(finding),
        }
        ControlFlow::Continue(())
    })?;
    found.files.sort();
    Ok(found)
}

/// The newest of some files, the newest first, at most `most`.
pub fn newest(files: Vec<PathBuf>, most: usize) -> Vec<PathBuf> {
    let mut dated: Vec<_> = files
        .into_iter()
        .filter_map(|file| Some((fs::metadata(&file).ok()?.modified().ok()?, file)))
        .collect();
    dated.sort_by(|one, other| other.cmp(one));
    dated.truncate(most);
    dated.into_iter().map(|(_, file)| file).collect()
}

/// What a walk through a trace directory comes upon.
pub(super) enum Step<'a> {
    /// A folder that is listed next, the directory itself first.
    Folder(&'a Path),
    /// Some files of that folder, sorted by path.
    Files(Vec<(PathBuf, Stamp)>),
    /// Something that could not be looked at.
    Finding(Diagnostic),
}

/// Where a walk is told what it comes upon; a break ends it.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Step<'_>) -> ControlFlow<()>;

/// [`scan`], told step by step: however many files there are, only some are held at a time.
pub(super) fn walk(
    accepts: fn(&Path) -> bool,
    directory: &Path,
    visit: Visit<'_>,
) -> Result<(), ScanError> {
    let failed = |error| ScanError {
        path: directory.to_owned(),
        source: error,
    };
    let root = directory.canonicalize().map_err(failed)?;
    let mut walk = Walk {
        accepts,
        directory,
        root: &root,
        folders: vec![(directory.to_owned(), 0)],
        left: MAX_ENTRIES,
    };
    while let Some((folder, depth)) = walk.folders.pop() {
        if visit(Step::Folder(&folder)).is_break() {
            break;
        }
        let went_on = match fs::read_dir(&folder) {
            Ok(entries) => walk.list(entries, &folder, depth, visit),
            Err(error) if depth == 0 => return Err(failed(error)),
            // It went away since its parent was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => ControlFlow::Continue(()),
            Err(error) => visit(Step::Finding(unreadable(&folder, &error))),
        };
        if went_on.is_break() {
            break;
        }
    }
    Ok(())
}

/// A walk while it goes on.
struct Walk<'a> {
    accepts: fn(&Path) -> bool,
    directory: &'a Path,
    root: &'a Path,
    /// Folders to list, with their depth; the last is taken first.
    folders: Vec<(PathBuf, usize)>,
    /// How many entries may still be looked at.
    left: usize,
}

impl Walk<'_> {
    fn list(
        &mut self,
        entries: ReadDir,
        folder: &Path,
        depth: usize,
        visit: Visit<'_>,
    ) -> ControlFlow<()> {
        let mut listing = Listing {
            accepts: self.accepts,
            root: self.root,
            folders: Vec::new(),
            files: Vec::new(),
        };
        for entry in entries {
            if self.left == 0 {
                listing.show(visit)?;
                visit(Step::Finding(too_many(self.directory)))?;
                return ControlFlow::Break(());
            }
            self.left -= 1;
            let finding = match entry {
                Ok(entry) => listing.add(&entry).err(),
                Err(error) => Some(unreadable(folder, &error)),
            };
            if let Some(finding) = finding {
                visit(Step::Finding(finding))?;
            }
            if listing.files.len() >= BATCH {
                listing.show(visit)?;
            }
        }
        listing.show(visit)?;
        if depth < MAX_DEPTH {
            listing.folders.sort_by(|one, other| other.cmp(one));
            let below = listing.folders.into_iter().map(|path| (path, depth + 1));
            self.folders.extend(below);
        }
        ControlFlow::Continue(())
    }
}

/// One folder while it is listed.
struct Listing<'a> {
    accepts: fn(&Path) -> bool,
    root: &'a Path,
    folders: Vec<PathBuf>,
    files: Vec<(PathBuf, Stamp)>,
}

impl Listing<'_> {
    fn add(&mut self, entry: &DirEntry) -> Result<(), Diagnostic> {
        let path = entry.path();
        if is_hidden(&path) {
            return Ok(());
        }
        // Most file systems say the kind with the name, so that other files cost nothing more.
        let is_other = entry
            .file_type()
            .is_ok_and(|kind| !kind.is_dir() && !(self.accepts)(&path));
        if is_other {
            return Ok(());
        }
        match entry_of(&path, entry.metadata(), self.root) {
            Ok(Entry::Folder) => self.folders.push(path),
            Ok(Entry::File(stamp)) if (self.accepts)(&path) => self.files.push((path, stamp)),
            Ok(_) => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
        Ok(())
    }

    fn show(&mut self, visit: Visit<'_>) -> ControlFlow<()> {
        if self.files.is_empty() {
            return ControlFlow::Continue(());
        }
        self.files.sort_by(|(one, _), (other, _)| one.cmp(other));
        visit(Step::Files(std::mem::take(&mut self.files)))
    }
}

/// What lies at a path.
pub(super) enum Entry {
    /// A folder, not a link to one.
    Folder,
    /// A file with content, or a link to one inside the directory.
    File(Stamp),
    /// Nothing, or nothing to be read.
    Other,
}

/// What lies at `path` in the directory whose canonical path is `root`. Nothing is opened.
pub(super) fn look(path: &Path, root: &Path) -> io::Result<Entry> {
    entry_of(path, fs::symlink_metadata(path), root)
}

fn entry_of(path: &Path, metadata: io::Result<Metadata>, root: &Path) -> io::Result<Entry> {
    let metadata = match metadata {
        // It went away between listing and looking: a writer's temporary file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entry::Other),
        other => other?,
    };
    if metadata.is_dir() {
        return Ok(Entry::Folder);
    }
    if metadata.is_symlink() {
        // A link that leads nowhere or out of the directory is not an error, just not ours.
        let target = path
            .canonicalize()
            .ok()
            .filter(|target| target.starts_with(root))
            .and_then(|target| fs::metadata(target).ok());
        return Ok(target.map_or(Entry::Other, |target| content(&target)));
    }
    Ok(content(&metadata))
}

fn content(metadata: &Metadata) -> Entry {
    if metadata.is_file() && metadata.len() > 0 {
        Entry::File(Stamp::of(metadata))
    } else {
        Entry::Other
    }
}

/// Whether a name begins with a dot.
pub(super) fn is_hidden(path: &Path) -> bool {
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

    const JSON_ONLY: FileFormat = FileFormat {
        accepts: |path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        },
        decode: |_| Decoded::default(),
        join: |_, later| later,
        lines: None,
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
