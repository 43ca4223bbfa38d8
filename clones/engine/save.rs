//! A state as a document that is exactly it: what a seed leaves to the moment of opening, exact
//! times, versions and numbers given out, stands in it.

use std::sync::Arc;

use archal_core::clone::{FieldKind, Stamp, ViewValue};
use archal_core::diagnostic::Diagnostic;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::pack::Pack;
use super::root::Root;
use super::row::{Row, text};
use super::table::Column;

/// Writes a state as [`read`] takes it.
pub(super) fn document(root: &Root) -> Result<Value, String> {
    let pack = root.pack();
    let mut tables = Map::new();
    for (id, table) in pack.tables.iter().enumerate() {
        let rows: Vec<Value> = root
            .rows(id)
            .values()
            .map(|row| row_to_json(table.columns, row))
            .collect();
        let held = json!({"lastId": root.last_id(id), "rows": rows});
        tables.insert(table.seed.name.to_owned(), held);
    }
    let times: Vec<Value> = root
        .times()
        .iter()
        .map(|(second, by_call)| json!([second, by_call]))
        .collect();
    let actor = root
        .actor()
        .and_then(|key| root.get(pack.actor.0, key))
        .map(|row| (pack.tables[pack.actor.0].name_of)(row));
    let objects = root.objects().save();
    let objects = objects.map_err(|failure| format!("git objects cannot be read: {failure}"))?;
    Ok(json!({
        "service": pack.name,
        "base": root.base().to_string(),
        "ids": root.ids(),
        "version": root.version(),
        "actor": actor,
        "times": times,
        "objects": objects,
        "names": root.objects().save_names(),
        "tables": tables,
    }))
}

fn row_to_json(columns: &[Column], row: &Row) -> Value {
    let (mut values, mut said) = (Map::new(), Map::new());
    for (at, column) in columns.iter().enumerate() {
        let name = column.field.name;
        if *row.value(at) != ViewValue::Null {
            values.insert(name.to_owned(), value_to_json(row.value(at)));
        }
        // Which times were known when the text was written decided about it.
        if row.said(at) != row.text(at) {
            said.insert(name.to_owned(), Value::from(row.said(at)));
        }
    }
    json!({"version": row.version(), "values": values, "said": said})
}

/// Times and objects are told from texts and lists by being objects of one key.
fn value_to_json(value: &ViewValue) -> Value {
    match value {
        ViewValue::Null => Value::Null,
        ViewValue::Bool(value) => Value::from(*value),
        ViewValue::Int(value) => Value::from(*value),
        ViewValue::Text(value) => Value::from(value.as_ref()),
        ViewValue::Time(stamp) if stamp.by_call => json!({"call": stamp.at.to_string()}),
        ViewValue::Time(stamp) => json!({"seed": stamp.at.to_string()}),
        ViewValue::List(items) => items.iter().map(value_to_json).collect(),
        ViewValue::Object(fields) => {
            let fields: Map<String, Value> = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value_to_json(value)))
                .collect();
            json!({ "object": fields })
        }
    }
}

/// Reads the state that [`document`] wrote.
///
/// # Errors
///
/// What of it is not what this pack writes.
pub(super) fn read(pack: &'static Pack, saved: &Value) -> Result<Root, Vec<Diagnostic>> {
    read_root(pack, saved).map_err(|place| {
        let problem = format!("this is no saved state of {}: {place}", pack.name);
        let help = "a saved state is read by the version of archal that wrote it";
        vec![Diagnostic::error("saved/broken", problem).with_help(help)]
    })
}

