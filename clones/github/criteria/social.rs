//! What criteria see of workflow runs, gists, teams, stars, alerts and items of projects.

use archal_core::clone::{Collection, ViewRow, ViewValue};

use super::{
    BOOL, INT, PERSON, PERSONS, REPOSITORY, TEXT, TEXTS, TIME, field, nullable, person, repository,
    view,
};
use crate::engine::pack::View;
use crate::engine::root::Root;
use crate::engine::row::{Row, text};
use crate::github::render::gist as gists;
use crate::github::tables::{
    CODE_ALERTS, DEPENDABOT_ALERTS, GISTS, PROJECT_ITEMS, SECRET_ALERTS, STARS, TEAMS,
    WORKFLOW_RUNS, WORKFLOWS, code_alert, dependabot_alert, gist, gist_file, project_item, run,
    secret_alert, star, team, workflow,
};

/// The collections.
pub(super) const COLLECTIONS: [Collection; 8] = [
    Collection {
        name: "workflow_runs",
        about: "Runs of workflows, in order of repository and id",
        fields: &[
            field("id", INT),
            field("repository", REPOSITORY),
            nullable("name", TEXT),
            field("path", TEXT),
            field("run_number", INT),
            field("run_attempt", INT),
            field("event", TEXT),
            field("status", TEXT),
            nullable("conclusion", TEXT),
            nullable("head_branch", TEXT),
            nullable("actor", PERSON),
            field("created_at", TIME),
            field("updated_at", TIME),
        ],
    },
    Collection {
        name: "gists",
        about: "Gists, with the names of their files",
        fields: &[
            field("id", TEXT),
            nullable("description", TEXT),
            field("public", BOOL),
            nullable("owner", PERSON),
            field("files", TEXTS),
            field("created_at", TIME),
            field("updated_at", TIME),
        ],
    },
    Collection {
        name: "teams",
        about: "Teams of organisations",
        fields: &[
            field("name", TEXT),
            field("slug", TEXT),
            field("organization", TEXT),
            field("privacy", TEXT),
            field("members", PERSONS),
            field("maintainers", PERSONS),
        ],
    },
    Collection {
        name: "stars",
        about: "Stars that users gave repositories",
        fields: &[
            nullable("user", PERSON),
            field("repository", REPOSITORY),
            field("starred_at", TIME),
        ],
    },
    Collection {
        name: "code_scanning_alerts",
        about: "Alerts of code scanning",
        fields: &[
            field("number", INT),
            field("repository", REPOSITORY),
            field("state", TEXT),
            field("rule", TEXT),
            field("severity", TEXT),
            nullable("dismissed_reason", TEXT),
        ],
    },
    Collection {
        name: "secret_scanning_alerts",
        about: "Alerts of secret scanning",
        fields: &[
            field("number", INT),
            field("repository", REPOSITORY),
            field("state", TEXT),
            field("secret_type", TEXT),
            nullable("resolution", TEXT),
        ],
    },
    Collection {
        name: "dependabot_alerts",
        about: "Alerts of Dependabot",
        fields: &[
            field("number", INT),
            field("repository", REPOSITORY),
            field("state", TEXT),
            field("advisory", TEXT),
            nullable("dismissed_reason", TEXT),
        ],
    },
    Collection {
        name: "project_items",
        about: "Items of projects; each value is written `field: value`",
        fields: &[
            field("id", INT),
            field("project", TEXT),
            nullable("issue", TEXT),
            nullable("title", TEXT),
            field("values", TEXTS),
        ],
    },
];

/// Each collection with its table.
pub(super) const VIEWS: [View; 8] = [
    whole("workflow_runs", WORKFLOW_RUNS, of_run),
    whole("gists", GISTS, of_gist),
    whole("teams", TEAMS, of_team),
    whole("stars", STARS, of_star),
    whole("code_scanning_alerts", CODE_ALERTS, of_code_alert),
    whole("secret_scanning_alerts", SECRET_ALERTS, of_secret_alert),
    whole("dependabot_alerts", DEPENDABOT_ALERTS, of_dependabot_alert),
    whole("project_items", PROJECT_ITEMS, of_item),
];

const fn whole(name: &'static str, table: usize, row: fn(&Root, &Row) -> ViewRow) -> View {
    View {
        name,
        table,
        shows: None,
        row,
    }
}

