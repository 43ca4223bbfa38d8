//! Teams: their members and repositories.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::json;

use super::access::{self, Permission, not_found};
use super::dialect::{invalid, invalid_value, page};
use super::render::repo::{Detail, repo as write_repo};
use super::render::team as render_team;
use super::tables::{
    REPOS, REPOS_BY_TEAM, TEAM_REPOS, TEAMS, TEAMS_BY_ORG, USERS, repo, team, team_repo, user,
};
use super::{complete, lists, media, orgs, render};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, folded, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::{Draft, Row, list as texts, text};
use crate::engine::running::read;
use crate::engine::writer::Writer;

/// What a body that writes a team holds.
const NEW: &[Input] = &[
    Input::new("name", Kind::Text).required(),
    Input::new("description", Kind::TextOrNull),
    Input::new("maintainers", Kind::Texts),
    Input::new("repo_names", Kind::Texts),
    Input::new("privacy", Kind::Text),
    Input::new("notification_setting", Kind::Text),
    Input::new("permission", Kind::Text),
    Input::new("parent_team_id", Kind::Any),
];

const CHANGE: &[Input] = &[
    Input::new("name", Kind::Text),
    Input::new("description", Kind::TextOrNull),
    Input::new("privacy", Kind::Text),
    Input::new("notification_setting", Kind::Text),
    Input::new("permission", Kind::Text),
    Input::new("parent_team_id", Kind::Any),
];

const ROLE: &[Input] = &[Input::new("role", Kind::Text)];
const PERMISSION: &[Input] = &[Input::new("permission", Kind::Text)];

