//! Who watches which repositories.

use std::sync::Arc;

use super::access::{self, not_found};
use super::dialect::page;
use super::lists;
use super::render::repo::{Detail, repo as write_repo};
use super::tables::{
    REPO_SUBSCRIPTIONS, REPO_SUBSCRIPTIONS_BY_USER, REPOS, SUBSCRIPTIONS_BY_REPO, USERS,
    repo_subscription, user,
};
use crate::engine::key::Key;
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::Row;

/// `GET …/subscribers`.
pub(super) fn watchers(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let of = call.row(REPOS)?;
    let root = call.root();
    let group = root.group(
        REPO_SUBSCRIPTIONS,
        SUBSCRIPTIONS_BY_REPO,
        &root.key(REPOS, &of),
    );
    let rows: Vec<&Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| row.bool(repo_subscription::SUBSCRIBED))
        .filter_map(|row| root.get(USERS, &Key::folded(row.text(repo_subscription::USER))))
        .collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, USERS, rows, Some(page)))
}

/// `GET /user/subscriptions` and `GET /users/{username}/subscriptions`.
pub(super) fn watched(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = match call.param("username") {
        "" => access::login(call)?,
        name => {
            let row = call.root().get(USERS, &Key::folded(name));
            row.ok_or_else(not_found)?.text(user::LOGIN).to_owned()
        }
    };
    let root = call.root();
    let group = root.group(
        REPO_SUBSCRIPTIONS,
        REPO_SUBSCRIPTIONS_BY_USER,
        &Key::folded(&login),
    );
    let rows: Vec<&Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter(|row| row.bool(repo_subscription::SUBSCRIBED))
        .filter_map(|row| root.named(REPOS, row.text(repo_subscription::REPO)))
        .filter(|row| access::sees(call, row).is_some())
        .collect();
    Ok(lists::plain(call, &rows, |row, out| {
        let permission = call.caller.as_ref().and_then(|_| access::sees(call, row));
        write_repo(root, row, Detail::Listed, permission, out);
    }))
}
