//! The store: objects in memory, and on disk where a git program needs or wrote them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use imbl::OrdMap;
use jiff::Timestamp;

use super::diff::FileChange;
use super::disk::{Disk, Prefix};
use super::object::{Commit, Kind, Tag, TreeEntry, read_tree, write_tree};
use super::oid::Oid;

/// Objects that git wrote are kept in memory up to this size once they were read.
const KEPT: usize = 1024 * 1024;

/// The objects of a clone, shared by all its states. It only grows.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(super) base: Timestamp,
    memory: RwLock<Memory>,
    pub(super) used: AtomicBool,
    /// What evidence writes for an id, where that is another one.
    pub(super) aliases: RwLock<HashMap<Oid, Oid>>,
    /// Beginnings of ids that answers showed.
    pub(super) shorts: RwLock<HashMap<String, Oid>>,
    /// What was made in which repository on its own.
    pub(super) made: RwLock<BTreeSet<(i64, Oid)>>,
    /// After what a commit was made, where that is known.
    pub(super) places: RwLock<BTreeMap<Oid, i64>>,
    pub(super) disk: Mutex<Option<Disk>>,
    pub(super) diffs: Mutex<OrdMap<(Oid, Oid), Arc<Vec<FileChange>>>>,
}

#[derive(Debug, Default)]
struct Memory {
    objects: HashMap<Oid, Held>,
    /// Those that did not come from the disk, in order; the first of them are on it by now.
    order: Vec<Oid>,
}

#[derive(Debug, Clone)]
struct Held {
    kind: Kind,
    bytes: Bytes,
    /// Whether it was made here, rather than by git.
    here: bool,
}

impl Objects {
    /// An empty store; `base` is what evidence counts times from.
    pub(crate) fn new(base: Timestamp) -> Self {
        Self {
            base,
            memory: RwLock::default(),
            used: AtomicBool::new(false),
            aliases: RwLock::default(),
            shorts: RwLock::default(),
            made: RwLock::default(),
            places: RwLock::default(),
            disk: Mutex::default(),
            diffs: Mutex::default(),
        }
    }

    /// Adds an object.
    pub(crate) fn put(&self, kind: Kind, bytes: impl Into<Bytes>) -> Oid {
        self.hold(kind, bytes.into(), true)
    }

    /// Adds an object; `here` where it was made here, rather than by git.
    pub(super) fn hold(&self, kind: Kind, bytes: Bytes, here: bool) -> Oid {
        let oid = Oid::of(kind, &bytes);
        if !self.has_in_memory(&oid) {
            let mut memory = writing(&self.memory);
            let held = Held { kind, bytes, here };
            if memory.objects.insert(oid, held).is_none() {
                memory.order.push(oid);
                self.used.store(true, Ordering::Relaxed);
            }
        }
        oid
    }

    /// Adds a commit.
    pub(crate) fn put_commit(&self, commit: &Commit) -> Oid {
        self.put(Kind::Commit, commit.write())
    }

    /// Adds an annotated tag.
    pub(crate) fn put_tag(&self, tag: &Tag) -> Oid {
        self.put(Kind::Tag, tag.write())
    }

    /// Adds a tree of these entries, in any order.
    pub(crate) fn put_tree(&self, entries: &[TreeEntry]) -> Oid {
        self.put(Kind::Tree, write_tree(entries))
    }

    /// An object.
    pub(crate) fn get(&self, oid: &Oid) -> Option<(Kind, Bytes)> {
        if let Some(found) = reading(&self.memory).objects.get(oid) {
            return Some((found.kind, found.bytes.clone()));
        }
        let (kind, bytes) = self.disk().as_mut()?.read(oid)?;
        if bytes.len() <= KEPT {
            let held = Held {
                kind,
                bytes: bytes.clone(),
                here: false,
            };
            writing(&self.memory).objects.insert(*oid, held);
        }
        Some((kind, bytes))
    }

    /// Whether there is such an object.
    pub(crate) fn has(&self, oid: &Oid) -> bool {
        self.has_in_memory(oid) || self.get(oid).is_some()
    }

    /// What an object is.
    pub(crate) fn kind(&self, oid: &Oid) -> Option<Kind> {
        self.get(oid).map(|(kind, _)| kind)
    }

    fn has_in_memory(&self, oid: &Oid) -> bool {
        reading(&self.memory).objects.contains_key(oid)
    }

    /// Whether it was put here, rather than written by git.
    pub(super) fn made_here(&self, oid: &Oid) -> bool {
        let memory = reading(&self.memory);
        memory.objects.get(oid).is_some_and(|held| held.here)
    }

    /// Whether nothing was ever put here or written by git.
    pub(crate) fn is_empty(&self) -> bool {
        !self.used.load(Ordering::Relaxed)
    }

    fn of_kind(&self, kind: Kind, oid: &Oid) -> Option<Bytes> {
        let (found, bytes) = self.get(oid)?;
        (found == kind).then_some(bytes)
    }

    /// The content of a file.
    pub(crate) fn blob(&self, oid: &Oid) -> Option<Bytes> {
        self.of_kind(Kind::Blob, oid)
    }

    /// The entries of a folder in git's order.
    pub(crate) fn tree(&self, oid: &Oid) -> Option<Vec<TreeEntry>> {
        read_tree(&self.of_kind(Kind::Tree, oid)?)
    }

    /// A commit.
    pub(crate) fn commit(&self, oid: &Oid) -> Option<Commit> {
        Commit::parse(&self.of_kind(Kind::Commit, oid)?)
    }

    /// An annotated tag.
    pub(crate) fn tag(&self, oid: &Oid) -> Option<Tag> {
        Tag::parse(&self.of_kind(Kind::Tag, oid)?)
    }

    /// The commit that an id leads to: itself, or what a tag, or a tag of a tag, stands for.
    pub(crate) fn peel_to_commit(&self, oid: &Oid) -> Option<Oid> {
        let mut at = *oid;
        // A tag names an object that was there before it, so the way ends.
        loop {
            match self.get(&at)? {
                (Kind::Commit, _) => return Some(at),
                (Kind::Tag, bytes) => at = Tag::parse(&bytes)?.object,
                (Kind::Blob | Kind::Tree, _) => return None,
            }
        }
    }

    /// The object whose id begins with these hex digits, where there is one and only one.
    pub(crate) fn beginning_with(&self, digits: &str) -> Option<Oid> {
        let digits = digits.to_ascii_lowercase();
        let mut found: Vec<Oid> = reading(&self.memory)
            .objects
            .keys()
            .filter(|oid| oid.to_string().starts_with(&digits))
            .copied()
            .collect();
        if let Some(disk) = self.disk().as_mut() {
            match disk.beginning_with(&digits) {
                Prefix::Nothing => {}
                Prefix::One(oid) => found.push(oid),
                Prefix::Several => return None,
            }
        }
        found.sort_unstable();
        found.dedup();
        match found[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The objects that were put here since the first `known` of them.
    pub(super) fn since(&self, known: usize) -> Vec<(Oid, Kind, Bytes)> {
        let memory = reading(&self.memory);
        let new = memory.order.get(known..).unwrap_or_default();
        new.iter()
            .filter_map(|oid| {
                let held = memory.objects.get(oid)?;
                Some((*oid, held.kind, held.bytes.clone()))
            })
            .collect()
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Option<Disk>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store only grows, so what a thread that panicked left is whole.
pub(super) fn reading<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// See [`reading`].
pub(super) fn writing<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
