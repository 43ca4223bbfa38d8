//! What texts and bodies came to in evidence, remembered while a session lives: clients send the same
//! headers and read the same lists and objects again and again.
//!
//! What a text comes to depends on it and on the rules of redaction alone, which are those of the
//! session, so nothing here is ever out of date.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use archal_core::clone::Rendered;
use archal_core::redact::RedactionCounts;
use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::record::{self, Clean};
use super::times;

/// Most bodies that are known by where they are.
const BODIES: usize = 8;
/// A longer body is not known by where it is: it would stay in memory.
const LONGEST: usize = 256 * 1024;
/// Most bytes of objects in bodies; beyond it all are forgotten.
const PARTS: usize = 4 * 1024 * 1024;
/// The same of headers. Some are another in each answer.
const HEADERS: usize = 256 * 1024;

/// The texts and bodies of one session.
#[derive(Default)]
pub(super) struct Remembered {
    bodies: VecDeque<Body>,
    parts: HashMap<Box<str>, Arc<str>>,
    part_bytes: usize,
    /// By name and by value.
    headers: HashMap<Box<str>, HashMap<Box<str>, Box<str>>>,
    header_bytes: usize,
}

struct Body {
    /// Held, so that no other body is ever where this one is.
    given: Rendered,
    encoded: Arc<RawValue>,
    times: Vec<String>,
}

impl Remembered {
    /// A body as evidence has it, and the exact times that it writes as offsets.
    pub(super) fn body(
        &mut self,
        given: &Rendered,
        clean: Clean<'_>,
    ) -> (Arc<RawValue>, Vec<String>) {
        let same = |a: &Bytes, b: &Bytes| a.as_ptr() == b.as_ptr() && a.len() == b.len();
        let is_known = |body: &Body| {
            same(&body.given.evidence, &given.evidence) && same(&body.given.wire, &given.wire)
        };
        let known = self.bodies.iter().position(is_known);
        if let Some(body) = known.and_then(|at| self.bodies.remove(at)) {
            let found = (Arc::clone(&body.encoded), body.times.clone());
            self.bodies.push_front(body);
            return found;
        }
        let encoded: Arc<RawValue> = self.encoded(&given.evidence, clean).into();
        let times = times::exact(&given.wire, &given.evidence);
        // One that nobody else holds does not come again.
        let longest = given.evidence.len().max(given.wire.len());
        if longest <= LONGEST && !given.evidence.is_empty() && !given.evidence.is_unique() {
            self.bodies.truncate(BODIES - 1);
            self.bodies.push_front(Body {
                given: given.clone(),
                encoded: Arc::clone(&encoded),
                times: times.clone(),
            });
        }
        (encoded, times)
    }

    /// A header as evidence has it.
    pub(super) fn header(
        &mut self,
        name: &str,
        value: String,
        clean: Clean<'_>,
        counts: &mut RedactionCounts,
    ) -> String {
        let known = self.headers.get(name);
        if let Some(known) = known.and_then(|values| values.get(value.as_str())) {
            return known.to_string();
        }
        let mut one = BTreeMap::from([(name.to_owned(), value.clone())]);
        clean.redactor.headers(&mut one, counts);
        let said = one.into_values().next().unwrap_or_default();
        let bytes = name.len() + value.len() + said.len();
        if bytes > HEADERS {
            return said;
        }
        self.header_bytes += bytes;
        if self.header_bytes > HEADERS {
            self.headers.clear();
            self.header_bytes = bytes;
        }
        let values = self.headers.entry(name.into()).or_default();
        values.insert(value.into(), said.as_str().into());
        said
    }

    /// The evidence of a body as JSON.
    fn encoded(&mut self, evidence: &[u8], clean: Clean<'_>) -> Box<RawValue> {
        // The objects of a list are looked at one by one, each as in a list of its own, so that it is
        // as deep in it as it was. What else a list may hold is looked at together.
        let items: Option<Vec<&RawValue>> = Some(evidence)
            .filter(|evidence| evidence.starts_with(b"["))
            .and_then(|evidence| serde_json::from_slice(evidence).ok());
        let items = items.unwrap_or_default();
        let are_objects = items.iter().all(|item| item.get().starts_with('{'));
        let encoded = if !items.is_empty() && are_objects {
            let parts = items.iter().map(|item| self.part(item.get(), clean));
            let parts: Option<Vec<Arc<str>>> = parts.collect();
            parts.map(|parts| format!("[{}]", parts.join(",")))
        } else if evidence.starts_with(b"{") {
            let text = std::str::from_utf8(evidence).ok();
            let part = text.and_then(|text| self.part(text, clean));
            part.map(|part| part.to_string())
        } else {
            None
        };
        let whole = || {
            let mut counts = RedactionCounts::new();
            record::body(evidence, clean, &mut counts).to_string()
        };
        // What comes from `Value` is JSON.
        RawValue::from_string(encoded.unwrap_or_else(whole)).unwrap_or_default()
    }

    /// An object as evidence has it; none where it is not one.
    fn part(&mut self, object: &str, clean: Clean<'_>) -> Option<Arc<str>> {
        if let Some(known) = self.parts.get(object) {
            return Some(Arc::clone(known));
        }
        let mut value: Value = serde_json::from_str(&format!("[{object}]")).ok()?;
        let mut counts = RedactionCounts::new();
        clean.value(&mut value, &mut counts);
        // Two objects with a comma between them are a list with brackets around, and none without.
        let text = match value.as_array().map(Vec::as_slice) {
            Some([only]) => only.to_string(),
            _ => return None,
        };
        let part: Arc<str> = text.into();
        let bytes = object.len() + part.len();
        if bytes > LONGEST {
            return Some(part);
        }
        self.part_bytes += bytes;
        if self.part_bytes > PARTS {
            self.parts.clear();
            self.part_bytes = bytes;
        }
        self.parts.insert(object.into(), Arc::clone(&part));
        Some(part)
    }

    /// Forgets everything, for the memory of it.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
#[path = "remembered_tests.rs"]
mod tests;
