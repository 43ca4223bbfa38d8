//! Whether a pull request can be merged, as GitHub computes it.

use super::compare::{self, Compared};
use super::is_open;
use super::rules::{self, Check};
use crate::engine::git::{ChangeStatus, FileChange, GitFailure, Merged, Objects, Oid, PathChange};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::github::render::pull::Merging;
use crate::github::tables::pull;

/// The tree that merging two commits makes. Where they changed different files, and neither
/// renamed any, no program is needed to know it.
pub(super) fn merged(objects: &Objects, ours: &Oid, theirs: &Oid) -> Result<Merged, GitFailure> {
    match apart(objects, ours, theirs) {
        Some(tree) => Ok(Merged::Clean(tree)),
        None => objects.merge(ours, theirs),
    }
}

fn apart(objects: &Objects, ours: &Oid, theirs: &Oid) -> Option<Oid> {
    let base = objects.merge_base(ours, theirs)?;
    let tree = |oid: &Oid| objects.commit(oid).map(|commit| commit.tree);
    let (base, ours, theirs) = (tree(&base)?, tree(ours)?, tree(theirs)?);
    let (here, there) = (objects.diff(&base, &ours), objects.diff(&base, &theirs));
    let plain = |changes: &[FileChange]| {
        changes
            .iter()
            .all(|change| change.status != ChangeStatus::Renamed)
    };
    // A file that went on one side may have been renamed by it as the program sees it.
    let only_one_moves = !(moves(&here) && moves(&there));
    let touch = |a: &FileChange, b: &FileChange| {
        a.path == b.path || below(&a.path, &b.path) || below(&b.path, &a.path)
    };
    let disjoint = here.iter().all(|a| there.iter().all(|b| !touch(a, b)));
    if !(plain(&here) && plain(&there) && only_one_moves && disjoint) {
        return None;
    }
    let changes: Vec<(String, PathChange)> = there
        .iter()
        .map(|change| {
            let what = if change.status == ChangeStatus::Removed {
                PathChange::Remove
            } else {
                PathChange::Put {
                    mode: change.mode,
                    oid: change.oid,
                }
            };
            (change.path.clone(), what)
        })
        .collect();
    Some(objects.write_paths(Some(&ours), &changes))
}

fn moves(changes: &[FileChange]) -> bool {
    let has = |status| changes.iter().any(|change| change.status == status);
    has(ChangeStatus::Removed) && has(ChangeStatus::Added)
}

fn below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// What GitHub computes of a pull request.
pub(in crate::github) fn of(root: &Root, row: &Row) -> Merging {
    let open = is_open(root, row);
    let compared = compare::of(root, row).filter(|_| open);
    with(root, row, compared.map(|at| is_clean(root, &at)))
}

/// The same before it was tried whether it can be merged, as events tell it.
pub(in crate::github) fn untried(root: &Root, row: &Row) -> Merging {
    with(root, row, None)
}

fn with(root: &Root, row: &Row, clean: Option<bool>) -> Merging {
    let compared = compare::of(root, row);
    let files = compared.map(|at| at.files(root)).unwrap_or_default();
    Merging {
        mergeable: clean,
        rebaseable: clean == Some(true),
        state: match clean {
            None => "unknown",
            Some(clean) => state(root, row, clean),
        },
        commits: compared.map_or(0, |at| at.commits(root).len()),
        additions: files.iter().map(|file| file.additions).sum(),
        deletions: files.iter().map(|file| file.deletions).sum(),
        files: files.len(),
    }
}

/// Whether merging makes no conflict. Where git itself fails there is no answer but that it
/// cannot be merged.
pub(in crate::github) fn is_clean(root: &Root, at: &Compared) -> bool {
    matches!(
        merged(root.objects(), &at.base, &at.head),
        Ok(Merged::Clean(_))
    )
}

fn state(root: &Root, row: &Row, clean: bool) -> &'static str {
    if !clean {
        return "dirty";
    }
    if row.bool(pull::DRAFT) {
        return "draft";
    }
    if !rules::blocked(root, row).is_empty() {
        return "blocked";
    }
    if rules::is_behind(root, row) {
        return "behind";
    }
    let checks = rules::checks(root, row);
    if checks.iter().any(|(_, check)| *check != Check::Passed) {
        return "unstable";
    }
    "clean"
}