/// The error is the place that is wrong.
fn read_root(pack: &'static Pack, saved: &Value) -> Result<Root, String> {
    let wrong = |what: &str| format!("{what} is missing or wrong");
    if saved["service"] != pack.name {
        return Err(wrong("service"));
    }
    let base = time(&saved["base"]).ok_or_else(|| wrong("base"))?;
    let ids = saved["ids"].as_u64().ok_or_else(|| wrong("ids"))?;
    let version = saved["version"].as_u64().ok_or_else(|| wrong("version"))?;
    let mut root = Root::empty(pack, base, ids);
    for known in saved["times"].as_array().ok_or_else(|| wrong("times"))? {
        let second = known[0].as_i64();
        let at = second.and_then(|second| Timestamp::from_second(second).ok());
        let (Some(at), Some(by_call)) = (at, known[1].as_bool()) else {
            return Err(wrong("times"));
        };
        root.know_time(Stamp { at, by_call });
    }
    let objects = saved["objects"].as_str().ok_or_else(|| wrong("objects"))?;
    if !root.objects().load(objects) {
        return Err(wrong("objects"));
    }
    let named = root.objects().load_names(&saved["names"]);
    named.ok_or_else(|| wrong("names"))?;
    let tables = saved["tables"].as_object().ok_or_else(|| wrong("tables"))?;
    let is_known = |name: &&String| pack.tables.iter().any(|table| table.seed.name == **name);
    if let Some(unknown) = tables.keys().find(|name| !is_known(name)) {
        return Err(format!("there is no table {unknown}"));
    }
    for (id, table) in pack.tables.iter().enumerate() {
        let name = table.seed.name;
        // A table that is younger than the document has no rows in it.
        let Some(held) = tables.get(name) else {
            continue;
        };
        let last = held["lastId"].as_i64().ok_or_else(|| wrong(name))?;
        root.reserve_id(id, last);
        let rows = held["rows"].as_array().ok_or_else(|| wrong(name))?;
        for (at, saved) in rows.iter().enumerate() {
            let row = row(table.columns, saved, &format!("{name}[{at}]"))?;
            root.put(id, Arc::new(row));
        }
    }
    root.set_version(version);
    if let Some(actor) = saved["actor"].as_str() {
        let row = root.named(pack.actor.0, actor);
        let key = row.map(|row| root.key(pack.actor.0, row));
        root.set_actor(Some(key.ok_or_else(|| wrong("actor"))?));
    }
    Ok(root)
}

fn row(columns: &[Column], saved: &Value, place: &str) -> Result<Row, String> {
    let part = |name: &str| saved[name].as_object();
    let (Some(version), Some(values), Some(said)) =
        (saved["version"].as_u64(), part("values"), part("said"))
    else {
        return Err(format!("{place} is wrong"));
    };
    let at = |name: &str| columns.iter().position(|column| column.field.name == name);
    let mut read = vec![ViewValue::Null; columns.len()];
    for (name, value) in values {
        let unknown = || format!("{place} has an unknown field {name}");
        let at = at(name).ok_or_else(unknown)?;
        read[at] = value_of(value, &columns[at].field.kind)
            .ok_or_else(|| format!("{place}.{name} is wrong"))?;
    }
    let said = said.iter().map(|(name, text)| {
        let text = at(name).zip(text.as_str());
        let (at, text) = text.ok_or_else(|| format!("{place}.{name} is wrong"))?;
        Ok((at, text.into()))
    });
    let said = said.collect::<Result<_, String>>()?;
    Ok(Row::new(read.into_boxed_slice(), said, version))
}

/// `kind` gives the names of an object's fields; whether a value fits it is the writer's affair.
fn value_of(saved: &Value, kind: &FieldKind) -> Option<ViewValue> {
    Some(match saved {
        Value::Null => ViewValue::Null,
        Value::Bool(value) => ViewValue::Bool(*value),
        Value::Number(value) => ViewValue::Int(value.as_i64()?),
        Value::String(value) => text(value.as_str()),
        Value::Array(items) => {
            let inner = match kind {
                FieldKind::List(inner) => inner,
                other => other,
            };
            let items = items.iter().map(|item| value_of(item, inner));
            ViewValue::List(items.collect::<Option<_>>()?)
        }
        Value::Object(tagged) => {
            let (tag, value) = tagged.iter().next().filter(|_| tagged.len() == 1)?;
            match tag.as_str() {
                "call" | "seed" => ViewValue::Time(Stamp {
                    at: time(value)?,
                    by_call: tag == "call",
                }),
                "object" => object(value.as_object()?, kind)?,
                _ => return None,
            }
        }
    })
}

fn object(saved: &Map<String, Value>, kind: &FieldKind) -> Option<ViewValue> {
    let FieldKind::Object(declared) = kind else {
        return None;
    };
    let known = declared
        .iter()
        .filter_map(|field| Some((field, saved.get(field.name)?)));
    let fields: Option<Vec<_>> = known
        .map(|(field, value)| Some((field.name, value_of(value, &field.kind)?)))
        .collect();
    fields
        .filter(|fields| fields.len() == saved.len())
        .map(ViewValue::Object)
}

fn time(saved: &Value) -> Option<Timestamp> {
    saved.as_str()?.parse().ok()
}
