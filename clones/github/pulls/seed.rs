//! What follows in seed rows of pull requests, reviews and their comments from the rest of them.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use archal_core::diagnostic::Diagnostic;

use super::comments::{NewComment, Place, place};
use super::patch::Side;
use super::{heads, merging, signatures};
use crate::engine::git::{Commit, Merged, Mode, Oid, PathChange};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::Completing;
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list, text};
use crate::github::complete::{self, actor, association, copy, days_ago, node_id, repo_id};
use crate::github::content::history;
use crate::github::refs;
use crate::github::tables::{
    ISSUES, PULLS, REPOS, REVIEW_COMMENTS, REVIEWS, issue, name_of, owner_of, pull, repo, repo_of,
    review, review_comment,
};

/// What a seed may say of the issue that a pull request is: in its own columns, and where that
/// stands.
const OF_THE_ISSUE: &[(usize, usize)] = &[
    (pull::TITLE, issue::TITLE),
    (pull::BODY, issue::BODY),
    (pull::STATE, issue::STATE),
    (pull::USER, issue::USER),
    (pull::LABELS, issue::LABELS),
    (pull::ASSIGNEES, issue::ASSIGNEES),
    (pull::CREATED_AT, issue::CREATED_AT),
    (pull::UPDATED_AT, issue::UPDATED_AT),
    (pull::CLOSED_AT, issue::CLOSED_AT),
];

fn problem(cx: &mut Completing<'_>, code: &str, message: impl Into<String>) {
    cx.diagnostics.push(Diagnostic::error(code, message.into()));
}

/// Gives a pull request its GraphQL id.
pub(in crate::github) fn name_pull(root: &Root, draft: &mut Draft) {
    let ids = [repo_id(root, draft.text(pull::REPO)), draft.int(pull::ID)];
    draft.or(pull::NODE_ID, || text(node_id("PR", &ids)));
}

/// Completes a pull request, and the issue that it is.
pub(in crate::github) fn complete_pull(cx: &mut Completing<'_>, draft: &mut Draft) {
    if draft.int(pull::NUMBER) < 1 {
        problem(cx, "seed/number", "a pull request's number is 1 or more");
        return;
    }
    let repo_name = draft.text(pull::REPO).to_owned();
    name_pull(cx.transaction.root(), draft);
    complete_issue(cx, draft);
    let root = cx.transaction.root();
    let of = root.named(REPOS, &repo_name);
    let default = of
        .map_or("main", |of| of.text(repo::DEFAULT_BRANCH))
        .to_owned();
    draft.or(pull::BASE, || text(default));
    draft.or(pull::HEAD_REPO, || text(repo_name.as_str()));
    let head_repo = root.named(REPOS, draft.text(pull::HEAD_REPO));
    let head_repo = head_repo.map(|row| row.text(repo::FULL_NAME).to_owned());
    match head_repo {
        Some(name) => {
            draft.set(pull::HEAD_REPO, text(name));
        }
        // A fork that was deleted leaves the commit.
        None if !draft.is_null(pull::HEAD_SHA) => {}
        None => {
            let name = draft.text(pull::HEAD_REPO).to_owned();
            problem(
                cx,
                "seed/dangling",
                format!("head_repo names {name:?}, which is no row of repos"),
            );
        }
    }
    let merged = !draft.is_null(pull::MERGED_AT);
    if merged {
        draft.or(pull::MERGED_BY, || actor(cx));
    }
    let made = complete_ends(cx, draft);
    let sha = draft.text(pull::HEAD_SHA);
    let known = sha
        .parse()
        .is_ok_and(|oid| cx.transaction.root().objects().has(&oid));
    if known {
        heads::keep(cx.transaction, &repo_name, draft.int(pull::NUMBER), sha);
    }
    if merged && made && draft.is_null(pull::MERGE_COMMIT_SHA) {
        merge(cx, draft);
    }
    if merged {
        let head = draft.get(pull::HEAD_SHA).clone();
        draft.or(pull::MERGE_COMMIT_SHA, || head);
    }
}