/// The part of an address that a name stands for.
pub(super) fn slug_of(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim().chars() {
        if c.is_alphanumeric() || c == '_' {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// Guard: the path names a team that the caller sees.
pub(super) fn known_team(call: &mut Call<'_>) -> Result<(), Refusal> {
    let org = orgs::name(call)?;
    let key = Key::new([folded(&org), folded(call.param("team_slug"))]);
    let row = call.root().get(TEAMS, &key).cloned();
    let row = row.filter(|row| sees(call, row)).ok_or_else(not_found)?;
    call.found.push((TEAMS, row));
    Ok(())
}

/// Whether the caller sees a team: it is not secret, or they are in it or own the organisation.
fn sees(call: &Call<'_>, row: &Row) -> bool {
    let login = call.caller.as_ref().map_or("", |row| row.text(user::LOGIN));
    match orgs::own_role(call, row.text(team::ORG)) {
        Some("admin") => true,
        Some(_) => row.text(team::PRIVACY) == "closed" || is_in(row, login),
        None => false,
    }
}

fn is_in(row: &Row, login: &str) -> bool {
    let mut all = row.texts(team::MEMBERS).chain(row.texts(team::MAINTAINERS));
    all.any(|one| same(one, login))
}

/// Guard: the caller manages the team or owns the organisation.
pub(super) fn manages(call: &mut Call<'_>) -> Result<(), Refusal> {
    let login = access::login(call)?;
    let row = call.row(TEAMS)?;
    let owner = orgs::own_role(call, row.text(team::ORG)) == Some("admin");
    let maintains = row.texts(team::MAINTAINERS).any(|one| same(one, &login));
    (owner || maintains)
        .then_some(())
        .ok_or_else(|| Refusal::new(403, "Must have admin rights to Organization."))
}

/// The permission that teams give a user for a repository.
pub(super) fn permission(root: &Root, row: &Row, login: &str) -> Option<Permission> {
    let group = root.group(
        TEAM_REPOS,
        super::tables::TEAMS_BY_REPO,
        &Key::folded(row.text(repo::FULL_NAME)),
    );
    let given = group.into_iter().flat_map(|rows| rows.values());
    given
        .filter_map(|given| {
            let of = root.named(TEAMS, given.text(team_repo::TEAM))?;
            is_in(of, login).then(|| granted(of, given))
        })
        .max()
}

/// What a team may do with a repository that it was given.
fn granted(of: &Row, given: &Row) -> Permission {
    let own = given.text_or_null(team_repo::PERMISSION);
    Permission::of(own.unwrap_or_else(|| of.text(team::PERMISSION))).unwrap_or(Permission::Pull)
}

/// `GET /orgs/{org}/teams`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let org = orgs::name(call)?;
    let root = call.root();
    let group = root.group(TEAMS, TEAMS_BY_ORG, &Key::folded(&org));
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let rows: Vec<&Arc<Row>> = rows.filter(|row| sees(call, row)).collect();
    Ok(lists::plain(call, &rows, |row, out| {
        render_team::team(root, row, out);
    }))
}

/// `GET …/teams/{team_slug}/teams`.
pub(super) fn children(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let above = call.row(TEAMS)?;
    let root = call.root();
    let group = root.group(TEAMS, TEAMS_BY_ORG, &Key::folded(above.text(team::ORG)));
    let rows = group.into_iter().flat_map(|rows| rows.values());
    let rows: Vec<&Arc<Row>> = rows
        .filter(|row| same(row.text(team::PARENT), above.text(team::SLUG)) && sees(call, row))
        .collect();
    Ok(lists::plain(call, &rows, |row, out| {
        render_team::team(root, row, out);
    }))
}

/// `GET /user/teams`.
pub(super) fn own(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let root = call.root();
    let rows = root.rows(TEAMS).values();
    let rows: Vec<&Arc<Row>> = rows.filter(|row| is_in(row, &login)).collect();
    Ok(lists::plain(call, &rows, |row, out| {
        render_team::full(root, row, out);
    }))
}

/// `GET …/teams/{team_slug}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(TEAMS)?;
    Ok(answer(call, 200, &row))
}

fn answer(call: &Call<'_>, status: u16, row: &Row) -> Reply {
    let root = call.root();
    lists::one(call, status, row, |row, out| {
        render_team::full(root, row, out);
    })
}

/// `POST /orgs/{org}/teams`.
pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, NEW, call.root().pack())?;
    let org = orgs::name(call)?;
    let login = access::login(call)?;
    let mut draft = call.root().blank(TEAMS);
    draft.set(team::ORG, text(org.as_str()));
    // A team without a parent is secret where the body does not say otherwise.
    let nested = inputs
        .value("parent_team_id")
        .is_some_and(|id| !id.is_null());
    draft.set(
        team::PRIVACY,
        text(if nested { "closed" } else { "secret" }),
    );
    draft.set(team::CREATED_AT, ViewValue::Time(call.now));
    draft.set(team::MEMBERS, texts(Vec::<String>::new()));
    fill(call, &inputs, &mut draft)?;
    let mut maintainers = Vec::new();
    for name in inputs.texts("maintainers").unwrap_or_else(|| vec![&login]) {
        let row = call.root().get(USERS, &Key::folded(name));
        let row = row.ok_or_else(|| invalid_value("Team", "maintainers", name))?;
        maintainers.push(row.text(user::LOGIN).to_owned());
    }
    draft.set(team::MAINTAINERS, texts(maintainers));
    let key = Key::new([folded(&org), folded(draft.text(team::SLUG))]);
    if call.root().get(TEAMS, &key).is_some() {
        return Err(Refusal::new(422, "Validation Failed").with(vec![json!({
            "resource": "Team",
            "code": "custom",
            "field": "name",
            "message": "Name must be unique for this org",
        })]));
    }
    let id = call.transaction.next_id(TEAMS);
    draft.set(team::ID, ViewValue::Int(id));
    name_team(&mut draft);
    let row = call.transaction.put(TEAMS, draft);
    for name in inputs.texts("repo_names").unwrap_or_default() {
        let repo = call.root().named(REPOS, name).cloned();
        let repo = repo.filter(|repo| access::sees(call, repo).is_some());
        let repo = repo.ok_or_else(|| invalid_value("Team", "repo_names", name))?;
        check_gift(call, &row, &repo)?;
        give(call, &row, &repo, None);
    }
    Ok(answer(call, 201, &row))
}

/// Gives a team its GraphQL id.
pub(super) fn name_team(draft: &mut Draft) {
    let id = draft.int(team::ID);
    draft.or(team::NODE_ID, || text(complete::node_id("T", &[id])));
}

/// `PATCH …/teams/{team_slug}`.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, CHANGE, call.root().pack())?;
    let old = call.row(TEAMS)?;
    let mut draft = old.draft();
    fill(call, &inputs, &mut draft)?;
    let key = Key::new([
        folded(draft.text(team::ORG)),
        folded(draft.text(team::SLUG)),
    ]);
    if key != call.root().key(TEAMS, &old) && call.root().get(TEAMS, &key).is_some() {
        return Err(invalid("Team", "name", "already_exists"));
    }
    let row = call.transaction.replace(TEAMS, &old, draft);
    let (before, after) = (team_name(&old), team_name(&row));
    if before != after {
        rename(call, &before, &row);
    }
    Ok(answer(call, 200, &row))
}

fn team_name(row: &Row) -> String {
    format!("{}/{}", row.text(team::ORG), row.text(team::SLUG))
}

