//! Redaction of a whole trace.
//!
//! Two passes: the first follows key names, the second replaces the secrets that the first
//! found wherever else the same text stands (a token echoed in an error message).

use serde_json::Value;

use super::{INNER_JSON, Pass, RedactionCounts, Redactor};
use crate::trace::{Part, Span, Trace};

impl Redactor {
    /// Redacts every place of a trace that holds text, and counts what each rule did.
    ///
    /// Ids, kinds, times and the names of spans and tools are never changed by key rules.
    /// The revision is left as it is; the caller recomputes it.
    pub fn trace(&self, trace: &mut Trace, counts: &mut RedactionCounts) {
        let mut pass = Pass::default();
        each_text(trace, &mut |place| self.by_key(place, &mut pass));
        let secrets: Vec<(String, String)> = pass
            .secrets
            .iter()
            .map(|secret| (secret.clone(), self.placeholder(secret)))
            .collect();
        if !secrets.is_empty() {
            let mut found = 0;
            each_text(trace, &mut |place| {
                self.by_content(place, &secrets, &mut found);
            });
            if found > 0 {
                *pass.counts.entry("echo".to_owned()).or_default() += found;
            }
        }
        pass.add_to(counts);
    }

    fn by_key(&self, place: Place<'_>, pass: &mut Pass) {
        match place {
            Place::Value(value) => self.walk(value, pass, INNER_JSON),
            Place::Named(name, value) => {
                if self.is_secret_key(name) || self.is_long_token(name, value) {
                    self.hide(name, value, pass);
                } else if !self.keeps(name) || value.is_object() || value.is_array() {
                    self.walk(value, pass, INNER_JSON);
                }
            }
            Place::Text(text) => {
                if let Some(clean) = self.clean_text(text, pass, INNER_JSON) {
                    *text = clean;
                }
            }
            Place::Url(url) => *url = self.clean_url(url, pass),
            Place::Headers(headers) => self.walk_headers(headers, pass),
        }
    }

    fn by_content(&self, place: Place<'_>, secrets: &[(String, String)], found: &mut u64) {
        match place {
            Place::Value(value) => self.sweep(value, secrets, found),
            Place::Named(name, value) => {
                if !self.keeps(name) || value.is_object() || value.is_array() {
                    self.sweep(value, secrets, found);
                }
            }
            Place::Text(text) | Place::Url(text) => replace(text, secrets, found),
            Place::Headers(headers) => {
                for (name, value) in headers {
                    if !self.keeps(name) {
                        replace(value, secrets, found);
                    }
                }
            }
        }
    }

    fn sweep(&self, value: &mut Value, secrets: &[(String, String)], found: &mut u64) {
        match value {
            Value::String(text) => replace(text, secrets, found),
            Value::Array(items) => {
                for item in items {
                    self.sweep(item, secrets, found);
                }
            }
            Value::Object(map) => {
                for (name, inner) in map.iter_mut() {
                    if !self.keeps(name) || inner.is_object() || inner.is_array() {
                        self.sweep(inner, secrets, found);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn replace(text: &mut String, secrets: &[(String, String)], found: &mut u64) {
    for (secret, placeholder) in secrets {
        if text.contains(secret.as_str()) {
            *found += 1;
            *text = text.replace(secret.as_str(), placeholder);
        }
    }
}

/// A place of a trace that may hold a secret.
enum Place<'a> {
    Value(&'a mut Value),
    Named(&'a str, &'a mut Value),
    Text(&'a mut String),
    Url(&'a mut String),
    Headers(&'a mut std::collections::BTreeMap<String, String>),
}

/// Names every field of a trace once; the compiler holds the lists complete, because the
/// patterns have no `..`.
fn each_text(trace: &mut Trace, visit: &mut dyn FnMut(Place<'_>)) {
    let Trace {
        id: _,
        name,
        revision: _,
        started_at: _,
        ended_at: _,
        status: _,
        error,
        input,
        output,
        model: _,
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
    visit(Place::Text(name));
    texts([error, session_id, user_id, environment, release], visit);
    values([input, output], visit);
    for tag in tags {
        visit(Place::Text(tag));
    }
    for (key, value) in metadata {
        visit(Place::Named(key, value));
    }
    for score in scores {
        visit(Place::Named(&score.name, &mut score.value));
        texts([&mut score.comment], visit);
    }
    for span in spans {
        each_text_of_span(span, visit);
    }
}

fn each_text_of_span(span: &mut Span, visit: &mut dyn FnMut(Place<'_>)) {
    let Span {
        id: _,
        parent_id: _,
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
    visit(Place::Text(name));
    texts([error], visit);
    values([input, output], visit);
    if let Some(tool) = tool {
        values([&mut tool.arguments, &mut tool.result], visit);
    }
    if let Some(http) = http {
        visit(Place::Url(&mut http.url));
        visit(Place::Headers(&mut http.request_headers));
        visit(Place::Headers(&mut http.response_headers));
        values([&mut http.request_body, &mut http.response_body], visit);
    }
    for part in llm
        .iter_mut()
        .flat_map(|llm| &mut llm.messages)
        .flat_map(|message| &mut message.parts)
    {
        match part {
            Part::Text { text } => visit(Place::Text(text)),
            Part::ToolCall { arguments, .. } => values([arguments], visit),
            Part::ToolResult { result, .. } => values([result], visit),
            Part::Media { reference } => visit(Place::Url(reference)),
        }
    }
    for (key, value) in attributes {
        visit(Place::Named(key, value));
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
