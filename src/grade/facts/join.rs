//! From spans and messages to one list of steps.
//!
//! Some traces have a span for each tool call, some have calls only in the messages of models,
//! some have both; each call is told once. A model's span has the whole conversation so far or
//! only what is new: what was heard before is not heard again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use archal_core::trace::{HttpExchange, Message, Part, Span, SpanKind, Trace};
use serde_json::Value;

use super::{Call, Facts, Said, Step, effect, lost, outcome};
use crate::reconstruct::hosts;

/// Ends of paths at which models are called at any host: the agent thinking, not acting.
const MODEL_PATHS: &[&str] = &[
    "/chat/completions",
    ":generateContent",
    ":streamGenerateContent",
];
/// Ends of paths at which models are called, and services as well: they count at hosts that a
/// model's span names.
const SHARED_PATHS: &[&str] = &["/completions", "/embeddings", "/messages", "/responses"];
/// Instructions that begin alike so far, in bytes, may be one agent's.
const ALIKE: usize = 32;
/// Text that is looked into for JSON, in bytes.
const MAX_PARSED: usize = 4 * 1024 * 1024;

pub(super) fn facts(trace: &Trace) -> Facts<'_> {
    let mut joined = Joined::new(trace);
    for span in &trace.spans {
        joined.span(span);
    }
    joined.finish()
}

struct Joined<'a> {
    trace: &'a Trace,
    steps: Vec<Step<'a>>,
    calls: Vec<Call<'a>>,
    /// Ids of calls that have spans of their own.
    spanned: BTreeSet<&'a str>,
    /// Whether a tool's span names no id, so that calls in messages may be the same ones.
    anonymous: bool,
    /// Calls of messages that wait for their result, by id.
    open: BTreeMap<&'a str, usize>,
    /// Messages heard so far, with how often.
    heard: HashMap<u64, u32>,
    first: Option<u64>,
    /// The instructions of the first conversation, and what was asked first in it.
    instructions: Option<&'a str>,
    asked: Option<u64>,
    /// The last model's span beside the first one: its answer is the run's.
    last: Option<&'a str>,
    /// Hosts that spans of models name, in lower case.
    models: BTreeSet<String>,
    /// Spans that are part of a tool's or a model's.
    inner: BTreeSet<&'a str>,
}

impl<'a> Joined<'a> {
    fn new(trace: &'a Trace) -> Self {
        let tools = || {
            trace
                .spans
                .iter()
                .filter(|span| span.kind == SpanKind::Tool)
                .filter_map(|span| span.tool.as_ref())
        };
        Self {
            trace,
            steps: Vec::new(),
            calls: Vec::new(),
            spanned: tools().filter_map(|tool| tool.call_id.as_deref()).collect(),
            anonymous: tools().any(|tool| tool.call_id.is_none()),
            open: BTreeMap::new(),
            heard: HashMap::new(),
            first: None,
            instructions: None,
            asked: None,
            last: last(trace),
            models: models(trace),
            inner: inner(trace),
        }
    }

    fn span(&mut self, span: &'a Span) {
        if let Some(llm) = &span.llm {
            self.messages(span, &llm.messages);
        }
        if span.kind == SpanKind::Tool && span.tool.is_some() {
            self.tool(span);
        } else if let Some(http) = &span.http
            && !self.is_aside(http)
            && !self.inner.contains(span.id.as_str())
        {
            self.exchange(span);
        }
    }

    /// Whether an exchange is no call of a service.
    fn is_aside(&self, http: &HttpExchange) -> bool {
        let path = http.url.split(['?', '#']).next().unwrap_or_default();
        if MODEL_PATHS.iter().any(|end| path.ends_with(end)) {
            return true;
        }
        let Some((host, port)) = host_of(&http.url) else {
            return false;
        };
        hosts::is_aside(&host, port, &http.method, path_of(&http.url))
            || (SHARED_PATHS.iter().any(|end| path.ends_with(end)) && self.models.contains(&host))
    }

