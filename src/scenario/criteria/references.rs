//! What an expression reads: which collections and fields, and whether calls, run or output.

use std::collections::BTreeSet;

use super::types::View;

/// What an expression reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The collections, in the order of their first occurrence.
    pub collections: Vec<CollectionReference>,
    /// Whether it reads the calls.
    pub calls: bool,
    /// The operations it compares calls with.
    pub operations: BTreeSet<String>,
    /// Whether it reads how the run ended.
    pub run: bool,
    /// Whether it reads the agent's answer.
    pub output: bool,
}

/// A collection that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionReference {
    /// The clone.
    pub clone: String,
    /// The collection.
    pub collection: String,
    /// The fields read of its objects, dotted where they are nested: `state`, `labels.name`.
    pub fields: BTreeSet<String>,
    /// Whether the state at the end is read.
    pub after: bool,
    /// Whether the state at the start is read.
    pub before: bool,
    /// Whether the changes in between are read.
    pub diff: bool,
}

/// What decides a criterion, as far as it is part of a failure's identity: no order, number,
/// argument, id or free text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisive {
    /// Clone and collection, in the order of their first occurrence.
    pub collections: Vec<(String, String)>,
    /// Operations that calls are compared with, sorted.
    pub operations: Vec<String>,
}

impl References {
    /// What of it is part of a failure's identity.
    pub fn decisive(&self) -> Decisive {
        Decisive {
            collections: self
                .collections
                .iter()
                .map(|reference| (reference.clone.clone(), reference.collection.clone()))
                .collect(),
            operations: self.operations.iter().cloned().collect(),
        }
    }

    pub(super) fn collection(&mut self, clone: &str, collection: &str, view: View) {
        let entry = self.entry(clone, collection);
        match view {
            View::After => entry.after = true,
            View::Before => entry.before = true,
            View::Diff => entry.diff = true,
        }
    }

    pub(super) fn field(&mut self, clone: &str, collection: &str, path: &str) {
        self.entry(clone, collection).fields.insert(path.to_owned());
    }

    /// Whether that collection is read in that view.
    pub(super) fn reads(&self, clone: &str, collection: &str, view: View) -> bool {
        self.collections.iter().any(|reference| {
            reference.clone == clone
                && reference.collection == collection
                && match view {
                    View::After => reference.after,
                    View::Before => reference.before,
                    View::Diff => reference.diff,
                }
        })
    }

    fn entry(&mut self, clone: &str, collection: &str) -> &mut CollectionReference {
        let found = self
            .collections
            .iter()
            .position(|entry| entry.clone == clone && entry.collection == collection);
        let at = found.unwrap_or_else(|| {
            self.collections.push(CollectionReference {
                clone: clone.to_owned(),
                collection: collection.to_owned(),
                fields: BTreeSet::new(),
                after: false,
                before: false,
                diff: false,
            });
            self.collections.len() - 1
        });
        &mut self.collections[at]
    }
}
