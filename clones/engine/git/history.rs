//! Ancestry.

use std::collections::{BinaryHeap, HashMap, HashSet};

use super::object::Commit;
use super::objects::Objects;
use super::oid::Oid;

/// Commits from the newest on, each after all that are newer; ancestors of what it began with.
pub(crate) struct Log<'a> {
    objects: &'a Objects,
    waiting: BinaryHeap<Waiting>,
    seen: HashSet<Oid>,
}

/// Ordered by date, the order of finding deciding between equal dates as in git.
struct Waiting {
    seconds: i64,
    found: std::cmp::Reverse<usize>,
    oid: Oid,
    commit: Commit,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        (self.seconds, self.found) == (other.seconds, other.found)
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.seconds, self.found).cmp(&(other.seconds, other.found))
    }
}

impl Log<'_> {
    fn add(&mut self, oid: Oid) {
        if !self.seen.insert(oid) {
            return;
        }
        if let Some(commit) = self.objects.commit(&oid) {
            self.waiting.push(Waiting {
                seconds: commit.committer.seconds,
                found: std::cmp::Reverse(self.seen.len()),
                oid,
                commit,
            });
        }
    }
}

impl Iterator for Log<'_> {
    type Item = (Oid, Commit);

    fn next(&mut self) -> Option<Self::Item> {
        let Waiting { oid, commit, .. } = self.waiting.pop()?;
        for parent in &commit.parents {
            self.add(*parent);
        }
        Some((oid, commit))
    }
}

impl Objects {
    /// The commit and its ancestors, newest first by the committer's date.
    pub(crate) fn log(&self, from: &Oid) -> Log<'_> {
        let mut log = Log {
            objects: self,
            waiting: BinaryHeap::new(),
            seen: HashSet::new(),
        };
        log.add(*from);
        log
    }

    /// A commit and all its ancestors.
    fn ancestors(&self, of: &Oid) -> HashSet<Oid> {
        self.log(of).map(|(oid, _)| oid).collect()
    }

    /// The commits of `to` that `from` does not have, newest first: `from..to`.
    pub(crate) fn between(&self, from: &Oid, to: &Oid) -> Vec<(Oid, Commit)> {
        let known = self.ancestors(from);
        self.log(to)
            .filter(|(oid, _)| !known.contains(oid))
            .collect()
    }

    /// Whether `ancestor` is `of` or one of its ancestors.
    pub(crate) fn is_ancestor(&self, ancestor: &Oid, of: &Oid) -> bool {
        self.log(of).any(|(oid, _)| oid == *ancestor)
    }

    /// The best common ancestor; none for unrelated histories. Of several best ones, the newest.
    pub(crate) fn merge_base(&self, a: &Oid, b: &Oid) -> Option<Oid> {
        let of_a = self.ancestors(a);
        let common: Vec<(Oid, Commit)> =
            self.log(b).filter(|(oid, _)| of_a.contains(oid)).collect();
        // Best is what no other common one has for an ancestor. Dates may lie, so all are asked.
        let mut below: HashSet<Oid> = HashSet::new();
        let parents: HashMap<Oid, &[Oid]> = common
            .iter()
            .map(|(oid, commit)| (*oid, commit.parents.as_slice()))
            .collect();
        for parents in parents.values() {
            below.extend(parents.iter().copied());
        }
        common
            .iter()
            .map(|(oid, _)| *oid)
            .find(|oid| !below.contains(oid))
    }

    /// How many commits `head` has that `base` has not, and the other way round.
    pub(crate) fn ahead_behind(&self, base: &Oid, head: &Oid) -> (usize, usize) {
        let of_base = self.ancestors(base);
        let of_head = self.ancestors(head);
        (
            of_head.difference(&of_base).count(),
            of_base.difference(&of_head).count(),
        )
    }

    /// The commits that changed what is at `path`, newest first, as `git log -- path` shows them:
    /// of a merge that took the path from a parent as it is, only that parent is followed.
    pub(crate) fn changes_of<'a>(
        &'a self,
        from: &Oid,
        path: &'a str,
    ) -> impl Iterator<Item = (Oid, Commit)> + 'a {
        let mut log = Log {
            objects: self,
            waiting: BinaryHeap::new(),
            seen: HashSet::new(),
        };
        log.add(*from);
        let at = move |commit: &Commit| self.entry_at(&commit.tree, path);
        std::iter::from_fn(move || {
            while let Some(Waiting { oid, commit, .. }) = log.waiting.pop() {
                let here = at(&commit);
                let same = commit.parents.iter().find(|parent| {
                    self.commit(parent).is_some_and(|parent| {
                        at(&parent).map(|e| (e.mode, e.oid))
                            == here.as_ref().map(|e| (e.mode, e.oid))
                    })
                });
                if let Some(parent) = same {
                    log.add(*parent);
                    continue;
                }
                for parent in &commit.parents {
                    log.add(*parent);
                }
                // A root commit without the path changed nothing.
                if here.is_some() || !commit.parents.is_empty() {
                    return Some((oid, commit));
                }
            }
            None
        })
    }
}
