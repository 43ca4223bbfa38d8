//! Lists of rows that are written anew for each caller.

use std::sync::Arc;

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
