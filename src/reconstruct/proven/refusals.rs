//! What calls of a trace were refused, and whether an attempt is refused the same.

use std::collections::BTreeSet;

use archal_core::clone::Exchange;
use serde_json::Value;

use super::named::{ByName, Named};
use super::renamed;
use crate::scenario::criteria::CallFact;

/// The refusals of a trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Refusals {
    calls: ByName<Refused>,
    /// What whole answers say was refused.
    within: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Refused {
    method: String,
    status: i64,
    request: Option<Value>,
    /// What the answer gives as reason.
    reason: Option<Value>,
}

impl Refusals {
    /// Takes in a refusal of the trace.
    pub(super) fn add(&mut self, exchange: &Exchange<'_>, path: Named) {
        let refused = Refused {
            method: exchange.method.to_owned(),
            status: i64::from(exchange.status),
            request: exchange.request_body.cloned(),
            reason: reason(exchange.response_body),
        };
        self.calls.insert(path, refused);
    }

    /// Takes in what an answer of the trace says was refused.
    pub(super) fn add_within(&mut self, answer: Option<&Value>) {
        let words = answer.into_iter().flat_map(refused_within);
        self.within.extend(words.map(str::to_owned));
    }

    /// Whether the trace was refused the same: the same call, however, or one to the same place for the
    /// same reason. What is wrong with a change may be wrong with what it asks for.
    pub(super) fn has(&self, call: &CallFact, path: &Named) -> bool {
        let request = call.request.as_deref().filter(|body| !body.is_null());
        let mut calls = self.calls.get(path);
        calls.any(|refused| {
            // One whose body was not recorded is taken for the same.
            let is_same = refused
                .request
                .as_ref()
                .is_none_or(|own| Some(own) == request);
            let depends = matches!(call.status, 405 | 409 | 422);
            let is_said =
                || refused.reason.is_some() && refused.reason == reason(call.response.as_deref());
            let is_alike = refused.status == call.status && (!depends || is_said());
            refused.method == call.method && (is_same || is_alike)
        })
    }

    /// The same in a world in which names are others.
    pub(super) fn renamed(&self, new: &dyn Fn(&str) -> String) -> Self {
        let value = |value: &Option<Value>| value.as_ref().map(|value| renamed::value(value, new));
        let refused = |refused: &Refused| Refused {
            request: value(&refused.request),
            reason: value(&refused.reason),
            ..refused.clone()
        };
        Self {
            calls: self.calls.renamed(new, refused),
            within: self.within.iter().map(|word| new(word)).collect(),
        }
    }

    /// Whether a whole answer of the trace says that.
    pub(super) fn says(&self, word: &str) -> bool {
        self.within.contains(word)
    }
}

/// What a refusal gives as reason.
fn reason(answer: Option<&Value>) -> Option<Value> {
    let answer = answer?;
    let said = (answer.get("message")?, answer.get("errors"));
    serde_json::to_value(said).ok()
}

/// Whether a status says that the state does not allow the call, or not to who makes it.
pub(super) fn is_refusal(status: i64) -> bool {
    matches!(status, 401 | 403..=405 | 409 | 410 | 422)
}

/// What an answer that went well says was refused, as interfaces of one address do. What is wrong with
/// the question itself has no kind.
pub(super) fn refused_within(answer: &Value) -> impl Iterator<Item = &str> {
    let errors = answer.get("errors").and_then(Value::as_array);
    errors
        .into_iter()
        .flatten()
        .filter(|error| error.get("type").is_some_and(Value::is_string))
        .filter_map(|error| error.get("message")?.as_str())
}

/// Whether a call is refused for how it is written, whatever the state is, or for what is there: the
/// rows of a rebuilt state are proved.
pub(super) fn is_malformed(call: &CallFact) -> bool {
    let Some(answer) = call.response.as_ref().filter(|_| call.status == 422) else {
        return false;
    };
    let message = answer.get("message").and_then(Value::as_str);
    let errors = answer.get("errors").and_then(Value::as_array);
    let is_settled = |error: &Value| {
        let code = error.get("code").and_then(Value::as_str);
        matches!(code, Some("missing_field" | "already_exists"))
    };
    // What a PUT must say may depend on what is there.
    let is_unread = call.method != "PUT"
        && message.is_some_and(|message| message.starts_with("Invalid request."));
    is_unread || errors.is_some_and(|errors| !errors.is_empty() && errors.iter().all(is_settled))
}
