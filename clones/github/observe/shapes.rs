//! The kinds of objects in GitHub's answers, and which rows they are.

use serde_json::Value;

use super::exchange::Observing;
use super::shape::{Shape, never, nothing, repo};
use super::{issues, pulls, social};
use crate::github::tables::{
    ARTIFACTS, ASSETS, COMMENTS, EVENTS, ISSUE_TYPES, ISSUES, JOBS, LABELS, MILESTONES,
    NOTIFICATIONS, PULLS, REACTIONS, RELEASES, REPOS, REVIEW_COMMENTS, REVIEWS, TEAMS, USERS,
    WORKFLOW_RUNS, WORKFLOWS, artifact, asset, comment, event, issue, issue_type, job, label,
    milestone, notification, pull, reaction, release, repo as repository, review, review_comment,
    run, team, workflow,
};

/// Reads the text at a place.
pub(super) fn text_at(body: &Value, at: &str) -> Option<Value> {
    body.pointer(at)?.as_str().map(Value::from)
}

/// Reads the text at a place, or that nothing is there.
fn text_or_null(body: &Value, object: &str, field: &str) -> Option<Value> {
    match body.get(object)? {
        Value::Null => Some(Value::Null),
        inner => inner.get(field).filter(|text| text.is_string()).cloned(),
    }
}

/// Somebody with an account.
pub(super) static USER: Shape = Shape {
    table: USERS,
    columns: &[],
    beside: nothing,
};

/// A repository.
pub(super) static REPO: Shape = Shape {
    table: REPOS,
    columns: &[
        (repository::OWNER, |at, _, body| {
            at.show(&USER, body.get("owner")?).map(Value::from)
        }),
        (repository::PERMISSION, |_, _, body| {
            social::permission(body)
        }),
        (repository::LICENSE, |_, _, body| {
            text_or_null(body, "license", "spdx_id")
        }),
        (repository::PARENT, |at, _, body| {
            at.show(&REPO, body.get("parent")?).map(Value::from)
        }),
        (repository::FILES, never),
        (repository::COLLABORATORS, never),
        (repository::COLLABORATOR_ROLES, never),
        (repository::NEXT_ISSUE_NUMBER, never),
    ],
    beside: nothing,
};

/// A label.
pub(super) static LABEL: Shape = Shape {
    table: LABELS,
    columns: &[(label::REPO, repo)],
    beside: nothing,
};

/// A milestone.
pub(super) static MILESTONE: Shape = Shape {
    table: MILESTONES,
    columns: &[(milestone::REPO, repo), (milestone::DUE_ON_AS_SENT, never)],
    beside: nothing,
};

/// A type of issues.
pub(super) static ISSUE_TYPE: Shape = Shape {
    table: ISSUE_TYPES,
    columns: &[(issue_type::ORG, |at, repo, _| {
        let owner = repo.split('/').next().filter(|owner| !owner.is_empty());
        Some(Value::from(owner.unwrap_or(at.param("org"))))
    })],
    beside: nothing,
};

/// An issue, which may be a pull request.
pub(super) static ISSUE: Shape = Shape {
    table: ISSUES,
    columns: &[
        (issue::REPO, repo),
        (issue::LABELS, issues::labels),
        (issue::MILESTONE, issues::milestone),
        (issue::TYPE, issues::kind),
        (issue::PINNED_COMMENT, issues::pinned),
    ],
    beside: issues::beside,
};

/// The issue that a pull request is, as the pull request shows it.
pub(super) static ISSUE_OF_PULL: Shape = Shape {
    table: ISSUES,
    columns: &[
        (issue::REPO, repo),
        (issue::ID, never),
        (issue::LABELS, issues::labels),
        (issue::MILESTONE, issues::milestone),
        (issue::TYPE, never),
        (issue::PINNED_COMMENT, never),
        (issue::STATE_REASON, never),
        (issue::CLOSED_BY, never),
    ],
    beside: nothing,
};

/// A pull request.
pub(super) static PULL: Shape = Shape {
    table: PULLS,
    columns: &[
        (pull::REPO, repo),
        (pull::HEAD_REPO, pulls::head_repo),
        (pull::HEAD, |_, _, body| text_at(body, "/head/ref")),
        // The commits are made anew; what is written of them is their names.
        (pull::HEAD_SHA, never),
        (pull::BASE, |_, _, body| text_at(body, "/base/ref")),
        (pull::BASE_SHA, never),
        (pull::MERGE_COMMIT_SHA, never),
        (pull::TEAMS, pulls::teams),
        (pull::AUTO_MERGE_METHOD, |_, _, body| {
            text_or_null(body, "auto_merge", "merge_method")
        }),
        (pull::AUTO_MERGE_BY, never),
        (pull::TITLE, never),
        (pull::BODY, never),
        (pull::STATE, never),
        (pull::USER, never),
        (pull::LABELS, never),
        (pull::ASSIGNEES, never),
        (pull::CREATED_AT, never),
        (pull::UPDATED_AT, never),
        (pull::CLOSED_AT, never),
        (pull::FILES, never),
        (pull::REMOVED, never),
    ],
    beside: pulls::beside,
};

/// A review.
pub(super) static REVIEW: Shape = Shape {
    table: REVIEWS,
    columns: &[(review::PULL, pulls::pull), (review::COMMIT_ID, never)],
    beside: issues::associated,
};

/// A comment on a diff.
pub(super) static REVIEW_COMMENT: Shape = Shape {
    table: REVIEW_COMMENTS,
    columns: &[
        (review_comment::PULL, pulls::pull),
        (review_comment::COMMIT_ID, never),
        (review_comment::ORIGINAL_COMMIT_ID, never),
    ],
    beside: issues::associated,
};

