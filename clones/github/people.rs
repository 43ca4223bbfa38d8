//! Users: profiles, mail addresses, and who follows whom.

use std::sync::Arc;

use archal_core::clone::ViewValue;
use serde_json::Value;

use super::access::{self, not_found};
use super::dialect::{invalid_value, page};
use super::lists;
use super::render::user::profile;
use super::tables::{FOLLOWED_BY, FOLLOWERS_OF, FOLLOWS, USERS, follow, user};
use crate::engine::input::{Input, Inputs, Kind};
use crate::engine::key::{Key, folded};
use crate::engine::pack::{Call, Refusal, Reply};
use crate::engine::row::{Draft, Row, text};
use crate::engine::running::read;
use crate::engine::writer::Writer;

/// What a body of `PATCH /user` holds.
const CHANGE: &[Input] = &[
    Input::new("name", Kind::TextOrNull),
    Input::new("email", Kind::TextOrNull),
    Input::new("blog", Kind::TextOrNull),
    Input::new("twitter_username", Kind::TextOrNull),
    Input::new("company", Kind::TextOrNull),
    Input::new("location", Kind::TextOrNull),
    Input::new("hireable", Kind::Any),
    Input::new("bio", Kind::TextOrNull),
];

/// `GET /users`: all accounts in order of their numbers.
pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let since: i64 = call
        .query("since")
        .and_then(|since| since.parse().ok())
        .unwrap_or(0);
    let root = call.root();
    let mut rows: Vec<&Arc<Row>> = root.rows(USERS).values().collect();
    rows.retain(|row| row.int(user::ID) > since);
    rows.sort_by_key(|row| row.int(user::ID));
    let mut page = page(call, rows.len());
    page.number = 1;
    let shown = rows.into_iter().take(page.take());
    // Its pages go by `since`; GitHub names the next one alone, which a count cannot.
    let last = shown.clone().next_back().map(|row| row.int(user::ID));
    let more = page.total > page.size;
    let mut reply = Reply::rows(root, USERS, shown, None);
    if let Some(last) = last.filter(|_| more) {
        let size = page.size;
        let url = format!("{}/users?per_page={size}&since={last}", super::render::API);
        reply.link = Some(format!("<{url}>; rel=\"next\""));
    }
    Ok(reply)
}

/// `PATCH /user`.
pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let inputs = read(call, CHANGE, call.root().pack())?;
    let old = call.caller.clone().ok_or_else(not_found)?;
    let mut draft = old.draft();
    set_profile(&inputs, &mut draft)?;
    let row = if draft == old.draft() {
        old
    } else {
        draft.set(user::UPDATED_AT, ViewValue::Time(call.now));
        call.transaction.put(USERS, draft)
    };
    let root = call.root();
    Ok(lists::one(call, 200, &row, |row, out| {
        profile(root, row, true, out);
    }))
}

/// Sets what a body says of an account.
pub(super) fn set_profile(inputs: &Inputs, draft: &mut Draft) -> Result<(), Refusal> {
    for (name, column) in [
        ("name", user::NAME),
        ("email", user::EMAIL),
        ("blog", user::BLOG),
        ("twitter_username", user::TWITTER),
        ("company", user::COMPANY),
        ("location", user::LOCATION),
        ("bio", user::BIO),
        ("description", user::DESCRIPTION),
    ] {
        if !inputs.has(name) {
            continue;
        }
        let value = inputs.text(name);
        if let Some(address) = value.filter(|address| name == "email" && !address.contains('@')) {
            return Err(invalid_value("User", "email", address));
        }
        // An empty website is kept as such, all else is then unset.
        let value = value.filter(|value| name == "blog" || !value.is_empty());
        let unset = if name == "blog" {
            text("")
        } else {
            ViewValue::Null
        };
        draft.set(column, value.map_or(unset, text));
    }
    match inputs.value("hireable") {
        None => {}
        Some(Value::Bool(hireable)) => {
            draft.set(user::HIREABLE, ViewValue::Bool(*hireable));
        }
        Some(_) => {
            draft.set(user::HIREABLE, ViewValue::Null);
        }
    }
    Ok(())
}

