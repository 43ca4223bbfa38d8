//! What is written to the project: scores, and spans of SDKs.

use std::collections::BTreeSet;

use archal_core::clock::Timestamp;
use serde_json::{Map, Value, json};

use super::{State, bad};
use crate::loopback::{Asked, Reply};

/// The longest name of an environment.
const LONGEST_ENVIRONMENT: usize = 40;

/// From the body of an OTLP request, unpacked, to observations.
pub type Spans = fn(&Asked) -> Result<Vec<Value>, String>;

impl State {
    /// One score, or a list of them. The same id again takes the place of what was there.
    pub(super) fn write_scores(&mut self, asked: &Asked, now: Timestamp) -> Reply {
        let body = asked.json();
        let (given, is_list) = match &body {
            Value::Array(list) => (list.clone(), true),
            one => (vec![one.clone()], false),
        };
        let mut taken = Vec::new();
        for one in &given {
            match score(one, now) {
                Ok(score) => taken.push(score),
                Err(why) => {
                    let said =
                        json!({"message": "Invalid request data", "error": [{"message": why}]});
                    return Reply::json(400, &said);
                }
            }
        }
        let ids: BTreeSet<String> = taken.iter().map(|score| score["id"].to_string()).collect();
        self.scores
            .retain(|known| !ids.contains(&known["id"].to_string()));
        let id = taken.first().map(|score| score["id"].clone());
        self.scores.extend(taken);
        if is_list {
            Reply::json(202, &json!({"message": "Accepted"}))
        } else {
            Reply::json(200, &json!({"id": id}))
        }
    }

    /// Spans as SDKs push them.
    pub(super) fn write_spans(&mut self, asked: &Asked) -> Reply {
        let Some(spans) = self.spans else {
            return bad("this project takes no spans");
        };
        match spans(asked) {
            Ok(rows) => {
                self.observations.extend(rows);
                Reply::json(200, &json!({}))
            }
            Err(why) => bad(&why),
        }
    }
}

/// A score as it is kept, in the form in which it is read.
fn score(given: &Value, now: Timestamp) -> Result<Value, String> {
    let text = |name: &str| given[name].as_str().filter(|text| !text.is_empty());
    let name = text("name").ok_or("name is required")?;
    let subjects = ["traceId", "sessionId", "datasetRunId"];
    let named: Vec<&str> = subjects.into_iter().filter_map(text).collect();
    let [_] = named.as_slice() else {
        return Err("exactly one of traceId, sessionId and datasetRunId is required".to_owned());
    };
    let trace = text("traceId").ok_or("only scores of traces are kept here")?;
    let subject = match text("observationId") {
        Some(id) => json!({"kind": "observation", "id": id, "traceId": trace}),
        None => json!({"kind": "trace", "id": trace}),
    };
    let value = &given["value"];
    let kind = text("dataType").unwrap_or(if value.is_string() {
        "CATEGORICAL"
    } else {
        "NUMERIC"
    });
    let value = match kind {
        "CATEGORICAL" if value.as_str().is_some_and(|text| !text.is_empty()) => value.clone(),
        "NUMERIC" if value.is_number() => value.clone(),
        "BOOLEAN" if value.as_f64() == Some(1.0) => json!(true),
        "BOOLEAN" if value.as_f64() == Some(0.0) => json!(false),
        _ => return Err(format!("value does not fit the data type {kind}")),
    };
    let environment = given["environment"].as_str().unwrap_or("default");
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if environment.starts_with("langfuse")
        || environment.len() > LONGEST_ENVIRONMENT
        || !environment.chars().all(fits)
    {
        return Err("environment is no name of one".to_owned());
    }
    if !matches!(given["metadata"], Value::Null | Value::Object(_)) {
        return Err("metadata is no object".to_owned());
    }
    let mut kept = Map::new();
    for (key, value) in [
        ("id", text("id").unwrap_or("generated").into()),
        ("name", name.into()),
        ("value", value),
        ("dataType", kind.into()),
        ("source", "API".into()),
        (
            "timestamp",
            text("timestamp").map_or_else(|| json!(now), Value::from),
        ),
        ("updatedAt", json!(now)),
        ("comment", given["comment"].clone()),
        ("environment", environment.into()),
        ("metadata", given["metadata"].clone()),
        ("subject", subject),
    ] {
        kept.insert(key.to_owned(), value);
    }
    Ok(Value::Object(kept))
}
