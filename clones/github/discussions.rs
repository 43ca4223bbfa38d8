//! Discussions: starting, changing and answering them. GitHub has them in GraphQL only.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::access::{self, Permission, forbidden};
use super::complete;
use super::dialect::invalid;
use super::issues::check_body;
use super::tables::{
    CATEGORIES_BY_REPO, COMMENTS_BY_DISCUSSION, DISCUSSION_CATEGORIES, DISCUSSION_COMMENTS,
    DISCUSSIONS, ISSUES, REPOS, TABLES, category, discussion, discussion_comment, issue_key, repo,
    repo_of,
};
use crate::engine::key::{Key, Part, folded, same};
use crate::engine::pack::{Call, Refusal};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, text};

/// Most characters of a title.
const LONGEST_TITLE: usize = 256;

/// Whether a repository has discussions.
pub(super) fn enabled(root: &Root, repo_name: &str) -> bool {
    root.count(
        DISCUSSION_CATEGORIES,
        CATEGORIES_BY_REPO,
        &Key::folded(repo_name),
    ) > 0
}

/// The discussion that a comment belongs to.
pub(super) fn of_comment(root: &Root, row: &Row) -> Option<Arc<Row>> {
    let key = issue_key(row.text(discussion_comment::DISCUSSION))?;
    root.get(DISCUSSIONS, &key).cloned()
}

/// The category of a discussion.
pub(super) fn category_of(root: &Root, row: &Row) -> Option<Arc<Row>> {
    let key = Key::new([
        folded(row.text(discussion::REPO)),
        folded(row.text(discussion::CATEGORY)),
    ]);
    root.get(DISCUSSION_CATEGORIES, &key).cloned()
}

/// The comments of a discussion, oldest first; replies to `reply_to`, or those that reply to none.
pub(super) fn comments(root: &Root, row: &Row, reply_to: Option<i64>) -> Vec<Arc<Row>> {
    let key = root.key(DISCUSSIONS, row);
    let rows = root.group(DISCUSSION_COMMENTS, COMMENTS_BY_DISCUSSION, &key);
    rows.into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| {
            let to = row.int(discussion_comment::REPLY_TO);
            to == reply_to.unwrap_or(0)
        })
        .cloned()
        .collect()
}

/// A comment of a repository by its number.
pub(super) fn comment(root: &Root, repo_name: &str, id: i64) -> Option<Arc<Row>> {
    let key = Key::new([folded(repo_name), Part::Int(id)]);
    root.get(DISCUSSION_COMMENTS, &key).cloned()
}

/// What the caller may do with a repository that takes writes.
fn standing(call: &Call<'_>, repo_name: &str) -> Result<(String, Option<Permission>), Refusal> {
    let login = access::login(call)?;
    let row = call.root().named(REPOS, repo_name);
    let row = row.ok_or_else(access::not_found)?;
    let held = access::sees(call, row).ok_or_else(access::not_found)?;
    if row.bool(repo::ARCHIVED) {
        return Err(Refusal::new(
            403,
            "Repository was archived so is read-only.",
        ));
    }
    Ok((login, Some(held)))
}

/// Whether the caller wrote it or has at least that permission; refused otherwise.
fn owns(call: &Call<'_>, repo_name: &str, author: &str, least: Permission) -> Result<(), Refusal> {
    let (login, held) = standing(call, repo_name)?;
    (same(&login, author) || held >= Some(least))
        .then_some(())
        .ok_or_else(forbidden)
}

fn check_title(title: &str) -> Result<(), Refusal> {
    if title.trim().is_empty() || title.chars().count() > LONGEST_TITLE {
        let code = if title.trim().is_empty() {
            "missing_field"
        } else {
            "invalid"
        };
        return Err(invalid("Discussion", "title", code));
    }
    Ok(())
}

fn checked_body(resource: &str, body: &str) -> Result<(), Refusal> {
    if body.trim().is_empty() {
        return Err(invalid(resource, "body", "missing_field"));
    }
    check_body(resource, Some(body))
}

