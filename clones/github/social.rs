//! What follows in a seed row of accounts, teams and stars from the rest of it.

use std::time::Duration;

use archal_core::clone::{Stamp, ViewValue};

use super::complete::node_id;
use super::tables::{
    ADVISORIES, CODE_ALERTS, DEPENDABOT_ALERTS, FINDINGS, GIST_COMMENTS, GISTS, PROJECT_FIELDS,
    PROJECT_ITEMS, PROJECTS, REPO_ADVISORIES, REPOS, SECRET_ALERTS, STARS, TEAMS, advisory,
    code_alert, dependabot_alert, finding, gist, gist_comment, project, project_field,
    project_item, repo, repo_advisory, secret_alert, star, team,
};
use super::{advisories, gists, projects, teams};
use crate::engine::pack::Completing;
use crate::engine::row::{Draft, text};
use crate::engine::table::TableId;

/// Fills in a row.
pub(super) fn complete(cx: &mut Completing<'_>, table: TableId, draft: &mut Draft) {
    match table {
        STARS => {
            draft.or(star::STARRED_AT, || ago(cx, 10 * DAY));
        }
        TEAMS => {
            let slug = teams::slug_of(draft.text(team::NAME));
            draft.or(team::SLUG, || text(slug));
            draft.or(team::CREATED_AT, || ago(cx, 300 * DAY));
            copy(draft, team::UPDATED_AT, team::CREATED_AT);
            teams::name_team(draft);
        }
        GISTS => {
            draft.or(gist::USER, || owner(cx));
            draft.or(gist::CREATED_AT, || ago(cx, 20 * DAY));
            copy(draft, gist::UPDATED_AT, gist::CREATED_AT);
            gists::name_gist(draft, cx.transaction.root().ids());
        }
        GIST_COMMENTS => {
            let id = draft.int(gist_comment::ID);
            let of = cx
                .transaction
                .root()
                .named(GISTS, draft.text(gist_comment::GIST));
            let made = of.map_or(ViewValue::Null, |of| of.value(gist::CREATED_AT).clone());
            draft.or(gist_comment::NODE_ID, || text(node_id("GC", &[id])));
            draft.or(gist_comment::USER, || owner(cx));
            draft.or(gist_comment::CREATED_AT, || made);
            copy(draft, gist_comment::UPDATED_AT, gist_comment::CREATED_AT);
        }
        PROJECTS | PROJECT_FIELDS | PROJECT_ITEMS => of_projects(cx, table, draft),
        _ => found(cx, table, draft),
    }
}

/// Seconds of a day.
pub(super) const DAY: u64 = 86_400;

/// A time so many seconds before the run.
pub(super) fn ago(cx: &Completing<'_>, seconds: u64) -> ViewValue {
    let base = cx.transaction.root().base();
    let at = base
        .checked_sub(Duration::from_secs(seconds))
        .unwrap_or(base);
    ViewValue::Time(Stamp { at, by_call: false })
}

/// Sets a column that is null to what another holds.
pub(super) fn copy(draft: &mut Draft, to: usize, from: usize) {
    let value = draft.get(from).clone();
    draft.or(to, || value);
}

/// The owner of the credentials.
fn owner(cx: &Completing<'_>) -> ViewValue {
    if cx.actor.is_empty() {
        ViewValue::Null
    } else {
        text(cx.actor)
    }
}