fn of_run(root: &Root, row: &Row) -> ViewRow {
    let name = row.text(run::WORKFLOW);
    let (repo, path) = name.split_once(':').unwrap_or((name, ""));
    let of = root.named(WORKFLOWS, name);
    let named = of.map_or(ViewValue::Null, |of| of.value(workflow::NAME).clone());
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("id", value(run::ID)),
        ("repository", repository(repo)),
        ("name", named),
        ("path", text(path)),
        ("run_number", value(run::NUMBER)),
        ("run_attempt", value(run::ATTEMPT)),
        ("event", value(run::EVENT)),
        ("status", value(run::STATUS)),
        ("conclusion", value(run::CONCLUSION)),
        ("head_branch", value(run::BRANCH)),
        ("actor", person(root, row.text_or_null(run::ACTOR))),
        ("created_at", value(run::CREATED_AT)),
        ("updated_at", value(run::UPDATED_AT)),
    ];
    view(WORKFLOW_RUNS, row, fields)
}

fn of_gist(root: &Root, row: &Row) -> ViewRow {
    let latest = gists::revisions(row);
    let latest = latest.first().map_or(1, |latest| latest.number);
    let files = gists::files(root, row.text(gist::ID), latest);
    let files = files.map(|file| text(file.text(gist_file::NAME)));
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("id", value(gist::ID)),
        ("description", value(gist::DESCRIPTION)),
        ("public", value(gist::PUBLIC)),
        ("owner", person(root, row.text_or_null(gist::USER))),
        ("files", ViewValue::List(files.collect())),
        ("created_at", value(gist::CREATED_AT)),
        ("updated_at", value(gist::UPDATED_AT)),
    ];
    view(GISTS, row, fields)
}

fn of_team(root: &Root, row: &Row) -> ViewRow {
    let people = |column: usize| {
        let people = row.texts(column).map(|login| person(root, Some(login)));
        ViewValue::List(people.collect())
    };
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("name", value(team::NAME)),
        ("slug", value(team::SLUG)),
        ("organization", value(team::ORG)),
        ("privacy", value(team::PRIVACY)),
        ("members", people(team::MEMBERS)),
        ("maintainers", people(team::MAINTAINERS)),
    ];
    view(TEAMS, row, fields)
}

fn of_star(root: &Root, row: &Row) -> ViewRow {
    let fields = vec![
        ("user", person(root, row.text_or_null(star::USER))),
        ("repository", repository(row.text(star::REPO))),
        ("starred_at", row.value(star::STARRED_AT).clone()),
    ];
    view(STARS, row, fields)
}

fn of_code_alert(_: &Root, row: &Row) -> ViewRow {
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("number", value(code_alert::NUMBER)),
        ("repository", repository(row.text(code_alert::REPO))),
        ("state", value(code_alert::STATE)),
        ("rule", value(code_alert::RULE_ID)),
        ("severity", value(code_alert::SEVERITY)),
        ("dismissed_reason", value(code_alert::DISMISSED_REASON)),
    ];
    view(CODE_ALERTS, row, fields)
}

fn of_secret_alert(_: &Root, row: &Row) -> ViewRow {
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("number", value(secret_alert::NUMBER)),
        ("repository", repository(row.text(secret_alert::REPO))),
        ("state", value(secret_alert::STATE)),
        ("secret_type", value(secret_alert::TYPE)),
        ("resolution", value(secret_alert::RESOLUTION)),
    ];
    view(SECRET_ALERTS, row, fields)
}

fn of_dependabot_alert(_: &Root, row: &Row) -> ViewRow {
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("number", value(dependabot_alert::NUMBER)),
        ("repository", repository(row.text(dependabot_alert::REPO))),
        ("state", value(dependabot_alert::STATE)),
        ("advisory", value(dependabot_alert::ADVISORY)),
        (
            "dismissed_reason",
            value(dependabot_alert::DISMISSED_REASON),
        ),
    ];
    view(DEPENDABOT_ALERTS, row, fields)
}

fn of_item(_: &Root, row: &Row) -> ViewRow {
    let held = crate::github::render::project::values(row);
    let held = held
        .iter()
        .map(|(name, held)| text(format!("{name}: {held}")));
    let value = |column: usize| row.value(column).clone();
    let fields = vec![
        ("id", value(project_item::ID)),
        ("project", value(project_item::PROJECT)),
        ("issue", value(project_item::ISSUE)),
        ("title", value(project_item::TITLE)),
        ("values", ViewValue::List(held.collect())),
    ];
    view(PROJECT_ITEMS, row, fields)
}