    fn messages(&mut self, span: &'a Span, messages: &'a [Message]) {
        let hashes: Vec<u64> = messages.iter().map(hash_of).collect();
        let instructed = messages.first().is_some_and(|first| first.role == "system");
        let instructions = messages.first().filter(|_| instructed).and_then(text_of);
        let asked = messages
            .iter()
            .zip(&hashes)
            .find(|(message, _)| message.role == "user")
            .map(|(_, hash)| *hash);
        let started = self.first.is_some();
        // Instructions that hold the time differ each time.
        let asked_again = instructed && asked.is_some() && asked == self.asked;
        let again =
            hashes.len() > 1 && started && (hashes.first().copied() == self.first || asked_again);
        // A conversation with other instructions is another agent's: who speaks as the user
        // there is this one.
        let other =
            !again && instructed && started && !begin_alike(instructions, self.instructions);
        if !started {
            self.first = hashes.first().copied();
            self.instructions = instructions;
            self.asked = asked;
        }
        // In a history each message that was heard stands again, as often as it was heard.
        let mut skipped: HashMap<u64, u32> = HashMap::new();
        for (message, hash) in messages.iter().zip(hashes) {
            let heard = self.heard.get(&hash).copied().unwrap_or_default();
            let times = skipped.entry(hash).or_default();
            if again && *times < heard {
                *times += 1;
                continue;
            }
            *times += 1;
            *self.heard.entry(hash).or_default() += 1;
            if !other {
                self.message(span, message);
            }
        }
        // Whoever wrote it: the last answer is what the run answers.
        if other
            && self.last == Some(span.id.as_str())
            && let Some(answer) = messages.last()
            && answer.role == "assistant"
            && self.is_answer(answer)
        {
            self.message(span, answer);
        }
    }

    /// Whether a text may be what the run answered: where the trace says what that is, it is that.
    fn is_answer(&self, answer: &Message) -> bool {
        match (text_of(answer), &self.trace.output) {
            (Some(text), Some(Value::String(output))) => text.trim() == output.trim(),
            (said, _) => said.is_some(),
        }
    }

    fn message(&mut self, span: &'a Span, message: &'a Message) {
        for part in &message.parts {
            match part {
                Part::Text { text } if !text.trim().is_empty() => {
                    let said = Said {
                        span: &span.id,
                        text,
                    };
                    match message.role.as_str() {
                        "system" | "developer" => self.steps.push(Step::Instructions(text)),
                        "user" | "human" => self.steps.push(Step::User(said)),
                        "assistant" | "model" | "ai" => self.steps.push(Step::Agent(said)),
                        _ => {}
                    }
                }
                Part::ToolCall {
                    id,
                    name,
                    arguments,
                } => {
                    let told = id
                        .as_deref()
                        .is_some_and(|id| self.spanned.contains(id) || self.open.contains_key(id));
                    if told || self.anonymous {
                        continue;
                    }
                    if let Some(id) = id {
                        self.open.insert(id, self.calls.len());
                    }
                    self.call(Call {
                        span: &span.id,
                        name: Cow::Borrowed(name),
                        arguments: arguments.as_ref().map(parsed),
                        result: None,
                        http: None,
                        failure: None,
                        answered: false,
                        effect: effect::of_tool(name),
                        key: 0,
                        step: 0,
                    });
                }
                Part::ToolResult {
                    id: Some(id),
                    result: Some(result),
                } => {
                    let call = self
                        .open
                        .get(id.as_str())
                        .and_then(|place| self.calls.get_mut(*place));
                    if let Some(call) = call.filter(|call| call.result.is_none()) {
                        let result = parsed(result);
                        call.failure = outcome::of_result(&result, call.effect);
                        call.answered = true;
                        call.result = Some(result);
                    }
                }
                _ => {}
            }
        }
    }