fn of_projects(cx: &Completing<'_>, table: TableId, draft: &mut Draft) {
    match table {
        PROJECTS => {
            let id = draft.int(project::ID);
            draft.or(project::NODE_ID, || text(node_id("PVT", &[id])));
            draft.or(project::CREATOR, || owner(cx));
            draft.or(project::CREATED_AT, || ago(cx, 90 * DAY));
            copy(draft, project::UPDATED_AT, project::CREATED_AT);
            if draft.text(project::STATE) == "closed" {
                copy(draft, project::CLOSED_AT, project::UPDATED_AT);
            }
        }
        PROJECT_FIELDS => {
            let id = draft.int(project_field::ID);
            let of = cx
                .transaction
                .root()
                .named(PROJECTS, draft.text(project_field::PROJECT));
            let made = of.map_or(ViewValue::Null, |of| of.value(project::CREATED_AT).clone());
            draft.or(project_field::NODE_ID, || text(node_id("PVTF", &[id])));
            draft.or(project_field::CREATED_AT, || made);
            copy(draft, project_field::UPDATED_AT, project_field::CREATED_AT);
        }
        _ => {
            projects::name_item(draft);
            draft.or(project_item::CREATOR, || owner(cx));
            draft.or(project_item::CREATED_AT, || ago(cx, 30 * DAY));
            copy(draft, project_item::UPDATED_AT, project_item::CREATED_AT);
        }
    }
}

/// What was found in a repository: alerts, findings and advisories.
fn found(cx: &Completing<'_>, table: TableId, draft: &mut Draft) {
    let root = cx.transaction.root();
    let two_weeks = || ago(cx, 14 * DAY);
    match table {
        CODE_ALERTS => {
            let of = root.named(REPOS, draft.text(code_alert::REPO));
            let branch = of.map_or("main", |of| of.text(repo::DEFAULT_BRANCH));
            let whole = format!("refs/heads/{branch}");
            draft.or(code_alert::REF, || text(whole));
            copy(draft, code_alert::RULE, code_alert::RULE_ID);
            copy(draft, code_alert::MESSAGE, code_alert::RULE);
            copy(draft, code_alert::END_LINE, code_alert::START_LINE);
            draft.or(code_alert::CREATED_AT, two_weeks);
            copy(draft, code_alert::UPDATED_AT, code_alert::CREATED_AT);
        }
        SECRET_ALERTS => {
            copy(draft, secret_alert::TYPE_NAME, secret_alert::TYPE);
            copy(draft, secret_alert::END_LINE, secret_alert::START_LINE);
            draft.or(secret_alert::CREATED_AT, two_weeks);
            copy(draft, secret_alert::UPDATED_AT, secret_alert::CREATED_AT);
        }
        DEPENDABOT_ALERTS => {
            draft.or(dependabot_alert::CREATED_AT, two_weeks);
            copy(
                draft,
                dependabot_alert::UPDATED_AT,
                dependabot_alert::CREATED_AT,
            );
        }
        FINDINGS => {
            copy(draft, finding::TITLE, finding::RULE_ID);
            copy(draft, finding::DESCRIPTION, finding::TITLE);
            copy(draft, finding::MESSAGE, finding::DESCRIPTION);
            copy(draft, finding::END_LINE, finding::START_LINE);
            draft.or(finding::CREATED_AT, two_weeks);
            copy(draft, finding::UPDATED_AT, finding::CREATED_AT);
        }
        ADVISORIES => {
            copy(draft, advisory::DESCRIPTION, advisory::SUMMARY);
            draft.or(advisory::PUBLISHED_AT, || ago(cx, 60 * DAY));
            copy(draft, advisory::UPDATED_AT, advisory::PUBLISHED_AT);
        }
        REPO_ADVISORIES => {
            let number = draft.int(repo_advisory::NUMBER);
            draft.or(repo_advisory::GHSA, || {
                text(advisories::ghsa(root.ids(), number))
            });
            copy(draft, repo_advisory::DESCRIPTION, repo_advisory::SUMMARY);
            draft.or(repo_advisory::AUTHOR, || owner(cx));
            draft.or(repo_advisory::CREATED_AT, two_weeks);
            copy(draft, repo_advisory::UPDATED_AT, repo_advisory::CREATED_AT);
            if draft.text(repo_advisory::STATE) == "published" {
                copy(
                    draft,
                    repo_advisory::PUBLISHED_AT,
                    repo_advisory::UPDATED_AT,
                );
            }
        }
        _ => {}
    }
}