/// Starts a discussion.
pub(super) fn create(
    call: &mut Call<'_>,
    repo_name: &str,
    slug: &str,
    title: &str,
    body: &str,
) -> Result<Arc<Row>, Refusal> {
    let (login, held) = standing(call, repo_name)?;
    check_title(title)?;
    checked_body("Discussion", body)?;
    // Announcements are for those who manage the repository.
    if same(slug, "announcements") && held < Some(Permission::Maintain) {
        return Err(forbidden());
    }
    let root = call.root();
    let prefix = Key::folded(repo_name);
    let repo_row = root.named(REPOS, repo_name).cloned();
    let repo_row = repo_row.ok_or_else(access::not_found)?;
    let last = root
        .last_number(DISCUSSIONS, &prefix)
        .max(root.last_number(ISSUES, &prefix));
    let number = (last + 1).max(repo_row.int(repo::NEXT_ISSUE_NUMBER));
    // Issues and discussions share their numbers.
    let mut next = repo_row.draft();
    next.set(repo::NEXT_ISSUE_NUMBER, ViewValue::Int(number + 1));
    call.transaction.put(REPOS, next);
    let id = call.transaction.next_id(DISCUSSIONS);
    let mut draft = Draft::empty(TABLES[DISCUSSIONS].columns.len());
    draft.set(discussion::REPO, text(repo_row.text(repo::FULL_NAME)));
    draft.set(discussion::NUMBER, ViewValue::Int(number));
    draft.set(discussion::ID, ViewValue::Int(id));
    draft.set(discussion::TITLE, text(title));
    draft.set(discussion::BODY, text(body));
    draft.set(discussion::CATEGORY, text(slug));
    draft.set(discussion::USER, text(login));
    draft.set(discussion::STATE, text("open"));
    draft.set(discussion::LOCKED, ViewValue::Bool(false));
    draft.set(discussion::LABELS, ViewValue::List(Vec::new()));
    draft.set(discussion::UPVOTES, ViewValue::Int(1));
    draft.set(discussion::CREATED_AT, ViewValue::Time(call.now));
    draft.set(discussion::UPDATED_AT, ViewValue::Time(call.now));
    complete::name_discussion(call.root(), &mut draft);
    Ok(call.transaction.put(DISCUSSIONS, draft))
}

/// What a change of a discussion sets; what is none stays.
#[derive(Default)]
pub(super) struct Change<'a> {
    /// The title.
    pub title: Option<&'a str>,
    /// The text.
    pub body: Option<&'a str>,
    /// The category's slug.
    pub category: Option<&'a str>,
}

/// Changes a discussion.
pub(super) fn update(
    call: &mut Call<'_>,
    row: &Row,
    change: &Change<'_>,
) -> Result<Arc<Row>, Refusal> {
    let author = row.text(discussion::USER);
    owns(call, row.text(discussion::REPO), author, Permission::Triage)?;
    let mut draft = row.draft();
    if let Some(title) = change.title {
        check_title(title)?;
        draft.set(discussion::TITLE, text(title));
    }
    if let Some(body) = change.body {
        checked_body("Discussion", body)?;
        draft.set(discussion::BODY, text(body));
    }
    if let Some(slug) = change.category {
        draft.set(discussion::CATEGORY, text(slug));
    }
    Ok(touched(call, row, draft))
}

/// Puts a changed discussion in its place, with a new `updated_at` where anything changed.
fn touched(call: &mut Call<'_>, row: &Row, mut draft: Draft) -> Arc<Row> {
    if draft != row.draft() {
        draft.set(discussion::UPDATED_AT, ViewValue::Time(call.now));
    }
    call.transaction.put(DISCUSSIONS, draft)
}

/// Deletes a discussion with its comments.
pub(super) fn delete(call: &mut Call<'_>, row: &Row) -> Result<(), Refusal> {
    let (_, held) = standing(call, row.text(discussion::REPO))?;
    if held < Some(Permission::Triage) {
        return Err(forbidden());
    }
    let key = call.root().key(DISCUSSIONS, row);
    call.transaction.remove(DISCUSSIONS, &key);
    Ok(())
}

/// Closes a discussion for a reason, or opens it again where there is none.
pub(super) fn set_state(
    call: &mut Call<'_>,
    row: &Row,
    reason: Option<&str>,
) -> Result<Arc<Row>, Refusal> {
    let author = row.text(discussion::USER);
    owns(call, row.text(discussion::REPO), author, Permission::Triage)?;
    let mut draft = row.draft();
    match reason {
        Some(reason) => {
            draft.set(discussion::STATE, text("closed"));
            draft.set(discussion::STATE_REASON, text(reason));
            draft.set(discussion::CLOSED_AT, ViewValue::Time(call.now));
        }
        None if row.text(discussion::STATE) == "closed" => {
            draft.set(discussion::STATE, text("open"));
            draft.set(discussion::STATE_REASON, text("reopened"));
            draft.set(discussion::CLOSED_AT, ViewValue::Null);
        }
        None => {}
    }
    Ok(touched(call, row, draft))
}

