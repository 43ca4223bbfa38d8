//! What a state says that was rebuilt from a trace, beside the state that the run really began in.

use archal_core::clock::Timestamp;
use archal_core::clone::seed_time;
use serde_json::Value;

/// A field of the rebuilt state that is not what it was, as `table key field: rebuilt, true`.
pub(super) fn wrong_fields(rebuilt: &Value, truth: &Truth) -> (usize, Vec<String>) {
    let base: Timestamp = rebuilt["base"]
        .as_str()
        .and_then(|base| base.parse().ok())
        .expect("a base");
    let proofs = rebuilt["proofs"].as_object().expect("proofs");
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for path in proofs.keys() {
        // `github issues acme/webapp#7 state`; keys may have spaces, tables and fields have none.
        let Some((table, rest)) = path
            .strip_prefix("github ")
            .and_then(|rest| rest.split_once(' '))
        else {
            panic!("a proof of {path}");
        };
        let Some((key, field)) = rest.rsplit_once(' ') else {
            panic!("a proof of {path}, and of no field of it");
        };
        let (Some(ours), Some(theirs)) = (
            row(&rebuilt["seeds"]["github"][table], table, key),
            row(&truth.state[table], table, key),
        ) else {
            wrong.push(format!("{table} {key}: no such row"));
            continue;
        };
        looked_at += 1;
        let ours = absolute(&ours[field], base);
        let theirs = absolute(&theirs[field], truth.base);
        if !same(&ours, &theirs) {
            wrong.push(format!("{table} {key} {field}: {ours}, in truth {theirs}"));
        }
    }
    (looked_at, wrong)
}

/// The state a run began in.
pub(super) struct Truth {
    /// What its times are relative to.
    pub(super) base: Timestamp,
    /// As `state-before.json` has it.
    pub(super) state: Value,
}

fn row<'a>(rows: &'a Value, table: &str, key: &str) -> Option<&'a Value> {
    rows.as_array()?
        .iter()
        .find(|row| key_of(row, table) == key)
}

fn key_of(row: &Value, table: &str) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    match table {
        "org_members" => format!("{}/{}", text("org"), text("user")),
        "users" => text("login"),
        "repos" => text("full_name"),
        "labels" => format!("{}:{}", text("repo"), text("name")),
        "milestones" => format!("{}/milestones/{}", text("repo"), row["number"]),
        "issues" => format!("{}#{}", text("repo"), row["number"]),
        other => panic!("what is the key of {other}?"),
    }
}

/// Times, however they are written, as times; lists of names without their order.
fn absolute(value: &Value, base: Timestamp) -> Value {
    match value {
        Value::String(text) => match seed_time(text, base) {
            Some(at) => at.to_string().into(),
            None => value.clone(),
        },
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| absolute(item, base)).collect();
            items.sort_by_key(ToString::to_string);
            items.into()
        }
        other => other.clone(),
    }
}

/// A time in a seed is whole seconds; where the run's base and the trace's begin are apart by a part of one,
/// so are the times.
fn same(ours: &Value, theirs: &Value) -> bool {
    if ours == theirs {
        return true;
    }
    let at = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
    };
    match (at(ours), at(theirs)) {
        (Some(ours), Some(theirs)) => ours.duration_since(theirs).abs().as_secs() <= 1,
        _ => ours.is_null() && (theirs == "" || theirs.as_array().is_some_and(Vec::is_empty)),
    }
}
