//! What each operation's answer shows, and what the operation does.
//!
//! One that is not here shows nothing where it reads, and where it writes it may have changed
//! anything of the repository that its path names.

use serde_json::Value;

use super::exchange::Observing;
use super::issues::STATE;
use super::shape::Shape;
use super::shapes::{
    ARTIFACT, COMMENT, EVENT, ISSUE, JOB, LABEL, MILESTONE, NOTIFICATION, PULL, REACTION, RELEASE,
    REPO, REVIEW, REVIEW_COMMENT, RUN, TEAM, USER, WORKFLOW,
};
use crate::engine::table::TableId;
use crate::github::tables::{
    COMMENTS, ISSUES, MILESTONES, NOTIFICATIONS, PULLS, RELEASES, REPOS, REVIEW_COMMENTS, REVIEWS,
    TEAMS, USERS, comment, issue, milestone, notification, pull, release, repo, review,
    review_comment, team, user,
};

/// An operation.
pub(super) struct Deed {
    pub(super) operation: &'static str,
    pub(super) shows: Shows,
    pub(super) does: Does,
    /// Whether only those who may push are let through.
    pub(super) pushes: bool,
    /// Whether all is taken that its answer shows, where that takes more than a description.
    tells_all: bool,
}

impl Deed {
    /// Whether all is taken that its answer shows.
    pub(super) fn is_whole(&self) -> bool {
        self.tells_all || matches!(self.shows, Shows::One(_) | Shows::Many(_))
    }
}

