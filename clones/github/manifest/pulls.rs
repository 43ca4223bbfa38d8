//! Pull requests, their reviews and comments on their diffs.

use super::operation;
use crate::engine::route::{Action, Guard, Route};
use crate::github::access::{may_push, seen_repo, writable};
use crate::github::pulls::paths::{
    comment_of_pull, known_comment, known_pull, known_review, may_change, may_change_comment,
    own_review,
};
use crate::github::pulls::{
    change, comments, files, list, merge, open, reviewers, reviews, update_branch,
};
use crate::github::tables::{REVIEW_COMMENTS, REVIEWS};

const PULL: &[Guard] = &[seen_repo, known_pull];
const REVIEW: &[Guard] = &[seen_repo, known_pull, known_review];
const WRITE: &[Guard] = &[seen_repo, writable, known_pull];
const OWN_REVIEW: &[Guard] = &[seen_repo, writable, known_pull, known_review, own_review];
const CHANGE_COMMENT: &[Guard] = &[seen_repo, writable, known_comment, may_change_comment];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "pulls/check-if-merged",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
            "Whether a pull request is merged",
        ),
        docs: "pulls/pulls#check-if-a-pull-request-has-been-merged",
        guards: PULL,
        action: Action::Hook(merge::check),
    },
    Route {
        info: operation(
            "pulls/create",
            "POST",
            "/repos/{owner}/{repo}/pulls",
            "Opens a pull request",
        ),
        docs: "pulls/pulls#create-a-pull-request",
        guards: &[seen_repo, writable],
        action: Action::Hook(open::create),
    },
    Route {
        info: operation(
            "pulls/create-reply-for-review-comment",
            "POST",
            "/repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies",
            "Answers a comment on a diff",
        ),
        docs: "pulls/comments#create-a-reply-for-a-review-comment",
        guards: &[
            seen_repo,
            writable,
            known_pull,
            known_comment,
            comment_of_pull,
        ],
        action: Action::Hook(comments::reply),
    },
    Route {
        info: operation(
            "pulls/create-review",
            "POST",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
            "Begins or submits a review",
        ),
        docs: "pulls/reviews#create-a-review-for-a-pull-request",
        guards: WRITE,
        action: Action::Hook(reviews::create),
    },
    Route {
        info: operation(
            "pulls/create-review-comment",
            "POST",
            "/repos/{owner}/{repo}/pulls/{pull_number}/comments",
            "Comments on a diff",
        ),
        docs: "pulls/comments#create-a-review-comment-for-a-pull-request",
        guards: WRITE,
        action: Action::Hook(comments::create),
    },
    Route {
        info: operation(
            "pulls/delete-pending-review",
            "DELETE",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
            "Takes back a review that is not submitted",
        ),
        docs: "pulls/reviews#delete-a-pending-review-for-a-pull-request",
        guards: OWN_REVIEW,
        action: Action::Hook(reviews::delete),
    },
    Route {
        info: operation(
            "pulls/delete-review-comment",
            "DELETE",
            "/repos/{owner}/{repo}/pulls/comments/{comment_id}",
            "Deletes a comment on a diff",
        ),
        docs: "pulls/comments#delete-a-review-comment-for-a-pull-request",
        guards: CHANGE_COMMENT,
        action: Action::Delete {
            table: REVIEW_COMMENTS,
            then: comments::gone,
        },
    },
    Route {
        info: operation(
            "pulls/dismiss-review",
            "PUT",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals",
            "Takes away the weight of a review",
        ),
        docs: "pulls/reviews#dismiss-a-review-for-a-pull-request",
        guards: &[seen_repo, writable, known_pull, known_review, may_push],
        action: Action::Hook(reviews::dismiss),
    },
    Route {
        info: operation(
            "pulls/get",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}",
            "Gets a pull request",
        ),
        docs: "pulls/pulls#get-a-pull-request",
        guards: PULL,
        action: Action::Apart(list::get),
    },
    Route {
        info: operation(
            "pulls/get-review",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
            "Gets a review",
        ),
        docs: "pulls/reviews#get-a-review-for-a-pull-request",
        guards: REVIEW,
        action: Action::Get { table: REVIEWS },
    },
    Route {
        info: operation(
            "pulls/get-review-comment",
            "GET",
            "/repos/{owner}/{repo}/pulls/comments/{comment_id}",
            "Gets a comment on a diff",
        ),
        docs: "pulls/comments#get-a-review-comment-for-a-pull-request",
        guards: &[seen_repo, known_comment],
        action: Action::Get {
            table: REVIEW_COMMENTS,
        },
    },
    Route {
        info: operation(
            "pulls/list",
            "GET",
            "/repos/{owner}/{repo}/pulls",
            "Lists the pull requests of a repository",
        ),
        docs: "pulls/pulls#list-pull-requests",
        guards: &[seen_repo],
        action: Action::Hook(list::list),
    },
    Route {
        info: operation(
            "pulls/list-comments-for-review",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments",
            "Lists the comments of a review",
        ),
        docs: "pulls/reviews#list-comments-for-a-pull-request-review",
        guards: REVIEW,
        action: Action::Hook(reviews::list_comments),
    },
    Route {
        info: operation(
            "pulls/list-commits",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/commits",
            "Lists the commits of a pull request",
        ),
        docs: "pulls/pulls#list-commits-on-a-pull-request",
        guards: PULL,
        action: Action::Hook(files::commits),
    },
    Route {
        info: operation(
            "pulls/list-files",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/files",
            "Lists the files that a pull request changes",
        ),
        docs: "pulls/pulls#list-pull-requests-files",
        guards: PULL,
        action: Action::Apart(files::list),
    },
    Route {
        info: operation(
            "pulls/list-requested-reviewers",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
            "Lists who was asked for a review",
        ),
        docs: "pulls/review-requests#get-all-requested-reviewers-for-a-pull-request",
        guards: PULL,
        action: Action::Hook(reviewers::list),
    },
    Route {
        info: operation(
            "pulls/list-review-comments",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/comments",
            "Lists the comments on the diff of a pull request",
        ),
        docs: "pulls/comments#list-review-comments-on-a-pull-request",
        guards: PULL,
        action: Action::Hook(comments::list_of_pull),
    },
    Route {
        info: operation(
            "pulls/list-review-comments-for-repo",
            "GET",
            "/repos/{owner}/{repo}/pulls/comments",
            "Lists the comments on diffs of a repository",
        ),
        docs: "pulls/comments#list-review-comments-in-a-repository",
        guards: &[seen_repo],
        action: Action::Hook(comments::list_of_repo),
    },
    Route {
        info: operation(
            "pulls/list-reviews",
            "GET",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
            "Lists the reviews of a pull request",
        ),
        docs: "pulls/reviews#list-reviews-for-a-pull-request",
        guards: PULL,
        action: Action::Hook(reviews::list_of_pull),
    },
    Route {
        info: operation(
            "pulls/merge",
            "PUT",
            "/repos/{owner}/{repo}/pulls/{pull_number}/merge",
            "Merges a pull request",
        ),
        docs: "pulls/pulls#merge-a-pull-request",
        guards: &[seen_repo, writable, known_pull, may_push],
        action: Action::Hook(merge::merge),
    },
    Route {
        info: operation(
            "pulls/remove-requested-reviewers",
            "DELETE",
            "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
            "Asks users and teams no longer for a review",
        ),
        docs: "pulls/review-requests#remove-requested-reviewers-from-a-pull-request",
        guards: &[seen_repo, writable, known_pull, may_change],
        action: Action::Hook(reviewers::remove),
    },
    Route {
        info: operation(
            "pulls/request-reviewers",
            "POST",
            "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
            "Asks users and teams for a review",
        ),
        docs: "pulls/review-requests#request-reviewers-for-a-pull-request",
        guards: &[seen_repo, writable, known_pull, may_change],
        action: Action::Hook(reviewers::add),
    },
    Route {
        info: operation(
            "pulls/submit-review",
            "POST",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events",
            "Submits a review that was begun",
        ),
        docs: "pulls/reviews#submit-a-review-for-a-pull-request",
        guards: OWN_REVIEW,
        action: Action::Hook(reviews::submit),
    },
    Route {
        info: operation(
            "pulls/update",
            "PATCH",
            "/repos/{owner}/{repo}/pulls/{pull_number}",
            "Changes a pull request",
        ),
        docs: "pulls/pulls#update-a-pull-request",
        guards: &[seen_repo, writable, known_pull, may_change],
        action: Action::Hook(change::change),
    },
    Route {
        info: operation(
            "pulls/update-branch",
            "PUT",
            "/repos/{owner}/{repo}/pulls/{pull_number}/update-branch",
            "Merges the base of a pull request into its head",
        ),
        docs: "pulls/pulls#update-a-pull-request-branch",
        guards: WRITE,
        action: Action::Hook(update_branch::update),
    },
    Route {
        info: operation(
            "pulls/update-review",
            "PUT",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
            "Changes the text of a review",
        ),
        docs: "pulls/reviews#update-a-review-for-a-pull-request",
        guards: OWN_REVIEW,
        action: Action::Patch {
            table: REVIEWS,
            inputs: reviews::CHANGE,
            change: reviews::change,
            then: reviews::touch_pull,
        },
    },
    Route {
        info: operation(
            "pulls/update-review-comment",
            "PATCH",
            "/repos/{owner}/{repo}/pulls/comments/{comment_id}",
            "Changes a comment on a diff",
        ),
        docs: "pulls/comments#update-a-review-comment-for-a-pull-request",
        guards: CHANGE_COMMENT,
        action: Action::Patch {
            table: REVIEW_COMMENTS,
            inputs: comments::TEXT,
            change: comments::change,
            then: comments::touch_pull,
        },
    },
];
