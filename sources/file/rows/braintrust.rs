//! Dialect `braintrust`: rows of project logs as BTQL answers them, as exports to S3 hold them, and as
//! `bt sync pull` writes them.

use std::borrow::Cow;

use archal_core::diagnostic::Diagnostic;
use archal_core::source::Decoded;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::{Dialect, Wanted};
use super::{Gathered, bad, each_row, is_list_of};
use crate::braintrust::{adapter, row};
use crate::document::Document;
use crate::findings;
use crate::raw::Record;

pub(in super::super) const DIALECT: Dialect = Dialect {
    name: "braintrust",
    fits: |record| {
        is_row(record) || is_list_of(record, "data", is_row) || is_list_of(record, "events", is_row)
    },
    read,
    traces: Some(traces),
};

fn is_row(record: &Record<'_>) -> bool {
    let has = |name: &str| record.field(&[name]).is_some();
    has("root_span_id") && (has("span_id") || has("id")) && !has("run_type")
}

fn read(
    records: &[Record<'_>],
    document: &Document<'_>,
    is_wanted: Wanted<'_>,
    decoded: &mut Decoded,
) {
    gather(records, document, decoded).give(adapter::assemble, is_wanted, decoded);
}

/// What of a row says of which trace it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OfTrace<'a> {
    #[serde(borrow)]
    root_span_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    span_id: Option<Cow<'a, str>>,
    /// Lists of rows, which are read.
    #[serde(alias = "events")]
    data: Option<IgnoredAny>,
}

fn traces(text: &str, told: &mut dyn FnMut(&str)) {
    match serde_json::from_str::<OfTrace<'_>>(text) {
        Ok(row) if row.data.is_none() => {
            let root = row.root_span_id.filter(|id| !id.is_empty());
            if let Some(trace) = root.or(row.span_id) {
                told(&trace);
            }
        }
        _ => super::traces_of(text, gather, told),
    }
}

fn gather(records: &[Record<'_>], document: &Document<'_>, decoded: &mut Decoded) -> Gathered {
    let mut gathered = Gathered::default();
    let (mut roots, mut others) = (0_u64, 0_u64);
    let (events, rows): (Vec<Record<'_>>, Vec<Record<'_>>) = records
        .iter()
        .cloned()
        .partition(|record| record.list(&["events"]).is_some());
    for (records, list) in [(rows, "data"), (events, "events")] {
        each_row(&records, list, document, decoded, |row, at, decoded| {
            if row::is_root(&row) {
                roots += 1;
            } else {
                others += 1;
            }
            if row::is_of_a_scorer(&row) || row::is_deleted(&row) {
                return;
            }
            let id = row::span_id(&row).map(str::to_owned);
            match row::span(row) {
                Some(row) => {
                    gathered.add(row.trace.clone(), row.body);
                    gathered.number(&row.trace, &id.unwrap_or(row.id), row.version);
                }
                None => bad(at, document, decoded),
            }
        });
    }
    // Of a piece from amid a file it would say little.
    if roots > 0 && others == 0 && document.is_start() {
        findings::add(
            &mut decoded.diagnostics,
            Diagnostic::warning(
                "braintrust/roots-only",
                "no row is part of another: this looks like an export of traces, which has no calls of tools",
            )
            .with_help("export \"Logs (spans)\", or use: archal trace-source connect braintrust"),
        );
    }
    gathered
}
