//! Clones and their states, written as JSON.

use std::sync::Arc;

use archal_core::clone::vocabulary::Vocabulary;
use archal_core::clone::{
    CloneDescriptor, Collection, Exchange, FieldKind, Observation, OperationInfo, RowDiff, Stamp,
    ViewField, ViewRow, ViewValue,
};
use archal_core::diagnostic::Diagnostic;
use archal_core::stability::Stability;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::scenario::criteria::{CallFact, CloneWorld, RunFact, World};
use crate::scenario::fixture::Rows;

/// The clone a document describes. Test data lives as long as the tests.
pub(super) fn describe(document: &Value) -> &'static CloneDescriptor {
    let name = leak(document["name"].as_str().expect("a name"));
    let mut collections: Vec<Collection> = Vec::new();
    let mut operations: Vec<OperationInfo> = Vec::new();
    let vocabulary = &document["vocabulary"];
    for (collection, fields) in object(&document["collections"]) {
        collections.push(Collection {
            name: leak(collection),
            about: "",
            fields: fields_of(fields),
        });
    }
    for operation in document["operations"].as_array().into_iter().flatten() {
        operations.push(OperationInfo {
            id: leak(operation.as_str().expect("an operation")),
            method: "POST",
            path: "/",
            about: "",
        });
    }
    Vocabulary::parse(name, &vocabulary.to_string()).expect("a vocabulary");
    Box::leak(Box::new(CloneDescriptor {
        name,
        about: "",
        stability: Stability::Beta,
        hosts: &[],
        other_hosts: &[],
        credentials: &[],
        seeds: &[],
        keep_fields: &[],
        operations: operations.leak(),
        collections: collections.leak(),
        vocabulary: leak(&vocabulary.to_string()),
        tables: &[],
        row_key: |_, _| None,
        seed_schema: || json!({}),
        mcp: None,
        sdk: &[],
        coverage: None,
        open: |_| Err(vec![Diagnostic::error("test/closed", "only a description")]),
        reopen: |_| Err(Vec::new()),
        base_urls: &[],
        operation_of: |_, _, _| None,
        changes: archal_core::clone::changes_by_method,
        observe: |_: &Exchange<'_>| Observation::default(),
    }))
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Fields: a name and its kind; `?` after the kind of one that may be null.
fn fields_of(fields: &Value) -> &'static [ViewField] {
    object(fields)
        .map(|(name, kind)| ViewField {
            name: leak(name),
            kind: kind_of(kind),
            nullable: kind.as_str().is_some_and(|kind| kind.ends_with('?')),
        })
        .collect::<Vec<_>>()
        .leak()
}

fn kind_of(kind: &Value) -> FieldKind {
    match kind {
        Value::Array(items) => FieldKind::List(Box::leak(Box::new(kind_of(&items[0])))),
        Value::Object(_) => FieldKind::Object(fields_of(kind)),
        other => match other.as_str().unwrap_or_default().trim_end_matches('?') {
            "bool" => FieldKind::Bool,
            "int" => FieldKind::Int,
            "text" => FieldKind::Text,
            "time" => FieldKind::Time,
            other => panic!("no kind of field: {other}"),
        },
    }
}

pub(super) fn base() -> Timestamp {
    "2026-01-10T00:00:00Z".parse().expect("a time")
}

fn value(kind: &FieldKind, nullable: bool, of: &Value) -> ViewValue {
    if of.is_null() && nullable {
        return ViewValue::Null;
    }
    match kind {
        FieldKind::Bool => ViewValue::Bool(of.as_bool().unwrap_or_default()),
        FieldKind::Int => ViewValue::Int(of.as_i64().unwrap_or_default()),
        FieldKind::Text => ViewValue::Text(of.as_str().unwrap_or_default().into()),
        // Days before the run.
        FieldKind::Time => {
            let days = of.as_i64().unwrap_or(1);
            let at = base() - SignedDuration::from_hours(24 * days);
            ViewValue::Time(Stamp { at, by_call: false })
        }
        FieldKind::List(item) => {
            let items = of.as_array().into_iter().flatten();
            ViewValue::List(items.map(|each| value(item, false, each)).collect())
        }
        FieldKind::Object(fields) => ViewValue::Object(
            fields
                .iter()
                .map(|field| {
                    (
                        field.name,
                        value(&field.kind, field.nullable, &of[field.name]),
                    )
                })
                .collect(),
        ),
    }
}

