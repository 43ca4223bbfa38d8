//! Who wrote a commit: git knows a name and an address, GitHub an account.

use std::sync::Arc;

use archal_core::clone::Stamp;
use serde_json::Value;

use crate::engine::git::Signature;
use crate::engine::key::Key;
use crate::engine::pack::{Call, Refusal};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::issue_lists;
use crate::github::render::user as shown;
use crate::github::tables::{USERS, USERS_BY_EMAIL, user};

const NOREPLY: &str = "@users.noreply.github.com";

/// The address that commits of a user are made with.
pub(in crate::github) fn email_of(row: &Row) -> String {
    match row.text_or_null(user::EMAIL) {
        Some(email) if !email.is_empty() => email.to_owned(),
        _ => format!("{}+{}{NOREPLY}", row.int(user::ID), row.text(user::LOGIN)),
    }
}

/// How a user signs at a time.
pub(in crate::github) fn signature(row: &Row, at: Stamp) -> Signature {
    let name = row.text_or_null(user::NAME).filter(|name| !name.is_empty());
    let name = name.unwrap_or(row.text(user::LOGIN));
    Signature::new(name, &email_of(row), at.at)
}

/// How the caller signs.
pub(in crate::github) fn of_caller(call: &Call<'_>) -> Result<Signature, Refusal> {
    let row = call.caller.as_ref();
    let row = row.ok_or_else(|| Refusal::new(401, "Requires authentication"))?;
    Ok(signature(row, call.now))
}

/// The account of an address.
pub(in crate::github) fn account<'r>(root: &'r Root, email: &str) -> Option<&'r Arc<Row>> {
    if let Some(name) = email.strip_suffix(NOREPLY) {
        let login = name.split_once('+').map_or(name, |(_, login)| login);
        return root.get(USERS, &Key::folded(login));
    }
    let found = root.group(USERS, USERS_BY_EMAIL, &Key::folded(email))?;
    found.values().next()
}

/// The account of an address inside a commit; null where there is none.
pub(in crate::github) fn write_account(root: &Root, email: &str, out: &mut Writer) {
    match account(root, email) {
        Some(row) => shown::named(root, Some(row.text(user::LOGIN)), out),
        None => {
            out.raw("null");
        }
    }
}

/// Name, address and date as git has them.
pub(in crate::github) fn write_signature(root: &Root, who: &Signature, out: &mut Writer) {
    out.raw("{").key("name").text(&who.name);
    out.key("email").text(&who.email);
    out.key("date");
    write_time(root, who, out);
    out.raw("}");
}

/// The time of a signature. One that the clone handed out, or that is not before the run, is
/// written in evidence as every time of a row; any other is its writer's own.
pub(in crate::github) fn write_time(root: &Root, who: &Signature, out: &mut Writer) {
    let at = who.at();
    let wire = archal_core::clock::rfc3339_seconds(at);
    match root.said(&wire) {
        Some(said) => out.both(&wire, &said),
        None if at >= root.base() => out.time(Some(Stamp { at, by_call: true })),
        None => out.text(&wire),
    };
}

/// Whether a person that a query names, by login or address, is that of a signature.
pub(in crate::github) fn is(root: &Root, who: &Signature, asked: &str) -> bool {
    if asked.contains('@') {
        return who.email.eq_ignore_ascii_case(asked);
    }
    match account(root, &who.email) {
        Some(row) => crate::engine::key::same(row.text(user::LOGIN), asked),
        None => who.name.eq_ignore_ascii_case(asked),
    }
}

/// A person that a body names; what it leaves out is that of `usual`.
pub(in crate::github) fn asked(
    given: Option<&Value>,
    usual: &Signature,
) -> Result<Signature, Refusal> {
    let Some(given) = given.filter(|given| given.is_object()) else {
        return Ok(usual.clone());
    };
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    let missing = |name: &str| {
        Refusal::new(
            422,
            format!("Invalid request.\n\n\"{name}\" wasn't supplied."),
        )
    };
    let mut who = usual.clone();
    who.name = text("name")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| missing("name"))?;
    who.email = text("email")
        .filter(|email| !email.is_empty())
        .ok_or_else(|| missing("email"))?;
    if let Some(date) = text("date") {
        let at = issue_lists::time(&date).ok_or_else(|| {
            Refusal::new(
                422,
                format!("Invalid request.\n\n{date:?} is not a valid date-time."),
            )
        })?;
        who.seconds = at.as_second();
    }
    Ok(who)
}
