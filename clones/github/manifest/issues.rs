//! Issues, their comments, labels, assignees, milestones, events and bonds: up to `issues/get-…`.

use super::{hook, operation};
use crate::engine::route::{Action, Guard, Route, nothing};
use crate::github::access::{
    known_comment, known_issue, known_label, may_edit_comment, may_edit_issue, may_push,
    may_triage, seen_repo, with_issues, writable,
};
use crate::github::tables::{COMMENTS, ISSUES, LABELS, MILESTONES};
use crate::github::{
    assignees, comments, issue_fields, issues, labels, milestones, related, timeline,
};

pub(super) const ISSUE: &[Guard] = &[seen_repo, with_issues, known_issue];
pub(super) const CHANGE_ISSUE: &[Guard] = &[
    seen_repo,
    with_issues,
    writable,
    known_issue,
    may_edit_issue,
];
pub(super) const MANAGE_ISSUE: &[Guard] =
    &[seen_repo, with_issues, writable, known_issue, may_triage];
pub(super) const CHANGE_COMMENT: &[Guard] = &[seen_repo, writable, known_comment, may_edit_comment];
pub(super) const CHANGE_LABEL: &[Guard] = &[seen_repo, writable, may_push, known_label];
pub(super) const CHANGE_MILESTONE: &[Guard] = &[seen_repo, writable, may_push, milestones::known];
pub(super) const FIELDS_OF_ISSUE: &[Guard] =
    &[seen_repo, with_issues, writable, known_issue, may_push];
pub(super) const LOCK_ISSUE: &[Guard] = &[seen_repo, with_issues, writable, known_issue, may_push];
pub(super) const PIN_COMMENT: &[Guard] = &[seen_repo, writable, known_comment, may_push];

/// The operations, sorted by id.
pub(super) const ROUTES: &[Route] = &[
    hook(
        "issues/add-assignees",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/assignees",
        "Assigns users to an issue",
        "issues/assignees#add-assignees-to-an-issue",
        MANAGE_ISSUE,
        assignees::add,
    ),
    hook(
        "issues/add-blocked-by-dependency",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocked_by",
        "Makes an issue wait for another one",
        "issues/issue-dependencies#add-a-dependency-an-issue-is-blocked-by",
        MANAGE_ISSUE,
        related::add_blocker,
    ),
    hook(
        "issues/add-issue-field-values",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/issue-field-values",
        "Gives an issue values in fields",
        "issues/issue-field-values#add-issue-field-values-to-an-issue",
        FIELDS_OF_ISSUE,
        issue_fields::add_values,
    ),
    hook(
        "issues/add-labels",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/labels",
        "Adds labels to an issue",
        "issues/labels#add-labels-to-an-issue",
        MANAGE_ISSUE,
        labels::add,
    ),
    hook(
        "issues/add-sub-issue",
        "POST",
        "/repos/{owner}/{repo}/issues/{issue_number}/sub_issues",
        "Makes an issue a sub-issue",
        "issues/sub-issues#add-sub-issue",
        MANAGE_ISSUE,
        related::add,
    ),
    hook(
        "issues/check-user-can-be-assigned",
        "GET",
        "/repos/{owner}/{repo}/assignees/{assignee}",
        "Whether a user can be assigned to issues of a repository",
        "issues/assignees#check-if-a-user-can-be-assigned",
        &[seen_repo],
        assignees::check,
    ),
    hook(
        "issues/check-user-can-be-assigned-to-issue",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/assignees/{assignee}",
        "Whether a user can be assigned to an issue",
        "issues/assignees#check-if-a-user-can-be-assigned-to-a-issue",
        ISSUE,
        assignees::check,
    ),
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
            then: issues::opened,
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
            then: comments::said,
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
            "issues/create-milestone",
            "POST",
            "/repos/{owner}/{repo}/milestones",
            "Makes a milestone",
        ),
        docs: "issues/milestones#create-a-milestone",
        guards: &[seen_repo, writable, may_push],
        action: Action::Create {
            table: MILESTONES,
            inputs: milestones::NEW,
            make: milestones::make,
            then: nothing,
            location: milestones::url,
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
            then: comments::gone,
        },
    },
    hook(
        "issues/delete-issue-field-value",
        "DELETE",
        "/repos/{owner}/{repo}/issues/{issue_number}/issue-field-values/{issue_field_id}",
        "Takes the value of a field from an issue",
        "issues/issue-field-values#delete-an-issue-field-value-from-an-issue",
        FIELDS_OF_ISSUE,
        issue_fields::delete_value,
    ),
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
            "issues/delete-milestone",
            "DELETE",
            "/repos/{owner}/{repo}/milestones/{milestone_number}",
            "Deletes a milestone",
        ),
        docs: "issues/milestones#delete-a-milestone",
        guards: CHANGE_MILESTONE,
        action: Action::Delete {
            table: MILESTONES,
            then: milestones::leave_issues,
        },
    },
    hook(
        "issues/get",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}",
        "Gets an issue",
        "issues/issues#get-an-issue",
        ISSUE,
        issues::get,
    ),
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
    hook(
        "issues/get-event",
        "GET",
        "/repos/{owner}/{repo}/issues/events/{event_id}",
        "Gets an event",
        "issues/events#get-an-issue-event",
        &[seen_repo],
        timeline::get,
    ),
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
            "issues/get-milestone",
            "GET",
            "/repos/{owner}/{repo}/milestones/{milestone_number}",
            "Gets a milestone",
        ),
        docs: "issues/milestones#get-a-milestone",
        guards: &[seen_repo, milestones::known],
        action: Action::Get { table: MILESTONES },
    },
    hook(
        "issues/get-parent",
        "GET",
        "/repos/{owner}/{repo}/issues/{issue_number}/parent",
        "Gets the parent of an issue",
        "issues/sub-issues#get-parent-issue",
        ISSUE,
        related::get_parent,
    ),
];