/// A comment on an issue.
pub(super) static COMMENT: Shape = Shape {
    table: COMMENTS,
    columns: &[
        (comment::ISSUE, issues::issue),
        (comment::PINNED_AT, never),
        (comment::PINNED_BY, never),
    ],
    beside: issues::associated,
};

/// Something that happened to an issue.
pub(super) static EVENT: Shape = Shape {
    table: EVENTS,
    columns: &[
        (event::ISSUE, issues::issue),
        (event::COMMIT_ID, never),
        (event::LABEL, |_, _, body| text_at(body, "/label/name")),
        (event::LABEL_COLOR, |_, _, body| {
            text_at(body, "/label/color")
        }),
        (event::MILESTONE, |_, _, body| {
            text_at(body, "/milestone/title")
        }),
        (event::RENAME_FROM, |_, _, body| {
            text_at(body, "/rename/from")
        }),
        (event::RENAME_TO, |_, _, body| text_at(body, "/rename/to")),
        (event::REQUESTED_TEAM, never),
        (event::REVIEW_ID, |_, _, body| {
            body.pointer("/dismissed_review/review_id").cloned()
        }),
        (event::REVIEW_STATE, |_, _, body| {
            text_at(body, "/dismissed_review/state")
        }),
        (event::MESSAGE, |_, _, body| {
            text_at(body, "/dismissed_review/dismissal_message")
        }),
        (event::SOURCE, never),
        (event::ISSUE_TYPE, |_, _, body| {
            text_at(body, "/issue_type/name")
        }),
        (event::PREV_ISSUE_TYPE, |_, _, body| {
            text_at(body, "/prev_issue_type/name")
        }),
    ],
    beside: nothing,
};

/// A reaction.
pub(super) static REACTION: Shape = Shape {
    table: REACTIONS,
    columns: &[(reaction::SUBJECT, issues::subject)],
    beside: nothing,
};

/// A team.
pub(super) static TEAM: Shape = Shape {
    table: TEAMS,
    columns: &[
        (team::ORG, |at, _, body| {
            let login = body.pointer("/organization/login").and_then(Value::as_str);
            let org = login.unwrap_or(at.param("org"));
            (!org.is_empty()).then(|| Value::from(org))
        }),
        (team::PARENT, |_, _, body| {
            text_or_null(body, "parent", "slug")
        }),
        (team::MEMBERS, never),
        (team::MAINTAINERS, never),
    ],
    beside: nothing,
};

/// A release.
pub(super) static RELEASE: Shape = Shape {
    table: RELEASES,
    columns: &[(release::REPO, repo), (release::LATEST, never)],
    beside: |at, seen, body| {
        let assets = body.get("assets").and_then(Value::as_array);
        for asset in assets.into_iter().flatten() {
            if let Some(mut row) = at.seen(&ASSET, asset) {
                let id = seen.fields.get("id").cloned().unwrap_or_default();
                row.fields.insert("release_id".to_owned(), id);
                at.row(row, Vec::new());
            }
        }
    },
};

/// A file of a release.
pub(super) static ASSET: Shape = Shape {
    table: ASSETS,
    columns: &[
        (asset::REPO, repo),
        (asset::RELEASE, never),
        (asset::TAG, never),
        (asset::CONTENT, never),
        (asset::SHA, never),
    ],
    beside: nothing,
};

/// A workflow.
pub(super) static WORKFLOW: Shape = Shape {
    table: WORKFLOWS,
    columns: &[(workflow::REPO, repo), (workflow::JOBS, never)],
    beside: nothing,
};

/// A run of a workflow.
pub(super) static RUN: Shape = Shape {
    table: WORKFLOW_RUNS,
    columns: &[(run::WORKFLOW, social::workflow)],
    beside: nothing,
};

/// A job of a run.
pub(super) static JOB: Shape = Shape {
    table: JOBS,
    columns: &[
        (job::RUN, |_, repo, body| {
            Some(Value::from(format!(
                "{repo}:{}",
                body.get("run_id")?.as_i64()?
            )))
        }),
        (job::LOG, never),
    ],
    beside: nothing,
};

/// What a run left.
pub(super) static ARTIFACT: Shape = Shape {
    table: ARTIFACTS,
    columns: &[
        (artifact::RUN, |_, repo, body| {
            let id = body.pointer("/workflow_run/id")?.as_i64()?;
            Some(Value::from(format!("{repo}:{id}")))
        }),
        (artifact::FILE, never),
        (artifact::CONTENT, never),
    ],
    beside: nothing,
};

/// A thread of notifications.
pub(super) static NOTIFICATION: Shape = Shape {
    table: NOTIFICATIONS,
    columns: &[
        (notification::ID, |_, _, body| {
            body.get("id")?
                .as_str()?
                .parse::<i64>()
                .ok()
                .map(Value::from)
        }),
        (notification::REPO, |at, _, body| {
            at.show(&REPO, body.get("repository")?).map(Value::from)
        }),
        (notification::SUBJECT, never),
        (notification::TYPE, |_, _, body| {
            text_at(body, "/subject/type")
        }),
        (notification::TITLE, |_, _, body| {
            text_at(body, "/subject/title")
        }),
        (notification::URL, |_, _, body| {
            text_at(body, "/subject/url")
        }),
        (notification::LATEST_COMMENT_URL, |_, _, body| {
            text_at(body, "/subject/latest_comment_url")
        }),
    ],
    beside: nothing,
};

impl Observing<'_> {
    /// Proves the objects of a list; their keys.
    pub(super) fn show_all(&mut self, shape: &'static Shape, items: &Value) -> Vec<String> {
        let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .filter_map(|item| self.show(shape, item))
            .collect()
    }
}