/// Lets what names a team follow its new name.
fn rename(call: &mut Call<'_>, before: &str, row: &Row) {
    let (org, slug) = before.split_once('/').unwrap_or_default();
    for given in given_to(call.root(), org, slug) {
        let mut draft = given.draft();
        draft.set(team_repo::TEAM, text(team_name(row)));
        call.transaction.replace(TEAM_REPOS, &given, draft);
    }
    let group = call.root().group(TEAMS, TEAMS_BY_ORG, &Key::folded(org));
    let below: Vec<Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values().cloned())
        .filter(|below| same(below.text(team::PARENT), slug))
        .collect();
    for below in below {
        let mut draft = below.draft();
        draft.set(team::PARENT, text(row.text(team::SLUG)));
        call.transaction.put(TEAMS, draft);
    }
}

fn fill(call: &Call<'_>, inputs: &Inputs, draft: &mut Draft) -> Result<(), Refusal> {
    if let Some(name) = inputs.text("name") {
        let slug = slug_of(name);
        if slug.is_empty() {
            return Err(invalid("Team", "name", "invalid"));
        }
        draft.set(team::NAME, text(name));
        draft.set(team::SLUG, text(slug));
    }
    if inputs.has("description") {
        let about = inputs.text("description").filter(|about| !about.is_empty());
        draft.set(team::DESCRIPTION, about.map_or(ViewValue::Null, text));
    }
    for (name, column, choices) in [
        ("privacy", team::PRIVACY, &["closed", "secret"][..]),
        (
            "notification_setting",
            team::NOTIFICATIONS,
            &["notifications_disabled", "notifications_enabled"],
        ),
        ("permission", team::PERMISSION, &["admin", "pull", "push"]),
    ] {
        let Some(value) = inputs.text(name) else {
            continue;
        };
        if !choices.contains(&value) {
            return Err(invalid_value("Team", name, value));
        }
        draft.set(column, text(value));
    }
    match inputs.value("parent_team_id") {
        None => {}
        Some(serde_json::Value::Null) => {
            draft.set(team::PARENT, ViewValue::Null);
        }
        Some(id) => {
            let org = draft.text(team::ORG);
            let group = call.root().group(TEAMS, TEAMS_BY_ORG, &Key::folded(org));
            let mut rows = group.into_iter().flat_map(|rows| rows.values());
            let above = rows.find(|row| Some(row.int(team::ID)) == id.as_i64());
            let above =
                above.ok_or_else(|| invalid_value("Team", "parent_team_id", &id.to_string()))?;
            if same(above.text(team::SLUG), draft.text(team::SLUG)) {
                return Err(invalid("Team", "parent_team_id", "invalid"));
            }
            draft.set(team::PARENT, text(above.text(team::SLUG)));
            draft.set(team::PRIVACY, text("closed"));
        }
    }
    draft.set(team::UPDATED_AT, ViewValue::Time(call.now));
    Ok(())
}

/// `GET …/teams/{team_slug}/members`.
pub(super) fn members(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(TEAMS)?;
    let asked = call.query("role").unwrap_or("all");
    let root = call.root();
    let columns: &[usize] = match asked {
        "all" => &[team::MAINTAINERS, team::MEMBERS],
        "maintainer" => &[team::MAINTAINERS],
        "member" => &[team::MEMBERS],
        other => return Err(invalid_value("Team", "role", other)),
    };
    let rows: Vec<&Arc<Row>> = columns
        .iter()
        .flat_map(|column| row.texts(*column))
        .filter_map(|login| root.get(USERS, &Key::folded(login)))
        .collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, USERS, rows, Some(page)))
}

/// `GET …/teams/{team_slug}/memberships/{username}`.
pub(super) fn get_membership(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(TEAMS)?;
    let login = call.param("username");
    let role = if row.texts(team::MAINTAINERS).any(|one| same(one, login)) {
        "maintainer"
    } else if is_in(&row, login) {
        "member"
    } else {
        return Err(not_found());
    };
    Ok(lists::one(call, 200, &row, |row, out| {
        let id = row.int(team::ID);
        let url = format!("{}/teams/{id}/memberships/{login}", render::API);
        out.raw("{").key("url").text(&url);
        out.key("role").text(role);
        out.key("state").text("active").raw("}");
    }))
}

/// `PUT …/teams/{team_slug}/memberships/{username}`.
pub(super) fn set_membership(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, ROLE, call.root().pack())?;
    let role = inputs.text("role").unwrap_or("member");
    if !matches!(role, "maintainer" | "member") {
        return Err(invalid_value("TeamMember", "role", role));
    }
    let found = call.root().get(USERS, &Key::folded(call.param("username")));
    let found = found.cloned().ok_or_else(not_found)?;
    if found.text(user::TYPE) == "Organization" {
        return Err(Refusal::new(422, "Cannot add an organization as a member."));
    }
    let login = found.text(user::LOGIN).to_owned();
    put_members(call, &login, Some(role))?;
    get_membership(call)
}

/// `DELETE …/teams/{team_slug}/memberships/{username}`.
pub(super) fn remove_membership(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = call.param("username").to_owned();
    if !is_in(&*call.row(TEAMS)?, &login) {
        return Err(not_found());
    }
    put_members(call, &login, None)?;
    Ok(Reply::empty())
}