/// What an answer that went well shows.
pub(super) enum Shows {
    /// Nothing that is kept.
    Nothing,
    /// One object.
    One(&'static Shape),
    /// A page of objects.
    Many(&'static Shape),
    /// What takes more than a description.
    By(fn(&mut Observing<'_>, &Value)),
    /// What its going well means, without a body.
    Silence(fn(&mut Observing<'_>)),
}

/// What an operation does.
pub(super) enum Does {
    /// It reads, or tells what it changes itself.
    Reads,
    /// It makes the row that is shown.
    Creates,
    /// It changes columns of the row that is shown, or that the path names.
    Changes(&'static [Change]),
    /// It removes the row that the path names.
    Removes,
    /// It may change anything of the repository.
    Unclear,
}

/// Columns that a field of a request sets; one without a name is always set.
pub(super) struct Change {
    pub(super) asked: &'static str,
    pub(super) table: TableId,
    pub(super) columns: &'static [usize],
}

const fn sets(asked: &'static str, table: TableId, columns: &'static [usize]) -> Change {
    Change {
        asked,
        table,
        columns,
    }
}

const fn one(operation: &'static str, shape: &'static Shape) -> Deed {
    deed_of(operation, Shows::One(shape), Does::Reads)
}

const fn many(operation: &'static str, shape: &'static Shape) -> Deed {
    deed_of(operation, Shows::Many(shape), Does::Reads)
}

const fn by(operation: &'static str, read: fn(&mut Observing<'_>, &Value)) -> Deed {
    deed_of(operation, Shows::By(read), Does::Reads)
}

const fn silent(operation: &'static str, done: fn(&mut Observing<'_>)) -> Deed {
    deed_of(operation, Shows::Silence(done), Does::Reads)
}

const fn creates(operation: &'static str, shape: &'static Shape) -> Deed {
    deed_of(operation, Shows::One(shape), Does::Creates)
}

const fn changes(
    operation: &'static str,
    shape: &'static Shape,
    changes: &'static [Change],
) -> Deed {
    deed_of(operation, Shows::One(shape), Does::Changes(changes))
}

const fn turns(operation: &'static str, changes: &'static [Change]) -> Deed {
    deed_of(operation, Shows::Nothing, Does::Changes(changes))
}

const fn removes(operation: &'static str) -> Deed {
    deed_of(operation, Shows::Nothing, Does::Removes)
}

const fn unclear(operation: &'static str) -> Deed {
    deed_of(operation, Shows::Nothing, Does::Unclear)
}

const fn nothing(operation: &'static str) -> Deed {
    deed_of(operation, Shows::Nothing, Does::Reads)
}

const fn deed_of(operation: &'static str, shows: Shows, does: Does) -> Deed {
    Deed {
        operation,
        shows,
        does,
        pushes: false,
        tells_all: false,
    }
}

const fn whole(deed: Deed) -> Deed {
    Deed {
        tells_all: true,
        ..deed
    }
}

const fn pushing(deed: Deed) -> Deed {
    Deed {
        pushes: true,
        ..deed
    }
}

/// All that `PATCH …/issues/{issue_number}` can set.
const ISSUE_INPUTS: &[Change] = &[
    sets("title", ISSUES, &[issue::TITLE]),
    sets("body", ISSUES, &[issue::BODY]),
    sets("labels", ISSUES, &[issue::LABELS]),
    sets("assignee", ISSUES, &[issue::ASSIGNEES]),
    sets("assignees", ISSUES, &[issue::ASSIGNEES]),
    sets("milestone", ISSUES, &[issue::MILESTONE]),
    sets("type", ISSUES, &[issue::TYPE]),
    sets("state", ISSUES, STATE),
    sets("state_reason", ISSUES, STATE),
    sets("", ISSUES, &[issue::UPDATED_AT]),
];
const ASSIGNED: &[Change] = &[sets("", ISSUES, &[issue::ASSIGNEES, issue::UPDATED_AT])];
const LOCKED: &[Change] = &[sets(
    "",
    ISSUES,
    &[issue::LOCKED, issue::LOCK_REASON, issue::UPDATED_AT],
)];
const COMMENTED: &[Change] = &[sets("", COMMENTS, &[comment::BODY, comment::UPDATED_AT])];
const MILESTONE_INPUTS: &[Change] = &[
    sets("title", MILESTONES, &[milestone::TITLE]),
    sets("description", MILESTONES, &[milestone::DESCRIPTION]),
    sets("due_on", MILESTONES, &[milestone::DUE_ON]),
    sets(
        "state",
        MILESTONES,
        &[milestone::STATE, milestone::CLOSED_AT],
    ),
    sets("", MILESTONES, &[milestone::UPDATED_AT]),
];
const PULL_INPUTS: &[Change] = &[
    sets("title", ISSUES, &[issue::TITLE]),
    sets("body", ISSUES, &[issue::BODY]),
    sets("state", ISSUES, STATE),
    sets("", ISSUES, &[issue::UPDATED_AT]),
    sets("base", PULLS, &[pull::BASE, pull::BASE_SHA]),
    sets(
        "maintainer_can_modify",
        PULLS,
        &[pull::MAINTAINER_CAN_MODIFY],
    ),
    sets("", PULLS, &[]),
];
const REVIEWERS: &[Change] = &[
    sets("", PULLS, &[pull::REVIEWERS, pull::TEAMS]),
    sets("", ISSUES, &[issue::UPDATED_AT]),
];
const REVIEWED: &[Change] = &[sets(
    "",
    REVIEWS,
    &[
        review::BODY,
        review::STATE,
        review::SUBMITTED_AT,
        review::UPDATED_AT,
    ],
)];
const REMARKED: &[Change] = &[sets(
    "",
    REVIEW_COMMENTS,
    &[review_comment::BODY, review_comment::UPDATED_AT],
)];
const RELEASE_INPUTS: &[Change] = &[sets(
    "",
    RELEASES,
    &[
        release::TAG,
        release::TARGET,
        release::NAME,
        release::BODY,
        release::DRAFT,
        release::PRERELEASE,
        release::LATEST,
        release::PUBLISHED_AT,
        release::UPDATED_AT,
    ],
)];
const TEAM_INPUTS: &[Change] = &[sets(
    "",
    TEAMS,
    &[
        team::NAME,
        team::SLUG,
        team::DESCRIPTION,
        team::PRIVACY,
        team::NOTIFICATIONS,
        team::PERMISSION,
        team::PARENT,
        team::UPDATED_AT,
    ],
)];
const PERSON_INPUTS: &[Change] = &[sets(
    "",
    USERS,
    &[
        user::NAME,
        user::COMPANY,
        user::BLOG,
        user::LOCATION,
        user::EMAIL,
        user::BIO,
        user::HIREABLE,
        user::TWITTER,
        user::DESCRIPTION,
        user::DEFAULT_PERMISSION,
        user::UPDATED_AT,
    ],
)];
const TOPICS: &[Change] = &[sets("", REPOS, &[repo::TOPICS, repo::UPDATED_AT])];
const READ: &[Change] = &[sets(
    "",
    NOTIFICATIONS,
    &[notification::UNREAD, notification::LAST_READ_AT],
)];

/// What reads without being described.
static READS: Deed = nothing("");
/// What writes without being described.
static WRITES: Deed = unclear("");

/// What an operation shows and does.
pub(super) fn deed(operation: &str, method: &str) -> &'static Deed {
    match DEEDS.binary_search_by_key(&operation, |deed| deed.operation) {
        Ok(at) => &DEEDS[at],
        Err(_) if matches!(method, "GET" | "HEAD") => &READS,
        Err(_) => &WRITES,
    }
}

/// The operations, sorted.
static DEEDS: &[Deed] = &[
    one("actions/get-artifact", &ARTIFACT),
    many("actions/list-artifacts-for-repo", &ARTIFACT),
    many("actions/list-jobs-for-workflow-run", &JOB),
    many("actions/list-repo-workflows", &WORKFLOW),
    many("actions/list-workflow-run-artifacts", &ARTIFACT),
    many("actions/list-workflow-runs", &RUN),
    many("actions/list-workflow-runs-for-repo", &RUN),
    silent(
        "activity/check-repo-is-starred-by-authenticated-user",
        |_| {},
    ),
    one("activity/get-thread", &NOTIFICATION),
    many(
        "activity/list-notifications-for-authenticated-user",
        &NOTIFICATION,
    ),
    many(
        "activity/list-repo-notifications-for-authenticated-user",
        &NOTIFICATION,
    ),
    many("activity/list-repos-starred-by-authenticated-user", &REPO),
    by("activity/list-repos-starred-by-user", |at, body| {
        at.starred(body)
    }),
    by("activity/list-stargazers-for-repo", |at, body| {
        at.stargazers(body)
    }),
    many("activity/list-watched-repos-for-authenticated-user", &REPO),
    turns("activity/mark-thread-as-read", READ),
    silent("activity/star-repo-for-authenticated-user", |at| {
        at.starred_or_not()
    }),
    silent("activity/unstar-repo-for-authenticated-user", |at| {
        at.starred_or_not()
    }),
    whole(by("graphql", |at, body| at.graphql(body))),
    pushing(changes("issues/add-assignees", &ISSUE, ASSIGNED)),
    pushing(by("issues/add-labels", |at, body| at.set_labels(body))),
    silent("issues/check-user-can-be-assigned", |at| at.assignable()),
    creates("issues/create", &ISSUE),
    creates("issues/create-comment", &COMMENT),
    pushing(creates("issues/create-label", &LABEL)),
    pushing(creates("issues/create-milestone", &MILESTONE)),
    removes("issues/delete-comment"),
    pushing(removes("issues/delete-label")),
    pushing(removes("issues/delete-milestone")),
    one("issues/get", &ISSUE),
    one("issues/get-comment", &COMMENT),
    one("issues/get-event", &EVENT),
    one("issues/get-label", &LABEL),
    one("issues/get-milestone", &MILESTONE),
    whole(by("issues/get-parent", |at, body| at.parent(body))),
    many("issues/list", &ISSUE),
    by("issues/list-assignees", |at, body| at.assignees(body)),
    whole(by("issues/list-comments", |at, body| at.comments(body))),
    many("issues/list-comments-for-repo", &COMMENT),
    by("issues/list-dependencies-blocked-by", |at, body| {
        at.blocked_by(body)
    }),
    by("issues/list-dependencies-blocking", |at, body| {
        at.blocking(body)
    }),
    by("issues/list-events", |at, body| at.events(body)),
    by("issues/list-events-for-repo", |at, body| at.events(body)),
    by("issues/list-events-for-timeline", |at, body| {
        at.events(body)
    }),
    many("issues/list-for-authenticated-user", &ISSUE),
    many("issues/list-for-org", &ISSUE),
    many("issues/list-for-repo", &ISSUE),
    many("issues/list-labels-for-repo", &LABEL),
    whole(by("issues/list-labels-on-issue", |at, body| {
        at.issue_labels(body)
    })),
    many("issues/list-milestones", &MILESTONE),
    by("issues/list-sub-issues", |at, body| at.sub_issues(body)),
    pushing(turns("issues/lock", LOCKED)),
    pushing(silent("issues/remove-all-labels", |at| at.clear_labels())),
    pushing(changes("issues/remove-assignees", &ISSUE, ASSIGNED)),
    pushing(by("issues/remove-label", |at, body| at.set_labels(body))),
    pushing(by("issues/set-labels", |at, body| at.set_labels(body))),
    pushing(turns("issues/unlock", LOCKED)),
    pushing(changes("issues/update", &ISSUE, ISSUE_INPUTS)),
    changes("issues/update-comment", &COMMENT, COMMENTED),
    pushing(by("issues/update-label", |at, body| at.update_label(body))),
    pushing(changes(
        "issues/update-milestone",
        &MILESTONE,
        MILESTONE_INPUTS,
    )),
    nothing("markdown/render"),
    nothing("markdown/render-raw"),
    by("orgs/check-membership-for-user", |_, _| {}),
    whole(by("orgs/get", |at, body| at.organisation(body))),
    by("orgs/get-membership-for-user", |at, body| {
        at.membership(body)
    }),
    by("orgs/list-for-authenticated-user", |at, body| {
        at.organisations(body)
    }),
    by("orgs/list-for-user", |at, body| at.organisations(body)),
    by("orgs/list-members", |at, body| at.members(body)),
    by("orgs/list-public-members", |at, body| at.members(body)),
    changes("orgs/update", &USER, PERSON_INPUTS),
    creates("pulls/create", &PULL),
    creates("pulls/create-reply-for-review-comment", &REVIEW_COMMENT),
    unclear("pulls/create-review"),
    creates("pulls/create-review-comment", &REVIEW_COMMENT),
    removes("pulls/delete-pending-review"),
    removes("pulls/delete-review-comment"),
    changes("pulls/dismiss-review", &REVIEW, REVIEWED),
    one("pulls/get", &PULL),
    one("pulls/get-review", &REVIEW),
    one("pulls/get-review-comment", &REVIEW_COMMENT),
    many("pulls/list", &PULL),
    many("pulls/list-comments-for-review", &REVIEW_COMMENT),
    by("pulls/list-requested-reviewers", |at, body| {
        at.reviewers(body)
    }),
    many("pulls/list-review-comments", &REVIEW_COMMENT),
    many("pulls/list-review-comments-for-repo", &REVIEW_COMMENT),
    many("pulls/list-reviews", &REVIEW),
    silent("pulls/merge", |at| at.merged()),
    changes("pulls/remove-requested-reviewers", &PULL, REVIEWERS),
    changes("pulls/request-reviewers", &PULL, REVIEWERS),
    changes("pulls/submit-review", &REVIEW, REVIEWED),
    changes("pulls/update", &PULL, PULL_INPUTS),
    changes("pulls/update-review", &REVIEW, REVIEWED),
    changes("pulls/update-review-comment", &REVIEW_COMMENT, REMARKED),
    creates("reactions/create-for-issue", &REACTION),
    creates("reactions/create-for-issue-comment", &REACTION),
    many("reactions/list-for-issue", &REACTION),
    many("reactions/list-for-issue-comment", &REACTION),
    silent("repos/check-collaborator", |_| {}),
    by("repos/create-or-update-file-contents", |at, body| {
        at.file_written(body)
    }),
    creates("repos/create-release", &RELEASE),
    by("repos/delete-file", |at, body| at.file_removed(body)),
    pushing(removes("repos/delete-release")),
    one("repos/get", &REPO),
    by("repos/get-all-topics", |at, body| at.topics(body)),
    by("repos/get-branch", |at, body| at.branch(body)),
    by("repos/get-collaborator-permission-level", |_, _| {}),
    whole(by("repos/get-content", |at, body| at.contents(body))),
    one("repos/get-latest-release", &RELEASE),
    whole(by("repos/get-readme", |at, body| at.contents(body))),
    one("repos/get-release", &RELEASE),
    one("repos/get-release-by-tag", &RELEASE),
    by("repos/list-branches", |at, body| at.branches(body)),
    by("repos/list-commits", |at, body| at.commits(body)),
    many("repos/list-for-authenticated-user", &REPO),
    many("repos/list-for-org", &REPO),
    many("repos/list-for-user", &REPO),
    many("repos/list-forks", &REPO),
    many("repos/list-releases", &RELEASE),
    changes("repos/replace-all-topics", &REPO, TOPICS),
    changes("repos/update-release", &RELEASE, RELEASE_INPUTS),
    many("search/issues-and-pull-requests", &ISSUE),
    many("search/labels", &LABEL),
    many("search/repos", &REPO),
    many("search/users", &USER),
    creates("teams/create", &TEAM),
    removes("teams/delete-in-org"),
    one("teams/get-by-name", &TEAM),
    many("teams/list", &TEAM),
    many("teams/list-child-in-org", &TEAM),
    many("teams/list-for-authenticated-user", &TEAM),
    by("teams/list-members-in-org", |at, body| {
        at.show_all(&USER, body);
    }),
    by("teams/list-repos-in-org", |at, body| at.team_repos(body)),
    changes("teams/update-in-org", &TEAM, TEAM_INPUTS),
    whole(by("users/get-authenticated", |at, body| at.caller(body))),
    one("users/get-by-id", &USER),
    one("users/get-by-username", &USER),
    many("users/list-followers-for-user", &USER),
    many("users/list-following-for-user", &USER),
    whole(by("web/get-raw", |at, body| at.raw(body))),
    silent("web/git-info-refs", |_| {}),
    deed_of(
        "web/git-receive-pack",
        Shows::Silence(|at| at.pushed()),
        Does::Reads,
    ),
    deed_of(
        "web/git-upload-pack",
        Shows::Silence(|at| at.fetched()),
        Does::Reads,
    ),
];

#[cfg(test)]
mod tests {
    use super::DEEDS;
    use crate::github::manifest::OPERATIONS;

    #[test]
    fn the_operations_are_sorted_and_modelled() {
        let ids: Vec<&str> = DEEDS.iter().map(|deed| deed.operation).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        for id in ids {
            assert!(OPERATIONS.iter().any(|one| one.id == id), "{id}");
        }
    }
}
