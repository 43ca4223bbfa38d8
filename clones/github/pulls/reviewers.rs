//! Who is asked for a review.

use super::{issue_of, now, reply_as_listed};
use crate::engine::input::{Input, Kind};
use crate::engine::key::same;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Row, list as texts};
use crate::engine::writer::Writer;
use crate::github::access;
use crate::github::events::Details;
use crate::github::render;
use crate::github::tables::{PULLS, REPOS, issue, owner_of, pull, repo, team};

const NAMES: &[Input] = &[
    Input::new("reviewers", Kind::Texts),
    Input::new("team_reviewers", Kind::Texts),
];

/// `GET …/requested_reviewers`.
pub(in crate::github) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(PULLS)?;
    let root = call.root();
    let mut writer = Writer::new(root);
    writer.raw("{");
    render::pull::requested(root, &row, ("users", "teams"), &mut writer);
    writer.raw("}");
    Ok(Reply::written(200, writer.finish(), row.version()))
}

/// `POST …/requested_reviewers`.
pub(in crate::github) fn add(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NAMES)?;
    let owned = |names: Option<Vec<&str>>| -> Vec<String> {
        let names = names.unwrap_or_default();
        names.into_iter().map(str::to_owned).collect()
    };
    let users = owned(inputs.texts("reviewers"));
    let teams = owned(inputs.texts("team_reviewers"));
    let row = call.row(PULLS)?;
    let row = ask(call, &row, &users, &teams)?;
    Ok(reply_as_listed(call, 201, &row))
}

/// Asks users and teams for a review.
pub(in crate::github) fn ask(
    call: &mut Call<'_>,
    row: &Row,
    users: &[String],
    teams: &[String],
) -> Result<std::sync::Arc<Row>, Refusal> {
    let root = call.root();
    let author = issue_of(root, row)?.text(issue::USER).to_owned();
    let of = root.named(REPOS, row.text(pull::REPO)).cloned();
    let of = of.ok_or_else(access::not_found)?;
    let mut reviewers: Vec<String> = row.texts(pull::REVIEWERS).map(str::to_owned).collect();
    for name in users {
        if same(name, &author) {
            return Err(Refusal::new(
                422,
                "Review cannot be requested from pull request author.",
            ));
        }
        if !access::assignable(root, &of, name) {
            return Err(not_collaborators(&of));
        }
        crate::github::issues::push_login(root, &mut reviewers, name);
    }
    let mut slugs: Vec<String> = row.texts(pull::TEAMS).map(str::to_owned).collect();
    for slug in teams {
        let found = render::pull::team(root, row, slug).ok_or_else(|| not_collaborators(&of))?;
        let slug = found.text(team::SLUG).to_owned();
        if !slugs.contains(&slug) {
            slugs.push(slug);
        }
    }
    let mut draft = row.draft();
    draft.set(pull::REVIEWERS, texts(reviewers));
    draft.set(pull::TEAMS, texts(slugs));
    if draft == row.draft() {
        return now(call, row);
    }
    let new = super::put(call, draft);
    asked(call, row, &new, "review_requested");
    Ok(new)
}

/// Writes down who is in the second of two rows and not in the first.
fn asked(call: &mut Call<'_>, before: &Row, after: &Row, what: &str) {
    let owner = owner_of(after.text(pull::REPO));
    for login in after.texts(pull::REVIEWERS) {
        if !before.texts(pull::REVIEWERS).any(|known| known == login) {
            let details = Details {
                requested_reviewer: Some(login),
                ..Details::default()
            };
            super::happened(call, after, what, details);
            if what == "review_requested" {
                super::tell(call, after, login, what);
            }
        }
    }
    for slug in after.texts(pull::TEAMS) {
        if !before.texts(pull::TEAMS).any(|known| known == slug) {
            let team = format!("{owner}/{slug}");
            let details = Details {
                requested_team: Some(&team),
                ..Details::default()
            };
            super::happened(call, after, what, details);
        }
    }
}

fn not_collaborators(of: &Row) -> Refusal {
    Refusal::new(
        422,
        format!(
            "Reviews may only be requested from collaborators. One or more of the users or teams \
             you specified is not a collaborator of the {} repository.",
            of.text(repo::FULL_NAME)
        ),
    )
}

/// `DELETE …/requested_reviewers`. Who was not asked is passed over in silence.
pub(in crate::github) fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = access::body(call, NAMES)?;
    let row = call.row(PULLS)?;
    let mut draft = row.draft();
    for (column, field) in [
        (pull::REVIEWERS, "reviewers"),
        (pull::TEAMS, "team_reviewers"),
    ] {
        let names = inputs.texts(field).unwrap_or_default();
        let left: Vec<String> = row
            .texts(column)
            .filter(|known| !names.iter().any(|name| same(name, known)))
            .map(str::to_owned)
            .collect();
        draft.set(column, texts(left));
    }
    let row = if draft == row.draft() {
        row
    } else {
        let new = super::put(call, draft);
        asked(call, &new, &row, "review_request_removed");
        new
    };
    Ok(reply_as_listed(call, 200, &row))
}