fn put_members(call: &mut Call<'_>, login: &str, role: Option<&str>) -> Result<(), Refusal> {
    let old = call.row(TEAMS)?;
    let mut draft = old.draft();
    for (column, name) in [(team::MEMBERS, "member"), (team::MAINTAINERS, "maintainer")] {
        let others = old.texts(column).filter(|one| !same(one, login));
        let mut names: Vec<String> = others.map(str::to_owned).collect();
        if role == Some(name) {
            names.push(login.to_owned());
        }
        draft.set(column, texts(names));
    }
    if draft != old.draft() {
        draft.set(team::UPDATED_AT, ViewValue::Time(call.now));
        let row = call.transaction.put(TEAMS, draft);
        call.found.retain(|(table, _)| *table != TEAMS);
        call.found.push((TEAMS, row));
    }
    Ok(())
}

/// What a team was given.
fn given_to(root: &Root, org: &str, slug: &str) -> Vec<Arc<Row>> {
    let key = Key::new([folded(org), folded(slug)]);
    let group = root.group(TEAM_REPOS, REPOS_BY_TEAM, &key);
    group
        .into_iter()
        .flat_map(|rows| rows.values().cloned())
        .collect()
}

/// `GET …/teams/{team_slug}/repos`.
pub(super) fn repos(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(TEAMS)?;
    let given = given_to(call.root(), row.text(team::ORG), row.text(team::SLUG));
    let root = call.root();
    let given: Vec<&Arc<Row>> = given.iter().collect();
    Ok(lists::plain(call, &given, |given, out| {
        if let Some(one) = root.named(REPOS, given.text(team_repo::REPO)) {
            write(root, one, granted(&row, given), out);
        }
    }))
}

/// A repository with what a team may do with it.
fn write(root: &Root, row: &Row, permission: Permission, out: &mut Writer) {
    write_repo(root, row, Detail::Listed, Some(permission), out);
}

fn given_here(call: &Call<'_>) -> Result<Option<Arc<Row>>, Refusal> {
    let row = call.row(TEAMS)?;
    let repo = call.row(REPOS)?;
    let key = Key::new([folded(&team_name(&row)), folded(repo.text(repo::FULL_NAME))]);
    Ok(call.root().get(TEAM_REPOS, &key).cloned())
}

/// `GET …/teams/{team_slug}/repos/{owner}/{repo}`.
pub(super) fn check_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(TEAMS)?;
    let given = given_here(call)?.ok_or_else(not_found)?;
    if !media::asks_for(call.request, "repository") {
        return Ok(Reply::empty());
    }
    let found = call.row(REPOS)?;
    let root = call.root();
    Ok(lists::one(call, 200, &found, |one, out| {
        write(root, one, granted(&row, &given), out);
    }))
}

/// `PUT …/teams/{team_slug}/repos/{owner}/{repo}`.
pub(super) fn set_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, PERMISSION, call.root().pack())?;
    let permission = inputs.text("permission");
    if let Some(name) = permission
        && Permission::of(name).is_none()
    {
        return Err(invalid_value("Team", "permission", name));
    }
    let (row, repo) = (call.row(TEAMS)?, call.row(REPOS)?);
    check_gift(call, &row, &repo)?;
    give(call, &row, &repo, permission);
    Ok(Reply::empty())
}

/// Refuses to give a team what is not of its organisation, or not the caller's to give.
fn check_gift(call: &Call<'_>, row: &Row, repo: &Row) -> Result<(), Refusal> {
    let owner = super::tables::owner_of(repo.text(repo::FULL_NAME));
    if !same(owner, row.text(team::ORG)) {
        return Err(invalid("Team", "repository", "invalid"));
    }
    if access::sees(call, repo) < Some(Permission::Admin) {
        return Err(access::forbidden());
    }
    Ok(())
}

fn give(call: &mut Call<'_>, row: &Row, repo: &Row, permission: Option<&str>) {
    let mut draft = call.root().blank(TEAM_REPOS);
    draft.set(team_repo::TEAM, text(team_name(row)));
    draft.set(team_repo::REPO, text(repo.text(repo::FULL_NAME)));
    draft.set(
        team_repo::PERMISSION,
        permission.map_or(ViewValue::Null, text),
    );
    call.transaction.put(TEAM_REPOS, draft);
}

/// `DELETE …/teams/{team_slug}/repos/{owner}/{repo}`.
pub(super) fn remove_repo(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    if let Some(given) = given_here(call)? {
        let key = call.root().key(TEAM_REPOS, &given);
        call.transaction.remove(TEAM_REPOS, &key);
    }
    Ok(Reply::empty())
}
