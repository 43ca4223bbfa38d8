//! Dialect `langfuse`: observations, scores and traces as Langfuse's API answers them, and as its exports
//! to blob storage hold them, with other names and with times that do not say their zone.

use std::borrow::Cow;

use archal_core::pull::Row;
use archal_core::source::Decoded;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::super::{Dialect, Wanted};
use super::{Gathered, bad, each_row, fields, is_list_of};
use crate::document::Document;
use crate::langfuse::adapter;
use crate::langfuse::row;
use crate::raw::Record;

pub(in super::super) const DIALECT: Dialect = Dialect {
    name: "langfuse",
    fits,
    read,
    traces: Some(traces),
};

fn fits(record: &Record<'_>) -> bool {
    is_row(record) || is_trace(record) || is_list_of(record, "data", is_row)
}

/// An observation, a score, or the row of a trace in an export.
fn is_row(record: &Record<'_>) -> bool {
    let has = |names: &[&str]| record.field(names).is_some();
    let is_observation = has(&["traceId", "trace_id"])
        && has(&["startTime", "start_time"])
        && has(&["type"])
        && !has(&["run_type"]);
    let is_score = has(&["name"])
        && has(&["dataType", "data_type"])
        && has(&["source"])
        && has(&["timestamp"]);
    let is_trace = has(&["timestamp"])
        && has(&["projectId", "project_id"])
        && has(&["bookmarked"])
        && !has(&["messages"]);
    has(&["id"]) && (is_observation || is_score || is_trace)
}

/// A trace with all that is in it.
fn is_trace(record: &Record<'_>) -> bool {
    record.field(&["id"]).is_some()
        && record.field(&["timestamp"]).is_some()
        && record.list(&["observations"]).is_some()
}

fn read(
    records: &[Record<'_>],
    document: &Document<'_>,
    is_wanted: Wanted<'_>,
    decoded: &mut Decoded,
) {
    gather(records, document, decoded).give(adapter::assemble_part, is_wanted, decoded);
}

/// What of a row says of which trace it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OfTrace<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "traceId", alias = "trace_id")]
    trace: Option<Cow<'a, str>>,
    /// Rows of which more has to be read.
    #[serde(alias = "observations", alias = "scores", alias = "subject")]
    data: Option<IgnoredAny>,
}

fn traces(text: &str, told: &mut dyn FnMut(&str)) {
    match serde_json::from_str::<OfTrace<'_>>(text) {
        Ok(row) if row.data.is_none() => {
            if let Some(trace) = row.trace.or(row.id) {
                told(&trace);
            }
        }
        _ => super::traces_of(text, gather, told),
    }
}

fn gather(records: &[Record<'_>], document: &Document<'_>, decoded: &mut Decoded) -> Gathered {
    let mut gathered = Gathered::default();
    let (traces, rows): (Vec<Record<'_>>, Vec<Record<'_>>) =
        records.iter().cloned().partition(is_trace);
    each_row(&rows, "data", document, decoded, |row, at, decoded| {
        if take(row, &mut gathered).is_none() {
            bad(at, document, decoded);
        }
    });
    for record in traces {
        let mut beside = fields(&record, "observations", document, decoded);
        let mut observations = Vec::new();
        let id = beside.get("id").cloned();
        each_row(
            std::slice::from_ref(&record),
            "observations",
            document,
            decoded,
            |mut row, at, decoded| {
                if let Some(id) = &id {
                    row.insert("traceId".to_owned(), id.clone());
                }
                match row::observation(row) {
                    Some(row) => observations.push(row),
                    None => bad(at, document, decoded),
                }
            },
        );
        if let Some(Value::Array(scores)) = beside.remove("scores") {
            for score in scores {
                if let Value::Object(score) = score {
                    take(score, &mut gathered);
                }
            }
        }
        let trace = row::trace(beside, &observations);
        for row in observations.into_iter().chain(trace) {
            add(row, &mut gathered);
        }
    }
    gathered
}

/// Puts a row to its trace.
fn take(row: Map<String, Value>, gathered: &mut Gathered) -> Option<()> {
    let has = |names: [&str; 2]| names.iter().any(|name| row.contains_key(*name));
    let row = if has(["startTime", "start_time"]) {
        row::observation(row)
    } else if has(["dataType", "data_type"]) {
        // One of a session belongs to no trace, and nothing is lost with it.
        let Some(row) = row::score(row) else {
            return Some(());
        };
        Some(row)
    } else {
        row::trace(row, &[])
    }?;
    add(row, gathered);
    Some(())
}

fn add(row: Row, gathered: &mut Gathered) {
    // Its id says what it is, too. What a trace says stands in the span that is made of it.
    let span = match row.id.strip_prefix(adapter::OBSERVATION) {
        Some(id) => Some(id.trim_start().to_owned()),
        None => (row.id == adapter::TRACE).then(|| adapter::root_id(&row.trace)),
    };
    gathered.add(row.trace.clone(), row.body);
    if let Some(span) = span {
        gathered.number(&row.trace, &span, row.version);
    }
}