/// The issue of a pull request: that of the seed, or one made of what the seed says here.
fn complete_issue(cx: &mut Completing<'_>, draft: &mut Draft) {
    let number = draft.int(pull::NUMBER);
    let repo_name = draft.text(pull::REPO).to_owned();
    let key = Key::new([folded(&repo_name), Part::Int(number)]);
    let known = cx.transaction.root().get(ISSUES, &key).cloned();
    let merged = draft.get(pull::MERGED_AT).clone();
    let said_here = OF_THE_ISSUE.iter().any(|(here, _)| !draft.is_null(*here));
    let mut on = match &known {
        Some(_) if said_here => {
            let message = format!(
                "{repo_name}#{number} is a row of issues, which has its title, text and state"
            );
            problem(cx, "seed/twice", message);
            return;
        }
        Some(row) => row.draft(),
        None => {
            let mut on = cx.transaction.root().blank(ISSUES);
            on.set(issue::REPO, text(repo_name.as_str()));
            on.set(issue::NUMBER, ViewValue::Int(number));
            // What the form of a new one proposes.
            let head = match draft.text(pull::HEAD) {
                "" => format!("patch-{number}"),
                head => head.to_owned(),
            };
            draft.or(pull::TITLE, || text(head));
            let id = cx.transaction.next_id(ISSUES);
            on.set(issue::ID, ViewValue::Int(id));
            for (here, there) in OF_THE_ISSUE {
                if !draft.is_null(*here) {
                    on.set(*there, draft.get(*here).clone());
                    draft.set(*here, ViewValue::Null);
                }
            }
            if merged != ViewValue::Null {
                on.set(issue::STATE, text("closed"));
                on.or(issue::CLOSED_AT, || merged.clone());
            }
            on
        }
    };
    on.set(issue::NODE_ID, draft.get(pull::NODE_ID).clone());
    if known.is_none() {
        complete::complete(cx, ISSUES, &mut on);
    }
    if merged != ViewValue::Null && on.text(issue::STATE) != "closed" {
        problem(cx, "seed/state", "a merged pull request is closed");
    }
    if known.is_none_or(|known| known.draft() != on) {
        // Its page names a pull request because the row beside it is there by then.
        cx.transaction.put(ISSUES, on);
    }
}

/// The commits at both ends; the head is made of `files` where its branch is not there. Whether
/// it was.
fn complete_ends(cx: &mut Completing<'_>, draft: &mut Draft) -> bool {
    let repo_name = draft.text(pull::REPO).to_owned();
    let base = draft.text(pull::BASE).to_owned();
    if draft.is_null(pull::HEAD) {
        let head = format!("patch-{}", draft.int(pull::NUMBER));
        let title =
            issue_of(cx.transaction.root(), draft).map(|on| on.text(issue::TITLE).to_owned());
        if draft.is_null(pull::FILES) && draft.is_null(pull::REMOVED) {
            let file = [
                format!("{head}.md"),
                format!("{}\n", title.unwrap_or_default()),
            ];
            draft.set(pull::FILES, ViewValue::List(vec![list(file)]));
        }
        draft.set(pull::HEAD, text(head));
    }
    if refs::is_empty(cx.transaction.root(), &repo_name) && draft.is_null(pull::BASE_SHA) {
        first_commit(cx, &repo_name, &base);
    }
    let root = cx.transaction.root();
    let base_at = refs::branch(root, &repo_name, &base);
    if let Some(at) = base_at {
        draft.or(pull::BASE_SHA, || text(at.to_string()));
    }
    let head_repo = draft.text(pull::HEAD_REPO).to_owned();
    let head = draft.text(pull::HEAD).to_owned();
    let mut head_at = refs::branch(root, &head_repo, &head);
    let mut changes = history::puts(root, history::pairs(draft.get(pull::FILES)));
    for path in draft.texts(pull::REMOVED) {
        changes.push((path.to_string(), PathChange::Remove));
    }
    draft.set(pull::FILES, ViewValue::Null);
    draft.set(pull::REMOVED, ViewValue::Null);
    if history::bad_paths(cx, changes.iter().map(|(path, _)| path)) {
        return false;
    }
    let mut made = false;
    if head_at.is_none()
        && draft.is_null(pull::HEAD_SHA)
        && !changes.is_empty()
        && let Some(base_at) = base_at
    {
        head_at = Some(make_head(cx, draft, base_at, &changes));
        made = true;
    }
    if let Some(at) = head_at {
        draft.or(pull::HEAD_SHA, || text(at.to_string()));
    }
    for (column, side, branch) in [
        (pull::BASE_SHA, "base", base),
        (pull::HEAD_SHA, "head", head),
    ] {
        if draft.is_null(column) {
            problem(
                cx,
                "seed/branch",
                format!("{side} names {branch:?}, which is no branch of its repository"),
            );
        }
    }
    made
}

