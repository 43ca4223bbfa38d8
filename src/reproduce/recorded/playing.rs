//! A recording as a clone: it answers, counts what it has given, and has no other state.

use std::any::Any;
use std::sync::Arc;

use archal_core::clock::Timestamp;
use archal_core::clone::{
    CloneDescriptor, CloneRequest, CloneResponse, CloneState, Exchange, Observation, OpenClone,
    RowDiff, Seed, ServiceClone, Trouble, ViewRow,
};
use archal_core::diagnostic::Diagnostic;
use archal_core::stability::Stability;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What answers from a recording.
pub(super) trait Answers: Clone + Send + Sync + 'static {
    /// Answers one request of a run that began at `base`.
    fn answer(&mut self, request: &CloneRequest, base: Timestamp) -> CloneResponse;

    /// How many requests it has answered.
    fn given(&self) -> usize;
}

struct Playing<A> {
    base: Timestamp,
    opened: A,
    answers: A,
    root: u64,
}

struct Played<A> {
    base: Timestamp,
    answers: A,
}

/// Opens a recording that a seed document holds.
pub(super) fn open<A: Answers + DeserializeOwned>(
    cx: &OpenClone<'_>,
) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    let refused = |reason: String| vec![Diagnostic::error("seed/recording", reason)];
    let Seed::Document(document) = cx.seed else {
        return Err(refused(
            "a recording has no named starting states".to_owned(),
        ));
    };
    let answers: A =
        serde_json::from_value(document.clone()).map_err(|error| refused(error.to_string()))?;
    Ok(Box::new(Playing {
        base: cx.base,
        opened: answers.clone(),
        answers,
        root: 1,
    }))
}

/// A descriptor with nothing but a name and how it is opened.
pub(super) const fn descriptor(
    name: &'static str,
    about: &'static str,
    credentials: &'static [(&'static str, &'static str)],
    open: fn(&OpenClone<'_>) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>>,
) -> CloneDescriptor {
    CloneDescriptor {
        name,
        about,
        stability: Stability::Beta,
        hosts: &[],
        other_hosts: &[],
        credentials,
        seeds: &[],
        keep_fields: &[],
        operations: &[],
        coverage: None,
        sdk: &[],
        collections: &[],
        vocabulary: "",
        tables: &[],
        row_key: no_key,
        seed_schema,
        mcp: None,
        open,
        reopen,
        base_urls: &[],
        operation_of: no_operation,
        changes: archal_core::clone::changes_by_method,
        observe,
    }
}

fn no_key(_: &str, _: &Value) -> Option<String> {
    None
}

fn seed_schema() -> Value {
    json!({"type": "object"})
}

fn reopen(_: &Value) -> Result<Box<dyn ServiceClone>, Vec<Diagnostic>> {
    Err(vec![Diagnostic::error(
        "saved/recording",
        "a recording is opened from its trace alone",
    )])
}

fn no_operation(_: &str, _: &str, _: &str) -> Option<&'static str> {
    None
}

fn observe(_: &Exchange<'_>) -> Observation {
    Observation::default()
}

/// An answer of archal's own: nothing was recorded for it.
pub(super) fn unrecorded(status: u16, what: String, body: &Value) -> CloneResponse {
    CloneResponse {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: Bytes::from(body.to_string()).into(),
        unmodelled: Some(what),
        ..CloneResponse::default()
    }
}

impl<A: Answers> ServiceClone for Playing<A> {
    fn call(&mut self, request: &CloneRequest, _: Timestamp) -> CloneResponse {
        let before = self.root;
        let given = self.answers.given();
        let mut response = self.answers.answer(request, self.base);
        if self.answers.given() != given {
            self.root += 1;
        }
        response.root_before = before;
        response.root_after = self.root;
        response
    }

    // What goes wrong on purpose goes wrong in clones.
    fn trouble(&mut self, _: Trouble) {}

    fn state(&self) -> Arc<dyn CloneState> {
        Arc::new(Played {
            base: self.base,
            answers: self.answers.clone(),
        })
    }

    fn diff(&self) -> Vec<RowDiff> {
        Vec::new()
    }

    fn reset(&mut self) {
        self.answers = self.opened.clone();
        self.root += 1;
    }

    fn restore(&mut self, state: &dyn CloneState) -> bool {
        let state: &dyn Any = state;
        let Some(state) = state.downcast_ref::<Played<A>>() else {
            return false;
        };
        self.answers = state.answers.clone();
        self.root += 1;
        true
    }

    fn fork(&self) -> Box<dyn ServiceClone> {
        Box::new(Self {
            base: self.base,
            opened: self.answers.clone(),
            answers: self.answers.clone(),
            root: self.root,
        })
    }
}

impl<A: Answers> CloneState for Played<A> {
    fn rows(&self, _: &str) -> Vec<ViewRow> {
        Vec::new()
    }

    fn to_json(&self) -> Value {
        json!({"given": self.answers.given()})
    }

    fn base(&self) -> Timestamp {
        self.base
    }

    fn diff(&self, _: &dyn CloneState) -> Vec<RowDiff> {
        Vec::new()
    }

    fn evidence_text(&self, text: &str) -> String {
        text.to_owned()
    }

    fn save(&self) -> Result<Value, String> {
        Err("a recording is kept in its trace".to_owned())
    }
}
