//! Redaction of a whole trace.
//!
//! Two passes: the first follows key names and rules, the second replaces the secrets and the
//! people that the first found wherever else the same text stands (a token echoed in an error
//! message).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::edit::Why;
use super::keys::{PERSONAL, last_part, listed};
use super::literals::{Literals, free};
use super::personal::replace_words;
use super::text::INNER_JSON;
use super::{Pass, RedactionCounts, Redactor};
use crate::trace::{Message, Part, Span, Trace};

impl Redactor {
    /// Redacts every place of a trace that holds text, and counts what each rule did.
    ///
    /// Ids and the names of tools, models, scores and keys lose secrets, the same at each place, so
    /// that what belongs together stays together. Kinds and times are never changed. The revision
    /// is left as it is; the caller recomputes it.
    pub fn trace(&self, trace: &mut Trace, counts: &mut RedactionCounts) {
        let mut pass = Pass::default();
        each_text(trace, &mut |place| self.first(place, &mut pass));
        let echoes = Echoes::of(self, &pass);
        if !echoes.is_empty() {
            each_text(trace, &mut |place| self.again(place, &echoes, &mut pass));
        }
        pass.add_to(counts);
    }

    /// [`Self::value`] of several that belong together: what is a secret in one is replaced in all.
    pub fn values(&self, values: &mut [&mut Value], counts: &mut RedactionCounts) {
        let mut pass = Pass::default();
        for value in values.iter_mut() {
            self.walk(value, None, &mut pass, INNER_JSON);
        }
        let echoes = Echoes::of(self, &pass);
        if !echoes.is_empty() {
            for value in values {
                self.sweep(value, None, &echoes, &mut pass);
            }
        }
        pass.add_to(counts);
    }

    fn first(&self, place: Place<'_>, pass: &mut Pass) {
        match place {
            Place::Value(value) => self.walk(value, None, pass, INNER_JSON),
            Place::Named(name, value) => {
                if self.rules.personal && listed(last_part(name), PERSONAL) {
                    self.person(value, pass);
                }
                self.walk_member(name, None, value, pass, INNER_JSON);
            }
            Place::Person(text) => {
                if self.rules.personal {
                    let mut value = Value::String(std::mem::take(text));
                    self.person(&mut value, pass);
                    if let Value::String(clean) = value {
                        *text = clean;
                    }
                }
                self.first(Place::Text(text), pass);
            }
            Place::Text(text) => {
                if let Some(clean) = self.clean_text(text, None, pass, INNER_JSON) {
                    *text = clean;
                }
            }
            Place::Id(id) => {
                if let Some(clean) = self.clean_id(id, pass) {
                    *id = clean;
                }
            }
            Place::Keys(map) => {
                let clean = self.clean_keys(map.keys(), pass);
                let members = renamed(clean, |key| map.remove(key));
                map.extend(members);
            }
            Place::Url(url) => *url = self.clean_url(url, pass),
            Place::Headers(headers) => self.walk_headers(headers, pass),
        }
    }

    fn again(&self, place: Place<'_>, echoes: &Echoes, pass: &mut Pass) {
        match place {
            Place::Value(value) => self.sweep(value, None, echoes, pass),
            Place::Named(name, value) => self.sweep(value, Some(name), echoes, pass),
            Place::Text(text) | Place::Url(text) | Place::Person(text) => {
                echoes.replace(text, false, pass);
            }
            Place::Id(id) => echoes.replace_secrets(id, pass),
            Place::Keys(map) => {
                let clean = echoes.in_keys(map.keys(), pass);
                let members = renamed(clean, |key| map.remove(key));
                map.extend(members);
            }
            Place::Headers(headers) => {
                for (name, value) in headers {
                    echoes.replace(value, self.keeps(name), pass);
                }
            }
        }
    }

    /// What a document's second pass does.
    pub(super) fn echo_in(&self, value: &mut Value, pass: &mut Pass) {
        let echoes = Echoes::of(self, pass);
        if !echoes.is_empty() {
            self.sweep(value, None, &echoes, pass);
        }
    }

    /// What plain text's second pass does.
    pub(super) fn echoes(&self, text: &str, pass: &mut Pass) -> Option<String> {
        let echoes = Echoes::of(self, pass);
        let mut clean = text.to_owned();
        echoes.replace(&mut clean, false, pass);
        (clean != text).then_some(clean)
    }