/// Merges what the seed says is merged.
fn merge(cx: &mut Completing<'_>, draft: &mut Draft) {
    let root = cx.transaction.root();
    let objects = Arc::clone(root.objects());
    let end = |column: usize| draft.text(column).parse::<Oid>().ok();
    let (Some(base), Some(head)) = (end(pull::BASE_SHA), end(pull::HEAD_SHA)) else {
        return;
    };
    let ViewValue::Time(at) = *draft.get(pull::MERGED_AT) else {
        return;
    };
    match merging::merged(&objects, &base, &head) {
        Ok(Merged::Clean(tree)) => {
            let who = signatures::of_login(root, draft.text(pull::MERGED_BY), at);
            let title = issue_of(root, draft).map_or("", |on| on.text(issue::TITLE));
            let message = format!(
                "Merge pull request #{} from {}/{}\n\n{title}",
                draft.int(pull::NUMBER),
                owner_of(draft.text(pull::HEAD_REPO)),
                draft.text(pull::HEAD)
            );
            let tip = objects.put_commit(&Commit {
                tree,
                parents: vec![base, head],
                author: who,
                committer: signatures::web(at),
                message,
                signature: None,
            });
            let branch = format!("{}{}", refs::HEADS, draft.text(pull::BASE));
            refs::seed(cx, draft.text(pull::REPO), &branch, &tip);
            draft.set(pull::MERGE_COMMIT_SHA, text(tip.to_string()));
        }
        Ok(Merged::Conflict(paths)) => {
            let message = format!("it is merged, and conflicts in {}", paths.join(", "));
            problem(cx, "seed/conflict", message);
        }
        Err(failure) => problem(cx, "seed/git", failure.to_string()),
    }
}

/// The row of the issue that a pull request is.
fn issue_of<'r>(root: &'r Root, draft: &Draft) -> Option<&'r Row> {
    let key = Key::new([
        folded(draft.text(pull::REPO)),
        Part::Int(draft.int(pull::NUMBER)),
    ]);
    root.get(ISSUES, &key).map(AsRef::as_ref)
}

/// A repository without anything in it gets what GitHub begins one with.
fn first_commit(cx: &mut Completing<'_>, repo_name: &str, branch: &str) {
    let root = cx.transaction.root();
    let Some(of) = root.named(REPOS, repo_name) else {
        return;
    };
    let Some(at) = of.time(repo::CREATED_AT) else {
        return;
    };
    let objects = Arc::clone(root.objects());
    let name = name_of(of.text(repo::FULL_NAME));
    let oid = objects.put_blob(format!("# {name}\n"));
    let readme = PathChange::Put {
        mode: Mode::File,
        oid,
    };
    let tree = objects.write_paths(None, &[("README.md".to_owned(), readme)]);
    let who = signatures::of_login(root, owner_of(of.text(repo::FULL_NAME)), at);
    let tip = objects.put_commit(&Commit {
        tree,
        parents: Vec::new(),
        author: who.clone(),
        committer: who,
        message: "Initial commit".to_owned(),
        signature: None,
    });
    refs::seed(cx, repo_name, &format!("{}{branch}", refs::HEADS), &tip);
}

/// Makes the branch of a head: one commit with these files on top of the base.
fn make_head(
    cx: &mut Completing<'_>,
    draft: &Draft,
    base: Oid,
    changes: &[(String, PathChange)],
) -> Oid {
    let root = cx.transaction.root();
    let objects = Arc::clone(root.objects());
    let tree = objects.commit(&base).map(|commit| commit.tree);
    let tree = objects.write_paths(tree.as_ref(), changes);
    let on = issue_of(root, draft);
    let title = on.map_or("Change", |on| on.text(issue::TITLE)).to_owned();
    let author = on.map_or("", |on| on.text(issue::USER)).to_owned();
    let at = on.and_then(|on| on.time(issue::CREATED_AT));
    let signature = match at {
        Some(at) => signatures::of_login(root, &author, at),
        None => match days_ago(cx, 30) {
            ViewValue::Time(at) => signatures::of_login(root, &author, at),
            _ => return base,
        },
    };
    let tip = objects.put_commit(&Commit {
        tree,
        parents: vec![base],
        author: signature.clone(),
        committer: signature,
        message: title,
        signature: None,
    });
    let branch = format!("{}{}", refs::HEADS, draft.text(pull::HEAD));
    refs::seed(cx, draft.text(pull::HEAD_REPO), &branch, &tip);
    tip
}

