//! What seeds say of a repository's past: the files of its first commit, commits after it, and
//! branches. They become objects and refs; as rows they are spent.

use std::sync::Arc;

use archal_core::clone::{Stamp, ViewValue};
use archal_core::diagnostic::Diagnostic;
use jiff::{SignedDuration, Timestamp};

use super::people;
use super::refs as named;
use crate::engine::git::{Commit, Mode, Oid, PathChange, Signature};
use crate::engine::key::Key;
use crate::engine::pack::Completing;
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};
use crate::engine::table::TableId;
use crate::github::refs;
use crate::github::tables::{
    BRANCHES, COMMITS, PROTECTIONS, REPOS, USERS, branch, commit, owner_of, protection,
    protection_of, repo, user,
};

/// The pairs of a map of texts.
pub(in crate::github) fn pairs(value: &ViewValue) -> Vec<(String, String)> {
    let ViewValue::List(items) = value else {
        return Vec::new();
    };
    let of = |item: &ViewValue| match item {
        ViewValue::List(pair) => match pair.as_slice() {
            [ViewValue::Text(name), ViewValue::Text(content)] => {
                Some((name.to_string(), content.to_string()))
            }
            _ => None,
        },
        _ => None,
    };
    items.iter().filter_map(of).collect()
}

/// Files as changes of a tree.
pub(in crate::github) fn puts(
    root: &Root,
    files: Vec<(String, String)>,
) -> Vec<(String, PathChange)> {
    let put = |(path, content): (String, String)| {
        let oid = root.objects().put_blob(content.into_bytes());
        let mode = Mode::File;
        (path, PathChange::Put { mode, oid })
    };
    files.into_iter().map(put).collect()
}

/// Whether one of these is no path of a file, which is told.
pub(in crate::github) fn bad_paths<'f>(
    cx: &mut Completing<'_>,
    paths: impl Iterator<Item = &'f String>,
) -> bool {
    let mut bad = false;
    for path in paths {
        if !super::data::fits(path) {
            let problem = format!("{path:?} is no path of a file");
            cx.diagnostics.push(Diagnostic::error("seed/path", problem));
            bad = true;
        }
    }
    bad
}

fn signed_by(cx: &mut Completing<'_>, login: &str, at: Timestamp) -> Option<Signature> {
    let row: Option<Arc<Row>> = cx
        .transaction
        .root()
        .get(USERS, &Key::folded(login))
        .cloned();
    let stamp = Stamp { at, by_call: false };
    // The time is the seed's, though no row has it.
    cx.transaction.know(stamp);
    row.map(|row| people::signature(&row, stamp))
}

/// Makes the first commit of a repository whose row has files.
pub(in crate::github) fn first_commit(cx: &mut Completing<'_>, draft: &mut Draft) {
    let files = pairs(draft.get(repo::FILES));
    if draft.is_null(repo::FILES) {
        return;
    }
    draft.set(repo::FILES, ViewValue::Null);
    if bad_paths(cx, files.iter().map(|(path, _)| path)) {
        return;
    }
    let full_name = draft.text(repo::FULL_NAME).to_owned();
    let owner = owner_of(&full_name);
    let is_user = cx
        .transaction
        .root()
        .get(USERS, &Key::folded(owner))
        .is_some_and(|row| row.text(user::TYPE) == "User");
    let author = if is_user { owner } else { cx.actor }.to_owned();
    let ViewValue::Time(created) = draft.get(repo::CREATED_AT).clone() else {
        return;
    };
    // Where it is not known who the caller is, the organisation made it itself.
    let who = signed_by(cx, &author, created.at).or_else(|| signed_by(cx, owner, created.at));
    let Some(who) = who else {
        let problem = format!("nobody in users could have made the first commit of {full_name}");
        cx.diagnostics
            .push(Diagnostic::error("seed/author", problem));
        return;
    };
    let root = cx.transaction.root();
    let objects = root.objects();
    let tree = objects.write_paths(None, &puts(root, files));
    let oid = objects.put_commit(&Commit {
        tree,
        parents: Vec::new(),
        author: who.clone(),
        committer: who,
        message: "Initial commit".to_owned(),
        signature: None,
    });
    let name = format!("{}{}", refs::HEADS, draft.text(repo::DEFAULT_BRANCH));
    refs::seed(cx, &full_name, &name, &oid);
}