    fn sweep(&self, value: &mut Value, name: Option<&str>, echoes: &Echoes, pass: &mut Pass) {
        match value {
            Value::String(text) => {
                echoes.replace(text, name.is_some_and(|name| self.keeps(name)), pass);
            }
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    pass.enter(|| at.to_string());
                    self.sweep(item, None, echoes, pass);
                    pass.leave();
                }
            }
            Value::Object(map) => {
                let clean = echoes.in_keys(map.keys(), pass);
                let members = renamed(clean, |key| map.remove(key));
                map.extend(members);
                for (name, inner) in map.iter_mut() {
                    pass.enter(|| name.clone());
                    self.sweep(inner, Some(name), echoes, pass);
                    pass.leave();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl Literals {
    /// Takes them out of every place of a trace that holds text, and tells how many places that were.
    /// What the format itself says (kinds, statuses, names of fields) stays whatever the secrets are.
    pub fn trace(&self, trace: &mut Trace) -> u64 {
        let mut count = 0;
        each_text(trace, &mut |place| self.at(place, &mut count));
        count
    }

    fn at(&self, place: Place<'_>, count: &mut u64) {
        match place {
            Place::Value(value) | Place::Named(_, value) => self.counted_value(value, count),
            Place::Text(text) | Place::Id(text) | Place::Person(text) | Place::Url(text) => {
                if let Cow::Owned(clean) = self.counted(text, count) {
                    *text = clean;
                }
            }
            Place::Keys(map) => {
                let renamed: Vec<(String, String)> = map
                    .keys()
                    .filter_map(|key| match self.counted(key, count) {
                        Cow::Owned(clean) => Some((key.clone(), clean)),
                        Cow::Borrowed(_) => None,
                    })
                    .collect();
                for (key, clean) in renamed {
                    if let Some(value) = map.remove(&key) {
                        let name = free(clean, |name| map.contains_key(name));
                        map.insert(name, value);
                    }
                }
            }
            Place::Headers(headers) => {
                for value in headers.values_mut() {
                    if let Cow::Owned(clean) = self.counted(value, count) {
                        *value = clean;
                    }
                }
            }
        }
    }
}

/// What was replaced once and is to be replaced everywhere.
struct Echoes {
    secrets: Vec<(String, String)>,
    people: Vec<(String, String)>,
}

impl Echoes {
    fn of(redactor: &Redactor, pass: &Pass) -> Self {
        let mut secrets: Vec<(String, String)> = pass
            .secrets
            .iter()
            .map(|secret| (secret.clone(), redactor.placeholder(secret)))
            .collect();
        // A secret that holds another is replaced whole.
        secrets.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
        let people = pass.people.iter();
        Self {
            secrets,
            people: people
                .map(|(name, put)| (name.clone(), put.clone()))
                .collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.people.is_empty()
    }

    fn replace_secrets(&self, text: &mut String, pass: &mut Pass) {
        for (secret, put) in &self.secrets {
            if text.contains(secret.as_str()) {
                pass.note("echo", Why::Echo, secret, put);
                *text = text.replace(secret.as_str(), put);
            }
        }
    }

    /// Keys that hold one of the secrets, with what stands in their place.
    fn in_keys<'a>(
        &self,
        keys: impl Iterator<Item = &'a String>,
        pass: &mut Pass,
    ) -> Vec<(String, String)> {
        keys.filter_map(|key| {
            let mut clean = key.clone();
            self.replace_secrets(&mut clean, pass);
            (clean != *key).then(|| (key.clone(), clean))
        })
        .collect()
    }

    /// A kept field names a thing, perhaps a person, and never holds a secret.
    fn replace(&self, text: &mut String, is_kept: bool, pass: &mut Pass) {
        if !is_kept {
            self.replace_secrets(text, pass);
        }
        for (name, put) in &self.people {
            if let Some(clean) = replace_words(text, name, put) {
                pass.note("personal:echo", Why::Person, name, put);
                *text = clean;
            }
        }
    }
}

/// The members under their new names; of two that come to the same one the later is kept.
pub(super) fn renamed(
    keys: Vec<(String, String)>,
    mut remove: impl FnMut(&str) -> Option<Value>,
) -> Vec<(String, Value)> {
    keys.into_iter()
        .filter_map(|(key, clean)| Some((clean, remove(&key)?)))
        .collect()
}

/// A place of a trace that may hold a secret.
enum Place<'a> {
    Value(&'a mut Value),
    Named(&'a str, &'a mut Value),
    Text(&'a mut String),
    /// What other places or the user's files name.
    Id(&'a mut String),
    /// Names that a trace gives to values.
    Keys(&'a mut BTreeMap<String, Value>),
    /// Who it ran for.
    Person(&'a mut String),
    Url(&'a mut String),
    Headers(&'a mut BTreeMap<String, String>),
}

/// Roles that the format itself has.
const ROLES: &[&str] = &["assistant", "system", "tool", "user"];

/// Names every field of a trace once; the compiler holds the lists complete, because the
/// patterns have no `..`.
fn each_text(trace: &mut Trace, visit: &mut dyn FnMut(Place<'_>)) {
    let Trace {
        id,
        name,
        revision: _,
        started_at: _,
        ended_at: _,
        status: _,
        error,
        input,
        output,
        model,
        session_id,
        user_id,
        environment,
        release,
        tags,
        metadata,
        scores,
        completeness: _,
        spans,
    } = trace;
    visit(Place::Id(id));
    visit(Place::Text(name));
    ids([model], visit);
    texts([error, session_id, environment, release], visit);
    if let Some(person) = user_id {
        visit(Place::Person(person));
    }
    values([input, output], visit);
    for tag in tags {
        visit(Place::Text(tag));
    }
    named(metadata, visit);
    for score in scores {
        visit(Place::Named(&score.name, &mut score.value));
        visit(Place::Id(&mut score.name));
        texts([&mut score.comment], visit);
    }
    for span in spans {
        each_text_of_span(span, visit);
    }
}

fn each_text_of_span(span: &mut Span, visit: &mut dyn FnMut(Place<'_>)) {
    let Span {
        id,
        parent_id,
        name,
        kind: _,
        started_at: _,
        ended_at: _,
        status: _,
        error,
        input,
        output,
        tool,
        http,
        llm,
        attributes,
    } = span;
    visit(Place::Id(id));
    ids([parent_id], visit);
    visit(Place::Text(name));
    texts([error], visit);
    values([input, output], visit);
    if let Some(tool) = tool {
        visit(Place::Id(&mut tool.name));
        ids([&mut tool.call_id], visit);
        values([&mut tool.arguments, &mut tool.result], visit);
    }
    if let Some(http) = http {
        visit(Place::Url(&mut http.url));
        visit(Place::Headers(&mut http.request_headers));
        visit(Place::Headers(&mut http.response_headers));
        values([&mut http.request_body, &mut http.response_body], visit);
    }
    if let Some(llm) = llm {
        ids([&mut llm.model], visit);
    }
    for message in llm.iter_mut().flat_map(|llm| &mut llm.messages) {
        each_text_of_message(message, visit);
    }
    named(attributes, visit);
}

fn each_text_of_message(message: &mut Message, visit: &mut dyn FnMut(Place<'_>)) {
    let Message { role, parts } = message;
    // A program may write anything there.
    if !ROLES.contains(&role.as_str()) {
        visit(Place::Text(role));
    }
    for part in parts {
        match part {
            Part::Text { text } => visit(Place::Text(text)),
            Part::ToolCall {
                id,
                name,
                arguments,
            } => {
                ids([id], visit);
                visit(Place::Id(name));
                values([arguments], visit);
            }
            Part::ToolResult { id, result } => {
                ids([id], visit);
                values([result], visit);
            }
            Part::Media { reference } => visit(Place::Url(reference)),
        }
    }
}

fn named(map: &mut BTreeMap<String, Value>, visit: &mut dyn FnMut(Place<'_>)) {
    visit(Place::Keys(map));
    for (key, value) in map.iter_mut() {
        visit(Place::Named(key, value));
    }
}

fn ids<const N: usize>(places: [&mut Option<String>; N], visit: &mut dyn FnMut(Place<'_>)) {
    for id in places.into_iter().flatten() {
        visit(Place::Id(id));
    }
}

fn texts<const N: usize>(places: [&mut Option<String>; N], visit: &mut dyn FnMut(Place<'_>)) {
    for text in places.into_iter().flatten() {
        visit(Place::Text(text));
    }
}

fn values<const N: usize>(places: [&mut Option<Value>; N], visit: &mut dyn FnMut(Place<'_>)) {
    for value in places.into_iter().flatten() {
        visit(Place::Value(value));
    }
}
