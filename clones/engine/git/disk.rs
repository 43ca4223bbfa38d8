//! The store as a bare repository in a temporary folder, made when a git program first needs it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::Ordering;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use tempfile::TempDir;

use super::object::Kind;
use super::objects::Objects;
use super::oid::Oid;
use super::program::{GitFailure, git};

/// The bare repository. Dropping it removes the folder.
#[derive(Debug)]
pub(super) struct Disk {
    folder: TempDir,
    /// How many of the objects that were made here are in it.
    written: usize,
    /// Whether git wrote objects of its own into it.
    received: bool,
    reader: Option<Reader>,
}

/// Objects whose id begins with some digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// There is none.
    Nothing,
    /// There is one.
    One(Oid),
    /// There are several.
    Several,
}

/// A `git cat-file --batch` that waits for ids.
#[derive(Debug)]
struct Reader {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Objects {
    /// The folder of the bare repository with everything that was put here until now in it.
    pub(crate) fn on_disk(&self) -> Result<PathBuf, GitFailure> {
        let mut disk = self.disk();
        let disk = match disk.as_mut() {
            Some(disk) => disk,
            None => disk.insert(Disk::make()?),
        };
        let new = self.since(disk.written);
        for (oid, kind, bytes) in &new {
            disk.write(oid, *kind, bytes)?;
        }
        disk.written += new.len();
        Ok(disk.folder.path().to_owned())
    }

    /// Takes note that a git program wrote objects into the repository on disk.
    pub(crate) fn received(&self) {
        if let Some(disk) = self.disk().as_mut() {
            disk.received = true;
            self.used.store(true, Ordering::Relaxed);
        }
    }
}

impl Objects {
    /// Whether git wrote objects of its own.
    pub(super) fn has_received(&self) -> bool {
        self.disk().as_ref().is_some_and(|disk| disk.received)
    }
}

impl Disk {
    fn make() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("archal-git-").tempdir()?;
        bare(folder.path())?;
        Ok(Self {
            folder,
            written: 0,
            received: false,
            reader: None,
        })
    }

    /// Writes an object as git's loose ones are.
    fn write(&self, oid: &Oid, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let name = oid.to_string();
        let folder = self.folder.path().join("objects").join(&name[..2]);
        let file = folder.join(&name[2..]);
        if file.exists() {
            return Ok(());
        }
        fs::create_dir_all(&folder)?;
        // A git program may look for it meanwhile, so it gets its name when it is whole.
        let mut written = tempfile::NamedTempFile::new_in(&folder)?;
        let mut encoder = ZlibEncoder::new(written.as_file_mut(), Compression::fast());
        write!(encoder, "{} {}\0", kind.name(), bytes.len())?;
        encoder.write_all(bytes)?;
        encoder.finish()?;
        written.persist(file).map_err(|error| error.error)?;
        Ok(())
    }

    /// An object that git wrote.
    pub(super) fn read(&mut self, oid: &Oid) -> Option<(Kind, Bytes)> {
        let (_, kind, bytes) = self.asked(&oid.to_string()).ok()??;
        Some((kind, bytes))
    }

    /// The object that git wrote whose id begins so.
    pub(super) fn beginning_with(&mut self, digits: &str) -> Prefix {
        match self.asked(digits) {
            Ok(Some((oid, ..))) => Prefix::One(oid),
            Ok(None) => Prefix::Nothing,
            Err(_) => Prefix::Several,
        }
    }

    /// Asks git for an object; an error where several fit, or git fails.
    fn asked(&mut self, name: &str) -> Result<Option<(Oid, Kind, Bytes)>, GitFailure> {
        if !self.received {
            return Ok(None);
        }
        let reader = match self.reader.as_mut() {
            Some(reader) => reader,
            None => self.reader.insert(Reader::start(self.folder.path())?),
        };
        let answer = reader.ask(name);
        if matches!(answer, Err(GitFailure::Io(_))) {
            // A reader that failed once is not where it was; the next question gets a new one.
            self.reader = None;
        }
        answer
    }
}

impl Reader {
    fn start(folder: &Path) -> Result<Self, GitFailure> {
        let mut child = git(folder)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(super::program::started)?;
        let (Some(ask), Some(answer)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        };
        Ok(Self {
            child,
            ask,
            answer: BufReader::new(answer),
        })
    }

    fn ask(&mut self, name: &str) -> Result<Option<(Oid, Kind, Bytes)>, GitFailure> {
        let broken = || GitFailure::Io(io::ErrorKind::InvalidData.into());
        writeln!(self.ask, "{name}")?;
        let mut head = String::new();
        self.answer.read_line(&mut head)?;
        let mut words = head.split_whitespace();
        let (Some(oid), Some(kind)) = (words.next(), words.next()) else {
            return Err(broken());
        };
        match kind {
            "missing" => return Ok(None),
            "ambiguous" => {
                return Err(GitFailure::Failed {
                    what: "cat-file".to_owned(),
                    stderr: head,
                });
            }
            _ => {}
        }
        let kind = Kind::named(kind).ok_or_else(broken)?;
        let size: usize = words
            .next()
            .and_then(|size| size.parse().ok())
            .ok_or_else(broken)?;
        let oid = oid.parse().map_err(|_| broken())?;
        // The content, and the line feed after it.
        let mut bytes = vec![0; size + 1];
        self.answer.read_exact(&mut bytes)?;
        bytes.truncate(size);
        Ok(Some((oid, kind, bytes.into())))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It has nothing to write that anybody waits for.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Makes an empty bare repository of a folder, without a template.
pub(super) fn bare(folder: &Path) -> io::Result<()> {
    for below in ["objects/info", "objects/pack", "refs/heads"] {
        fs::create_dir_all(folder.join(below))?;
    }
    fs::write(folder.join("HEAD"), "ref: refs/heads/main\n")?;
    fs::write(
        folder.join("config"),
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
    )
}
