//! Paths in trees.

use std::collections::BTreeMap;

use super::object::{Kind, Mode, TreeEntry};
use super::objects::Objects;
use super::oid::Oid;

/// The most bytes of a path that is taken or walked: what systems take.
pub(crate) const LONGEST_PATH: usize = 4_096;
/// The most folders in one another that are taken or walked; a stack is not endless.
pub(crate) const DEEPEST: usize = 256;
/// The most entries of a tree that are walked, as many as the service lists. A small push can make
/// a tree that has the same folder ten times on each of many levels.
pub(crate) const MOST_ENTRIES: usize = 100_000;

/// What becomes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathChange {
    /// It holds this from now on, whatever was there.
    Put {
        /// What it is.
        mode: Mode,
        /// The object.
        oid: Oid,
    },
    /// It goes, with all below it.
    Remove,
}

/// Changes of one folder, by name.
#[derive(Default)]
struct Changes<'a> {
    here: BTreeMap<&'a str, &'a PathChange>,
    below: BTreeMap<&'a str, Changes<'a>>,
}

impl Objects {
    /// The id of the tree without entries, which is put there.
    pub(crate) fn empty_tree(&self) -> Oid {
        self.put_tree(&[])
    }

    /// The entry at a path: `src/main.rs`; the tree itself for an empty one.
    pub(crate) fn entry_at(&self, tree: &Oid, path: &str) -> Option<TreeEntry> {
        let mut at = TreeEntry {
            mode: Mode::Tree,
            name: String::new(),
            oid: *tree,
        };
        for name in path.split('/').filter(|name| !name.is_empty()) {
            if at.mode != Mode::Tree {
                return None;
            }
            let entries = self.tree(&at.oid)?;
            at = entries.into_iter().find(|entry| entry.name == name)?;
        }
        Some(at)
    }

    /// The tree `base` (none for an empty one) with changes at paths. Folders are made on the
    /// way, and go when nothing is left in them. Of a path below one that is put, the last wins.
    pub(crate) fn write_paths(&self, base: Option<&Oid>, changes: &[(String, PathChange)]) -> Oid {
        let mut root = Changes::default();
        for (path, change) in changes {
            let mut names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
            let Some(last) = names.pop() else { continue };
            let mut at = &mut root;
            for name in names {
                at = at.below.entry(name).or_default();
            }
            at.here.insert(last, change);
        }
        self.written(base, &root)
            .unwrap_or_else(|| self.empty_tree())
    }

    /// The changed folder; none where nothing is left in it.
    fn written(&self, base: Option<&Oid>, changes: &Changes<'_>) -> Option<Oid> {
        let entries = base.and_then(|oid| self.tree(oid)).unwrap_or_default();
        let mut entries: BTreeMap<String, TreeEntry> = entries
            .into_iter()
            .map(|entry| (entry.name.clone(), entry))
            .collect();
        for (name, change) in &changes.here {
            match change {
                PathChange::Put { mode, oid } => {
                    let entry = TreeEntry {
                        mode: *mode,
                        name: (*name).to_owned(),
                        oid: *oid,
                    };
                    entries.insert((*name).to_owned(), entry);
                }
                PathChange::Remove => {
                    entries.remove(*name);
                }
            }
        }
        for (name, below) in &changes.below {
            let folder = entries
                .get(*name)
                .filter(|entry| entry.mode == Mode::Tree)
                .map(|entry| entry.oid);
            match self.written(folder.as_ref(), below) {
                Some(oid) => {
                    let entry = TreeEntry {
                        mode: Mode::Tree,
                        name: (*name).to_owned(),
                        oid,
                    };
                    entries.insert((*name).to_owned(), entry);
                }
                // Removing something below a file leaves the file.
                None if folder.is_some() => {
                    entries.remove(*name);
                }
                None => {}
            }
        }
        let entries: Vec<TreeEntry> = entries.into_values().collect();
        (!entries.is_empty()).then(|| self.put_tree(&entries))
    }

    /// All entries below a tree with their paths, folders before what is in them, in git's order;
    /// the first of them where there are more than are walked.
    pub(crate) fn walk(&self, tree: &Oid) -> Vec<(String, TreeEntry)> {
        self.walk_whole(tree).0
    }

    /// The same as [`Self::walk`], and whether that is all.
    pub(crate) fn walk_whole(&self, tree: &Oid) -> (Vec<(String, TreeEntry)>, bool) {
        let mut out = Vec::new();
        let whole = self.walk_into(tree, "", 1, &mut out);
        (out, whole)
    }

    fn walk_into(
        &self,
        tree: &Oid,
        prefix: &str,
        depth: usize,
        out: &mut Vec<(String, TreeEntry)>,
    ) -> bool {
        if depth > DEEPEST {
            return false;
        }
        let mut whole = true;
        for entry in self.tree(tree).unwrap_or_default() {
            if out.len() >= MOST_ENTRIES {
                return false;
            }
            let path = format!("{prefix}{}", entry.name);
            if path.len() > LONGEST_PATH {
                whole = false;
                continue;
            }
            let folder = (entry.mode == Mode::Tree).then_some(entry.oid);
            out.push((path.clone(), entry));
            if let Some(folder) = folder {
                whole &= self.walk_into(&folder, &format!("{path}/"), depth + 1, out);
            }
        }
        whole
    }

    /// Adds a file's content.
    pub(crate) fn put_blob(&self, content: impl Into<bytes::Bytes>) -> Oid {
        self.put(Kind::Blob, content)
    }
}
