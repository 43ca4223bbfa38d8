//! What the head of a pull request has that its base has not.

use std::sync::Arc;

use super::is_open;
use crate::engine::git::{Commit, FileChange, Oid};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::refs;
use crate::github::tables::pull;

/// The two ends of a pull request and where they parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::github) struct Compared {
    /// The base it is compared with: the branch while it is open, what it was then after.
    pub base: Oid,
    /// The head.
    pub head: Oid,
    /// The commit that both have.
    pub from: Oid,
}

/// The commit that a column names.
pub(super) fn oid(row: &Row, column: usize) -> Option<Oid> {
    row.text(column).parse().ok()
}

/// The commit that a branch is at.
pub(super) fn branch(root: &Root, repo: &str, name: &str) -> Option<Oid> {
    refs::branch(root, repo, name)
}

/// Compares the ends of a pull request; none where one is not there.
pub(in crate::github) fn of(root: &Root, row: &Row) -> Option<Compared> {
    let then = oid(row, pull::BASE_SHA);
    let base = if is_open(root, row) {
        branch(root, row.text(pull::REPO), row.text(pull::BASE)).or(then)
    } else {
        then
    };
    let (base, head) = (base?, oid(row, pull::HEAD_SHA)?);
    let from = root.objects().merge_base(&base, &head)?;
    Some(Compared { base, head, from })
}

impl Compared {
    /// The commits of the head that the base has not, oldest first.
    pub(in crate::github) fn commits(&self, root: &Root) -> Vec<(Oid, Commit)> {
        let mut commits = root.objects().between(&self.base, &self.head);
        commits.reverse();
        commits
    }

    /// The files that the head changed since both parted.
    pub(in crate::github) fn files(&self, root: &Root) -> Arc<Vec<FileChange>> {
        let objects = root.objects();
        match (objects.commit(&self.from), objects.commit(&self.head)) {
            (Some(from), Some(head)) => objects.diff(&from.tree, &head.tree),
            _ => Arc::default(),
        }
    }
}

/// Whether a commit is one of those that a pull request is about, its base's included.
pub(in crate::github) fn has_commit(root: &Root, row: &Row, sha: &str) -> bool {
    let Ok(sought) = sha.parse::<Oid>() else {
        return false;
    };
    let Some(compared) = of(root, row) else {
        return row.text(pull::HEAD_SHA) == sha;
    };
    sought == compared.head
        || sought == compared.from
        || compared.commits(root).iter().any(|(oid, _)| *oid == sought)
}

/// The patch of one file as a commit of the pull request has it; none where it does not change.
pub(in crate::github) fn patch_of(
    root: &Root,
    row: &Row,
    commit: &str,
    path: &str,
) -> Option<String> {
    let compared = of(root, row)?;
    let head = commit.parse().unwrap_or(compared.head);
    let at = Compared { head, ..compared };
    let files = at.files(root);
    let file = files.iter().find(|file| file.path == path)?;
    Some(file.patch.clone().unwrap_or_default())
}
