//! Reactions.

use super::operation;
use crate::engine::route::{Action, Guard, Route};
use crate::github::access::{known_comment, known_issue, seen_repo, signed_in};
use crate::github::reactions::{on_comment, on_issue};

const TO_COMMENT: &[Guard] = &[seen_repo, known_comment];
const REACT_TO_COMMENT: &[Guard] = &[seen_repo, signed_in, known_comment];
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
];