/// Comments on a discussion, or replies to a comment on it.
pub(super) fn add_comment(
    call: &mut Call<'_>,
    row: &Row,
    body: &str,
    reply_to: Option<&Row>,
) -> Result<Arc<Row>, Refusal> {
    let repo_name = row.text(discussion::REPO);
    let (login, held) = standing(call, repo_name)?;
    checked_body("DiscussionComment", body)?;
    if row.bool(discussion::LOCKED) && held < Some(Permission::Triage) {
        return Err(Refusal::new(403, "Discussion is locked."));
    }
    let name = format!("{repo_name}#{}", row.int(discussion::NUMBER));
    // A reply to a reply stands below the same comment, and GitHub refuses it.
    if let Some(parent) = reply_to
        && (!same(parent.text(discussion_comment::DISCUSSION), &name)
            || parent.int(discussion_comment::REPLY_TO) != 0)
    {
        return Err(Refusal::new(
            422,
            "Parent comment is already in a thread, cannot reply to it",
        ));
    }
    let id = call.transaction.next_id(DISCUSSION_COMMENTS);
    let mut draft = Draft::empty(TABLES[DISCUSSION_COMMENTS].columns.len());
    draft.set(discussion_comment::DISCUSSION, text(name));
    draft.set(discussion_comment::ID, ViewValue::Int(id));
    draft.set(discussion_comment::BODY, text(body));
    draft.set(discussion_comment::USER, text(login));
    if let Some(parent) = reply_to {
        let parent = parent.int(discussion_comment::ID);
        draft.set(discussion_comment::REPLY_TO, ViewValue::Int(parent));
    }
    draft.set(discussion_comment::UPVOTES, ViewValue::Int(1));
    draft.set(discussion_comment::CREATED_AT, ViewValue::Time(call.now));
    draft.set(discussion_comment::UPDATED_AT, ViewValue::Time(call.now));
    complete::name_discussion_comment(call.root(), &mut draft);
    let made = call.transaction.put(DISCUSSION_COMMENTS, draft);
    touch(call, row);
    Ok(made)
}

fn touch(call: &mut Call<'_>, row: &Row) {
    let mut draft = row.draft();
    draft.set(discussion::UPDATED_AT, ViewValue::Time(call.now));
    call.transaction.put(DISCUSSIONS, draft);
}

/// Changes a comment.
pub(super) fn update_comment(
    call: &mut Call<'_>,
    row: &Row,
    body: &str,
) -> Result<Arc<Row>, Refusal> {
    let repo_name = repo_of(row.text(discussion_comment::DISCUSSION));
    let author = row.text(discussion_comment::USER);
    owns(call, repo_name, author, Permission::Triage)?;
    checked_body("DiscussionComment", body)?;
    let mut draft = row.draft();
    draft.set(discussion_comment::BODY, text(body));
    if draft != row.draft() {
        draft.set(discussion_comment::UPDATED_AT, ViewValue::Time(call.now));
    }
    Ok(call.transaction.put(DISCUSSION_COMMENTS, draft))
}

/// Deletes a comment. One with replies stays as a place for them, without its text.
pub(super) fn delete_comment(call: &mut Call<'_>, row: &Row) -> Result<Arc<Row>, Refusal> {
    let repo_name = repo_of(row.text(discussion_comment::DISCUSSION));
    let author = row.text(discussion_comment::USER);
    owns(call, repo_name, author, Permission::Triage)?;
    let on = of_comment(call.root(), row).ok_or_else(access::not_found)?;
    if on.int(discussion::ANSWER) == row.int(discussion_comment::ID) {
        let mut draft = on.draft();
        draft.set(discussion::ANSWER, ViewValue::Null);
        draft.set(discussion::ANSWER_CHOSEN_AT, ViewValue::Null);
        draft.set(discussion::ANSWER_CHOSEN_BY, ViewValue::Null);
        call.transaction.put(DISCUSSIONS, draft);
    }
    let id = row.int(discussion_comment::ID);
    let mut draft = row.draft();
    draft.set(discussion_comment::BODY, text(""));
    draft.set(discussion_comment::DELETED_AT, ViewValue::Time(call.now));
    let gone = call.transaction.put(DISCUSSION_COMMENTS, draft);
    if comments(call.root(), &on, Some(id)).is_empty() {
        let key = call.root().key(DISCUSSION_COMMENTS, row);
        call.transaction.remove(DISCUSSION_COMMENTS, &key);
    }
    Ok(gone)
}

/// Chooses a comment as the answer, or takes that back.
pub(super) fn set_answer(call: &mut Call<'_>, row: &Row, on: bool) -> Result<Arc<Row>, Refusal> {
    let about = of_comment(call.root(), row).ok_or_else(access::not_found)?;
    let author = about.text(discussion::USER);
    owns(
        call,
        about.text(discussion::REPO),
        author,
        Permission::Triage,
    )?;
    let answerable = category_of(call.root(), &about)
        .is_some_and(|category| category.bool(category::IS_ANSWERABLE));
    let reply = row.int(discussion_comment::REPLY_TO) != 0;
    if !answerable || reply {
        return Err(Refusal::new(
            422,
            "Comment cannot be marked as an answer of this discussion",
        ));
    }
    let id = row.int(discussion_comment::ID);
    let mut draft = about.draft();
    if on {
        draft.set(discussion::ANSWER, ViewValue::Int(id));
        draft.set(discussion::ANSWER_CHOSEN_AT, ViewValue::Time(call.now));
        draft.set(discussion::ANSWER_CHOSEN_BY, text(access::login(call)?));
    } else if about.int(discussion::ANSWER) == id {
        draft.set(discussion::ANSWER, ViewValue::Null);
        draft.set(discussion::ANSWER_CHOSEN_AT, ViewValue::Null);
        draft.set(discussion::ANSWER_CHOSEN_BY, ViewValue::Null);
    }
    Ok(touched(call, &about, draft))
}