    fn tool(&mut self, span: &'a Span) {
        let Some(tool) = &span.tool else { return };
        let failure = outcome::of_span(span);
        let result = tool.result.as_ref().map(parsed);
        let effect = effect::of_tool(&tool.name);
        let failure = failure.or_else(|| {
            let result = result.as_deref()?;
            outcome::of_result(result, effect)
        });
        self.call(Call {
            span: &span.id,
            name: Cow::Borrowed(&tool.name),
            arguments: tool.arguments.as_ref().map(parsed),
            answered: result.is_some() || failure.is_some(),
            result,
            http: span.http.as_ref(),
            failure,
            effect,
            key: 0,
            step: 0,
        });
    }

    fn exchange(&mut self, span: &'a Span) {
        let Some(http) = &span.http else { return };
        let failure = outcome::of_span(span);
        let path = path_of(&http.url);
        self.call(Call {
            span: &span.id,
            name: Cow::Owned(format!("{} {path}", http.method)),
            arguments: http.request_body.as_ref().map(parsed),
            result: http.response_body.as_ref().map(parsed),
            http: Some(http),
            answered: http.status.is_some() || failure.is_some(),
            failure,
            effect: effect::of_exchange(http),
            key: 0,
            step: 0,
        });
    }

    fn call(&mut self, mut call: Call<'a>) {
        let mut hasher = DefaultHasher::new();
        call.name.hash(&mut hasher);
        if let Some(http) = call.http {
            http.url.hash(&mut hasher);
        }
        if let Some(arguments) = call.arguments.as_deref() {
            hash_value(arguments, &mut hasher);
        }
        call.key = hasher.finish();
        call.step = self.steps.len();
        self.steps.push(Step::Call(self.calls.len()));
        self.calls.push(call);
    }

    fn finish(self) -> Facts<'a> {
        let mut steps = self.steps;
        let mut calls = self.calls;
        let conversation = steps
            .iter()
            .any(|step| matches!(step, Step::Agent(_) | Step::User(_)));
        // A trace without messages still says what was asked.
        let asked = steps.iter().any(|step| matches!(step, Step::User(_)));
        if let (false, Some(Value::String(text))) = (asked, &self.trace.input) {
            let span = self.trace.spans.first().map_or("", |span| &span.id);
            steps.insert(0, Step::User(Said { span, text }));
            for call in &mut calls {
                call.step += 1;
            }
        }
        // The same of what was answered, as an agent's span has it that no model's span stands below.
        if let (false, Some(Value::String(text))) = (conversation, &self.trace.output)
            && !text.trim().is_empty()
        {
            let span = self.trace.spans.last().map_or("", |span| &span.id);
            steps.push(Step::Agent(Said { span, text }));
        }
        let complete = &self.trace.completeness;
        Facts {
            trace: self.trace,
            whole: complete.content
                && complete.truncated.is_empty()
                && complete.dropped == 0
                && complete.orphans == 0,
            lost: lost::are_some(self.trace),
            conversation,
            steps,
            calls,
        }
    }
}

/// The last model's span that has the parent of the first one.
fn last(trace: &Trace) -> Option<&str> {
    let mut models = trace.spans.iter().filter(|span| span.llm.is_some());
    let first = models.next()?;
    let beside = models.rfind(|span| span.parent_id == first.parent_id);
    Some(&beside.unwrap_or(first).id)
}

/// The hosts that spans of models name: in an exchange of their own or below them, or as an
/// attribute.
fn models(trace: &Trace) -> BTreeSet<String> {
    let models: BTreeSet<&str> = trace
        .spans
        .iter()
        .filter(|span| span.llm.is_some() || span.kind == SpanKind::Llm)
        .map(|span| span.id.as_str())
        .collect();
    let below = |span: &Span| {
        models.contains(span.id.as_str())
            || span
                .parent_id
                .as_deref()
                .is_some_and(|parent| models.contains(parent))
    };
    let mut found = BTreeSet::new();
    for span in trace.spans.iter().filter(|span| below(span)) {
        let exchange = span.http.as_ref().and_then(|http| host_of(&http.url));
        found.extend(exchange.map(|(host, _)| host));
        let named = ["server.address", "net.peer.name"]
            .iter()
            .find_map(|name| span.attributes.get(*name))
            .and_then(Value::as_str);
        found.extend(named.map(str::to_ascii_lowercase));
    }
    found
}

