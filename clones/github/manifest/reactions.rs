//! Reactions.

use super::operation;
use crate::engine::route::{Action, Guard, Route};
use crate::github::access::{known_comment, known_issue, seen_repo, signed_in};
use crate::github::pulls::paths::known_comment as known_review_comment;
use crate::github::reactions::{on_comment, on_issue, on_review_comment};

const TO_COMMENT: &[Guard] = &[seen_repo, known_comment];
const REACT_TO_COMMENT: &[Guard] = &[seen_repo, signed_in, known_comment];
const TO_REVIEW_COMMENT: &[Guard] = &[seen_repo, known_review_comment];
const REACT_TO_REVIEW_COMMENT: &[Guard] = &[seen_repo, signed_in, known_review_comment];
const TO_ISSUE: &[Guard] = &[seen_repo, known_issue];
const REACT_TO_ISSUE: &[Guard] = &[seen_repo, signed_in, known_issue];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "reactions/create-for-issue",
            "POST",
            "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
            "Reacts to an issue",
        ),
        docs: "reactions/reactions#create-reaction-for-an-issue",
        guards: REACT_TO_ISSUE,
        action: Action::Hook(on_issue::create),
    },
    Route {
        info: operation(
            "reactions/create-for-issue-comment",
            "POST",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
            "Reacts to a comment on an issue",
        ),
        docs: "reactions/reactions#create-reaction-for-an-issue-comment",
        guards: REACT_TO_COMMENT,
        action: Action::Hook(on_comment::create),
    },
    Route {
        info: operation(
            "reactions/create-for-pull-request-review-comment",
            "POST",
            "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions",
            "Reacts to a comment on a diff",
        ),
        docs: "reactions/reactions#create-reaction-for-a-pull-request-review-comment",
        guards: REACT_TO_REVIEW_COMMENT,
        action: Action::Hook(on_review_comment::create),
    },
    Route {
        info: operation(
            "reactions/delete-for-issue",
            "DELETE",
            "/repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}",
            "Takes back a reaction to an issue",
        ),
        docs: "reactions/reactions#delete-an-issue-reaction",
        guards: REACT_TO_ISSUE,
        action: Action::Hook(on_issue::delete),
    },
    Route {
        info: operation(
            "reactions/delete-for-issue-comment",
            "DELETE",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}",
            "Takes back a reaction to a comment on an issue",
        ),
        docs: "reactions/reactions#delete-an-issue-comment-reaction",
        guards: REACT_TO_COMMENT,
        action: Action::Hook(on_comment::delete),
    },
    Route {
        info: operation(
            "reactions/delete-for-pull-request-comment",
            "DELETE",
            "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}",
            "Takes back a reaction to a comment on a diff",
        ),
        docs: "reactions/reactions#delete-a-pull-request-comment-reaction",
        guards: REACT_TO_REVIEW_COMMENT,
        action: Action::Hook(on_review_comment::delete),
    },
    Route {
        info: operation(
            "reactions/list-for-issue",
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
            "Lists the reactions to an issue",
        ),
        docs: "reactions/reactions#list-reactions-for-an-issue",
        guards: TO_ISSUE,
        action: Action::Hook(on_issue::list),
    },
    Route {
        info: operation(
            "reactions/list-for-issue-comment",
            "GET",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
            "Lists the reactions to a comment on an issue",
        ),
        docs: "reactions/reactions#list-reactions-for-an-issue-comment",
        guards: TO_COMMENT,
        action: Action::Hook(on_comment::list),
    },
    Route {
        info: operation(
            "reactions/list-for-pull-request-review-comment",
            "GET",
            "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions",
            "Lists the reactions to a comment on a diff",
        ),
        docs: "reactions/reactions#list-reactions-for-a-pull-request-review-comment",
        guards: TO_REVIEW_COMMENT,
        action: Action::Hook(on_review_comment::list),
    },
];
