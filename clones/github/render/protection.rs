//! Protection of branches.

use percent_encoding::utf8_percent_encode;

use super::{API, PATH, check, user};
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::protection;

/// Nothing lists protections as they are; this stands in for the fingerprint.
pub(in crate::github) fn unrendered(_: &Root, row: &Row, out: &mut Writer) {
    out.raw("{").key("name").text(row.text(protection::BRANCH));
    out.raw("}");
}

/// The address of the protection of a branch.
pub(in crate::github) fn url(repo: &str, branch: &str) -> String {
    let branch = utf8_percent_encode(branch, PATH);
    format!("{API}/repos/{repo}/branches/{branch}/protection")
}

fn url_of(row: &Row) -> String {
    url(row.text(protection::REPO), row.text(protection::BRANCH))
}

/// The protection of a branch, for those who manage it.
pub(in crate::github) fn protection(root: &Root, row: &Row, out: &mut Writer) {
    out.raw("{").key("url").text(&url_of(row));
    if !row.is_null(protection::CONTEXTS) {
        out.key("required_status_checks");
        status_checks(row, out);
    }
    if !row.is_null(protection::PUSH_USERS) {
        out.key("restrictions");
        restrictions(root, row, out);
    }
    if !row.is_null(protection::REVIEWS) {
        out.key("required_pull_request_reviews");
        reviews(root, row, out);
    }
    out.key("required_signatures");
    switch(row, "required_signatures", protection::SIGNATURES, out);
    out.key("enforce_admins");
    switch(row, "enforce_admins", protection::ENFORCE_ADMINS, out);
    for (name, column) in protection::SWITCHES {
        out.key(name).raw("{").key("enabled").bool(row.bool(column));
        out.raw("}");
    }
    out.raw("}");
}

/// A part of a protection that is on or off, with its address.
pub(in crate::github) fn switch(row: &Row, name: &str, column: usize, out: &mut Writer) {
    out.raw("{")
        .key("url")
        .text(&format!("{}/{name}", url_of(row)));
    out.key("enabled").bool(row.bool(column)).raw("}");
}

/// The checks that must pass.
pub(in crate::github) fn status_checks(row: &Row, out: &mut Writer) {
    let url = format!("{}/required_status_checks", url_of(row));
    out.raw("{").key("url").text(&url);
    out.key("strict").bool(row.bool(protection::STRICT));
    out.key("contexts");
    contexts(row, out);
    out.key("contexts_url").text(&format!("{url}/contexts"));
    out.key("checks");
    checks(row, out);
    out.raw("}");
}

/// The names of the checks that must pass.
pub(in crate::github) fn contexts(row: &Row, out: &mut Writer) {
    out.raw("[");
    for context in row.texts(protection::CONTEXTS) {
        out.item().text(context);
    }
    out.raw("]");
}

fn checks(row: &Row, out: &mut Writer) {
    out.raw("[");
    for context in row.texts(protection::CONTEXTS) {
        out.item().raw("{").key("context").text(context);
        out.key("app_id").raw("null").raw("}");
    }
    out.raw("]");
}

/// What is required of reviews.
pub(in crate::github) fn reviews(root: &Root, row: &Row, out: &mut Writer) {
    let url = format!("{}/required_pull_request_reviews", url_of(row));
    out.raw("{").key("url").text(&url);
    for (name, column) in [
        ("dismiss_stale_reviews", protection::DISMISS_STALE_REVIEWS),
        ("require_code_owner_reviews", protection::CODE_OWNERS),
        ("require_last_push_approval", protection::LAST_PUSH),
    ] {
        out.key(name).bool(row.bool(column));
    }
    out.key("required_approving_review_count")
        .int(row.int(protection::REVIEWS));
    if !row.is_null(protection::DISMISSAL_USERS) {
        let url = format!("{}/dismissal_restrictions", url_of(row));
        out.key("dismissal_restrictions").raw("{");
        out.key("url").text(&url);
        out.key("users_url").text(&format!("{url}/users"));
        out.key("teams_url").text(&format!("{url}/teams"));
        out.key("users");
        people(root, row, protection::DISMISSAL_USERS, out);
        out.key("teams").raw("[],\"apps\":[]}");
    }
    out.raw("}");
}

/// Who alone may push.
pub(in crate::github) fn restrictions(root: &Root, row: &Row, out: &mut Writer) {
    let url = format!("{}/restrictions", url_of(row));
    out.raw("{").key("url").text(&url);
    for name in ["users", "teams", "apps"] {
        out.key(&format!("{name}_url"))
            .text(&format!("{url}/{name}"));
    }
    out.key("users");
    people(root, row, protection::PUSH_USERS, out);
    out.key("teams").raw("[]");
    out.key("apps");
    apps(row, out);
    out.raw("}");
}

/// The users of a list.
pub(in crate::github) fn people(root: &Root, row: &Row, column: usize, out: &mut Writer) {
    out.raw("[");
    for login in row.texts(column) {
        out.item();
        user::named(root, Some(login), out);
    }
    out.raw("]");
}

/// The apps that may push.
pub(in crate::github) fn apps(row: &Row, out: &mut Writer) {
    out.raw("[");
    for slug in row.texts(protection::PUSH_APPS) {
        out.item();
        check::app(slug, out);
    }
    out.raw("]");
}

/// What everybody is told of the protection of a branch.
pub(in crate::github) fn summary(row: Option<&Row>, out: &mut Writer) {
    out.raw("{").key("enabled").bool(row.is_some());
    out.key("required_status_checks").raw("{");
    let checked = row.filter(|row| !row.is_null(protection::CONTEXTS));
    let level = match checked {
        None => "off",
        Some(row) if row.bool(protection::ENFORCE_ADMINS) => "everyone",
        Some(_) => "non_admins",
    };
    out.key("enforcement_level").text(level);
    match checked {
        None => {
            out.raw(r#","contexts":[],"checks":[]"#);
        }
        Some(row) => {
            out.key("contexts");
            contexts(row, out);
            out.key("checks");
            checks(row, out);
        }
    }
    out.raw("}}");
}