/// Fills in a row of what seeds say of history.
pub(in crate::github) fn complete(cx: &mut Completing<'_>, table: TableId, draft: &mut Draft) {
    match table {
        COMMITS => one_commit(cx, draft),
        BRANCHES => one_branch(cx, draft),
        _ => {}
    }
}

fn dangling(cx: &mut Completing<'_>, what: &str, repo: &str) {
    let problem = format!("{what:?} is no branch, tag or commit of {repo}");
    cx.diagnostics
        .push(Diagnostic::error("seed/dangling", problem));
}

fn one_commit(cx: &mut Completing<'_>, draft: &mut Draft) {
    cx.spent = true;
    let repo_name = draft.text(commit::REPO).to_owned();
    let Some(row) = cx.transaction.root().named(REPOS, &repo_name).cloned() else {
        return;
    };
    let default = row.text(repo::DEFAULT_BRANCH);
    let named_branch = draft.text(commit::BRANCH);
    let branch = if named_branch.is_empty() {
        default
    } else {
        named_branch
    }
    .to_owned();
    let root = cx.transaction.root();
    let head = refs::branch(root, &repo_name, &branch);
    // A branch that is not there yet begins at another one as it is so far.
    let from = match draft.text(commit::FROM) {
        "" => default.to_owned(),
        from => from.to_owned(),
    };
    let parent = match head {
        Some(head) => Some(head),
        None if refs::is_empty(root, &repo_name) => None,
        None => {
            let found = named::commit_of(root, &repo_name, &from);
            if found.is_none() {
                return dangling(cx, &from, &repo_name);
            }
            found
        }
    };
    let files = pairs(draft.get(commit::FILES));
    let removed: Vec<String> = draft
        .texts(commit::REMOVED)
        .iter()
        .map(|path| path.to_string())
        .collect();
    if bad_paths(cx, files.iter().map(|(path, _)| path).chain(&removed)) {
        return;
    }
    let before = parent.and_then(|oid| cx.transaction.root().objects().commit(&oid));
    let at = match draft.get(commit::DATE) {
        ViewValue::Time(stamp) => stamp.at,
        _ => next_time(cx, &row, before.as_ref()),
    };
    let author = match draft.text(commit::AUTHOR) {
        "" => cx.actor.to_owned(),
        author => author.to_owned(),
    };
    let Some(who) = signed_by(cx, &author, at) else {
        let problem = format!("a commit of {repo_name} has no author in users");
        cx.diagnostics
            .push(Diagnostic::error("seed/author", problem));
        return;
    };
    let root = cx.transaction.root();
    let objects = root.objects();
    let tree = before.as_ref().map(|commit| commit.tree);
    let gone = removed
        .iter()
        .find(|path| tree.is_none_or(|tree| objects.entry_at(&tree, path).is_none()));
    if let Some(path) = gone {
        let problem = format!("{path:?} is not in {repo_name} before the commit that removes it");
        cx.diagnostics.push(Diagnostic::error("seed/path", problem));
        return;
    }
    let mut changes = puts(root, files);
    changes.extend(removed.into_iter().map(|path| (path, PathChange::Remove)));
    let oid = objects.put_commit(&Commit {
        tree: objects.write_paths(tree.as_ref(), &changes),
        parents: parent.into_iter().collect(),
        author: who.clone(),
        committer: who,
        message: draft.text(commit::MESSAGE).to_owned(),
        signature: None,
    });
    refs::seed(cx, &repo_name, &format!("{}{branch}", refs::HEADS), &oid);
}

