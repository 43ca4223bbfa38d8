//! Stars.

use std::sync::Arc;

use archal_core::clone::ViewValue;

use super::access::{self, not_found};
use super::render::repo::{Detail, repo as write_repo};
use super::tables::{REPOS, STARS, STARS_BY_REPO, STARS_BY_USER, USERS, repo, star, user};
use super::{lists, media, render};
use crate::engine::key::{Key, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Row, text};
use crate::engine::writer::Writer;

/// `GET /user/starred` and `GET /users/{username}/starred`.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = match call.param("username") {
        "" => access::login(call)?,
        name => {
            let row = call.root().get(USERS, &Key::folded(name));
            row.ok_or_else(not_found)?.text(user::LOGIN).to_owned()
        }
    };
    let root = call.root();
    let of = |row: &Row| root.named(REPOS, row.text(star::REPO));
    let group = root.group(STARS, STARS_BY_USER, &Key::folded(&login));
    let mut rows: Vec<&Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| of(row).is_some_and(|repo| access::sees(call, repo).is_some()))
        .collect();
    if call.query("sort") == Some("updated") {
        rows.sort_by_key(|row| of(row).map_or(0, |repo| repo.seconds(repo::UPDATED_AT)));
    } else {
        // Stars of one second stay in the order of the calls, whatever the clock.
        rows.sort_by_key(|row| (row.seconds(star::STARRED_AT), row.version()));
    }
    if call.query("direction") != Some("asc") {
        rows.reverse();
    }
    let with_time = media::asks_for(call.request, "star");
    Ok(lists::plain(call, &rows, |row, out| {
        let Some(starred) = of(row) else { return };
        let permission = call
            .caller
            .as_ref()
            .and_then(|_| access::sees(call, starred));
        let write = |out: &mut Writer| write_repo(root, starred, Detail::Listed, permission, out);
        starred_at(with_time, row, "repo", out, write);
    }))
}

/// Writes what is starred or who starred it, with the time where that is asked for.
fn starred_at(
    with_time: bool,
    row: &Row,
    name: &str,
    out: &mut Writer,
    write: impl FnOnce(&mut Writer),
) {
    if !with_time {
        write(out);
        return;
    }
    out.raw("{")
        .key("starred_at")
        .time(row.time(star::STARRED_AT));
    out.key(name);
    write(out);
    out.raw("}");
}

/// `GET …/stargazers`.
pub(super) fn stargazers(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let root = call.root();
    let group = root.group(STARS, STARS_BY_REPO, &root.key(REPOS, &of));
    let mut rows: Vec<&Arc<Row>> = group.into_iter().flat_map(|rows| rows.values()).collect();
    rows.sort_by_key(|row| (row.seconds(star::STARRED_AT), row.version()));
    let with_time = media::asks_for(call.request, "star");
    Ok(lists::plain(call, &rows, |row, out| {
        starred_at(with_time, row, "user", out, |out| {
            render::user::named(root, row.text_or_null(star::USER), out);
        });
    }))
}

/// `GET …/stargazers/count`.
pub(super) fn stargazer_count(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.row(REPOS)?;
    Ok(lists::one(call, 200, &row, |row, out| {
        out.raw("{").key("count").int(row.int(repo::STARGAZERS));
        out.raw("}");
    }))
}

fn own(call: &Call<'_>) -> Result<Key, Refusal> {
    let repo = call.row(REPOS)?;
    let login = access::login(call)?;
    Ok(Key::new([
        folded(&login),
        folded(repo.text(repo::FULL_NAME)),
    ]))
}

/// `GET /user/starred/{owner}/{repo}`.
pub(super) fn check(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = own(call)?;
    let found = call.root().get(STARS, &key).map(|_| Reply::empty());
    found.ok_or_else(not_found)
}

/// `PUT /user/starred/{owner}/{repo}`.
pub(super) fn star(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = own(call)?;
    if call.root().get(STARS, &key).is_none() {
        let repo = access::repo_name(call)?;
        let mut draft = call.root().blank(STARS);
        draft.set(star::USER, text(access::login(call)?));
        draft.set(star::REPO, text(repo));
        draft.set(star::STARRED_AT, ViewValue::Time(call.now));
        call.transaction.put(STARS, draft);
        count(call, 1)?;
    }
    Ok(Reply::empty())
}

/// `DELETE /user/starred/{owner}/{repo}`.
pub(super) fn unstar(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let key = own(call)?;
    if call.root().get(STARS, &key).is_some() {
        call.transaction.remove(STARS, &key);
        count(call, -1)?;
    }
    Ok(Reply::empty())
}

fn count(call: &mut Call<'_>, by: i64) -> Result<(), Refusal> {
    let row = call.row(REPOS)?;
    let mut draft = row.draft();
    let stars = (row.int(repo::STARGAZERS) + by).max(0);
    draft.set(repo::STARGAZERS, ViewValue::Int(stars));
    call.transaction.put(REPOS, draft);
    Ok(())
}