/// `GET /user/emails` and `GET /user/public_emails`.
pub(super) fn emails(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let row = call.caller.clone().ok_or_else(not_found)?;
    let mut out = Writer::new(call.root());
    out.raw("[");
    let own = row.text_or_null(user::EMAIL);
    if let Some(address) = own {
        email(address, true, Some("public"), &mut out);
    }
    if call.request.path.trim_end_matches('/') == "/user/emails" {
        // The address that GitHub gives everybody.
        let (id, login) = (row.int(user::ID), row.text(user::LOGIN));
        let address = format!("{id}+{login}@users.noreply.github.com");
        email(&address, own.is_none(), None, &mut out);
    }
    out.raw("]");
    Ok(Reply::written(200, out.finish(), row.version()))
}

fn email(address: &str, primary: bool, visibility: Option<&str>, out: &mut Writer) {
    out.item().raw("{").key("email").text(address);
    out.key("primary").bool(primary);
    out.key("verified").bool(true);
    out.key("visibility").text_or_null(visibility);
    out.raw("}");
}

/// The user that the path names, or the caller where it names none.
fn named(call: &Call<'_>, param: &str) -> Result<Arc<Row>, Refusal> {
    match call.param(param) {
        "" => call.caller.clone().ok_or_else(not_found),
        name => call
            .root()
            .get(USERS, &Key::folded(name))
            .cloned()
            .ok_or_else(not_found),
    }
}

/// `GET …/followers`.
pub(super) fn followers(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    graph(call, FOLLOWERS_OF, follow::USER)
}

/// `GET …/following`.
pub(super) fn following(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    graph(call, FOLLOWED_BY, follow::TARGET)
}

fn graph(call: &Call<'_>, index: usize, other: usize) -> Result<Reply, Refusal> {
    let of = named(call, "username")?;
    let root = call.root();
    let group = root.group(FOLLOWS, index, &Key::folded(of.text(user::LOGIN)));
    let rows: Vec<&Arc<Row>> = group
        .into_iter()
        .flat_map(|rows| rows.values())
        .filter_map(|row| root.get(USERS, &Key::folded(row.text(other))))
        .collect();
    let page = page(call, rows.len());
    let rows = rows.into_iter().skip(page.skip()).take(page.take());
    Ok(Reply::rows(root, USERS, rows, Some(page)))
}

/// `GET /user/following/{username}` and `GET /users/{username}/following/{target_user}`.
pub(super) fn check_following(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let (who, whom) = match call.param("target_user") {
        "" => (access::login(call)?, call.param("username")),
        target => (call.param("username").to_owned(), target),
    };
    let key = Key::new([folded(&who), folded(whom)]);
    let found = call.root().get(FOLLOWS, &key).map(|_| Reply::empty());
    found.ok_or_else(not_found)
}

/// `PUT /user/following/{username}`.
pub(super) fn follow(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let target = named(call, "username")?;
    let name = target.text(user::LOGIN).to_owned();
    if name == login || target.text(user::TYPE) == "Organization" {
        return Err(Refusal::new(422, "Validation Failed"));
    }
    let key = Key::new([folded(&login), folded(&name)]);
    if call.root().get(FOLLOWS, &key).is_none() {
        let mut draft = call.root().blank(FOLLOWS);
        draft.set(follow::USER, text(login.as_str()));
        draft.set(follow::TARGET, text(name.as_str()));
        call.transaction.put(FOLLOWS, draft);
        count(call, &login, user::FOLLOWING, 1);
        count(call, &name, user::FOLLOWERS, 1);
    }
    Ok(Reply::empty())
}

/// `DELETE /user/following/{username}`.
pub(super) fn unfollow(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let login = access::login(call)?;
    let target = named(call, "username")?;
    let name = target.text(user::LOGIN).to_owned();
    let key = Key::new([folded(&login), folded(&name)]);
    if call.root().get(FOLLOWS, &key).is_some() {
        call.transaction.remove(FOLLOWS, &key);
        count(call, &login, user::FOLLOWING, -1);
        count(call, &name, user::FOLLOWERS, -1);
    }
    Ok(Reply::empty())
}

fn count(call: &mut Call<'_>, login: &str, column: usize, by: i64) {
    if let Some(row) = call.root().get(USERS, &Key::folded(login)).cloned() {
        let mut draft = row.draft();
        draft.set(column, ViewValue::Int((row.int(column) + by).max(0)));
        call.transaction.put(USERS, draft);
    }
}

/// `GET /user/{account_id}`.
pub(super) fn by_id(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.number("account_id");
    let root = call.root();
    let row = root
        .rows(USERS)
        .values()
        .find(|row| row.int(user::ID) == id);
    let row = row.ok_or_else(not_found)?;
    Ok(lists::one(call, 200, row, |row, out| {
        profile(root, row, false, out);
    }))
}
