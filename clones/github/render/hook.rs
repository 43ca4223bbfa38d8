//! Webhooks.

use super::API;
use crate::engine::root::Root;
use crate::engine::row::Row;
use crate::engine::writer::Writer;
use crate::github::tables::hook;

/// The address of a webhook.
pub(in crate::github) fn url(row: &Row) -> String {
    let (repo, id) = (row.text(hook::REPO), row.int(hook::ID));
    format!("{API}/repos/{repo}/hooks/{id}")
}

/// A webhook.
pub(in crate::github) fn hook(_: &Root, row: &Row, out: &mut Writer) {
    let url = url(row);
    out.raw("{");
    out.key("type").text("Repository");
    out.key("id").int(row.int(hook::ID));
    out.key("name").text("web");
    out.key("active").bool(row.bool(hook::ACTIVE));
    out.key("events").raw("[");
    for event in row.texts(hook::EVENTS) {
        out.item().text(event);
    }
    out.raw("]");
    out.key("config");
    config(row, out);
    out.key("updated_at").time(row.time(hook::UPDATED_AT));
    out.key("created_at").time(row.time(hook::CREATED_AT));
    out.key("url").text(&url);
    out.key("test_url").text(&format!("{url}/test"));
    out.key("ping_url").text(&format!("{url}/pings"));
    out.key("deliveries_url").text(&format!("{url}/deliveries"));
    out.key("last_response")
        .raw(r#"{"code":null,"status":"unused","message":null}"#);
    out.raw("}");
}

/// Where a webhook delivers and how; the secret is never told.
pub(in crate::github) fn config(row: &Row, out: &mut Writer) {
    out.raw("{");
    out.key("content_type").text(row.text(hook::CONTENT_TYPE));
    out.key("insecure_ssl").text(row.text(hook::INSECURE_SSL));
    if !row.is_null(hook::SECRET) {
        out.key("secret").text("********");
    }
    out.key("url").text(row.text(hook::URL));
    out.raw("}");
}