/// Gives a review its GraphQL id and says what its author is.
pub(in crate::github) fn name_review(root: &Root, draft: &mut Draft) {
    let repo_name = repo_of(draft.text(review::PULL)).to_owned();
    let ids = [repo_id(root, &repo_name), draft.int(review::ID)];
    draft.or(review::NODE_ID, || text(node_id("PRR", &ids)));
    let author = draft.text(review::USER).to_owned();
    draft.or(review::AUTHOR_ASSOCIATION, || {
        association(root, &repo_name, &author)
    });
}

/// Completes a review.
pub(in crate::github) fn complete_review(cx: &mut Completing<'_>, draft: &mut Draft) {
    draft.or(review::USER, || actor(cx));
    let root = cx.transaction.root();
    let of = root.named(PULLS, draft.text(review::PULL)).cloned();
    let opened = of
        .as_ref()
        .and_then(|of| root.get(ISSUES, &root.key(PULLS, of)))
        .map_or(ViewValue::Null, |on| on.value(issue::CREATED_AT).clone());
    copy(draft, review::CREATED_AT, review::SUBMITTED_AT);
    draft.or(review::CREATED_AT, || opened);
    draft.or(review::CREATED_AT, || days_ago(cx, 30));
    let pending = draft.text(review::STATE) == "PENDING";
    if !pending {
        copy(draft, review::SUBMITTED_AT, review::CREATED_AT);
    }
    copy(draft, review::UPDATED_AT, review::SUBMITTED_AT);
    copy(draft, review::UPDATED_AT, review::CREATED_AT);
    if pending && !draft.is_null(review::SUBMITTED_AT) {
        problem(cx, "seed/state", "a pending review has no submitted_at");
    }
    if let Some(of) = of {
        let head = of.value(pull::HEAD_SHA).clone();
        draft.or(review::COMMIT_ID, || head);
    }
    name_review(cx.transaction.root(), draft);
}

/// Gives a comment on a diff its GraphQL id and says what its author is.
pub(in crate::github) fn name_comment(root: &Root, draft: &mut Draft) {
    let repo_name = repo_of(draft.text(review_comment::PULL)).to_owned();
    let ids = [repo_id(root, &repo_name), draft.int(review_comment::ID)];
    draft.or(review_comment::NODE_ID, || text(node_id("PRRC", &ids)));
    let author = draft.text(review_comment::USER).to_owned();
    draft.or(review_comment::AUTHOR_ASSOCIATION, || {
        association(root, &repo_name, &author)
    });
}

/// Completes a comment on a diff: its place, its review, its thread.
pub(in crate::github) fn complete_comment(cx: &mut Completing<'_>, draft: &mut Draft) {
    draft.or(review_comment::USER, || actor(cx));
    let root = cx.transaction.root();
    let Some(of) = root.named(PULLS, draft.text(review_comment::PULL)).cloned() else {
        // The reference was told of already.
        return;
    };
    let opened = root
        .get(ISSUES, &root.key(PULLS, &of))
        .map_or(ViewValue::Null, |on| on.value(issue::CREATED_AT).clone());
    draft.or(review_comment::CREATED_AT, || opened);
    copy(
        draft,
        review_comment::UPDATED_AT,
        review_comment::CREATED_AT,
    );
    let head = of.value(pull::HEAD_SHA).clone();
    draft.or(review_comment::COMMIT_ID, || head);
    if let ViewValue::Int(first) = *draft.get(review_comment::IN_REPLY_TO) {
        let key = Key::new([folded(of.text(pull::REPO)), Part::Int(first)]);
        let first = root.get(REVIEW_COMMENTS, &key).filter(|first| {
            *first.value(review_comment::IN_REPLY_TO) == ViewValue::Null
                && same(
                    first.text(review_comment::PULL),
                    draft.text(review_comment::PULL),
                )
        });
        match first.cloned() {
            None => problem(
                cx,
                "seed/dangling",
                "in_reply_to_id names no first comment of a thread of the pull request before it",
            ),
            Some(first) => {
                for column in [
                    review_comment::PATH,
                    review_comment::LINE,
                    review_comment::ORIGINAL_LINE,
                    review_comment::START_LINE,
                    review_comment::ORIGINAL_START_LINE,
                    review_comment::START_SIDE,
                    review_comment::POSITION,
                    review_comment::ORIGINAL_POSITION,
                    review_comment::DIFF_HUNK,
                    review_comment::ORIGINAL_COMMIT_ID,
                ] {
                    draft.or(column, || first.value(column).clone());
                }
            }
        }
    } else {
        complete_place(cx, &of, draft);
    }
    copy(draft, review_comment::ORIGINAL_LINE, review_comment::LINE);
    copy(
        draft,
        review_comment::ORIGINAL_START_LINE,
        review_comment::START_LINE,
    );
    copy(
        draft,
        review_comment::ORIGINAL_POSITION,
        review_comment::POSITION,
    );
    copy(
        draft,
        review_comment::ORIGINAL_COMMIT_ID,
        review_comment::COMMIT_ID,
    );
    draft.or(review_comment::DIFF_HUNK, || text(""));
    if draft.is_null(review_comment::REVIEW) {
        let id = review_for(cx, &of, draft);
        draft.set(review_comment::REVIEW, ViewValue::Int(id));
    }
    name_comment(cx.transaction.root(), draft);
}

