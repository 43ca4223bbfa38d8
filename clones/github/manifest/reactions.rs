//! Reactions.

use super::hook;
use crate::engine::route::{Guard, Route};
use crate::github::access::{known_comment, known_issue, seen_repo, signed_in};
use crate::github::pulls::paths::known_comment as known_review_comment;
use crate::github::reactions::{on_comment, on_issue, on_release, on_review_comment};
use crate::github::releases::known_release;

const TO_COMMENT: &[Guard] = &[seen_repo, known_comment];
const REACT_TO_COMMENT: &[Guard] = &[seen_repo, signed_in, known_comment];
const TO_REVIEW_COMMENT: &[Guard] = &[seen_repo, known_review_comment];
const REACT_TO_REVIEW_COMMENT: &[Guard] = &[seen_repo, signed_in, known_review_comment];
const TO_ISSUE: &[Guard] = &[seen_repo, known_issue];
const REACT_TO_ISSUE: &[Guard] = &[seen_repo, signed_in, known_issue];
const TO_RELEASE: &[Guard] = &[seen_repo, known_release];
const REACT_TO_RELEASE: &[Guard] = &[seen_repo, signed_in, known_release];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    hook(
        "reactions/create-for-issue",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
        "Reacts to an issue",
        "reactions/reactions#create-reaction-for-an-issue",
        REACT_TO_ISSUE,
        on_issue::create,
    ),
    hook(
        "reactions/create-for-issue-comment",
        "POST",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
        "Reacts to a comment on an issue",
        "reactions/reactions#create-reaction-for-an-issue-comment",
        REACT_TO_COMMENT,
        on_comment::create,
    ),
    hook(
        "reactions/create-for-pull-request-review-comment",
        "POST",
        "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions",
        "Reacts to a comment on a diff",
        "reactions/reactions#create-reaction-for-a-pull-request-review-comment",
        REACT_TO_REVIEW_COMMENT,
        on_review_comment::create,
    ),
    hook(
        "reactions/create-for-release",
        "POST",
        "/repos/{owner}/{repo}/releases/{release_id}/reactions",
        "Reacts to a release",
        "reactions/reactions#create-reaction-for-a-release",
        REACT_TO_RELEASE,
        on_release::create,
    ),
    hook(
        "reactions/delete-for-issue",
        "DELETE",
        "/repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}",
        "Takes back a reaction to an issue",
        "reactions/reactions#delete-an-issue-reaction",
        REACT_TO_ISSUE,
        on_issue::delete,
    ),
    hook(
        "reactions/delete-for-issue-comment",
        "DELETE",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}",
        "Takes back a reaction to a comment on an issue",
        "reactions/reactions#delete-an-issue-comment-reaction",
        REACT_TO_COMMENT,
        on_comment::delete,
    ),
    hook(
        "reactions/delete-for-pull-request-comment",
        "DELETE",
        "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}",
        "Takes back a reaction to a comment on a diff",
        "reactions/reactions#delete-a-pull-request-comment-reaction",
        REACT_TO_REVIEW_COMMENT,
        on_review_comment::delete,
    ),
    hook(
        "reactions/delete-for-release",
        "DELETE",
        "/repos/{owner}/{repo}/releases/{release_id}/reactions/{reaction_id}",
        "Takes back a reaction to a release",
        "reactions/reactions#delete-a-release-reaction",
        REACT_TO_RELEASE,
        on_release::delete,
    ),
    hook(
        "reactions/list-for-issue",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/reactions",
        "Lists the reactions to an issue",
        "reactions/reactions#list-reactions-for-an-issue",
        TO_ISSUE,
        on_issue::list,
    ),
    hook(
        "reactions/list-for-issue-comment",
        "GET",
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
        "Lists the reactions to a comment on an issue",
        "reactions/reactions#list-reactions-for-an-issue-comment",
        TO_COMMENT,
        on_comment::list,
    ),
    hook(
        "reactions/list-for-pull-request-review-comment",
        "GET",
        "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions",
        "Lists the reactions to a comment on a diff",
        "reactions/reactions#list-reactions-for-a-pull-request-review-comment",
        TO_REVIEW_COMMENT,
        on_review_comment::list,
    ),
    hook(
        "reactions/list-for-release",
        "GET",
        "/repos/{owner}/{repo}/releases/{release_id}/reactions",
        "Lists the reactions to a release",
        "reactions/reactions#list-reactions-for-a-release",
        TO_RELEASE,
        on_release::list,
    ),
];
