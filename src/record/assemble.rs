//! The trace of a recorded command.

use std::collections::BTreeMap;

use archal_core::clock::Timestamp;
use archal_core::redact::{Literals, RedactionCounts, Redactor};
use archal_core::trace::{Completeness, HttpExchange, Span, SpanKind, Status, Trace};
use serde_json::Value;

use super::content::{self, Content};
use super::model::{self, ModelCall};
use super::tools::{self, Turn};
use super::{events, secrets};
use crate::run::scrub::Scrubber;
use crate::session::recording::recorder::{Call, Recorded};

/// Where the description of a body stands that the trace does not have.
const BODIES: [&str; 2] = ["archal.requestBody", "archal.responseBody"];

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With a code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// A command that was recorded.
#[derive(Debug)]
pub struct Command<'a> {
    /// The trace's id.
    pub id: String,
    /// The program, without its folder.
    pub name: String,
    /// What it was asked: the command line, unless something better is known.
    pub input: String,
    /// The end of what it wrote to stdout; none where that is not known.
    pub stdout: Option<&'a str>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it had ended.
    pub ended_at: Timestamp,
    /// How.
    pub ended: Ended,
    /// What else is said of it.
    pub metadata: BTreeMap<String, Value>,
}

/// A trace, redacted and with its revision.
#[derive(Debug)]
pub struct Assembled {
    /// It.
    pub trace: Trace,
    /// What the redaction did.
    pub redactions: u64,
    /// Bodies of which something is missing, and their bytes.
    pub cut: (usize, u64),
}

/// One call as a span, and what of it is not there.
struct Made {
    span: Span,
    model: Option<ModelCall>,
    cut: Vec<&'static str>,
}

/// Makes the trace of a command and of what was recorded of it.
pub fn trace(command: Command<'_>, recorded: &Recorded, scrubber: &Scrubber) -> Assembled {
    let redactor = scrubber.redactor();
    let mut made: Vec<Made> = recorded
        .calls
        .iter()
        .map(|call| span(call, command.ended_at, redactor))
        .collect();
    let turns: Vec<Turn<'_>> = made
        .iter()
        .filter_map(|one| {
            Some(Turn {
                call: one.model.as_ref()?,
                started_at: one.span.started_at?,
                ended_at: one.span.ended_at?,
            })
        })
        .collect();
    let of_tools = tools::spans(&turns);
    let last_said = turns.last().and_then(|turn| model::said(turn.call));
    let model = turns.last().and_then(|turn| turn.call.call.model.clone());
    made.extend(of_tools.into_iter().map(|span| Made {
        span,
        model: None,
        cut: Vec::new(),
    }));
    made.sort_by_key(|one| one.span.started_at);
    let output = last_said.or_else(|| {
        let said = command.stdout?.trim();
        (!said.is_empty()).then(|| said.to_owned())
    });
    let (status, error) = match command.ended {
        Ended::Code(0) => (Status::Ok, None),
        Ended::Code(code) => (
            Status::Error,
            Some(format!("the command ended with {code}")),
        ),
        Ended::Signal(signal) => (
            Status::Error,
            Some(format!("the command was ended by signal {signal}")),
        ),
    };
    let width = made.len().to_string().len();
    let id = |number: usize| format!("r{number:0width$}");
    let root = Span {
        id: id(0),
        name: command.name.clone(),
        kind: SpanKind::Agent,
        started_at: Some(command.started_at),
        ended_at: Some(command.ended_at),
        status,
        error: error.clone(),
        input: Some(Value::from(command.input.as_str())),
        output: output.clone().map(Value::from),
        ..Span::default()
    };
    let mut completeness = Completeness {
        dropped: recorded.dropped,
        ..Completeness::default()
    };
    let mut spans = vec![root];
    for (mut one, number) in made.into_iter().zip(1..) {
        one.span.id = id(number);
        one.span.parent_id = Some(id(0));
        let places = one.cut.iter().map(|part| format!("spans[{number}].{part}"));
        completeness.truncated.extend(places);
        spans.push(one.span);
    }
    let mut trace = Trace {
        id: command.id,
        name: command.name,
        started_at: Some(command.started_at),
        ended_at: Some(command.ended_at),
        status,
        error,
        input: Some(Value::from(command.input)),
        output: output.map(Value::from),
        model,
        metadata: command.metadata,
        completeness,
        spans,
        ..Trace::default()
    };
    let redactions = redact(&mut trace, recorded, scrubber);
    trace.renew_revision();
    Assembled {
        trace,
        redactions,
        cut: cut(recorded),
    }
}

/// Bodies of which something is not kept, and the bytes of those that are not kept at all.
fn cut(recorded: &Recorded) -> (usize, u64) {
    let bodies = recorded.calls.iter();
    let bodies = bodies.flat_map(|call| [&call.request, &call.response]);
    let missing = bodies.filter(|body| body.length > 0 && body.bytes.is_none());
    missing.fold((0, 0), |(count, bytes), body| {
        (count + 1, bytes + body.length)
    })
}

/// Takes secrets out: those of the calls and of the caller by value, others by the rules.
fn redact(trace: &mut Trace, recorded: &Recorded, scrubber: &Scrubber) -> u64 {
    let redactor = scrubber.redactor();
    let known = secrets::of_calls(&recorded.calls, redactor);
    let of_calls = Literals::new(redactor, known.iter().map(String::as_str));
    if let Ok(mut value) = serde_json::to_value(&*trace) {
        scrubber.literals().value(&mut value);
        of_calls.value(&mut value);
        match serde_json::from_value(value) {
            Ok(clean) => *trace = clean,
            // A secret that is a word of the format itself: nothing of the calls is kept then.
            Err(_) => trace.spans.truncate(1),
        }
    }
    let mut counts = RedactionCounts::new();
    redactor.trace(trace, &mut counts);
    counts.values().sum::<u64>() + known.len() as u64
}

fn span(call: &Call, until: Timestamp, redactor: &Redactor) -> Made {
    let request = content::read(&call.request, &call.request_headers);
    let response = content::read(&call.response, &call.response_headers);
    let url = without_user(&call.url);
    let path = path_of(&url);
    let mut span = Span {
        started_at: Some(call.started_at),
        ended_at: Some(call.ended_at.unwrap_or(until)),
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
    let asked = request.value.as_ref();
    let protocol = asked.and_then(|asked| model::protocol(&call.method, path, asked));
    if let (Some(protocol), Some(asked)) = (protocol, asked) {
        return of_model(span, call, protocol, asked, &url, (&request, &response));
    }
    let mut parts = Vec::new();
    if request.is_cut {
        parts.push("http.requestBody");
    }
    if response.is_cut {
        parts.push("http.responseBody");
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
    Made {
        span,
        model: None,
        cut: parts,
    }
}

/// A call of a model is told by its messages; its address and status are attributes.
fn of_model(
    mut span: Span,
    call: &Call,
    protocol: crate::reproduce::recorded::conversation::Protocol,
    asked: &Value,
    url: &str,
    (request, response): (&Content, &Content),
) -> Made {
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
    let mut parts = Vec::new();
    if request.is_cut {
        parts.push("llm.messages");
    }
    // What an answer was cut by, or that it is none that is known, is no word of the model.
    if response.is_cut || (is_fine && answer.is_none()) {
        parts.push("llm.messages");
        parts.dedup();
    }
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
    attribute("url.full", Value::from(url));
    if let Some(status) = call.status {
        attribute("http.response.status_code", Value::from(status));
    }
    span.llm = Some(read.call.clone());
    Made {
        span,
        model: Some(read),
        cut: parts,
    }
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

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