fn complete_place(cx: &mut Completing<'_>, of: &Row, draft: &mut Draft) {
    if draft.is_null(review_comment::PATH) {
        problem(cx, "seed/missing", "lacks path");
        return;
    }
    let side = |column: usize| Side::named(draft.text(column)).unwrap_or(Side::Right);
    let at = if draft.text(review_comment::SUBJECT_TYPE) == "file" {
        Place::File
    } else if let ViewValue::Int(line) = *draft.get(review_comment::LINE) {
        let start = match *draft.get(review_comment::START_LINE) {
            ViewValue::Int(start) if !draft.is_null(review_comment::START_SIDE) => {
                Some((side(review_comment::START_SIDE), start))
            }
            ViewValue::Int(start) => Some((side(review_comment::SIDE), start)),
            _ => None,
        };
        Place::Line {
            side: side(review_comment::SIDE),
            line,
            start,
        }
    } else {
        // It is outdated.
        return;
    };
    let new = NewComment {
        path: draft.text(review_comment::PATH).to_owned(),
        body: String::new(),
        place: at,
    };
    let commit = draft.text(review_comment::COMMIT_ID).to_owned();
    let is_held = commit
        .parse()
        .is_ok_and(|oid| cx.transaction.root().objects().has(&oid));
    if !is_held && !draft.is_null(review_comment::POSITION) {
        // A state that was written down has no git objects: the place was looked up before.
        return;
    }
    let mut placed = draft.clone();
    if place(cx.transaction.root(), of, &commit, &new, &mut placed).is_err() {
        let path = new.path;
        problem(
            cx,
            "seed/place",
            format!("its place is not in the diff of {path:?}"),
        );
        return;
    }
    for column in [
        review_comment::POSITION,
        review_comment::ORIGINAL_POSITION,
        review_comment::DIFF_HUNK,
        review_comment::START_SIDE,
    ] {
        let value = placed.get(column).clone();
        draft.or(column, || value);
    }
}

/// The review that a seed's comment without one was submitted with.
fn review_for(cx: &mut Completing<'_>, of: &Row, draft: &Draft) -> i64 {
    let id = cx.transaction.next_id(REVIEWS);
    let mut review = cx.transaction.root().blank(REVIEWS);
    review.set(review::PULL, text(super::name(of)));
    review.set(review::ID, ViewValue::Int(id));
    review.set(review::STATE, text("COMMENTED"));
    review.set(review::BODY, text(""));
    for (to, from) in [
        (review::USER, review_comment::USER),
        (review::COMMIT_ID, review_comment::ORIGINAL_COMMIT_ID),
        (review::CREATED_AT, review_comment::CREATED_AT),
        (review::UPDATED_AT, review_comment::CREATED_AT),
        (review::SUBMITTED_AT, review_comment::CREATED_AT),
    ] {
        review.set(to, draft.get(from).clone());
    }
    name_review(cx.transaction.root(), &mut review);
    cx.transaction.put(REVIEWS, review);
    id
}
