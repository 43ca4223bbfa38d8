//! What follows in rows of discussions from the rest of them.

use archal_core::clone::ViewValue;
use archal_core::diagnostic::Diagnostic;

use super::{actor, association, copy, days_ago, node_id, repo_id};
use crate::engine::key::{Key, folded};
use crate::engine::pack::Completing;
use crate::engine::root::Root;
use crate::engine::row::{Draft, text};
use crate::github::tables::{
    DISCUSSION_CATEGORIES, DISCUSSIONS, ISSUES, REPOS, category, discussion, discussion_comment,
    issue_key, repo, repo_of,
};

/// Fills in a category.
pub(super) fn complete_category(cx: &mut Completing<'_>, draft: &mut Draft) {
    let slug = draft.text(category::SLUG).to_owned();
    draft.or(category::NAME, || {
        let mut name = slug.replace('-', " ");
        if let Some(first) = name.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        text(name)
    });
    draft.or(category::CREATED_AT, || days_ago(cx, 400));
    let ids = [
        repo_id(cx.transaction.root(), draft.text(category::REPO)),
        draft.int(category::ID),
    ];
    draft.or(category::NODE_ID, || text(node_id("DIC", &ids)));
}

/// Fills in a discussion.
pub(super) fn complete_discussion(cx: &mut Completing<'_>, draft: &mut Draft) {
    let repo_name = draft.text(discussion::REPO).to_owned();
    let number = draft.int(discussion::NUMBER);
    let root = cx.transaction.root();
    let slug = draft.text(discussion::CATEGORY);
    let key = Key::new([folded(&repo_name), folded(slug)]);
    if root.get(DISCUSSION_CATEGORIES, &key).is_none() {
        let problem = format!("category names {slug:?}, which is no category of {repo_name}");
        let help =
            format!("add {{\"repo\": {repo_name:?}, \"slug\": {slug:?}}} to discussion_categories");
        cx.diagnostics
            .push(Diagnostic::error("seed/dangling", problem).with_help(help));
    }
    let root = cx.transaction.root();
    let taken = issue_key(&format!("{repo_name}#{number}"));
    if number < 1 || taken.is_some_and(|key| root.get(ISSUES, &key).is_some()) {
        let problem = "a discussion's number is 1 or more and no issue's";
        cx.diagnostics
            .push(Diagnostic::error("seed/number", problem));
    }
    draft.or(discussion::USER, || actor(cx));
    draft.or(discussion::CREATED_AT, || days_ago(cx, 30));
    copy(draft, discussion::UPDATED_AT, discussion::CLOSED_AT);
    copy(draft, discussion::UPDATED_AT, discussion::CREATED_AT);
    if draft.text(discussion::STATE) == "closed" {
        copy(draft, discussion::CLOSED_AT, discussion::UPDATED_AT);
    }
    if !draft.is_null(discussion::ANSWER) {
        copy(draft, discussion::ANSWER_CHOSEN_AT, discussion::UPDATED_AT);
        copy(draft, discussion::ANSWER_CHOSEN_BY, discussion::USER);
    }
    name_discussion(cx.transaction.root(), draft);
    // Issues that come later take greater numbers.
    if let Some(row) = cx.transaction.root().named(REPOS, &repo_name).cloned()
        && row.int(repo::NEXT_ISSUE_NUMBER) <= number
    {
        let mut next = row.draft();
        next.set(repo::NEXT_ISSUE_NUMBER, ViewValue::Int(number + 1));
        cx.transaction.put(REPOS, next);
    }
}

/// Gives a discussion its GraphQL id and says what its author is.
pub(in crate::github) fn name_discussion(root: &Root, draft: &mut Draft) {
    let repo_name = draft.text(discussion::REPO).to_owned();
    let ids = [repo_id(root, &repo_name), draft.int(discussion::ID)];
    draft.or(discussion::NODE_ID, || text(node_id("D", &ids)));
    let author = draft.text(discussion::USER).to_owned();
    draft.or(discussion::AUTHOR_ASSOCIATION, || {
        association(root, &repo_name, &author)
    });
}

/// Fills in a comment.
pub(super) fn complete_comment(cx: &mut Completing<'_>, draft: &mut Draft) {
    draft.or(discussion_comment::USER, || actor(cx));
    let on = issue_key(draft.text(discussion_comment::DISCUSSION));
    let on = on.and_then(|key| cx.transaction.root().get(DISCUSSIONS, &key));
    let started = on.map_or(ViewValue::Null, |row| {
        row.value(discussion::CREATED_AT).clone()
    });
    draft.or(discussion_comment::CREATED_AT, || started);
    draft.or(discussion_comment::CREATED_AT, || days_ago(cx, 30));
    copy(
        draft,
        discussion_comment::UPDATED_AT,
        discussion_comment::CREATED_AT,
    );
    name_comment(cx.transaction.root(), draft);
}

/// Gives a comment its GraphQL id and says what its author is.
pub(in crate::github) fn name_comment(root: &Root, draft: &mut Draft) {
    let repo_name = repo_of(draft.text(discussion_comment::DISCUSSION)).to_owned();
    let ids = [repo_id(root, &repo_name), draft.int(discussion_comment::ID)];
    draft.or(discussion_comment::NODE_ID, || text(node_id("DC", &ids)));
    let author = draft.text(discussion_comment::USER).to_owned();
    draft.or(discussion_comment::AUTHOR_ASSOCIATION, || {
        association(root, &repo_name, &author)
    });
}
