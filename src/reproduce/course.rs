//! The course of a run: the calls it made of cloned services, in order, so that a trace and the
//! attempts at it can be compared.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use archal_core::clone::CloneDescriptor;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::reconstruct::exchanges::TracedCalls;
use crate::run::stand_in;
use crate::session::evidence::RecordedMessage;

/// Most calls of a run that are looked at.
const CALLS: usize = 10_000;

/// One call of a cloned service.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The clone.
    pub clone: String,
    /// The operation, where one is modelled.
    pub operation: Option<String>,
    /// The method.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The parameters of the query and the fields of the body, each under its name.
    pub arguments: Value,
    /// The status answered; none where it was not recorded.
    pub status: Option<u16>,
    /// The answer; null where it is empty or was not recorded.
    pub answer: Value,
}

/// What this needs of a line of `calls.jsonl`.
#[derive(Deserialize)]
struct Line {
    clone: String,
    operation: Option<String>,
    method: String,
    path: String,
    request: RecordedMessage,
    status: u16,
    response: RecordedMessage,
}

/// The calls of a trace.
pub fn of_trace(traced: &TracedCalls<'_>, clones: &[CloneDescriptor]) -> Vec<Step> {
    let calls = traced.calls.iter().take(CALLS);
    calls
        .map(|call| {
            let clone = clones.iter().find(|clone| clone.name == call.clone);
            let operation = clone
                .and_then(|clone| (clone.operation_of)(&call.host, &call.http.method, &call.path));
            Step {
                clone: call.clone.to_owned(),
                operation: operation.map(str::to_owned),
                method: call.http.method.clone(),
                path: call.path.clone(),
                arguments: arguments(&call.query, call.http.request_body.as_ref()),
                status: call.http.status,
                answer: call.http.response_body.clone().unwrap_or_default(),
            }
        })
        .collect()
}

/// The calls that an attempt's evidence in `folder` holds.
pub fn of_attempt(folder: &Path) -> io::Result<Vec<Step>> {
    let file = BufReader::new(File::open(folder.join("calls.jsonl"))?);
    let mut steps = Vec::new();
    for line in file.lines().take(CALLS) {
        let line: Line = serde_json::from_str(&line?)?;
        if stand_in::is_one(&line.clone) {
            continue;
        }
        let (path, query) = line.path.split_once('?').unwrap_or((&line.path, ""));
        steps.push(Step {
            arguments: arguments(query, Some(&line.request.body)),
            path: path.to_owned(),
            clone: line.clone,
            operation: line.operation,
            method: line.method,
            status: Some(line.status),
            answer: line.response.body,
        });
    }
    Ok(steps)
}

fn arguments(query: &str, body: Option<&Value>) -> Value {
    let mut all = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        all.insert(name.into_owned(), Value::from(value.into_owned()));
    }
    match body {
        Some(Value::Object(fields)) => all.extend(fields.clone()),
        None | Some(Value::Null) => {}
        Some(other) => {
            all.insert("body".to_owned(), other.clone());
        }
    }
    Value::Object(all)
}

impl Step {
    /// `PATCH /repos/acme/webapp/issues/7`, for people.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether both address the same thing in the same way.
    pub fn is_same_call(&self, other: &Self) -> bool {
        (&self.clone, &self.method, &self.path) == (&other.clone, &other.method, &other.path)
    }

    /// Whether both are the same operation, perhaps on other things.
    pub fn is_same_operation(&self, other: &Self) -> bool {
        self.clone == other.clone && self.operation.is_some() && self.operation == other.operation
    }
}