fn rows(clone: &CloneDescriptor, state: &Value) -> Vec<(&'static str, Vec<ViewRow>)> {
    for (name, _) in object(state) {
        let known = clone
            .collections
            .iter()
            .any(|collection| collection.name == name);
        assert!(known, "{} has no {name}", clone.name);
    }
    clone
        .collections
        .iter()
        .map(|collection| {
            let given = state[collection.name].as_array().into_iter().flatten();
            let rows = given.map(|row| {
                // `id` tells the rows apart, also where the collection has no such field.
                for (name, _) in object(row).filter(|(name, _)| *name != "id") {
                    let known = collection.fields.iter().any(|field| field.name == name);
                    assert!(known, "{} have no {name}", collection.name);
                }
                ViewRow {
                    key: row["id"].to_string(),
                    fields: collection
                        .fields
                        .iter()
                        .map(|field| {
                            (
                                field.name,
                                value(&field.kind, field.nullable, &row[field.name]),
                            )
                        })
                        .collect(),
                }
            });
            (collection.name, rows.collect())
        })
        .collect()
}

/// The world of a run that a document tells: for each clone a state before and after.
pub(super) fn world(clones: &[&'static CloneDescriptor], told: &Value) -> World<'static> {
    let clones = clones
        .iter()
        .map(|clone| {
            let before = rows(clone, &told["before"][clone.name]);
            let after = match &told["after"][clone.name] {
                Value::Null => before.clone(),
                after => rows(clone, after),
            };
            CloneWorld {
                name: clone.name.to_owned(),
                diff: diff(&before, &after),
                before: Arc::new(Rows(before)),
                after: Arc::new(Rows(after)),
                base: base(),
            }
        })
        .collect();
    let calls = told["calls"].as_array().into_iter().flatten().zip(1..);
    World {
        clones,
        calls: calls
            .map(|(call, seq)| CallFact {
                seq,
                clone: call["clone"].as_str().unwrap_or("github").to_owned(),
                operation: call["operation"].as_str().map(str::to_owned),
                tool: call["tool"].as_str().map(str::to_owned),
                method: call["method"].as_str().unwrap_or("GET").to_owned(),
                path: "/".to_owned(),
                status: call["status"].as_i64().unwrap_or(200),
                ..CallFact::default()
            })
            .collect(),
        run: RunFact {
            exit_code: match &told["run"]["exitCode"] {
                Value::Null if told["run"]["killed"] == json!(true) => None,
                code => Some(code.as_i64().unwrap_or(0)),
            },
            duration_ms: told["run"]["durationMs"].as_i64().unwrap_or(1_500),
            timed_out: told["run"]["timedOut"] == json!(true),
        },
        output: told["output"].as_str().unwrap_or_default().to_owned(),
    }
}

fn diff(
    before: &[(&'static str, Vec<ViewRow>)],
    after: &[(&'static str, Vec<ViewRow>)],
) -> Vec<RowDiff> {
    let mut diff = Vec::new();
    for ((collection, old), (_, new)) in before.iter().zip(after) {
        for row in old {
            let now = new.iter().find(|each| each.key == row.key);
            if now != Some(row) {
                diff.push(RowDiff {
                    collection,
                    before: Some(row.clone()),
                    after: now.cloned(),
                });
            }
        }
        for row in new {
            if !old.iter().any(|each| each.key == row.key) {
                diff.push(RowDiff {
                    collection,
                    before: None,
                    after: Some(row.clone()),
                });
            }
        }
    }
    diff
}
