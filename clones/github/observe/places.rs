//! Which rows a path names.

use serde_json::Value;

use super::exchange::Observing;
use super::shape::{Fields, Seen, key_of};
use crate::engine::table::TableId;
use crate::github::tables::{
    ARTIFACTS, COMMENTS, ISSUES, JOBS, LABELS, MILESTONES, NOTIFICATIONS, PULLS, RELEASES, REPOS,
    REVIEW_COMMENTS, REVIEWS, TABLES, TEAMS, USERS, WORKFLOW_RUNS, artifact, comment, issue, job,
    label, milestone, notification, pull, release, repo, review, review_comment, run, team, user,
};

/// Where a column of a named row stands in the path.
enum From {
    /// A parameter as it is.
    Text(&'static str),
    /// A parameter that is a number.
    Number(&'static str),
    /// The repository.
    Repo,
    /// The pull request.
    Pull,
    /// Something in the repository that the path does not name: an issue, a workflow. The row is
    /// not shown then, but its key is known.
    Within(char),
}

/// A path and the row it names.
struct Place {
    path: &'static str,
    table: TableId,
    columns: &'static [(usize, From)],
}

const fn place(path: &'static str, table: TableId, columns: &'static [(usize, From)]) -> Place {
    Place {
        path,
        table,
        columns,
    }
}

/// The paths that name rows, outer ones before those within them.
#[rustfmt::skip]
const PLACES: &[Place] = &[
    place("/users/{username}", USERS, &[(user::LOGIN, From::Text("username"))]),
    place("/orgs/{org}", USERS, &[(user::LOGIN, From::Text("org"))]),
    place("/orgs/{org}/teams/{team_slug}", TEAMS, &[(team::ORG, From::Text("org")), (team::SLUG, From::Text("team_slug"))]),
    place("/repos/{owner}/{repo}", REPOS, &[(repo::FULL_NAME, From::Repo)]),
    place("/repos/{owner}/{repo}/issues/{issue_number}", ISSUES, &[(issue::REPO, From::Repo), (issue::NUMBER, From::Number("issue_number"))]),
    place("/repos/{owner}/{repo}/issues/comments/{comment_id}", COMMENTS, &[(comment::ISSUE, From::Within('#')), (comment::ID, From::Number("comment_id"))]),
    place("/repos/{owner}/{repo}/labels/{name}", LABELS, &[(label::REPO, From::Repo), (label::NAME, From::Text("name"))]),
    place("/repos/{owner}/{repo}/milestones/{milestone_number}", MILESTONES, &[(milestone::REPO, From::Repo), (milestone::NUMBER, From::Number("milestone_number"))]),
    place("/repos/{owner}/{repo}/pulls/{pull_number}", PULLS, &[(pull::REPO, From::Repo), (pull::NUMBER, From::Number("pull_number"))]),
    place("/repos/{owner}/{repo}/pulls/comments/{comment_id}", REVIEW_COMMENTS, &[(review_comment::PULL, From::Within('#')), (review_comment::ID, From::Number("comment_id"))]),
    place("/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", REVIEWS, &[(review::PULL, From::Pull), (review::ID, From::Number("review_id"))]),
    place("/repos/{owner}/{repo}/releases/{release_id}", RELEASES, &[(release::REPO, From::Repo), (release::ID, From::Number("release_id"))]),
    place("/repos/{owner}/{repo}/actions/runs/{run_id}", WORKFLOW_RUNS, &[(run::WORKFLOW, From::Within(':')), (run::ID, From::Number("run_id"))]),
    place("/repos/{owner}/{repo}/actions/jobs/{job_id}", JOBS, &[(job::RUN, From::Within(':')), (job::ID, From::Number("job_id"))]),
    place("/repos/{owner}/{repo}/actions/artifacts/{artifact_id}", ARTIFACTS, &[(artifact::RUN, From::Within(':')), (artifact::ID, From::Number("artifact_id"))]),
    place("/notifications/threads/{thread_id}", NOTIFICATIONS, &[(notification::ID, From::Number("thread_id"))]),
];

/// A row that a path names.
pub(super) struct Named {
    pub(super) table: TableId,
    /// Its key, where the path has all of it.
    pub(super) key: Option<String>,
    pub(super) fields: Fields,
    /// Whether the path has every column that the row needs.
    pub(super) shown: bool,
    /// Whether the path is that of the row or of a list below it.
    pub(super) whole: bool,
}

impl Observing<'_> {
    /// The rows that the path names, outer ones first.
    pub(super) fn named(&self) -> Vec<Named> {
        let below = |place: &&Place| {
            let rest = self.template.strip_prefix(place.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let places = PLACES.iter().filter(below);
        places.map(|place| self.at(place)).collect()
    }

    fn at(&self, place: &Place) -> Named {
        let mut fields = Fields::new();
        let mut shown = true;
        for (column, from) in place.columns {
            let value = match from {
                From::Text(name) => Value::from(self.param(name)),
                From::Number(name) => match self.param(name).parse::<i64>() {
                    Ok(number) => Value::from(number),
                    Err(_) => continue,
                },
                From::Repo => Value::from(self.repo()),
                From::Pull => Value::from(self.issue()),
                From::Within(mark) => {
                    shown = false;
                    Value::from(format!("{}{mark}", self.repo()))
                }
            };
            fields.insert(
                TABLES[place.table].seed.fields[*column].name.to_owned(),
                value,
            );
        }
        let rest = self.template.strip_prefix(place.path).unwrap_or_default();
        // What is not found may be the thing below: no release is the latest, no file is the readme.
        // What is no organisation may be a person.
        let checks = matches!(
            rest,
            "/license" | "/merge" | "/parent" | "/readme" | "/subscription"
        ) || rest.matches('/').count() > 1
            || self.template.starts_with("/orgs/") && place.table == USERS;
        Named {
            table: place.table,
            key: key_of(place.table, &fields),
            fields,
            shown,
            whole: !rest.contains('{') && !checks,
        }
    }

    /// The path proves that the row is there.
    pub(super) fn path_proves(&mut self, named: Named) {
        let Some(key) = named.key else {
            return;
        };
        if named.table == REPOS {
            let owner = self.param("owner").to_owned();
            self.told(USERS, &[(user::LOGIN, Value::from(owner))], Vec::new());
        }
        let seen = Seen {
            table: named.table,
            key,
            repo: String::new(),
            fields: named.fields,
        };
        self.row(seen, Vec::new());
    }

    /// The row that the path names was removed.
    pub(super) fn removed(&mut self) {
        match self.named().pop() {
            Some(Named {
                table,
                key: Some(key),
                whole: true,
                ..
            }) => {
                let repo = self.repo();
                match table {
                    LABELS => self.swept(ISSUES, format!("{repo}#"), &[issue::LABELS]),
                    MILESTONES => self.swept(ISSUES, format!("{repo}#"), &[issue::MILESTONE]),
                    _ => {}
                }
                self.deleted(table, key);
            }
            _ => self.unclear(),
        }
    }
}
