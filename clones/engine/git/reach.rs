//! What leads to an object: refs through commits and trees, and having been made on its own; and
//! when a commit was made.
//!
//! One store holds the objects of all repositories, so whether a repository has one is asked of
//! what it begins with.

use std::collections::{HashSet, VecDeque};

use super::object::{Kind, Mode};
use super::objects::{Objects, reading, writing};
use super::oid::Oid;

impl Objects {
    /// Takes note that an object was made in a repository, by its number, before any ref leads
    /// to it.
    pub(crate) fn made_in(&self, repository: i64, oid: Oid) {
        writing(&self.made).insert((repository, oid));
    }

    /// Takes note of a commit's place in the order of what happens: times are whole seconds, and
    /// do not say what came first within one.
    pub(crate) fn placed(&self, oid: Oid, place: i64) {
        writing(&self.places).entry(oid).or_insert(place);
    }

    /// The place that was noted for a commit; 0, before everything, where none was.
    pub(crate) fn place(&self, oid: &Oid) -> i64 {
        reading(&self.places).get(oid).copied().unwrap_or(0)
    }

    /// The objects that were made in a repository on their own.
    pub(crate) fn made_by(&self, repository: i64) -> Vec<Oid> {
        let made = reading(&self.made);
        let own = made.range((repository, Oid::ZERO)..);
        own.take_while(|(of, _)| *of == repository)
            .map(|(_, oid)| *oid)
            .collect()
    }

    /// Whether one of these objects is the one that is sought, or leads to it.
    pub(crate) fn lead_to(&self, from: impl IntoIterator<Item = Oid>, sought: &Oid) -> bool {
        // Trees need not be read for a commit.
        let is_commit = self.kind(sought) == Some(Kind::Commit);
        let mut seen = HashSet::new();
        let mut waiting: VecDeque<Oid> = from.into_iter().collect();
        // What a commit has now is looked at before what was there earlier.
        while let Some(oid) = waiting.pop_front() {
            if oid == *sought {
                return true;
            }
            if !seen.insert(oid) {
                continue;
            }
            match self.kind(&oid) {
                Some(Kind::Commit) => {
                    let Some(commit) = self.commit(&oid) else {
                        continue;
                    };
                    waiting.extend(commit.parents);
                    if !is_commit {
                        waiting.push_front(commit.tree);
                    }
                }
                Some(Kind::Tag) => waiting.extend(self.tag(&oid).map(|tag| tag.object)),
                Some(Kind::Tree) if !is_commit => {
                    for entry in self.tree(&oid).unwrap_or_default() {
                        match entry.mode {
                            Mode::Tree => waiting.push_front(entry.oid),
                            Mode::Submodule => {}
                            _ if entry.oid == *sought => return true,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        false
    }
}
