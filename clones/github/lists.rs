//! Lists of rows that are written anew for each caller.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::dialect::page;
use crate::engine::fingerprint::mix;
use crate::engine::pack::{Call, Reply};
use crate::engine::row::Row;
use crate::engine::writer::Writer;

/// The page that a call asks for.
pub(super) fn plain(
    call: &Call<'_>,
    rows: &[&Arc<Row>],
    write: impl Fn(&Row, &mut Writer),
) -> Reply {
    listed(call, rows, None, write)
}

/// The page that a call asks for, inside an object that says how many there are.
pub(super) fn counted(
    call: &Call<'_>,
    name: &str,
    rows: &[&Arc<Row>],
    write: impl Fn(&Row, &mut Writer),
) -> Reply {
    listed(call, rows, Some(name), write)
}

fn listed(
    call: &Call<'_>,
    rows: &[&Arc<Row>],
    name: Option<&str>,
    write: impl Fn(&Row, &mut Writer),
) -> Reply {
    let page = page(call, rows.len());
    let mut out = Writer::with_capacity(call.root(), 8_192, 8_192);
    if let Some(name) = name {
        out.raw("{").key("total_count").raw(&rows.len().to_string());
        out.key(name);
    }
    out.raw("[");
    let mut versions = page.fingerprint();
    for row in rows.iter().skip(page.skip()).take(page.take()) {
        versions = mix(versions, row.version());
        out.item();
        write(row, &mut out);
    }
    out.raw(if name.is_some() { "]}" } else { "]" });
    let mut reply = Reply::written(200, out.finish(), versions);
    reply.page = Some(page);
    reply
}

/// The page that a call asks for of something that is no row; `version` is that of what they are of.
pub(super) fn items<T>(
    call: &Call<'_>,
    version: u64,
    items: &[T],
    write: impl Fn(&T, &mut Writer),
) -> Reply {
    let page = page(call, items.len());
    let mut out = Writer::new(call.root());
    out.raw("[");
    for item in items.iter().skip(page.skip()).take(page.take()) {
        out.item();
        write(item, &mut out);
    }
    out.raw("]");
    let mut reply = Reply::written(200, out.finish(), mix(version, page.fingerprint()));
    reply.page = Some(page);
    reply
}

/// The part of a list that a call asks for with `before` or `after`, of rows that `id` tells apart.
pub(super) fn by_cursor(
    call: &Call<'_>,
    rows: &[&Arc<Row>],
    id: impl Fn(&Row) -> String,
    write: impl Fn(&Row, &mut Writer),
) -> Reply {
    let size = page(call, rows.len()).take();
    let at = |name: &str| {
        let cursor = call.query(name)?;
        let decoded = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        rows.iter().position(|row| id(row).as_bytes() == decoded)
    };
    let (from, to) = match (at("after"), at("before")) {
        (Some(after), _) => (after + 1, after + 1 + size),
        (None, Some(before)) => (before.saturating_sub(size), before),
        (None, None) => (0, size),
    };
    let to = to.min(rows.len());
    let shown = rows.get(from..to).unwrap_or_default();
    let mut out = Writer::with_capacity(call.root(), 8_192, 8_192);
    out.raw("[");
    let mut versions = rows.len() as u64;
    for row in shown {
        versions = mix(versions, row.version());
        out.item();
        write(row, &mut out);
    }
    out.raw("]");
    let mut reply = Reply::written(200, out.finish(), versions);
    let cursor = |row: &Row| URL_SAFE_NO_PAD.encode(id(row));
    let mut links = Vec::new();
    if let Some(last) = shown.last().filter(|_| to < rows.len()) {
        links.push(link(call, "after", &cursor(last), "next"));
    }
    if let Some(first) = shown.first().filter(|_| from > 0) {
        links.push(link(call, "before", &cursor(first), "prev"));
    }
    reply.link = (!links.is_empty()).then(|| links.join(", "));
    reply
}

fn link(call: &Call<'_>, name: &str, cursor: &str, relation: &str) -> String {
    let request = call.request;
    let mut query: Vec<&str> = request
        .query
        .split('&')
        .filter(|pair| {
            let key = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !matches!(key, "after" | "before")
        })
        .collect();
    let place = format!("{name}={cursor}");
    query.push(&place);
    let (host, path) = (&request.host, &request.path);
    format!(
        "<https://{host}{path}?{}>; rel=\"{relation}\"",
        query.join("&")
    )
}

/// One row.
pub(super) fn one(
    call: &Call<'_>,
    status: u16,
    row: &Row,
    write: impl FnOnce(&Row, &mut Writer),
) -> Reply {
    let mut out = Writer::new(call.root());
    write(row, &mut out);
    Reply::written(status, out.finish(), row.version())
}
