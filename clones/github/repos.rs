//! Repositories and users.

use std::sync::Arc;

use super::access::{self, Permission, not_found};
use super::dialect::page;
use super::orgs;
use super::render;
use super::render::repo::Detail;
use super::render::user::profile;
use super::tables::{REPOS, REPOS_BY_OWNER, USERS, owner_of, repo, user};
use crate::engine::key::{Key, same};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;

/// `GET /user`.
pub(super) fn own_user(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.caller.clone().ok_or_else(not_found)?;
    Ok(user_reply(call.root(), &row, true))
}

/// `GET /users/{username}`.
pub(super) fn any_user(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = Key::folded(call.param("username"));
    let row = call.root().get(USERS, &key).cloned();
    let row = row.ok_or_else(not_found)?;
    Ok(user_reply(call.root(), &row, false))
}

fn user_reply(root: &Root, row: &Row, own: bool) -> Reply {
    let mut writer = Writer::new(root);
    profile(root, row, own, &mut writer);
    let mut reply = Reply::written(200, writer.finish(), row.version());
    reply.modified = row.time(user::UPDATED_AT);
    reply
}

/// `GET /repos/{owner}/{repo}`.
pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    Ok(full(call, 200, &row))
}

/// A repository as its own address shows it.
pub(super) fn full(call: &Call<'_>, status: u16, row: &Row) -> Reply {
    written(call, status, row, Detail::Full)
}

/// A repository as lists show it.
pub(super) fn listed(call: &Call<'_>, status: u16, row: &Row) -> Reply {
    written(call, status, row, Detail::Listed)
}

fn written(call: &Call<'_>, status: u16, row: &Row, detail: Detail) -> Reply {
    let root = call.root();
    let mut writer = Writer::with_capacity(root, 8_192, 8_192);
    write(call, row, detail, &mut writer);
    let mut version = row.version();
    if detail == Detail::Full {
        // Who subscribes does not change the repository, and shows.
        let count = render::repo::subscribers(root, row);
        version = crate::engine::fingerprint::mix(version, count.unsigned_abs());
    }
    let mut reply = Reply::written(status, writer.finish(), version);
    reply.modified = row.time(repo::UPDATED_AT);
    reply
}

/// `GET /users/{username}/repos`.
pub(super) fn list_of_user(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    list_of(call, "username", "full_name")
}

/// `GET /orgs/{org}/repos`.
pub(super) fn list_of_organisation(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    list_of(call, "org", "created")
}

fn list_of(call: &Call<'_>, param: &str, sort: &str) -> Result<Reply, Refusal> {
    let key = Key::folded(call.param(param));
    let root = call.root();
    let owner = root.get(USERS, &key).ok_or_else(not_found)?;
    // An organisation is a user too where users' repositories are listed.
    if param == "org" && owner.text(user::TYPE) != "Organization" {
        return Err(not_found());
    }
    let rows = root.group(REPOS, REPOS_BY_OWNER, &key);
    let rows = rows.into_iter().flat_map(|rows| rows.values());
    let kind = call.query("type").filter(|_| param == "org");
    let rows = rows.filter(|row| match kind {
        Some("public") => !row.bool(repo::PRIVATE),
        Some("private") => row.bool(repo::PRIVATE),
        Some("forks") => row.bool(repo::FORK),
        Some("sources") => !row.bool(repo::FORK),
        _ => true,
    });
    Ok(answer(call, rows, sort))
}

/// `GET /user/repos`.
pub(super) fn list_of_caller(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let root = call.root();
    let kind = call.query("type").filter(|kind| *kind != "all");
    let affiliation = call.query("affiliation");
    if kind.is_some() && (affiliation.is_some() || call.query("visibility").is_some()) {
        return Err(Refusal::new(
            422,
            "If you specify visibility or affiliation, you cannot specify type.",
        ));
    }
    let affiliation = match kind {
        Some("owner") => "owner",
        Some("member") => "collaborator,organization_member",
        _ => affiliation.unwrap_or("owner,collaborator,organization_member"),
    };
    let asked: Vec<&str> = affiliation.split(',').map(str::trim).collect();
    let visibility = call.query("visibility").or(kind);
    let rows = root.rows(REPOS).values().filter(|row| {
        let own = same(owner_of(row.text(repo::FULL_NAME)), &login);
        let member =
            access::sees(call, row).is_some_and(|permission| permission > Permission::Pull);
        let fits = match visibility {
            Some("public") => !row.bool(repo::PRIVATE),
            Some("private") => row.bool(repo::PRIVATE),
            _ => true,
        };
        let in_organisation =
            orgs::role(root, owner_of(row.text(repo::FULL_NAME)), &login).is_some();
        let how = match (own, in_organisation) {
            (true, _) => "owner",
            (false, true) => "organization_member",
            (false, false) => "collaborator",
        };
        fits && (own || in_organisation || member) && asked.contains(&how)
    });
    Ok(answer(call, rows, "full_name"))
}

fn answer<'r>(call: &'r Call<'_>, rows: impl Iterator<Item = &'r Arc<Row>>, usual: &str) -> Reply {
    let mut rows: Vec<&Arc<Row>> = rows
        .filter(|row| access::sees(call, row).is_some())
        .collect();
    let sort = call.query("sort").unwrap_or(usual);
    let column = match sort {
        "created" => Some(repo::CREATED_AT),
        "updated" => Some(repo::UPDATED_AT),
        "pushed" => Some(repo::PUSHED_AT),
        _ => None,
    };
    let ascending = match call.query("direction") {
        Some("asc") => true,
        Some("desc") => false,
        // Names go from A, times from the newest.
        _ => column.is_none(),
    };
    match column {
        None => rows.sort_by_key(|row| row.text(repo::FULL_NAME).to_lowercase()),
        Some(column) => rows.sort_by_key(|row| (row.seconds(column), row.int(repo::ID))),
    }
    if !ascending {
        rows.reverse();
    }
    page_of(call, &rows)
}

/// The page of these repositories that a call asks for.
pub(super) fn page_of(call: &Call<'_>, rows: &[&Arc<Row>]) -> Reply {
    let root = call.root();
    let page = page(call, rows.len());
    let mut writer = Writer::new(root);
    let mut versions = page.fingerprint();
    writer.raw("[");
    for row in rows.iter().skip(page.skip()).take(page.take()) {
        versions = crate::engine::fingerprint::mix(versions, row.version());
        writer.item();
        write(call, row, Detail::Listed, &mut writer);
    }
    writer.raw("]");
    let mut reply = Reply::written(200, writer.finish(), versions);
    reply.page = Some(page);
    reply
}

fn write(call: &Call<'_>, row: &Row, detail: Detail, writer: &mut Writer) {
    let root = call.root();
    let caller = call.caller.as_deref();
    // Callers without credentials are not told what they may do.
    let permission = caller.and_then(|_| access::sees(call, row));
    render::repo::repo(root, row, detail, permission, writer);
}
