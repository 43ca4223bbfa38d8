//! Issues, their comments, labels and assignees.

use super::of_repo;
use super::operation;
use crate::engine::route::{Action, Guard, Route, nothing};
use crate::github::access::{
    known_comment, known_issue, known_label, may_edit_comment, may_edit_issue, may_push,
    may_triage, seen_repo, with_issues, writable,
};
use crate::github::tables::{COMMENTS, COMMENTS_BY_ISSUE, ISSUES, LABELS, LABELS_BY_REPO};
use crate::github::{assignees, comments, issues, labels};

const ISSUE: &[Guard] = &[seen_repo, with_issues, known_issue];
const CHANGE_ISSUE: &[Guard] = &[
    seen_repo,
    with_issues,
    writable,
    known_issue,
    may_edit_issue,
];
const MANAGE_ISSUE: &[Guard] = &[seen_repo, with_issues, writable, known_issue, may_triage];
const CHANGE_COMMENT: &[Guard] = &[seen_repo, writable, known_comment, may_edit_comment];
const CHANGE_LABEL: &[Guard] = &[seen_repo, writable, may_push, known_label];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        info: operation(
            "issues/add-assignees",
            "POST",
            "/repos/{owner}/{repo}/issues/{issue_number}/assignees",
            "Assigns users to an issue",
        ),
        docs: "issues/assignees#add-assignees-to-an-issue",
        guards: MANAGE_ISSUE,
        action: Action::Hook(assignees::add),
    },
    Route {
        info: operation(
            "issues/add-labels",
            "POST",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels",
            "Adds labels to an issue",
        ),
        docs: "issues/labels#add-labels-to-an-issue",
        guards: MANAGE_ISSUE,
        action: Action::Hook(labels::add),
    },
    Route {
        info: operation(
            "issues/check-user-can-be-assigned",
            "GET",
            "/repos/{owner}/{repo}/assignees/{assignee}",
            "Whether a user can be assigned to issues of a repository",
        ),
        docs: "issues/assignees#check-if-a-user-can-be-assigned",
        guards: &[seen_repo],
        action: Action::Hook(assignees::check),
    },
    Route {
        info: operation(
            "issues/create",
            "POST",
            "/repos/{owner}/{repo}/issues",
            "Opens an issue",
        ),
        docs: "issues/issues#create-an-issue",
        guards: &[seen_repo, with_issues, writable],
        action: Action::Create {
            table: ISSUES,
            inputs: issues::NEW,
            make: issues::make,
            then: nothing,
            location: issues::url,
        },
    },
    Route {
        info: operation(
            "issues/create-comment",
            "POST",
            "/repos/{owner}/{repo}/issues/{issue_number}/comments",
            "Comments on an issue",
        ),
        docs: "issues/comments#create-an-issue-comment",
        guards: &[seen_repo, with_issues, writable, known_issue],
        action: Action::Create {
            table: COMMENTS,
            inputs: comments::TEXT,
            make: comments::make,
            then: comments::touch_issue,
            location: comments::url,
        },
    },
    Route {
        info: operation(
            "issues/create-label",
            "POST",
            "/repos/{owner}/{repo}/labels",
            "Adds a label to a repository",
        ),
        docs: "issues/labels#create-a-label",
        guards: &[seen_repo, writable, may_push],
        action: Action::Create {
            table: LABELS,
            inputs: labels::NEW,
            make: labels::make,
            then: nothing,
            location: labels::url,
        },
    },
    Route {
        info: operation(
            "issues/delete-comment",
            "DELETE",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}",
            "Deletes a comment",
        ),
        docs: "issues/comments#delete-an-issue-comment",
        guards: CHANGE_COMMENT,
        action: Action::Delete {
            table: COMMENTS,
            then: comments::touch_issue,
        },
    },
    Route {
        info: operation(
            "issues/delete-label",
            "DELETE",
            "/repos/{owner}/{repo}/labels/{name}",
            "Deletes a label and takes it off every issue",
        ),
        docs: "issues/labels#delete-a-label",
        guards: CHANGE_LABEL,
        action: Action::Delete {
            table: LABELS,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "issues/get",
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}",
            "Gets an issue",
        ),
        docs: "issues/issues#get-an-issue",
        guards: ISSUE,
        action: Action::Hook(issues::get),
    },
    Route {
        info: operation(
            "issues/get-comment",
            "GET",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}",
            "Gets a comment",
        ),
        docs: "issues/comments#get-an-issue-comment",
        guards: &[seen_repo, known_comment],
        action: Action::Get { table: COMMENTS },
    },
    Route {
        info: operation(
            "issues/get-label",
            "GET",
            "/repos/{owner}/{repo}/labels/{name}",
            "Gets a label",
        ),
        docs: "issues/labels#get-a-label",
        guards: &[seen_repo, known_label],
        action: Action::Get { table: LABELS },
    },
    Route {
        info: operation(
            "issues/list-assignees",
            "GET",
            "/repos/{owner}/{repo}/assignees",
            "Lists who can be assigned to issues of a repository",
        ),
        docs: "issues/assignees#list-assignees",
        guards: &[seen_repo],
        action: Action::Hook(assignees::list),
    },
    Route {
        info: operation(
            "issues/list-comments",
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}/comments",
            "Lists the comments on an issue",
        ),
        docs: "issues/comments#list-issue-comments",
        guards: ISSUE,
        action: Action::List {
            table: COMMENTS,
            index: COMMENTS_BY_ISSUE,
            group: comments::of_issue,
            filter: Some(comments::since),
        },
    },
    Route {
        info: operation(
            "issues/list-comments-for-repo",
            "GET",
            "/repos/{owner}/{repo}/issues/comments",
            "Lists the comments on all issues of a repository",
        ),
        docs: "issues/comments#list-issue-comments-for-a-repository",
        guards: &[seen_repo],
        action: Action::Hook(comments::list_for_repo),
    },
    Route {
        info: operation(
            "issues/list-for-repo",
            "GET",
            "/repos/{owner}/{repo}/issues",
            "Lists the issues of a repository",
        ),
        docs: "issues/issues#list-repository-issues",
        guards: &[seen_repo, with_issues],
        action: Action::Hook(issues::list),
    },
    Route {
        info: operation(
            "issues/list-labels-for-repo",
            "GET",
            "/repos/{owner}/{repo}/labels",
            "Lists the labels of a repository",
        ),
        docs: "issues/labels#list-labels-for-a-repository",
        guards: &[seen_repo],
        action: Action::List {
            table: LABELS,
            index: LABELS_BY_REPO,
            group: of_repo,
            filter: None,
        },
    },
    Route {
        info: operation(
            "issues/list-labels-on-issue",
            "GET",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels",
            "Lists the labels on an issue",
        ),
        docs: "issues/labels#list-labels-for-an-issue",
        guards: ISSUE,
        action: Action::Hook(labels::list_on_issue),
    },
    Route {
        info: operation(
            "issues/remove-all-labels",
            "DELETE",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels",
            "Takes all labels off an issue",
        ),
        docs: "issues/labels#remove-all-labels-from-an-issue",
        guards: MANAGE_ISSUE,
        action: Action::Hook(labels::remove_all),
    },
    Route {
        info: operation(
            "issues/remove-assignees",
            "DELETE",
            "/repos/{owner}/{repo}/issues/{issue_number}/assignees",
            "Takes users off an issue",
        ),
        docs: "issues/assignees#remove-assignees-from-an-issue",
        guards: MANAGE_ISSUE,
        action: Action::Hook(assignees::remove),
    },
    Route {
        info: operation(
            "issues/remove-label",
            "DELETE",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
            "Takes a label off an issue",
        ),
        docs: "issues/labels#remove-a-label-from-an-issue",
        guards: MANAGE_ISSUE,
        action: Action::Hook(labels::remove),
    },
    Route {
        info: operation(
            "issues/set-labels",
            "PUT",
            "/repos/{owner}/{repo}/issues/{issue_number}/labels",
            "Gives an issue exactly these labels",
        ),
        docs: "issues/labels#set-labels-for-an-issue",
        guards: MANAGE_ISSUE,
        action: Action::Hook(labels::set),
    },
    Route {
        info: operation(
            "issues/update",
            "PATCH",
            "/repos/{owner}/{repo}/issues/{issue_number}",
            "Changes an issue: title, body, state, labels, assignees",
        ),
        docs: "issues/issues#update-an-issue",
        guards: CHANGE_ISSUE,
        action: Action::Patch {
            table: ISSUES,
            inputs: issues::CHANGE,
            change: issues::change,
            then: nothing,
        },
    },
    Route {
        info: operation(
            "issues/update-comment",
            "PATCH",
            "/repos/{owner}/{repo}/issues/comments/{comment_id}",
            "Changes a comment",
        ),
        docs: "issues/comments#update-an-issue-comment",
        guards: CHANGE_COMMENT,
        action: Action::Patch {
            table: COMMENTS,
            inputs: comments::TEXT,
            change: comments::change,
            then: comments::touch_issue,
        },
    },
    Route {
        info: operation(
            "issues/update-label",
            "PATCH",
            "/repos/{owner}/{repo}/labels/{name}",
            "Changes a label, on every issue too",
        ),
        docs: "issues/labels#update-a-label",
        guards: CHANGE_LABEL,
        action: Action::Patch {
            table: LABELS,
            inputs: labels::CHANGE,
            change: labels::change,
            then: nothing,
        },
    },
];
