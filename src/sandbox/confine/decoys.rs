//! Empty files in the place of credentials, and who looked at them.
//!
//! A child finds the names that are there and nothing in them, so a program that looks for a
//! configuration does not fail. That they are opened is seen by inotify, which tells a fixer that
//! reads keys from one that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::super::mounts::{NOTHING, bind_over, kept_flags};
use super::files::memory;

/// Most names that a decoy of a folder has.
const MOST_NAMES: usize = 256;
/// Most places that were looked at which are kept.
const MOST_SEEN: usize = 32;
/// Most bytes of events that are read.
const EVENTS: usize = 64 * 1024;
/// Most reads of events.
const READS: usize = 64;

/// What stands in the place of credentials.
#[derive(Debug)]
pub(in crate::sandbox) struct Decoys {
    events: Option<OwnedFd>,
    watched: BTreeMap<i32, PathBuf>,
    /// Those that are files.
    files: Vec<PathBuf>,
}

impl Decoys {
    /// Puts them in the place of `hidden`. A place that holds one of `kept` cannot be hidden.
    pub(super) fn put(hidden: &[PathBuf], kept: &[&Path]) -> Result<Self, String> {
        let mut decoys = Self {
            events: inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok(),
            watched: BTreeMap::new(),
            files: Vec::new(),
        };
        // What cannot be found from here cannot be read either.
        let there: BTreeSet<PathBuf> = hidden
            .iter()
            .filter_map(|path| fs::canonicalize(path).ok())
            .collect();
        for path in there {
            if let Some(kept) = kept.iter().find(|kept| kept.starts_with(&path)) {
                return Err(format!(
                    "{} cannot be hidden: {} is in it",
                    path.display(),
                    kept.display()
                ));
            }
            // It was in a folder that is hidden by now.
            let Ok(found) = fs::symlink_metadata(&path) else {
                continue;
            };
            let put = match found.is_dir() {
                true => folder(&path),
                false => file(&path),
            };
            put.map_err(|error| format!("{} cannot be hidden: {error}", path.display()))?;
            if !found.is_dir() {
                decoys.files.push(path.clone());
            }
            decoys.watch(path);
        }
        Ok(decoys)
    }

    /// The places of those that are files.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn watch(&mut self, path: PathBuf) {
        let Some(events) = &self.events else {
            return;
        };
        // Without it the place is as empty, and nobody knows who looked.
        if let Ok(number) = inotify::add_watch(events, &path, WatchFlags::OPEN) {
            self.watched.insert(number, path);
        }
    }

    /// The places that were opened, each once.
    pub(super) fn seen(&self) -> BTreeSet<PathBuf> {
        let mut seen = BTreeSet::new();
        let Some(events) = &self.events else {
            return seen;
        };
        let mut buffer = [MaybeUninit::uninit(); EVENTS];
        let mut reader = inotify::Reader::new(events, &mut buffer);
        for _ in 0..EVENTS * READS {
            // No event is left, or none can be read.
            let Ok(event) = reader.next() else {
                break;
            };
            let Some(place) = self.watched.get(&event.wd()) else {
                continue;
            };
            if seen.len() < MOST_SEEN {
                let name = event.file_name().and_then(|name| name.to_str().ok());
                seen.insert(name.map_or_else(|| place.clone(), |name| place.join(name)));
            }
        }
        seen
    }
}

/// An empty file at every name of a folder.
fn folder(path: &Path) -> io::Result<()> {
    let names: Vec<(PathBuf, bool)> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .take(MOST_NAMES)
        .map(|entry| {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            (entry.path(), is_folder)
        })
        .collect();
    memory(path, "mode=755,size=1m")?;
    for (name, is_folder) in names {
        match is_folder {
            true => fs::create_dir(name)?,
            false => drop(File::create(name)?),
        }
    }
    read_only(path)
}

/// An empty file at a path.
fn file(path: &Path) -> io::Result<()> {
    // The only folder whose files are the child's alone and that nothing will lie over.
    let empty = Path::new("/dev/archal-empty");
    File::create(empty)?;
    bind_over(empty, path)?;
    read_only(path)?;
    fs::remove_file(empty)
}

fn read_only(path: &Path) -> io::Result<()> {
    let (flags, _) = kept_flags(path)?;
    let flags = flags | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    Ok(mount(NOTHING, path, NOTHING, flags, NOTHING)?)
}