/// A time for a commit whose seed says none: an hour after the one before it.
fn next_time(cx: &Completing<'_>, row: &Row, before: Option<&Commit>) -> Timestamp {
    let base = cx.transaction.root().base();
    let created = row.time(repo::CREATED_AT).map_or(base, |stamp| stamp.at);
    let hour = SignedDuration::from_hours(1);
    let next = before.map_or(created, |commit| {
        let at = commit.committer.at();
        at.checked_add(hour).unwrap_or(at)
    });
    next.min(base)
}

/// Puts the files of a branch into a commit of their own, where any is other than it was.
fn branch_files(cx: &mut Completing<'_>, draft: &Draft, of: &Row) {
    let files = pairs(draft.get(branch::FILES));
    if files.is_empty() || bad_paths(cx, files.iter().map(|(path, _)| path)) {
        return;
    }
    let repo_name = of.text(repo::FULL_NAME).to_owned();
    let name = draft.text(branch::NAME).to_owned();
    let Some(parent) = refs::branch(cx.transaction.root(), &repo_name, &name) else {
        return;
    };
    let before = cx.transaction.root().objects().commit(&parent);
    let at = next_time(cx, of, before.as_ref());
    let author = cx.actor.to_owned();
    let who = signed_by(cx, &author, at).or_else(|| signed_by(cx, owner_of(&repo_name), at));
    let Some(who) = who else {
        let problem = format!("a commit of {repo_name} has no author in users");
        cx.diagnostics
            .push(Diagnostic::error("seed/author", problem));
        return;
    };
    let root = cx.transaction.root();
    let objects = root.objects();
    let was = before.as_ref().map(|commit| commit.tree);
    let tree = objects.write_paths(was.as_ref(), &puts(root, files));
    if was == Some(tree) {
        return;
    }
    let oid = objects.put_commit(&Commit {
        tree,
        parents: vec![parent],
        author: who.clone(),
        committer: who,
        message: format!("Files of {name}"),
        signature: None,
    });
    refs::seed(cx, &repo_name, &format!("{}{name}", refs::HEADS), &oid);
}

fn one_branch(cx: &mut Completing<'_>, draft: &mut Draft) {
    cx.spent = true;
    let repo_name = draft.text(branch::REPO).to_owned();
    let name = draft.text(branch::NAME).to_owned();
    let Some(row) = cx.transaction.root().named(REPOS, &repo_name).cloned() else {
        return;
    };
    let full = format!("{}{name}", refs::HEADS);
    if !refs::well_formed(&full) {
        let problem = format!("{name:?} is no name of a branch");
        cx.diagnostics.push(Diagnostic::error("seed/ref", problem));
        return;
    }
    let root = cx.transaction.root();
    if refs::branch(root, &repo_name, &name).is_none() {
        let from = match draft.text(branch::FROM) {
            "" => row.text(repo::DEFAULT_BRANCH).to_owned(),
            from => from.to_owned(),
        };
        let found: Option<Oid> = named::commit_of(root, &repo_name, &from);
        match found {
            Some(oid) => refs::seed(cx, &repo_name, &full, &oid),
            None => return dangling(cx, &from, &repo_name),
        }
    }
    branch_files(cx, draft, &row);
    let key = protection_of(&repo_name, &name);
    let protects = *draft.get(branch::PROTECTED) == ViewValue::Bool(true);
    if protects && cx.transaction.root().get(PROTECTIONS, &key).is_none() {
        let id = cx.transaction.next_id(PROTECTIONS);
        let mut made = cx.transaction.root().blank(PROTECTIONS);
        made.set(protection::REPO, text(repo_name));
        made.set(protection::BRANCH, text(name));
        made.set(protection::ID, ViewValue::Int(id));
        // What the web proposes for a new rule.
        made.set(protection::REVIEWS, ViewValue::Int(1));
        cx.transaction.put(PROTECTIONS, made);
    }
}