/// The host in lower case, and the port.
fn host_of(url: &str) -> Option<(String, Option<u16>)> {
    let uri: http::Uri = url.split('#').next()?.parse().ok()?;
    let host = uri.host()?.trim_end_matches('.').to_ascii_lowercase();
    Some((host, uri.port_u16()))
}

/// The first text of a message.
fn text_of(message: &Message) -> Option<&str> {
    message.parts.iter().find_map(|part| match part {
        Part::Text { text } if !text.trim().is_empty() => Some(text.as_str()),
        _ => None,
    })
}

/// Whether two instructions share their beginning: at least half of the shorter one.
fn begin_alike(one: Option<&str>, other: Option<&str>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return false;
    };
    let shared = one
        .bytes()
        .zip(other.bytes())
        .take_while(|(one, other)| one == other)
        .count();
    shared >= ALIKE && shared * 2 >= one.len().min(other.len())
}

/// The spans below a tool's or a model's span: part of that call, not calls of their own. Spans
/// are in order of time, so that a parent mostly stands before its children; one that does not
/// is found by its own parent being a tool.
fn inner(trace: &Trace) -> BTreeSet<&str> {
    let outer: BTreeMap<&str, (bool, Option<&str>)> = trace
        .spans
        .iter()
        .map(|span| {
            let opens = matches!(span.kind, SpanKind::Tool | SpanKind::Llm);
            (span.id.as_str(), (opens, span.parent_id.as_deref()))
        })
        .collect();
    let mut known: HashMap<&str, bool> = HashMap::with_capacity(outer.len());
    for span in &trace.spans {
        let mut path = Vec::new();
        let mut at = span.id.as_str();
        let mut met = BTreeSet::new();
        let found = loop {
            if let Some(found) = known.get(at) {
                break *found;
            }
            if !met.insert(at) {
                // Parents in a circle lead nowhere.
                break false;
            }
            path.push(at);
            match outer.get(at).and_then(|(_, parent)| *parent) {
                Some(parent) if outer.get(parent).is_some_and(|(opens, _)| *opens) => break true,
                Some(parent) if outer.contains_key(parent) => at = parent,
                _ => break false,
            }
        };
        for id in path {
            known.insert(id, found);
        }
    }
    known
        .into_iter()
        .filter_map(|(id, found)| found.then_some(id))
        .collect()
}

/// JSON in a text parsed, anything else as it is.
fn parsed(value: &Value) -> Cow<'_, Value> {
    if let Value::String(text) = value {
        let trimmed = text.trim();
        let looks = (trimmed.starts_with('{') && trimmed.ends_with('}'))
            || (trimmed.starts_with('[') && trimmed.ends_with(']'));
        if looks
            && trimmed.len() <= MAX_PARSED
            && let Ok(inner) = serde_json::from_str::<Value>(trimmed)
        {
            return Cow::Owned(inner);
        }
    }
    Cow::Borrowed(value)
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

fn hash_of(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.role.hash(&mut hasher);
    for part in &message.parts {
        match part {
            Part::Text { text } => text.trim().hash(&mut hasher),
            // Some writers leave out ids or arguments where they tell the call again.
            Part::ToolCall { id, name, .. } => (1_u8, id, name).hash(&mut hasher),
            Part::ToolResult { id, result } => {
                (2_u8, id).hash(&mut hasher);
                if id.is_none()
                    && let Some(result) = result
                {
                    hash_value(result, &mut hasher);
                }
            }
            Part::Media { reference } => (3_u8, reference).hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// Hashes a value without writing it out; a value is nested at most as deep as its reader allowed.
fn hash_value(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(hasher),
        Value::Bool(truth) => truth.hash(hasher),
        Value::Number(number) => number.hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Array(items) => {
            items.len().hash(hasher);
            for item in items {
                hash_value(item, hasher);
            }
        }
        Value::Object(map) => {
            map.len().hash(hasher);
            for (key, item) in map {
                key.hash(hasher);
                hash_value(item, hasher);
            }
        }
    }
}
