//! A recorded call as a span of the trace.

use archal_core::redact::Redactor;
use archal_core::trace::{HttpExchange, Span, SpanKind, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::content::{self, Content};
use super::{events, model, secrets};
use crate::reproduce::recorded::conversation::Protocol;
use crate::session::recording::recorder::Call;

/// Where the description of a body stands that the trace does not have.
const BODIES: [&str; 2] = ["archal.requestBody", "archal.responseBody"];
/// Where the address of a call of a model stands.
const ADDRESS: &str = "url.full";

/// One call as a span, and what of it is not there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The span, without id and parent; without an end where none came.
    pub span: Span,
    /// Of a call of a model: how many of the last messages are what it answered.
    #[serde(default)]
    pub answered: usize,
    /// Of a call of a model: the results that are errors, by their positions among all parts.
    #[serde(default)]
    pub failed: Vec<usize>,
    /// The parts of the span of which something is missing.
    #[serde(default)]
    pub cut: Vec<String>,
    /// The lengths of bodies that are not kept at all.
    #[serde(default)]
    pub unkept: Vec<u64>,
    /// Bytes of the bodies that are kept, decoded.
    #[serde(default)]
    pub bytes: u64,
    /// How many values were taken out of it.
    #[serde(default)]
    pub redactions: u64,
}

impl Entry {
    /// The URL that was called.
    pub fn url(&self) -> &str {
        let of_model = || self.span.attributes.get(ADDRESS)?.as_str();
        let url = self.span.http.as_ref().map(|http| http.url.as_str());
        url.or_else(of_model).unwrap_or_default()
    }
}

/// The entry of a call, with at most so many bytes of its bodies.
pub fn entry(call: &Call, redactor: &Redactor, most: u64) -> Entry {
    let request = content::read(&call.request, &call.request_headers, most);
    let left = most - request.bytes;
    let response = content::read(&call.response, &call.response_headers, left);
    let url = without_user(&call.url);
    let path = path_of(&url);
    let mut span = Span {
        started_at: Some(call.started_at),
        ended_at: call.ended_at,
        error: call.error.clone(),
        ..Span::default()
    };
    if call.error.is_some() || (call.ended_at.is_none() && call.upgraded.is_none()) {
        span.status = Status::Error;
        span.error
            .get_or_insert_with(|| "it had no answer when the command ended".to_owned());
    }
    for (name, content) in BODIES.iter().zip([&request, &response]) {
        if let Some(described) = &content.described {
            let described = Value::from(described.as_str());
            span.attributes.insert((*name).to_owned(), described);
        }
    }
    if let Some(to) = &call.upgraded {
        let to = Value::from(to.as_str());
        span.attributes
            .insert("http.request.upgrade".to_owned(), to);
    }
    let mut entry = Entry {
        bytes: request.bytes + response.bytes,
        ..Entry::default()
    };
    for (body, content) in [(&call.request, &request), (&call.response, &response)] {
        if content.described.is_some() {
            entry.unkept.push(body.length);
        }
    }
    let asked = request.value.as_ref();
    let protocol = asked.and_then(|asked| model::protocol(&call.method, path, asked));
    if let (Some(protocol), Some(asked)) = (protocol, asked) {
        entry.span = span;
        of_model(
            &mut entry,
            call,
            protocol,
            asked,
            &url,
            (&request, &response),
        );
        return entry;
    }
    if request.is_cut {
        entry.cut.push("http.requestBody".to_owned());
    }
    if response.is_cut {
        entry.cut.push("http.responseBody".to_owned());
    }
    span.name = format!("{} {path}", call.method);
    span.kind = SpanKind::Http;
    span.http = Some(HttpExchange {
        method: call.method.clone(),
        url,
        status: call.status,
        request_headers: secrets::request_headers(&call.request_headers),
        response_headers: secrets::response_headers(&call.response_headers, redactor),
        request_body: request.value,
        response_body: response.value,
    });
    entry.span = span;
    entry
}

/// A call of a model is told by its messages; its address and status are attributes.
fn of_model(
    entry: &mut Entry,
    call: &Call,
    protocol: Protocol,
    asked: &Value,
    url: &str,
    (request, response): (&Content, &Content),
) {
    let is_fine = call.status.is_some_and(|status| status < 300);
    let joined;
    let answer = match &response.value {
        Some(Value::String(stream)) if is_fine => {
            joined = events::joined(protocol, stream);
            joined.as_ref()
        }
        Some(answer) if is_fine => Some(answer),
        _ => None,
    };
    let read = model::read(protocol, asked, answer);
    // What an answer was cut by, or that it is none that is known, is no word of the model.
    if request.is_cut || response.is_cut || (is_fine && answer.is_none()) {
        entry.cut.push("llm.messages".to_owned());
    }
    let span = &mut entry.span;
    if let (false, Some(status)) = (is_fine, call.status) {
        span.status = Status::Error;
        let told = response.value.as_ref().map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let told = told.map_or_else(String::new, |told| format!(": {told}"));
        span.error = Some(format!("{status}{told}"));
    }
    let model = read.call.model.as_deref().unwrap_or_default();
    span.name = format!("chat {model}").trim_end().to_owned();
    span.kind = SpanKind::Llm;
    let mut attribute = |name: &str, value: Value| {
        span.attributes.insert(name.to_owned(), value);
    };
    attribute(ADDRESS, Value::from(url));
    if let Some(status) = call.status {
        attribute("http.response.status_code", Value::from(status));
    }
    entry.failed = read.failures();
    entry.answered = read.answered;
    span.llm = Some(read.call);
}

/// A URL without a name and a password in it.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{}", &rest[end..]),
        None => url.to_owned(),
    }
}

/// The path of an absolute URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or("/")
}
