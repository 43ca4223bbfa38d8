//! Calls in CEL.

use super::super::claim::{Amount, CallPhrase};
use super::super::template::{all_of, literal};
use super::compared;

/// The calls that a phrase is about.
pub(super) fn calls_where(calls: &CallPhrase) -> String {
    let mut conditions = Vec::new();
    if let Some(operation) = &calls.operation {
        conditions.push(format!("c.operation == {}", literal(operation)));
    }
    if let Some(clone) = &calls.clone {
        conditions.push(format!("c.clone == {}", literal(clone)));
    }
    if let Some(method) = &calls.method {
        conditions.push(format!("c.method == {}", literal(method)));
    }
    if let Some(status) = calls.status {
        conditions.push(format!("c.status == {status}"));
    }
    match calls.failed {
        Some(true) => conditions.push("c.status >= 400".to_owned()),
        Some(false) => conditions.push("c.status < 400".to_owned()),
        None => {}
    }
    if conditions.is_empty() {
        "calls".to_owned()
    } else {
        format!("calls.filter(c, {})", all_of(&conditions))
    }
}

/// How many of them there were.
pub(super) fn calls_made(amount: Amount, calls: &CallPhrase) -> String {
    let rows = calls_where(calls);
    match (amount, rows.strip_prefix("calls.filter(")) {
        (Amount::Exactly(0) | Amount::AtMost(0), Some(condition)) => {
            format!("!calls.exists({condition}")
        }
        (amount, _) => compared(&format!("size({rows})"), amount),
    }
}
